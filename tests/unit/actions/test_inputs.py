"""What each seed action takes and refuses, in the owner's words."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from solders.keypair import Keypair

from flowforge.actions import REGISTRY
from flowforge.actions.email import DEFAULT_SUBJECT, as_html, send_email
from flowforge.actions.http import request
from flowforge.actions.sdk import FatalError, InputsRefused, SolanaConfig
from flowforge.actions.slack import post_message
from flowforge.actions.solana import _lamports, _wallet, send_sol

# The same in every process: it names tests. 44 characters: one more is no address.
ADDRESS = str(Keypair.from_seed(bytes([0]) * 32).pubkey())


def refusal(key: str, inputs: dict[str, Any]) -> str:
    with pytest.raises(InputsRefused) as problem:
        REGISTRY[key].validate(inputs)
    return str(problem.value)


@pytest.mark.parametrize(
    ("key", "inputs", "field"),
    [
        ("webhook", {}, "url"),
        ("webhook", {"url": ""}, "url"),
        ("email", {"body": "x"}, "email"),
        ("email", {"body": "x", "email": " "}, "email"),
        ("email", {"to": "a@example.com"}, "body"),
        ("slack", {"message": "x"}, "webhookUrl"),
        ("slack", {"webhookUrl": "https://x.example", "message": ""}, "message"),
        ("send-sol", {"amount": 1}, "address"),
        ("send-sol", {"address": ADDRESS}, "amount"),
    ],
)
def test_a_missing_or_blank_input_is_named(key: str, inputs: dict[str, Any], field: str) -> None:
    assert refusal(key, inputs) == f"[action:{key}] missing '{field}' field in metadata"


def test_email_takes_the_receiver_as_to_or_as_email() -> None:
    for name in ("to", "email"):
        inputs = send_email.validate({name: " grace@example.com ", "body": ""})
        assert (inputs.to, inputs.subject) == ("grace@example.com", DEFAULT_SUBJECT)


def test_email_refuses_two_receivers() -> None:
    assert "not both" in refusal("email", {"to": "a@b.de", "email": "c@d.de", "body": "x"})


@pytest.mark.parametrize(
    "address",
    [
        "ada",
        "@b.de",
        "a@",
        "a@b.de, c@d.de",
        "a@b.de\r\nBcc: e@f.de",
        "A <a@b.de>",
        "a@b@c.de",
        "a@.de",
        "a@de.",
        "a b@c.de",
        "\x00@b.de",
        "a" * 250 + "@b.de",
    ],
)
def test_email_refuses_what_is_not_one_address(address: str) -> None:
    assert "[action:email] 'to'" in refusal("email", {"to": address, "body": "x"})


@given(st.text())
def test_no_subject_can_start_another_header(subject: str) -> None:
    found = send_email.validate({"to": "a@b.de", "body": "x", "subject": subject[:900]}).subject
    assert found
    assert found.isprintable()


def test_the_html_of_a_mail_holds_no_markup_of_the_text() -> None:
    assert "<script>" not in as_html("<script>alert('x')</script>")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com",
        "example.com/hook",
        "//example.com",
        "https://",
        "javascript:alert(1)",
        "https://[::1",
        "file:///etc/passwd",
        "http://exa mple.com:port/",
    ],
)
def test_a_webhook_needs_a_full_web_address(url: str) -> None:
    assert "[action:webhook] 'url'" in refusal("webhook", {"url": url})


@pytest.mark.parametrize(
    "headers",
    [
        {"X-A": "1\r\nX-B: 2"},
        {"X A": "1"},
        {"X\nA": "1"},
        {"": "1"},
        {"Host": "evil"},
        {"content-length": "0"},
        {"Transfer-Encoding": "chunked"},
        {"X-FlowForge-Event": "x"},
        {"X-A": "\x00"},
        {"X-A": "Zoë"},
        ["X-A"],
        "X-A: 1",
    ],
)
def test_a_header_that_could_split_or_steer_the_request_is_refused(headers: object) -> None:
    assert "'headers'" in refusal("webhook", {"url": "https://a.example", "headers": headers})


def test_headers_may_come_as_json_text() -> None:
    inputs = request.validate({"url": "https://a.example", "headers": '{"X-A": 1}'})
    assert inputs.headers == {"X-A": "1"}


@pytest.mark.parametrize("text", ["{}", "{unclosed", "[" * 100_000, '{"a":' * 50_000, "{" * 10_000])
def test_no_body_text_hangs_or_breaks_the_webhook(text: str) -> None:
    body = request.validate({"url": "https://a.example", "body": text}).body
    assert body == ({} if text == "{}" else text)


def test_the_webhook_url_of_slack_never_shows() -> None:
    inputs = post_message.validate({"webhookUrl": "https://hooks.example/s3cr3t", "message": "x"})
    assert "s3cr3t" not in repr(inputs)
    assert "webhookUrl" in post_message.secret_fields
    assert "s3cr3t" not in refusal("slack", {"webhookUrl": "gopher://s3cr3t", "message": "x"})


@pytest.mark.parametrize(
    ("amount", "lamports"),
    [
        ("0.1", 10**8),
        (0.1, 10**8),
        (3, 3 * 10**9),
        ("1e-9", 1),
        (1e-9, 1),
        ("0.300000000", 3 * 10**8),
        (" 2.50 ", 2_500_000_000),
        ("18446744073.709551615", 2**64 - 1),
        ("0.1000000000000", 10**8),
    ],
)
def test_an_amount_becomes_exact_lamports(amount: object, lamports: int) -> None:
    assert _lamports(send_sol.validate({"address": ADDRESS, "amount": amount}).amount) == lamports


@given(st.integers(min_value=1, max_value=2**64 - 1))
def test_no_amount_is_ever_rounded(lamports: int) -> None:
    amount = format(Decimal(lamports).scaleb(-9), "f")
    assert _lamports(send_sol.validate({"address": ADDRESS, "amount": amount}).amount) == lamports


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        (0, "more than 0"),
        ("-1", "positive number"),
        ("0.0000000001", "more than 9 decimals"),
        (0.1 + 0.2, "more than 9 decimals"),
        ("18446744073.709551616", "more than exists"),
        ("9" * 20 + "e99", "more than exists"),
        ("0,5", "positive number"),
        ("NaN", "positive number"),
        ("Infinity", "positive number"),
        (float("inf"), "positive number"),
        ("1_000", "positive number"),
        ("٣", "positive number"),
        ("1 SOL", "positive number"),
        (True, "must be a number"),
        ([1], "must be a number"),
        (10**50, "positive number"),
    ],
)
def test_an_amount_that_cannot_be_paid_exactly_is_refused(amount: object, said: str) -> None:
    assert said in refusal("send-sol", {"address": ADDRESS, "amount": amount})


@pytest.mark.parametrize(
    "address", ["x", "0" * 44, ADDRESS + "1", "ü", ADDRESS[:-2], "\ud800", "1" * 99]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    assert "not a Solana address" in refusal("send-sol", {"address": address, "amount": 1})


@pytest.mark.parametrize(
    "key", ["", "abc", "0OIl", "[1,2]", "[]", "[300]", "[" * 20_000, "{", '["a"]', "ü", "1" * 88]
)
def test_a_key_that_is_none_is_an_error_for_the_operator_and_stays_out_of_it(key: str) -> None:
    with pytest.raises(FatalError, match="FLOWFORGE_SOLANA_SECRET_KEY") as problem:
        _wallet(SolanaConfig(secret_key=key))
    assert len(str(problem.value)) < 200

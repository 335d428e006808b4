"""Nothing shown holds a secret: by name for people, by name and by value in logs."""

import json
import logging
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from flowforge.config import Settings
from flowforge.infra import telemetry
from flowforge.infra.telemetry import REDACTED, configure_logging, redact, register_secret

SECRET = 'hunter2 "and/more" é'


def fail_with(secret: str) -> None:
    raise RuntimeError(secret)


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str]) -> Any:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    settings = Settings.model_validate(
        {
            "secret_key": SECRET,
            "encryption_key": "first-encryption-key,second-encryption-key",
            "database_url": "postgresql://flow:database-password@db/flow",
            "log_level": "debug",
        }
    )
    configure_logging(settings, "web")
    yield lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "name",
    [
        "Authorization", "cookie", "Set-Cookie", "proxy-authorization", "X-Api-Key", "apikey",
        "x-auth-token", "client_secret", "X-Hub-Signature-256", "password", "accessToken",
    ],
)  # fmt: skip
def test_a_credential_is_hidden_by_its_name_in_every_shape(name: str) -> None:
    assert redact({name: "abc"}) == {name: REDACTED}
    assert redact([[name, "abc"]]) == [[name, REDACTED]]
    assert redact([(name, "abc")]) == [(name, REDACTED)]
    assert redact({"headers": [{"name": name, "value": "abc"}]})["headers"][0]["value"] == REDACTED
    assert redact([{"key": name, "value": {"deep": 1}}])[0]["value"] == REDACTED


def test_what_is_no_secret_stays_as_it_is() -> None:
    value = {"name": "Ada", "value": 3, "list": [1, [2, "x"]], "token": None, "password": ""}
    assert redact(value) == value


def test_names_of_an_action_are_hidden_too() -> None:
    assert redact({"PIN": "1234", "pint": "beer"}, ["pin"]) == {"PIN": REDACTED, "pint": "beer"}


def test_redacting_changes_the_copy_only() -> None:
    original = {"a": [{"token": "abc"}]}
    redact(original)
    assert original == {"a": [{"token": "abc"}]}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_redacting_takes_any_document(value: Any) -> None:
    redact({"token": value, "kept": value})


def test_no_secret_of_the_settings_or_registered_later_reaches_a_line(
    lines: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    register_secret("sk_live_registered")
    log = structlog.get_logger()
    secrets = [SECRET, "second-encryption-key", "database-password", "sk_live_registered"]
    for secret in secrets:
        text = f"text with {secret}"
        log.info(text, field=secret, deep={"list": [secret, {"x": secret}]})
        log.warning("as a name", key={secret: 1})
        logging.getLogger("some.library").error("request failed: %s", secret)
        try:
            fail_with(secret)
        except RuntimeError:
            log.exception("with a traceback")
            logging.getLogger("some.library").exception("with a traceback")
        log.info("an object", thing=RuntimeError(secret))
    log.info(
        "by name", password="never seen", api_key="never seen", headers={"Cookie": "never seen"}
    )
    log.info("a url", url="redis://user:never-seen@host/0")
    out = capsys.readouterr().out
    assert len(out.splitlines()) == 4 * 6 + 2
    for secret in [*secrets, "never seen", "never-seen", json.dumps(SECRET)[1:-1]]:
        assert secret not in out


def test_a_line_is_json_with_time_level_service_and_bound_fields(lines: Any) -> None:
    with telemetry.bound_fields(request_id="r-1"):
        structlog.get_logger().info("run settled", run_id="7")
        logging.getLogger("a.library").warning("slow %s", "query")
    ours, theirs = lines()
    assert ours["event"] == "run settled"
    assert (ours["run_id"], ours["request_id"]) == ("7", "r-1")
    assert (ours["level"], ours["service"]) == ("info", "web")
    assert ours["timestamp"].endswith("Z")
    assert (theirs["event"], theirs["logger"]) == ("slow query", "a.library")
    assert theirs["request_id"] == "r-1"


@pytest.mark.parametrize("odd", ["\ud800", 2**80, {1: {2}}, b"\xff", float("nan"), object])
def test_a_line_is_written_whatever_the_field_holds(lines: Any, odd: Any) -> None:
    circle: list[Any] = []
    circle.append(circle)
    structlog.get_logger().info("odd", field=odd, circle=circle, long="x" * 1_000_000)
    (line,) = lines()
    assert line["event"].strip("'") == "odd"
    assert len(json.dumps(line)) < 20_000

"""The email action over the product's own Mailer: Resend, SMTP, the local mailbox, nothing."""

import base64
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import SecretStr
from pytest_httpserver import HTTPServer

from flowforge.actions.email import Sent, send_email
from flowforge.actions.files import Named
from flowforge.actions.sdk import (
    MEGABYTE,
    ActionConfig,
    Content,
    FatalError,
    InputsRefused,
    OutcomeUnknown,
    RetryableError,
)
from flowforge.config import Settings
from flowforge.infra.mail import Mailer, MailRefused, Message
from tests.integration.actions.conftest import MakeContext
from tests.servers.rude_http import free_port
from tests.servers.smtp import SmtpServer, running_smtp

SENDER = "FlowForge <bot@flowforge.example.com>"
LETTER = {"to": "grace@example.com", "subject": "Order 7", "body": "Hi <Grace>\nbye"}


def by_smtp(url: str) -> Mailer:
    return Mailer(Settings(smtp_url=SecretStr(url), mail_from=SENDER))


def by_resend(url: str, key: str = "re_key") -> Mailer:
    return Mailer(Settings(resend_api_key=SecretStr(key), resend_api_url=url, mail_from=SENDER))


async def mail(
    context: MakeContext, mailer: Mailer | None, key: str = "run-1:step", **inputs: str
) -> Sent:
    ctx = context(config=ActionConfig(mailer=mailer), key=key)
    return await send_email(ctx, send_email.validate(inputs or LETTER))


async def test_smtp_delivers_text_and_escaped_html(smtp: SmtpServer, context: MakeContext) -> None:
    sent = await mail(context, by_smtp(smtp.url))
    (taken,) = smtp.taken
    text, html = (part.get_content() for part in taken.iter_parts())
    assert text.splitlines() == ["Hi <Grace>", "bye"]
    assert "Hi &lt;Grace&gt;" in html
    assert (taken["To"], taken["From"], taken["Subject"]) == (
        "grace@example.com",
        SENDER,
        "Order 7",
    )
    assert taken["Message-ID"] == sent.id
    assert smtp.envelopes[0].rcpt_tos == ["grace@example.com"]
    assert smtp.envelopes[0].mail_from == "bot@flowforge.example.com"


async def test_every_attempt_of_a_step_has_the_same_message_id(
    smtp: SmtpServer, context: MakeContext
) -> None:
    first = await mail(context, by_smtp(smtp.url))
    again = await mail(context, by_smtp(smtp.url))
    other = await mail(context, by_smtp(smtp.url), key="run-2:step")
    assert first.id == again.id != other.id


async def test_smtp_signs_in_with_the_password_of_the_url(context: MakeContext) -> None:
    async with running_smtp(login=(b"ada", b"hunter2")) as server:
        await mail(context, by_smtp(server.url))
        assert len(server.taken) == 1
        with pytest.raises(FatalError, match="refused the mail with code 535"):
            await mail(context, by_smtp(server.url.replace("hunter2", "wrong")))


@pytest.mark.parametrize("where", ["on_receiver", "on_data"])
async def test_smtp_550_fails_for_good(smtp: SmtpServer, context: MakeContext, where: str) -> None:
    setattr(smtp, where, "550 no such user")
    with pytest.raises(FatalError, match="code 550: no such user"):
        await mail(context, by_smtp(smtp.url))


@pytest.mark.parametrize("where", ["on_receiver", "on_data"])
async def test_smtp_451_is_tried_later(smtp: SmtpServer, context: MakeContext, where: str) -> None:
    setattr(smtp, where, "451 come back later")
    with pytest.raises(RetryableError, match="code 451"):
        await mail(context, by_smtp(smtp.url))


async def test_an_smtp_server_that_is_away_is_tried_later(context: MakeContext) -> None:
    with pytest.raises(RetryableError, match="cannot be reached"):
        await mail(context, by_smtp(f"smtp://127.0.0.1:{free_port()}"))


async def test_an_smtp_server_that_hangs_up_on_the_mail_leaves_the_outcome_unknown(
    smtp: SmtpServer, context: MakeContext
) -> None:
    smtp.hangs_up_on_data = True
    with pytest.raises(OutcomeUnknown, match="may have been taken or not"):
        await mail(context, by_smtp(smtp.url))


FILES = (
    Content("Übersicht 🦆.pdf", "application/pdf", b"%PDF\x00\xff" * 1000),
    Content("a.eml", "message/rfc822", b"Subject: x\r\n\r\nhi"),
    Content("notes.txt", "text/plain", "größer".encode("latin-1")),
)


async def test_smtp_takes_files_along_byte_for_byte(smtp: SmtpServer) -> None:
    message = Message("grace@example.com", "s", "text", "<p>html</p>", FILES)
    await by_smtp(smtp.url).send(message, "key")
    (taken,) = smtp.taken
    body, *attached = taken.iter_parts()
    assert [part.get_content_type() for part in body.iter_parts()] == ["text/plain", "text/html"]
    assert [part.get_filename() for part in attached] == [one.name for one in FILES]
    assert [part.get_payload(decode=True) for part in attached] == [one.data for one in FILES]
    assert attached[1].get_content_type() == "application/octet-stream"


async def test_resend_is_sent_files_with_name_and_type(httpserver: HTTPServer) -> None:
    httpserver.expect_oneshot_request("/emails").respond_with_json({"id": "mail-1"})
    message = Message("grace@example.com", "s", "text", "<p>html</p>", FILES[:1])
    await by_resend(httpserver.url_for("")).send(message, "key")
    (asked, _) = httpserver.log[0]
    (attached,) = asked.get_json()["attachments"]
    assert (attached["filename"], attached["content_type"]) == (FILES[0].name, "application/pdf")
    assert base64.b64decode(attached["content"]) == FILES[0].data


async def test_files_of_a_mail_share_twenty_megabytes(context: MakeContext) -> None:
    class Shelf:
        async def read(self, file: Named, most_bytes: int, /) -> Content:
            assert most_bytes <= 20 * MEGABYTE
            if most_bytes < 15 * MEGABYTE:
                raise FatalError(f"'{file.label}' is too large")
            return Content(file.label, data=bytes(15 * MEGABYTE))

    urls = ["https://example.com/a.zip", "https://example.com/b.zip"]
    ctx = replace(context(config=ActionConfig(mailer=by_smtp("smtp://127.0.0.1:1"))), files=Shelf())
    with pytest.raises(FatalError, match=r"'b.zip' is too large"):
        await send_email(ctx, send_email.validate({**LETTER, "attachments": urls}))
    with pytest.raises(InputsRefused, match="at most 10"):
        send_email.validate({**LETTER, "attachments": urls * 6})


async def test_resend_is_sent_text_html_sender_and_idempotency_key(
    httpserver: HTTPServer, context: MakeContext
) -> None:
    httpserver.expect_oneshot_request(
        "/emails",
        method="POST",
        headers={"Authorization": "Bearer re_key", "Idempotency-Key": "run-1:step"},
        json={
            "from": SENDER,
            "to": ["grace@example.com"],
            "subject": "Order 7",
            "text": "Hi <Grace>\nbye",
            "html": '<div style="white-space: pre-wrap">Hi &lt;Grace&gt;\nbye</div>',
        },
    ).respond_with_json({"id": "mail-1"})
    assert await mail(context, by_resend(httpserver.url_for(""))) == Sent(
        id="mail-1", to="grace@example.com"
    )
    httpserver.check_assertions()


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (401, "restricted_api_key"),
        (403, "validation_error"),
        (422, "invalid_to_address"),
        (409, "invalid_idempotent_request"),
    ],
)
async def test_a_refusal_of_resend_fails_the_step_for_good(
    httpserver: HTTPServer, context: MakeContext, status: int, name: str
) -> None:
    httpserver.expect_request("/emails").respond_with_json(
        {"statusCode": status, "name": name, "message": "The domain is not verified."}, status
    )
    with pytest.raises(FatalError, match=rf"status {status}: The domain is not verified"):
        await mail(context, by_resend(httpserver.url_for("")))


async def test_an_error_object_in_a_200_answer_fails_the_step(
    httpserver: HTTPServer, context: MakeContext
) -> None:
    httpserver.expect_request("/emails").respond_with_json(
        {"statusCode": 422, "name": "validation_error", "message": "Invalid `to` field."}
    )
    with pytest.raises(FatalError, match="Invalid `to` field"):
        await mail(context, by_resend(httpserver.url_for("")))


async def test_a_limit_of_resend_is_tried_when_it_says(
    httpserver: HTTPServer, context: MakeContext
) -> None:
    httpserver.expect_request("/emails").respond_with_json(
        {"statusCode": 429, "name": "rate_limit_exceeded", "message": "Slow down."},
        429,
        headers={"Retry-After": "9"},
    )
    with pytest.raises(RetryableError) as failure:
        await mail(context, by_resend(httpserver.url_for("")))
    assert failure.value.retry_after == timedelta(seconds=9)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, "{}", "application/json"),
        (502, "<html>", "text/html"),
        (200, "<html>", "text/html"),
        (200, "{oops", "application/json"),
        (200, "[]", "application/json"),
        (200, '{"no": "id"}', "application/json"),
    ],
)
async def test_trouble_and_malformed_answers_of_resend_are_tried_later(
    httpserver: HTTPServer, context: MakeContext, status: int, body: str, kind: str
) -> None:
    httpserver.expect_request("/emails").respond_with_data(body, status, content_type=kind)
    with pytest.raises(RetryableError):
        await mail(context, by_resend(httpserver.url_for("")))


async def test_resend_away_is_tried_later(context: MakeContext) -> None:
    with pytest.raises(RetryableError, match="cannot be reached"):
        await mail(context, by_resend(f"http://127.0.0.1:{free_port()}"))


async def test_a_key_longer_than_resend_takes_is_shortened_the_same_way_each_time(
    httpserver: HTTPServer, context: MakeContext
) -> None:
    httpserver.expect_request("/emails").respond_with_json({"id": "mail-1"})
    for _ in range(2):
        await mail(context, by_resend(httpserver.url_for("")), key="run-1:" + "each[1]/" * 99)
    keys = [received.headers["Idempotency-Key"] for received, _ in httpserver.log]
    assert len(set(keys)) == 1
    assert len(keys[0]) <= 256


async def test_without_a_transport_mail_lands_in_the_local_mailbox(context: MakeContext) -> None:
    box: list[tuple[Message, str]] = []

    async def deliver(message: Message, key: str) -> str:
        box.append((message, key))
        return "local-1"

    sent = await mail(context, Mailer(Settings(), deliver))
    assert sent.id == "local-1"
    ((message, key),) = box
    assert (message.to, message.subject, key) == ("grace@example.com", "Order 7", "run-1:step")


async def test_without_any_transport_the_step_says_what_the_operator_must_set(
    context: MakeContext,
) -> None:
    for mailer in (None, Mailer(Settings())):
        with pytest.raises(FatalError, match="FLOWFORGE_SMTP_URL"):
            await mail(context, mailer)


@pytest.mark.parametrize(
    "message",
    [
        Message("grace@example.com\r\nBcc: eve@example.com", "s", "t", "h"),
        Message("grace@example.com", "s\nBcc: eve@example.com", "t", "h"),
        Message("grace@example.com, eve@example.com", "s", "t", "h"),
        Message("grace@example.com", "s", "t", "h", (Content("a\r\nBcc: eve@example.com"),)),
    ],
)
async def test_no_mail_can_add_a_header_or_a_receiver(smtp: SmtpServer, message: Message) -> None:
    with pytest.raises(MailRefused) as failure:
        await by_smtp(smtp.url).send(message, "key")
    assert failure.value.permanent
    assert not smtp.taken


async def test_text_that_cannot_be_encoded_is_sent_all_the_same(smtp: SmtpServer) -> None:
    await by_smtp(smtp.url).send(Message("a@example.com", "s", "half \ud83d", "<p>"), "key")
    assert len(smtp.taken) == 1

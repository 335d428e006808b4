"""Account mail through a real mail server, and nothing secret in the log on the way."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from flowforge.config import Settings
from flowforge.infra.mail import Mailer, Message
from flowforge.services import mailbox
from tests.house import House, open_house
from tests.integration.accounts.conftest import PERSON, Post
from tests.servers.smtp import SmtpServer, running_smtp


@pytest.fixture
async def smtp() -> AsyncIterator[SmtpServer]:
    async with running_smtp() as server:
        yield server


@pytest.fixture
async def mailing(database_url: str, tmp_path: Path, smtp: SmtpServer) -> AsyncIterator[House]:
    """A house with a mail server."""
    async with open_house(database_url, tmp_path, smtp_url=SecretStr(smtp.url)) as opened:
        yield opened


async def _sign_up(house: House) -> int:
    return (await house.client.post("/api/v1/auth/signup", json=PERSON)).status_code


async def test_with_a_mail_server_the_link_arrives_by_mail_and_the_dev_mailbox_is_gone(
    mailing: House, smtp: SmtpServer
) -> None:
    assert await _sign_up(mailing) == 201
    await mailing.runtime.errands.finish()
    [mail] = smtp.taken
    assert mail["To"] == PERSON["email"]
    text = mail.get_body(("plain",))
    html = mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert "http://localhost:3000/verify-email?token=" in text.get_content()
    assert "Verify my email" in html.get_content()
    assert (await mailing.client.get("/api/v1/dev/mailbox")).status_code == 404


async def test_a_refused_mail_costs_no_account_and_can_be_sent_again(
    mailing: House, smtp: SmtpServer
) -> None:
    smtp.on_receiver = "550 no such mailbox"
    assert await _sign_up(mailing) == 201
    await mailing.runtime.errands.finish()
    assert smtp.taken == []
    smtp.on_receiver = "250 OK"
    address = {"email": PERSON["email"]}
    await mailing.client.post("/api/v1/auth/resend-verification", json=address)
    await mailing.runtime.errands.finish()
    assert len(smtp.taken) == 1


async def test_no_mail_leaves_for_a_sign_up_that_is_refused(
    mailing: House, smtp: SmtpServer
) -> None:
    await _sign_up(mailing)
    assert await _sign_up(mailing) == 409
    await mailing.runtime.errands.finish()
    assert len(smtp.taken) == 1


async def test_a_mail_that_is_put_off_is_tried_again_and_given_up_in_the_end(
    smtp: SmtpServer, house: House
) -> None:
    settings = house.settings.model_copy(update={"smtp_url": SecretStr(smtp.url)})
    message = Message("a@example.com", "s", "t", "h")
    smtp.on_data = "451 later"
    with structlog.testing.capture_logs() as lines:
        await mailbox.deliver(Mailer(settings), message, "key", waits=(0, 0))
    assert [line["event"] for line in lines] == [
        "mail not delivered",
        "mail not delivered",
        "mail given up",
    ]
    smtp.on_data = "250 OK"
    await mailbox.deliver(Mailer(settings), message, "key", waits=(0, 0))
    assert len(smtp.taken) == 1


async def test_the_dev_mailbox_keeps_the_newest_200(house: House) -> None:
    async with house.db.transaction() as session:
        for number in range(203):
            await mailbox.put(session, Message("a@b.c", f"mail {number}", "t", "h"))
    subjects = [mail["subject"] for mail in await house.mailbox()]
    assert subjects == [f"mail {number}" for number in range(202, 2, -1)]


@pytest.mark.parametrize("changes", [{"host": "0.0.0.0"}])
async def test_there_is_no_dev_mailbox_where_others_could_read_it(house: House) -> None:
    answer = await house.client.get("/api/v1/dev/mailbox")
    assert answer.status_code == 404


@pytest.mark.parametrize("host", ["evil.example", "tunnel.example:3000", "192.168.1.7:3000"])
async def test_the_dev_mailbox_cannot_be_reached_under_another_name(
    house: House, host: str
) -> None:
    answer = await house.client.get("/api/v1/dev/mailbox", headers={"Host": host})
    assert answer.status_code == 404


async def test_no_password_and_no_token_is_ever_logged(
    house: House,
    post: Post,
    mailed_token: Any,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    # The loudest setting: every statement of the database driver is a line.
    logging.getLogger("sqlalchemy.engine").setLevel(logging.DEBUG)
    secret, fresh = "hunter2 hunter2", "battery staple"
    await post("signup", PERSON | {"password": secret})
    verify = await mailed_token("verify-email")
    caplog.clear()  # the dev mailbox is for reading mails, tokens and all
    capsys.readouterr()
    await post("verify-email", {"token": verify})
    await post("signin", {"email": PERSON["email"], "password": "not " + secret})
    bearer = (await post("signin", {"email": PERSON["email"], "password": secret})).json()["token"]
    headers = {"Authorization": f"Bearer {bearer}"}
    await house.client.get("/api/v1/auth/me", headers=headers)
    await post("signup", {"email": 7, "password": secret})
    await post("forgot-password", {"email": PERSON["email"]})
    await post("reset-password", {"token": "0" * 64, "password": fresh})
    await post("signout", headers=headers)
    logging.getLogger("sqlalchemy.engine").setLevel(logging.NOTSET)
    out = capsys.readouterr()
    logged = out.out + out.err + caplog.text
    assert "SELECT" in logged
    for kept_back in (secret, fresh, verify, bearer, bearer.split(".")[2]):
        assert kept_back not in logged


def test_settings_do_not_show_secrets_when_printed(house: House) -> None:
    assert isinstance(house.settings, Settings)
    assert house.settings.secret_key.get_secret_value() not in repr(house.settings)

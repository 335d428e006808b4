"""Mailboxes: every new mail fires once, and whatever a server says ends in time and in a sentence."""

import datetime as dt
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from sqlalchemy import text

from flowforge.actions.imap_client import encoded_name
from flowforge.services.zap_views import ZapView
from tests.house import Account, House
from tests.integration.triggers.polling import (
    bodies_of,
    definition,
    polling,
    republish,
    runs_of,
    slots_of,
    timer_of,
    turn,
)
from tests.servers.imap import ImapServer, running_imap


@pytest.fixture
async def server() -> AsyncIterator[ImapServer]:
    async with running_imap() as server:
        server.put("old")
        yield server


async def watching(house: House, ada: Account, server: ImapServer, **more: object) -> ZapView:
    inputs = {
        "host": server.host,
        "port": server.port,
        "security": "none",
        "user": server.user,
        "password": "secret word",
    }
    return await polling(house, ada, "imap", **(inputs | more))


async def test_three_new_mails_are_three_runs_once(house: House, server: ImapServer) -> None:
    ada = await house.sign_up()
    zap = await watching(house, ada, server)
    await turn(house, zap)
    for subject in ("one", "two", "=?utf-8?q?Gr=C3=BC=C3=9Fe?="):
        server.put(subject, "Schön.")
    await turn(house, zap)
    await turn(house, zap)
    bodies = await bodies_of(house, zap)
    assert [body["subject"] for body in bodies] == ["one", "two", "Grüße"]
    assert bodies[0] == {
        "id": "<2@example.com>",
        "uid": 2,
        "subject": "one",
        "sender": "Bob <bob@example.com>",
        "to": ["ada@example.com"],
        "cc": [],
        "date": "2026-08-01T08:00:00+00:00",
        "text": "Schön.\n",
        "html": "",
        "attachments": [],
        "size": len(server.mails[2]),
        "is_cut": False,
    }
    assert len(await runs_of(house, zap)) == 3
    assert [slot.status for slot in await slots_of(house, zap)] == ["ran", "ran", "ran"]
    # Nothing but reading.
    verbs = {command.split(" ", 1)[0] for command in server.commands}
    assert verbs == {"LOGIN", "EXAMINE", "UID", "LOGOUT"}


async def test_the_password_is_stored_nowhere_as_it_was_typed(
    house: House, server: ImapServer
) -> None:
    ada = await house.sign_up()
    zap = await watching(house, ada, server)
    await turn(house, zap)
    assert "secret word" not in str(zap.definition)
    async with house.db.reading() as session:
        for column in ("timer.settings", "zap.draft", "zap.trigger", "version.definition"):
            table, name = column.split(".")
            found = (await session.execute(text(f"SELECT {name} FROM {table}"))).scalars().all()
            assert found
            assert "secret word" not in str(found)
            assert "sealed:" in str(found)
    assert 'LOGIN "ada" "secret word"' in server.commands


async def test_a_new_numbering_is_a_first_look_that_says_so(
    house: House, server: ImapServer
) -> None:
    ada = await house.sign_up()
    zap = await watching(house, ada, server)
    await turn(house, zap)
    server.validity = 8
    server.put("renumbered")
    await turn(house, zap)
    assert await runs_of(house, zap) == []
    assert "numbered its mail anew" in (await slots_of(house, zap))[-1].reason  # type: ignore[operator]
    server.put("new")
    await turn(house, zap)
    assert [body["subject"] for body in await bodies_of(house, zap)] == ["new"]


@pytest.mark.parametrize("database", ["sqlite"])
async def test_a_wrong_password_is_a_failed_poll_and_a_new_one_keeps_the_position(
    house: House, server: ImapServer
) -> None:
    ada = await house.sign_up()
    zap = await watching(house, ada, server)
    await turn(house, zap)
    server.password = 'päss "word"\\'
    server.put("meanwhile")
    await turn(house, zap)
    assert (await slots_of(house, zap))[-1].reason == (
        "Signing in was refused: NO [AUTHENTICATIONFAILED] Invalid credentials"
    )
    changed = definition(
        "imap",
        host=server.host,
        port=server.port,
        security="none",
        user=server.user,
        password=server.password,
    )
    await republish(house, ada, zap, changed)
    await turn(house, zap)
    assert [body["subject"] for body in await bodies_of(house, zap)] == ["meanwhile"]


@pytest.mark.parametrize("database", ["sqlite"])
async def test_much_mail_comes_in_parts_and_none_is_lost(house: House, server: ImapServer) -> None:
    ada = await house.sign_up()
    zap = await watching(house, ada, server)
    await turn(house, zap)
    for number in range(120):
        server.put(f"mail {number}")
    await turn(house, zap)
    timer = await timer_of(house, zap)
    assert timer.due_at is not None
    assert timer.last_at is not None
    assert timer.due_at - timer.last_at < dt.timedelta(seconds=5)
    await turn(house, zap)
    assert len(await bodies_of(house, zap)) == 120


@pytest.mark.parametrize("database", ["sqlite"])
async def test_a_large_mail_is_cut_and_says_so(house: House, server: ImapServer) -> None:
    ada = await house.sign_up()
    zap = await watching(house, ada, server)
    await turn(house, zap)
    server.put("large", "x" * 2_000_000)
    await turn(house, zap)
    (body,) = await bodies_of(house, zap)
    assert body["is_cut"]
    assert body["size"] > 2_000_000
    assert len(body["text"]) < 600_000


@pytest.mark.parametrize("database", ["sqlite"])
async def test_damaged_mail_is_mail(house: House, server: ImapServer) -> None:
    ada = await house.sign_up()
    zap = await watching(house, ada, server)
    await turn(house, zap)
    damaged = [
        b"",
        b"\x00\xff\xfe" * 100,
        b"Subject: =?klingon?b?////?=\r\nFrom: @@@<<<\r\nDate: never\r\n\r\nx",
        b"Content-Type: text/plain; charset=klingon\r\n\r\n\xff",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n" * 500,
        b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!",
        b"To: " + b"a@b.c, " * 1000 + b"\r\n\r\nx",
    ]
    for raw in damaged:
        server.mails[max(server.mails) + 1] = raw
    await turn(house, zap)
    assert len(await bodies_of(house, zap)) == len(damaged)


@pytest.mark.parametrize("database", ["sqlite"])
@pytest.mark.parametrize(
    ("greeting", "fetch", "said"),
    [
        (None, None, "It took longer than 3 seconds."),
        (b"HTTP/1.1 400 Bad Request\r\n", None, "The server is no mail server that lets us in"),
        (b"* BYE too many connections\r\n", None, "too many connections"),
        (b"* OK " + b"x" * 200_000 + b"\r\n", None, "a line without an end"),
        (b"* OK {99999999999}\r\n", None, "The server sent more than 10 MB."),
        (b"* OK ready\r\n", b"* 1 FETCH (UID 1 BODY[] {99999999}\r\n", "more than 10 MB"),
        (b"* OK ready\r\n", b"* BYE gone\r\n", "The server hung up: gone"),
        (b"* OK ready\r\n", b"a4 NO mailbox is locked\r\n", "Fetching a message was refused"),
    ],
)
async def test_a_server_that_misbehaves_is_a_failed_poll_in_time(
    house: House, server: ImapServer, greeting: bytes | None, fetch: bytes | None, said: str
) -> None:
    ada = await house.sign_up()
    zap = await watching(house, ada, server)
    server.greeting, server.fetch_answer = greeting, fetch
    begun = time.monotonic()
    await turn(house, zap, longest_seconds=3)
    assert time.monotonic() - begun < 10
    (slot,) = await slots_of(house, zap)
    assert slot.status == "failed"
    assert said in (slot.reason or ""), slot.reason


@pytest.mark.parametrize("database", ["sqlite"])
@pytest.mark.parametrize("changes", [{"egress_allow": ""}])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "::ffff:127.0.0.1"])
async def test_a_mailbox_inside_is_not_reached(house: House, server: ImapServer, host: str) -> None:
    ada = await house.sign_up()
    zap = await watching(house, ada, server, host=host)
    await turn(house, zap)
    (slot,) = await slots_of(house, zap)
    assert "is not a public address" in (slot.reason or ""), slot.reason
    assert server.commands == []


@pytest.mark.parametrize("database", ["sqlite"])
async def test_encryption_is_checked(house: House, tmp_path: Path) -> None:
    ada = await house.sign_up()
    async with running_imap(_self_signed(tmp_path)) as server:
        zap = await watching(house, ada, server, security="tls", host="localhost")
        await turn(house, zap)
        (slot,) = await slots_of(house, zap)
        assert "The certificate of localhost was not accepted" in (slot.reason or "")
        assert server.commands == []
    async with running_imap() as plain:
        zap = await watching(house, ada, plain, security="tls")
        await turn(house, zap, longest_seconds=3)
        (slot,) = await slots_of(house, zap)
        assert "does not speak TLS" in (slot.reason or ""), slot.reason


def test_names_of_folders_are_encoded_as_the_protocol_wants() -> None:
    assert encoded_name("INBOX") == "INBOX"
    assert encoded_name("Entwürfe & mehr") == "Entw&APw-rfe &- mehr"
    assert encoded_name("台北\r\nA1 LOGOUT") == "&U,BTFwANAAo-A1 LOGOUT"


def _self_signed(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context

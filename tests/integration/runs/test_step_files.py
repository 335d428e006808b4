"""Files of steps: uploaded by those who may edit, read by steps of the same project and by no others."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import func, select
from sqlmodel import col

from flowforge.actions.files import Content, Named
from flowforge.actions.sdk import FatalError, RetryableError
from flowforge.errors import Forbidden
from flowforge.infra.db import new_id
from flowforge.models import File
from flowforge.services import files, step_files
from flowforge.services.access import Role
from flowforge.services.step_files import ProjectFiles
from tests.house import Account, House
from tests.integration.zaps.test_step_tests import tried, zap_of

ROOM = 1_000_000
PDF = b"%PDF-1.7 \x00\xff"


async def sent(house: House, owner: Account, content: Any = PDF, **more: Any) -> httpx.Response:
    headers = {"Content-Type": "application/pdf", **owner.headers, **more.pop("headers", {})}
    params = {"name": "C:\\plans\\{{ plan }}.pdf"} | more
    return await house.client.post("/api/v1/files", content=content, headers=headers, params=params)


async def uploaded(house: House, owner: Account, content: bytes = PDF) -> dict[str, Any]:
    answer = await sent(house, owner, content)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def count(house: House) -> int:
    async with house.db.reading() as session:
        return int(await session.scalar(select(func.count(col(File.id)))) or 0)


def stored(house: House) -> int:
    """How many blobs lie on the disk."""
    return sum(one.is_file() for one in house.settings.data_dir.rglob("blobs/*/*"))


def shelf(house: House, owner: Account) -> ProjectFiles:
    return step_files.of_project(house.runtime, owner.project_id)


async def test_an_upload_is_named_as_a_label_and_read_by_steps_of_its_project(house: House) -> None:
    ada = await house.sign_up()
    file = await uploaded(house, ada)
    assert file == {
        "file_id": file["file_id"],
        # In a draft braces would be an expression.
        "name": "(( plan )).pdf",
        "content_type": "application/pdf",
        "size": len(PDF),
    }
    content = await shelf(house, ada).read(Named(file_id=file["file_id"]), ROOM)
    assert (content.name, content.content_type, content.data) == (
        "{{ plan }}.pdf",
        "application/pdf",
        PDF,
    )


async def test_who_may_not_edit_may_not_upload(house: House) -> None:
    ada = await house.sign_up()
    nobody = await house.client.post("/api/v1/files", content=PDF)
    assert nobody.status_code == 401

    async def chunks() -> AsyncIterator[bytes]:
        yield PDF

    for role in (Role.VIEWER, Role.OPERATOR):
        actor = house.as_role(ada, role)
        with pytest.raises(Forbidden):
            await files.take(house.runtime.blobs, actor, "x", "text/plain", chunks())
    assert await count(house) == 0


async def test_an_upload_over_the_limit_is_refused_announced_or_not(house: House) -> None:
    ada = await house.sign_up()
    chunk = b"x" * (files.LARGEST_UPLOAD // 4)

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield chunk

    for content in (chunk * 4 + b"x", chunks()):
        answer = await sent(house, ada, content)
        assert answer.status_code == 413
        assert "give its URL" in answer.json()["error"]["message"]
    assert await count(house) == 0
    assert stored(house) == 0
    assert (await sent(house, ada, chunk * 4)).status_code == 201
    assert stored(house) == 1


async def test_a_file_of_another_project_is_not_there_however_it_is_named(house: House) -> None:
    ada, eve = await house.sign_up(), await house.sign_up("eve@example.com")
    file_id = (await uploaded(house, ada))["file_id"]
    link = files.link(house.runtime.vault, house.settings.effective_public_url, file_id)
    for named in (Named(file_id=file_id, name="plan.pdf"), Named(url=link, name="plan.pdf")):
        assert (await shelf(house, ada).read(named, ROOM)).data == PDF
        with pytest.raises(FatalError, match=r"'plan.pdf' is not there.*another project"):
            await shelf(house, eve).read(named, ROOM)
    with pytest.raises(FatalError, match="not there"):
        await shelf(house, ada).read(Named(file_id=new_id()), ROOM)


async def test_a_file_that_is_gone_or_has_no_room_is_said_by_its_name(house: House) -> None:
    ada = await house.sign_up()
    named = Named(file_id=(await uploaded(house, ada, b"x" * 5000))["file_id"])
    with pytest.raises(FatalError, match=r"it has 5.0 KB, and 4.0 KB are left"):
        await shelf(house, ada).read(named, 4000)
    async with house.db.reading() as session:
        key = await session.scalar(select(col(File.blob_key)))
    await house.runtime.blobs.delete([str(key)])
    with pytest.raises(FatalError, match="Choose it again"):
        await shelf(house, ada).read(named, ROOM)


async def test_an_address_is_fetched_with_the_name_it_gives(
    house: House, httpserver: HTTPServer
) -> None:
    ada = await house.sign_up()
    httpserver.expect_request("/a b.txt").respond_with_data(
        b"abc", content_type="text/plain; charset=utf-8"
    )
    httpserver.expect_request("/named").respond_with_data(
        b"abc", headers={"Content-Disposition": 'attachment; filename="../../x.csv"'}
    )
    httpserver.expect_request("/busy").respond_with_data("", 503)
    httpserver.expect_request("/gone").respond_with_data("", 404)

    async def read(path: str, room: int = ROOM) -> Content:
        return await shelf(house, ada).read(Named(url=httpserver.url_for(path)), room)

    text = await read("/a%20b.txt")
    assert (text.name, text.content_type, text.data) == ("a b.txt", "text/plain", b"abc")
    assert (await read("/named")).name == "x.csv"
    with pytest.raises(FatalError, match="too large"):
        await read("/named", 2)
    with pytest.raises(RetryableError, match="503"):
        await read("/busy")
    with pytest.raises(FatalError, match=r"^Getting the file from \S+ failed with status 404$"):
        await read("/gone?token=secret")


async def test_a_mail_takes_along_what_a_form_received_and_what_was_uploaded(house: House) -> None:
    ada = await house.sign_up()
    file = await uploaded(house, ada)
    inputs = {
        "to": "grace@example.com",
        "body": "Here it is",
        "attachments": [file, "{{ trigger.body.cv }}", "{{ trigger.body.not_attached }}"],
    }
    step = {"id": "mail", "kind": "action", "action": "email", "inputs": inputs}
    zap_id = await zap_of(house, ada, step)
    received = {"body": {"cv": {**file, "name": "cv.pdf"}}}
    done = await tried(house, ada, zap_id, "mail", sample={"trigger": received})
    assert done["status"] == "succeeded", done["error"]
    (mail,) = [one for one in await house.mailbox() if one["to"] == "grace@example.com"]
    assert mail["text"].count("{{ plan }}.pdf (11 bytes)") == 2


async def test_a_step_that_names_somebody_elses_file_fails_and_says_why(house: House) -> None:
    ada, eve = await house.sign_up(), await house.sign_up("eve@example.com")
    file = await uploaded(house, ada)
    inputs = {"to": "eve@example.com", "body": "mine?", "attachments": [file]}
    step = {"id": "mail", "kind": "action", "action": "email", "inputs": inputs}
    zap_id = await zap_of(house, eve, step)
    done = await tried(house, eve, zap_id, "mail")
    assert done["status"] == "failed"
    assert "belongs to another project" in done["error"]["message"]
    assert [one for one in await house.mailbox() if one["text"].startswith("mine?")] == []

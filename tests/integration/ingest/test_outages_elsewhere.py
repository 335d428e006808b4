"""The other ways in when nothing can be stored: 503, nothing half remains, and all is well after."""

import asyncio
import hashlib
import hmac
import json
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from sqlalchemy import func, select, text

from flowforge.errors import Unavailable
from flowforge.infra import db as database_room
from flowforge.infra.db import Database
from flowforge.models import Run
from flowforge.services.leftovers import remove_unnamed
from flowforge.services.replies import Replies
from tests import house as building
from tests.house import House
from tests.integration.ingest.inbox import UNKNOWN_ID, all_events, blob_files, our_path
from tests.integration.ingest.test_outages import is_honest
from tests.servers.rude_http import free_port
from tests.zapping import hook, owed, published, working

SECRET = "It's a Secret to Everybody"
REPLY = {"id": "answer", "kind": "reply", "body": "hello"}
BODY = json.dumps({"ref": "refs/heads/main"}).encode()
DIGEST = hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()
FROM_GITHUB = {
    "content-type": "application/json",
    "x-github-event": "push",
    "x-hub-signature-256": f"sha256={DIGEST}",
}
FORM = {"title": "Order", "fields": [{"name": "who", "required": True}]}

Send = Callable[[], Awaitable[httpx.Response]]


async def doors(house: House) -> dict[str, Send]:
    """Every way in but the two asynchronous ones, by name; each can be sent again and again."""
    ada = await house.sign_up()
    web = our_path(await published(house, ada, REPLY))
    await published(house, ada, REPLY, trigger={"kind": "app", "settings": {"app": "github"}})
    form = await published(house, ada, REPLY, trigger={"kind": "form", "settings": FORM})
    connected = await house.client.put(
        "/api/v1/app-sources/github", json={"secret": SECRET}, headers=ada.headers
    )
    app = "/" + connected.json()["url"].split("/", 3)[3]
    page = "/forms/" + form.webhook_url.rsplit("/", 1)[1]
    post = house.client.post
    modes: dict[str, Send] = {
        mode: lambda mode=mode: post(f"{web}/{mode}", json={})  # type: ignore[misc]
        for mode in ("sync", "draft", "draft/sync", "test")
    }
    return {
        **modes,
        "app": lambda: post(app, content=BODY, headers=FROM_GITHUB),
        "form": lambda: post(page, data={"who": "Ada"}),
        "form with a file": lambda: post(page, data={"who": "Ada"}, files={"cv": b"hello"}),
    }


async def count(house: House) -> tuple[int, int, int]:
    """Events, runs, and what is owed."""
    async with house.db.reading() as session:
        runs = await session.scalar(select(func.count()).select_from(Run)) or 0
    return len(await all_events(house)), runs, await owed(house)


def is_refused(answer: httpx.Response) -> bool:
    """In JSON, or as a page for a person."""
    if answer.headers["content-type"].startswith("text/html"):
        return answer.status_code == 503 and int(answer.headers["retry-after"]) > 0
    return is_honest(answer)


async def test_a_table_that_is_gone_is_a_503_everywhere(house: House) -> None:
    ways = await doors(house)
    async with house.db.transaction() as session:
        await session.execute(text("ALTER TABLE event RENAME TO away"))
    answers = {name: await send() for name, send in ways.items()}
    async with house.db.transaction() as session:
        await session.execute(text("ALTER TABLE away RENAME TO event"))
    assert [name for name, one in answers.items() if not is_refused(one)] == []
    assert await count(house) == (0, 0, 0)
    await is_swept(house)
    await works(house, ways)


async def is_swept(house: House) -> None:
    """A blob is there before its row: what has none is found and removed."""
    await remove_unnamed(house.db, house.runtime.blobs, older_than=0)
    assert blob_files(house) == []


async def works(house: House, ways: dict[str, Send]) -> None:
    """Every way in is open again."""
    async with working(house):
        found = {name: (await send()).status_code for name, send in ways.items()}
    expected = {"sync": 200, "draft": 202, "draft/sync": 200, "test": 202}
    assert found == {**expected, "app": 200, "form": 200, "form with a file": 200}


@pytest.mark.parametrize("database", ["sqlite"])
async def test_a_database_that_somebody_else_holds_is_a_503_everywhere(
    house: House, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_room, "SQLITE_BUSY_SECONDS", 0.1)
    await house.db.close()
    ways = await doors(house)
    holder = sqlite3.connect(database_url.removeprefix("sqlite:///"), isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    answers = {name: await send() for name, send in ways.items()}
    holder.execute("ROLLBACK")
    holder.close()
    assert [name for name, one in answers.items() if not is_refused(one)] == []
    assert await count(house) == (0, 0, 0)
    await is_swept(house)
    await works(house, ways)


async def test_a_database_that_answers_nobody_is_a_503_everywhere(tmp_path: Path) -> None:
    dead = f"postgresql://postgres@127.0.0.1:{free_port()}/flowforge"
    paths = [
        *(f"/api/v1/webhooks/{UNKNOWN_ID}/{m}" for m in ("sync", "draft", "draft/sync", "test")),
        f"/hooks/apps/{UNKNOWN_ID}",
        f"/forms/{UNKNOWN_ID}",
    ]
    async with building.open_house(dead, tmp_path) as house, asyncio.timeout(10):
        for path in paths:
            assert is_refused(await house.client.post(path, data={"who": "Ada"})), path
        assert is_refused(await house.client.get(paths[-1]))
        # Also where people and programs ask.
        known = {"email": "ada@example.com", "password": "correct horse"}
        asked = await house.client.post("/api/v1/auth/signin", json=known)
        assert (asked.status_code, int(asked.headers["retry-after"])) == (503, 5)
        assert blob_files(house) == []


async def test_blobs_that_cannot_be_written_are_a_503_everywhere(house: House) -> None:
    ways = await doors(house)
    (house.settings.data_dir / "blobs").write_text("a file where a directory should be")
    assert is_refused(await ways["form with a file"]())
    assert await count(house) == (0, 0, 0)
    assert (await ways["form"]()).status_code == 200


class _Flickering:
    """A database that is away for the first ``times`` looks."""

    def __init__(self, database: Any, times: int) -> None:
        self._database = database
        self.left = times

    def reading(self) -> Any:
        self.left -= 1
        if self.left >= 0:
            raise Unavailable("away")
        return self._database.reading()


async def test_who_waits_for_an_answer_waits_for_the_database_too(house: House) -> None:
    """Its event is stored: told to send it again, a sender would start a second run."""
    ada = await house.sign_up()
    zap = await published(house, ada, REPLY)
    taken = await house.client.post(our_path(zap), json={})
    run_id = taken.json()["run_id"]
    flickering = _Flickering(house.db, 2)
    signals, blobs = house.runtime.signals, house.runtime.blobs
    replies = Replies(cast("Database", flickering), signals, blobs)
    async with working(house):
        seen = await replies.wait(run_id, 10)
    assert seen is not None
    assert (seen.status, (seen.reply or {})["body"]) == ("succeeded", "hello")
    assert flickering.left < 0
    forever = Replies(cast("Database", _Flickering(house.db, 10**9)), signals, blobs)
    assert await forever.wait(run_id, 0.1) is None


async def test_an_answer_that_cannot_be_read_is_no_reason_to_send_again(house: House) -> None:
    ada = await house.sign_up()
    large = {"id": "answer", "kind": "reply", "body": "{{ trigger.body }}"}
    zap = await published(house, ada, large)
    key = {"x-idempotency-key": "k"}
    url = f"{our_path(zap)}/sync"
    async with working(house):
        first = await house.client.post(url, json=["x" * 99] * 6000, headers=key)
        assert first.status_code == 200
        for path in (house.settings.data_dir / "blobs").rglob("*"):
            if path.is_file():
                path.unlink()
        again = await house.client.post(url, json=[], headers=key)
    assert (again.status_code, again.json()["error"]["code"]) == (502, "no_answer")
    assert again.json()["run_id"]
    assert "retry-after" not in again.headers


async def test_a_run_that_never_came_about_is_not_waited_for(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, hook("one", "http://127.0.0.1:1/"))
    async with house.db.transaction() as session:
        await session.execute(text("ALTER TABLE run RENAME TO away"))
    async with asyncio.timeout(5):
        answer = await house.client.post(f"{our_path(zap)}/sync", json={})
    async with house.db.transaction() as session:
        await session.execute(text("ALTER TABLE away RENAME TO run"))
    assert is_honest(answer)
    assert await count(house) == (0, 0, 0)

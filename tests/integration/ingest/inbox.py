"""Posting to a hook, and what a step would see of it."""

from collections.abc import Iterable
from typing import Any

import httpx
from sqlalchemy import select

from flowforge.api.hooks import HookDoor
from flowforge.engine.scope import scope
from flowforge.models import Event
from flowforge.services.zap_views import ZapView
from tests.claiming import claims_of, take_all
from tests.house import PUBLIC_URL, Account, House
from tests.zapping import hook, path_of, published

NOWHERE = "http://127.0.0.1:1/"
NOT_FOUND = {
    "message": "Zap not found",
    "error": {"code": "not_found", "message": "Zap not found"},
}
UNKNOWN_ID = "0190a000-0000-7000-8000-000000000000"


async def listening(house: House) -> tuple[Account, ZapView]:
    """Somebody with a published zap of one step, which no worker performs."""
    ada = await house.sign_up()
    return ada, await published(house, ada, hook("one", NOWHERE))


def our_path(zap: ZapView) -> str:
    """The path of its hook on our own route."""
    return f"/api/v1/webhooks/{zap.webhook_url.rsplit('/', 1)[1]}"


async def post(house: House, zap: ZapView, content: bytes, content_type: str) -> httpx.Response:
    headers = {"content-type": content_type} if content_type else {}
    return await house.client.post(path_of(zap), content=content, headers=headers)


async def trigger_of(house: House, answer: httpx.Response) -> Any:
    """What expressions call ``trigger`` in the run that ``answer`` speaks of."""
    assert answer.status_code == 200, answer.text
    held = {one.key.run_id: one for one in await take_all(claims_of(house, "reader"))}
    one = held[answer.json()["zapRunId"]]
    return scope(one.plan, one.state, "one")["trigger"]


async def all_events(house: House) -> list[Event]:
    """Every event of every zap, oldest first."""
    async with house.db.reading() as session:
        found = (await session.scalars(select(Event))).all()
        return sorted(found, key=lambda event: event.id)


def tally(events: Iterable[Event]) -> dict[str, int]:
    """How many events each verdict has."""
    counted: dict[str, int] = {}
    for event in events:
        counted[event.verdict] = counted.get(event.verdict, 0) + 1
    return counted


def client_of(door: HookDoor, ip: str = "127.0.0.1") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=door, client=(ip, 40000))
    return httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL)


def door_of(house: House, *, body_seconds: float = 30.0) -> HookDoor:
    """A door of its own, as another process would have."""
    return HookDoor(house.app, lambda: house.runtime, body_seconds=body_seconds)


def blob_files(house: House) -> list[str]:
    """The names of all blobs on disk."""
    return sorted(
        path.name for path in (house.settings.data_dir / "blobs").rglob("*") if path.is_file()
    )

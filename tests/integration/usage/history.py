"""A history of runs that never ran: rows of the past, as the product would have written them."""

import datetime as dt
import random
import uuid
from typing import Any

from sqlalchemy import insert, select, update
from sqlmodel import col

from flowforge.infra.db import new_id
from flowforge.models import Event, Run, Zap
from tests.house import Account, House

ENDED = ("succeeded", "failed", "timed_out", "cancelled")
LIVE = ("queued", "running", "waiting")
ERROR = {"code": "refused", "message": "No."}


async def zaps_of(house: House, account: Account, *names: str) -> list[str]:
    async with house.db.transaction() as session:
        made = [
            Zap(project_id=account.project_id, owner_id=account.user_id, name=name, draft={})
            for name in names
        ]
        session.add_all(made)
        await session.flush()
        return [zap.id for zap in made]


async def ran(
    house: House, account: Account, runs: list[tuple[str, dt.datetime, str]], seed: int = 1
) -> list[str]:
    """Runs as (zap id, when it began, status); their ids."""
    chance = random.Random(seed)
    events: list[dict[str, Any]] = []
    rows: list[dict[str, Any]] = []
    for zap_id, at, status in runs:
        event_id, run_id = id_of(chance, at), id_of(chance, at)
        events.append(_event(event_id, account.project_id, zap_id, at))
        has_ended = status in ENDED
        began = None if status == "queued" else at + dt.timedelta(milliseconds=5)
        took = dt.timedelta(milliseconds=int(chance.expovariate(1 / 3000)))
        rows.append(
            {
                "id": run_id, "project_id": account.project_id, "zap_id": zap_id, "version": 1,
                "event_id": event_id, "status": status, "environment": "production",
                "created_at": at, "started_at": began, "retries": 0,
                "finished_at": at + took if has_ended else None,
                "error": ERROR if has_ended and status != "succeeded" else None,
            }
        )  # fmt: skip
    async with house.db.transaction() as session:
        await session.execute(insert(Event), events)
        await session.execute(insert(Run), rows)
    return [row["id"] for row in rows]


def random_runs(
    zap_ids: list[str], since: dt.datetime, until: dt.datetime, number: int, seed: int
) -> list[tuple[str, dt.datetime, str]]:
    """Most on quarter hours' edges or beside them: there mistakes would be."""
    chance = random.Random(seed)
    found = []
    for _ in range(number):
        at = since + (until - since) * chance.random()
        if chance.random() < 0.6:
            at = at.replace(minute=chance.choice((0, 15, 30, 45)), second=0, microsecond=0)
            at += dt.timedelta(microseconds=chance.choice((-1, 0, 1, -300, 999_700)))
        if not since <= at < until:
            at = since
        (status,) = chance.choices((*ENDED, *LIVE), (60, 20, 5, 5, 3, 3, 4))
        found.append((chance.choice(zap_ids), at, status))
    return found


async def change(house: House, number: int, seed: int, **values: Any) -> None:
    """Some runs become something else, as if they had ended or been tried again."""
    chance = random.Random(seed)
    async with house.db.transaction() as session:
        ids = list(await session.scalars(select(col(Run.id)).order_by(col(Run.id))))
        for run_id in chance.sample(ids, number):
            await session.execute(update(Run).where(col(Run.id) == run_id).values(**values))


def id_of(chance: random.Random, at: dt.datetime) -> str:
    """A UUIDv7 of that moment."""
    milliseconds = int(at.timestamp() * 1000)
    head = (milliseconds << 80) | (7 << 76) | (chance.getrandbits(12) << 64) | (2 << 62)
    return str(uuid.UUID(int=head | chance.getrandbits(62)))


def _event(event_id: str, project_id: str, zap_id: str, at: dt.datetime) -> dict[str, Any]:
    return {
        "id": event_id, "project_id": project_id, "zap_id": zap_id, "trigger": "webhook",
        "verdict": "accepted", "dedupe_key": new_id(), "method": "POST", "source_ip": "",
        "content_type": "application/json", "raw": b"{}", "size": 2, "received_at": at,
    }  # fmt: skip

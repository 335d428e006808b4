"""Notices: what happened in a project, written with it in one transaction, for whoever listens.

Promises: a notice is there exactly when what it tells of was committed; where nobody listens none
is written, and the end of a run costs nothing more.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.infra import documents, runtime
from flowforge.infra.bulk import Bulk
from flowforge.infra.db import after_commit, new_id, utc_now
from flowforge.models import Destination, Member, Notice, User

# What is told, and what it means. A run that failed is told once: as finished to whoever asked
# for that, as failed to whoever asked for failures alone.
KINDS: Mapping[str, str] = {
    "run.failed": "A run has failed or timed out",
    "run.finished": "A run has ended, however it did",
    "zap.created": "A zap was made",
    "zap.published": "A zap has a new live version",
    "zap.enabled": "A zap was switched on",
    "zap.disabled": "A zap was switched off",
    "zap.deleted": "A zap was deleted",
    "zap.poll_failed": "A poll has failed three times in a row",
    "zap.poll_recovered": "A poll that failed works again",
    "zap.registration_failed": "A zap's hook could not be registered or removed",
    "zap.registration_recovered": "A zap's hook that could not be registered or removed is in order",
    "connection.created": "A connection was made",
    "connection.updated": "A connection was changed",
    "connection.deleted": "A connection was deleted",
    "user.signed_up": "Somebody signed up",
    "user.signed_in": "Somebody signed in",
}
EVERYTHING = "*"
GROUPS = tuple(dict.fromkeys(f"{kind.partition('.')[0]}.*" for kind in KINDS))
FAILURES = frozenset({"failed", "timed_out"})
# No app has such a name: zaps that failures fire are found by it.
ERROR_KEY = "*error"

_NOTICE: Table = Notice.__table__  # type: ignore[attr-defined]
_COLUMNS = ("id", "project_id", "kind", "zap_id", "run_id", "data", "created_at")
# Who hears of the ends of runs: destinations, and zaps that failures fire.
_TOLD = (
    "EXISTS (SELECT 1 FROM destination d WHERE d.project_id = {0}.project_id AND d.enabled "
    "AND (d.kinds LIKE '%\"run.%' OR d.kinds LIKE '%\"*\"%'))"
)
_WATCHED = (
    "EXISTS (SELECT 1 FROM zap w WHERE w.project_id = {0}.project_id "  # noqa: S608 - our own constants
    f"AND w.trigger_key = '{ERROR_KEY}' AND w.enabled)"
)


def listened(table: str) -> str:
    """SQL: whether anybody hears of the end of the run that a row of ``table`` belongs to."""
    return f"({_TOLD.format(table)} OR {_WATCHED.format(table)})"


def names(kind: str, data: Mapping[str, Any]) -> tuple[str, ...]:
    """As what a notice may be told; the first that somebody asked for is it."""
    is_failure = kind == "run.finished" and data["status"] in FAILURES
    return (kind, "run.failed") if is_failure else (kind,)


def wanted(kinds: Iterable[str], kind: str) -> bool:
    """Whether ``kind`` is one of ``kinds``, of which any may end in a star."""
    return any(kind == one or (one[-1:] == "*" and kind.startswith(one[:-1])) for one in kinds)


async def note(
    session: AsyncSession,
    project_id: str,
    kind: str,
    data: Mapping[str, Any],
    *,
    zap_id: str | None = None,
) -> None:
    """Tell, in the transaction of ``session``, that ``kind`` happened in the project."""
    found = await session.scalars(
        select(col(Destination.kinds)).where(
            col(Destination.project_id) == project_id, col(Destination.enabled)
        )
    )
    if any(wanted(kinds, kind) for kinds in found):
        session.add(Notice(project_id=project_id, kind=kind, data=dict(data), zap_id=zap_id))


async def note_zap(session: AsyncSession, zap: Any, kind: str, by: int) -> None:
    """Tell of ``zap`` as it is now, open pages of the project included. ``by``: the id of the user
    who did it.
    """
    told = {"id": zap.id, "name": zap.name, "version": zap.live_version, "enabled": zap.enabled}
    await note(session, zap.project_id, kind, {"zap": told, "by": by}, zap_id=zap.id)
    signals, topic = runtime.current().signals, f"project:{zap.project_id}"

    async def tell() -> None:
        signals.send({topic})

    after_commit(session, tell)


async def note_user(session: AsyncSession, user: User, kind: str) -> None:
    """Tell of ``user`` in every project that they belong to."""
    project_ids = await session.scalars(
        select(col(Destination.project_id))
        .join(Member, col(Member.project_id) == col(Destination.project_id))
        .where(col(Member.user_id) == user.id, col(Destination.enabled))
        .distinct()
    )
    told = {"id": user.id, "name": user.name, "email": user.email}
    for project_id in project_ids.all():
        await note(session, project_id, kind, {"user": told})


async def note_poll(tx: Bulk, zap_id: str, kind: str, poll: Mapping[str, Any]) -> None:
    """Tell of the zap that its poll fails, or works again, where anybody listens."""
    (zap,) = await tx.fetch(
        "SELECT project_id, name, live_version, enabled FROM zap WHERE id = :zap_id", zap_id=zap_id
    )
    found = await tx.fetch(
        "SELECT kinds FROM destination WHERE project_id = :project_id AND enabled",
        project_id=zap["project_id"],
    )
    if not any(wanted(documents.parse(row["kinds"]), kind) for row in found):
        return
    told = {
        "id": zap_id,
        "name": zap["name"],
        "version": zap["live_version"],
        "enabled": bool(zap["enabled"]),
    }
    data = documents.dump({"zap": told, "poll": poll})
    row = (new_id(), zap["project_id"], kind, zap_id, None, data, utc_now())
    await tx.insert(_NOTICE, _COLUMNS, [row])


async def note_ends(tx: Bulk, ends: Sequence[Sequence[Any]]) -> None:
    """Tell that runs have ended, where anybody listens: ``(run id, status, error as JSON, …)``.

    Tests are told to nobody.
    """
    if not ends:
        return
    found = await tx.select(
        f"SELECT r.id, r.project_id, r.zap_id, {_TOLD.format('r')} AS told FROM run r "  # noqa: S608 - our own constants
        f"WHERE r.environment = 'production' AND {listened('r')} AND r.id IN :ids",
        [end[0] for end in ends],
    )
    runs = {row["id"]: row for row in found}
    rows, now = [], utc_now()
    for run_id, status, error, *_ in ends:
        run = runs.get(run_id)
        if run is None or not (run["told"] or status in FAILURES):
            continue
        data = {"status": status, "error": documents.parse(error) if error else None}
        rows.append(
            (
                new_id(),
                run["project_id"],
                "run.finished",
                run["zap_id"],
                run_id,
                documents.dump(data),
                now,
            )
        )
    await tx.insert(_NOTICE, _COLUMNS, rows)

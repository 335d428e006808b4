"""Gates: the limits at which runs wait, each held by one transaction while it decides.

Promises: how many are inside is counted anew under the lock, from rows that come and go with their
runs; whoever decides holds rows of the outbox first and gates, by key, second, and touches other
rows of the outbox only where nobody else holds them, so no two wait for each other.
"""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from flowforge.engine.definition import Limits
from flowforge.infra import runtime
from flowforge.infra.bulk import Bulk, moment
from flowforge.services.limits import read_limits

FAR = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)
# How late a run with a slot may begin and still count as on time: claims come by a timer.
LATE = dt.timedelta(seconds=1)
_PROJECT = "project:"


class Place(NamedTuple):
    """Whose gate it is."""

    project_id: str
    zap_id: str | None


@dataclass(slots=True)
class Gate:
    """A gate whose row this transaction holds. ``limits`` are those of its zap as it is now,
    ``places`` how many runs of its project may work at once (0: as many as there are).
    """

    key: str
    project_id: str
    limits: Limits
    places: int
    last_start_at: dt.datetime | None
    next_start_at: dt.datetime | None
    now: dt.datetime

    def slot(self, *, has_slot: bool) -> dt.datetime | None:
        """When a run may begin that wants to now; None: now.

        Slots are ``seconds / limit`` apart. Who comes while others wait gets one behind them; who
        comes back at the time of its own begins, unless an outage made many late at once: those
        queue up again.
        """
        throttle = self.limits.throttle
        if throttle is None:
            return None
        gap = dt.timedelta(seconds=throttle.seconds / throttle.limit)
        free_at = self.next_start_at or self.now
        earliest = self.now - LATE if has_slot else self.now
        if self.last_start_at is not None:
            earliest = max(earliest, self.last_start_at + gap)
        if earliest <= self.now and (has_slot or free_at <= self.now):
            self.last_start_at = earliest
            self.next_start_at = max(free_at, earliest + gap)
            return None
        slot = max(free_at, earliest, self.now)
        self.next_start_at = slot + gap
        return slot


def project_gate(project_id: str) -> str:
    return f"{_PROJECT}{project_id}"


def is_project(key: str) -> bool:
    return key.startswith(_PROJECT)


def is_entrance(key: str) -> bool:
    """Whether runs are inside of it, and not only spaced by it."""
    return ":gate:" in key


def places(concurrency: int | None) -> int:
    """How many runs of a project may work at once: the smaller of its own limit and the
    operator's; 0 where there is none.
    """
    limits = (concurrency or 0, runtime.current().settings.project_concurrency)
    return min((each for each in limits if each > 0), default=0)


async def hold(tx: Bulk, wanted: Mapping[str, Place]) -> dict[str, Gate]:
    """The gates of these keys, made where they are missing, held until the transaction ends."""
    found: dict[str, Gate] = {}
    while wanted.keys() - found.keys():
        # All of them first, and in order: a transaction that holds some and then makes others
        # could wait for one that does the same.
        await _make(tx, {key: wanted[key] for key in sorted(wanted)})
        found = await hold_known(tx, wanted.keys())
    return found


async def hold_known(tx: Bulk, keys: Collection[str]) -> dict[str, Gate]:
    """Those of the gates that there are: at one that is missing nobody ever waited."""
    if not keys:
        return {}
    rows = await tx.select(
        "SELECT key, project_id, zap_id, last_start_at, next_start_at, "  # noqa: S608 - our own constants
        f"{tx.now} AS now FROM gate WHERE key IN :ids ORDER BY key",
        sorted(keys),
        lock=True,
    )
    # Read after the locks: what was published while we waited counts.
    limits = await _limits_of(tx, {row["zap_id"] for row in rows} - {None})
    projects = {row["project_id"] for row in rows if is_project(row["key"])}
    room = await _places_of(tx, projects) if projects else {}
    return {
        row["key"]: Gate(
            key=row["key"],
            project_id=row["project_id"],
            limits=limits.get(row["zap_id"], Limits()),
            places=room.get(row["project_id"], 0),
            last_start_at=_moment(row["last_start_at"]),
            next_start_at=_moment(row["next_start_at"]),
            now=moment(row["now"]),
        )
        for row in rows
    }


async def _make(tx: Bulk, wanted: Mapping[str, Place]) -> None:
    rows = ", ".join(
        f"(:key{number}, :project{number}, :zap{number}, {tx.now})" for number in range(len(wanted))
    )
    values: dict[str, Any] = {}
    for number, (key, place) in enumerate(wanted.items()):
        values |= {f"key{number}": key, f"project{number}": place.project_id}
        values[f"zap{number}"] = place.zap_id
    await tx.fetch(
        f"INSERT INTO gate (key, project_id, zap_id, updated_at) VALUES {rows} "  # noqa: S608 - our own constants
        "ON CONFLICT (key) DO NOTHING RETURNING key",
        **values,
    )


async def _limits_of(tx: Bulk, zap_ids: Collection[str]) -> dict[str, Limits]:
    if not zap_ids:
        return {}
    rows = await tx.select("SELECT id, limits FROM zap WHERE id IN :ids", list(zap_ids))
    return {row["id"]: read_limits(row["limits"]) for row in rows}


async def _places_of(tx: Bulk, project_ids: Collection[str]) -> dict[str, int]:
    rows = await tx.select(
        "SELECT id, concurrency FROM project WHERE id IN :ids", list(project_ids)
    )
    return {row["id"]: places(row["concurrency"]) for row in rows}


def _moment(value: Any) -> dt.datetime | None:
    return None if value is None else moment(value)

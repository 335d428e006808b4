"""Who may begin, and who may go on: what a claim asks before it touches a run.

Promises: at a gate at most ``limit`` runs are inside from their first step to their end, waiting
included, and they enter in the order they came; a project works on at most so many runs at a time,
over all workers; whoever must wait is parked and let in by the one that leaves. All of it commits
with the claim or settlement that decided it, so a crash loses and doubles no place.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from flowforge.infra.bulk import Bulk, bulk, moment
from flowforge.infra.db import Database
from flowforge.services import debouncing, gates, lineage
from flowforge.services.desk import Desk
from flowforge.services.gates import Gate, Place
from flowforge.services.leases import Lease

_AT_ONCE = 200
_MOST_LET_IN = 10_000
_UNUSED_SECONDS = 3600
_SOON = dt.timedelta(seconds=0.5)


async def admit(tx: Bulk, taken: Sequence[Lease], about: Mapping[str, Any]) -> list[Lease]:
    """Those of the leased runs that may be worked on now; the others are given back, parked.

    ``about``: the run of each, with zap's ``paused_at`` and project's ``concurrency``. Where nothing
    is limited this asks nothing of the database.
    """
    asking = [lease for lease in taken if _asks(lease, about[lease.run_id])]
    if not asking:
        return list(taken)
    left = await debouncing.without_superseded(tx, asking, about)
    desk = Desk(tx, about, await gates.hold(tx, _wanted(taken, about)))
    left = await _without_paused(desk, left)
    left = await _through_gates(desk, left)
    left = _through_throttles(desk, left)
    left = await _through_projects(desk, left)
    await desk.close(left, {lease.run_id: lease for lease in asking})
    now = await _clock(tx) if left else None
    # Whoever had to wait for a gate begins now, and not before the one ahead had ended.
    through = {lease.run_id: replace(lease, now=now or lease.now) for lease in left}
    asked = {lease.run_id for lease in asking}
    return [
        through.get(lease.run_id, lease)
        for lease in taken
        if lease.run_id in through or lease.run_id not in asked
    ]


async def leave(tx: Bulk, keys: Collection[str]) -> None:
    """Let in whoever comes next at these gates. To be called when those who left have no row in
    the outbox any more (an end), or no lease (a wait, for ``project_gate``).
    """
    held = await gates.hold_known(tx, set(keys))
    if held:
        desk = Desk(tx, {}, held)
        await _through_gates(desk, [])
        await _through_projects(desk, [])
        await desk.close([], {})


async def mend(database: Database) -> None:
    """For the sweep: a limit that was raised lets more in; gates that nobody needs are removed."""
    async with bulk(database) as tx:
        waiting = await tx.fetch("SELECT DISTINCT gate FROM outbox WHERE parked = 'limit'")
        projects = await tx.fetch("SELECT DISTINCT project_id FROM outbox WHERE parked = 'project'")
    keys = [row["gate"] for row in waiting]
    keys += [gates.project_gate(row["project_id"]) for row in projects]
    for first in range(0, len(keys), _AT_ONCE):
        async with bulk(database) as tx:
            await leave(tx, keys[first : first + _AT_ONCE])
    async with bulk(database) as tx:
        await tx.fetch(
            f"DELETE FROM gate WHERE updated_at <= {tx.seconds_from_now('kept')} "  # noqa: S608 - our own constants
            f"AND (next_start_at IS NULL OR next_start_at <= {tx.now}) "
            "AND NOT EXISTS (SELECT 1 FROM outbox WHERE outbox.gate = gate.key) RETURNING key",
            kept=-float(_UNUSED_SECONDS),
        )


async def _clock(tx: Bulk) -> dt.datetime:
    (row,) = await tx.fetch(f"SELECT {tx.clock} AS now")
    return moment(row["now"])


def _asks(lease: Lease, run: Any) -> bool:
    if lease.parked is not None or _is_limited(run):
        return True
    if run["status"] != "queued":
        return False
    gated = lease.gate is not None and not lease.admitted
    named = lease.throttle is not None or lease.debounce is not None
    return gated or named or run["paused_at"] is not None


def _is_limited(run: Any) -> bool:
    """Whether it needs a place of its project. Tests are not held up by what is live."""
    return run["environment"] != "test" and gates.places(run["concurrency"]) > 0


def _wanted(taken: Sequence[Lease], about: Mapping[str, Any]) -> dict[str, Place]:
    """Every gate that one of them stands at or is inside of, all in one go: one may end in this
    very claim, and gates are held in order. A superseded one may have been next.
    """
    wanted: dict[str, Place] = {}
    for lease in taken:
        run = about[lease.run_id]
        throttle = lease.throttle if run["status"] == "queued" else None
        keys = [key for key in (lease.gate, throttle) if key is not None]
        wanted |= dict.fromkeys(keys, Place(run["project_id"], run["zap_id"]))
        if _is_limited(run):
            wanted[gates.project_gate(run["project_id"])] = Place(run["project_id"], None)
    return wanted


async def _without_paused(desk: Desk, asking: Sequence[Lease]) -> list[Lease]:
    """What has begun goes on; a test of the draft has nothing to do with the live zap."""
    paused: dict[str, list[Lease]] = defaultdict(list)
    left = []
    for lease in asking:
        run = desk.about[lease.run_id]
        is_live = desk.is_new(lease) and run["environment"] != "test"
        if run["paused_at"] is not None and is_live:
            paused[run["zap_id"]].append(lease)
        else:
            left.append(lease)
    if not paused:
        return left
    # Kept as it is until this is committed: who resumes the zap must find what was parked. Nobody
    # is waited for, since whoever holds a zap may be waiting for entries.
    rows = await desk.tx.select(
        f"SELECT id, paused_at FROM zap WHERE id IN :ids {desk.tx.share_unlocked}",  # noqa: S608 - our own constants
        sorted(paused),
    )
    known = {row["id"]: row["paused_at"] for row in rows}
    for zap_id, waiting in paused.items():
        for lease in waiting:
            if zap_id in known and known[zap_id] is None:
                left.append(lease)
            elif zap_id in known:
                desk.park(lease, "paused")
            else:
                desk.park(lease, None, lease.now + _SOON)
    return left


async def _through_gates(desk: Desk, asking: Sequence[Lease]) -> list[Lease]:
    """Fill every gate up with those who came first, whoever has them leased."""
    ours: dict[str, dict[str, Lease]] = defaultdict(dict)
    left = []
    for lease in asking:
        if lease.gate is None or lease.admitted or not desk.is_new(lease):
            left.append(lease)
        else:
            ours[lease.gate][lease.run_id] = lease
    held = [gate for gate in desk.held.values() if gates.is_entrance(gate.key)]
    for gate, line in await _lines(desk.tx, held):
        waiting = ours[gate.key]
        left += [
            replace(waiting.pop(row["run_id"]), admitted=True)
            for row in line
            if row["run_id"] in waiting
        ]
        parked = [row for row in line if row["parked"] == "limit"]
        await desk.call(parked, gate.now, parked=None, admitted=True)
        for lease in waiting.values():
            run = desk.about[lease.run_id]
            if run["parent_run_id"] and await lineage.is_in_its_own_way(desk.tx, lease):
                left.append(replace(lease, admitted=True))
            else:
                desk.park(lease, "limit")
    return left


async def _lines(tx: Bulk, held: Sequence[Gate]) -> list[tuple[Gate, list[Any]]]:
    """At each gate as many of those who wait as there is room for, in the order they came."""
    if not held:
        return []
    counted = await tx.select(
        "SELECT gate, count(*) AS inside FROM outbox WHERE gate IN :ids AND admitted GROUP BY gate",
        [gate.key for gate in held],
    )
    inside = {row["gate"]: row["inside"] for row in counted}
    parts, values = [], dict[str, Any]()
    for number, gate in enumerate(held):
        limit = gate.limits.concurrency
        room = max(0, limit.limit - inside.get(gate.key, 0)) if limit else _MOST_LET_IN
        values |= {f"gate{number}": gate.key, f"room{number}": room}
        parts.append(
            "SELECT * FROM (SELECT run_id, gate, parked FROM outbox "  # noqa: S608 - our own constants
            f"WHERE gate = :gate{number} AND NOT admitted "
            f"AND (parked = 'limit' OR due_at <= {tx.now}) "
            f"ORDER BY run_id LIMIT :room{number}) AS line{number}"
        )
    lines: dict[str, list[Any]] = {gate.key: [] for gate in held}
    for row in await tx.fetch(" UNION ALL ".join(parts), **values):
        lines[row["gate"]].append(row)
    return [(gate, lines[gate.key]) for gate in held]


def _through_throttles(desk: Desk, asking: Sequence[Lease]) -> list[Lease]:
    left = []
    for lease in sorted(asking, key=lambda lease: lease.run_id):
        gate = desk.held.get(lease.throttle or "") if desk.is_new(lease) else None
        slot = gate.slot(has_slot=lease.parked == "throttle") if gate is not None else None
        if slot is None:
            left.append(lease)
        else:
            desk.park(lease, "throttle", slot)
    return left


async def _through_projects(desk: Desk, asking: Sequence[Lease]) -> list[Lease]:
    """Give the places of each project to those who came first. One that is called keeps its place
    until a worker takes it: else a younger one would.
    """
    ours: dict[str, dict[str, Lease]] = defaultdict(dict)
    left = []
    for lease in asking:
        run = desk.about[lease.run_id]
        key = gates.project_gate(run["project_id"])
        gate = desk.held.get(key)
        if gate is None or run["environment"] == "test" or gate.places == 0:
            left.append(lease)
        else:
            ours[key][lease.run_id] = replace(lease, project_gate=key)
    for gate in [gate for gate in desk.held.values() if gates.is_project(gate.key)]:
        left += await _through_project(desk, gate, ours[gate.key])
    return left


async def _through_project(desk: Desk, gate: Gate, waiting: dict[str, Lease]) -> list[Lease]:
    called = [lease for lease in waiting.values() if lease.parked == "next"]
    others = await _at_work(desk.tx, gate.project_id) - desk.about.keys()
    room = max(0, gate.places - len(others) - len(called)) if gate.places else _MOST_LET_IN
    parked = await desk.tx.fetch(
        "SELECT run_id FROM outbox WHERE project_id = :project AND parked = 'project' "
        "ORDER BY run_id LIMIT :room",
        project=gate.project_id,
        room=room,
    )
    asking = waiting.keys() - {lease.run_id for lease in called}
    first = set(sorted(asking | {row["run_id"] for row in parked})[:room])
    for run_id in asking - first:
        desk.park(waiting[run_id], "project")
    absent = [row for row in parked if row["run_id"] in first - asking]
    await desk.call(absent, gate.now, parked="next", admitted=None)
    return called + [waiting[run_id] for run_id in sorted(asking & first)]


async def _at_work(tx: Bulk, project_id: str) -> set[str]:
    """Runs of the project that have a place: leased ones, and those called to one."""
    rows = await tx.fetch(
        "SELECT o.run_id FROM outbox o JOIN run r ON r.id = o.run_id "  # noqa: S608 - our own constants
        f"WHERE o.project_id = :project AND o.lease_until > {tx.now} AND r.environment <> 'test' "
        "UNION SELECT run_id FROM outbox WHERE project_id = :project AND parked = 'next'",
        project=project_id,
    )
    return {row["run_id"] for row in rows}

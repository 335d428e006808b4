"""What failed runs fire: the zaps whose trigger is the failure of others.

Promises: a failure fires each of them once, whoever dies meanwhile; none is fired by a run of its
own, nor by one that it caused, and failures of failures end after ``MOST_DEEP`` rounds.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowforge.engine.triggers import settings_of
from flowforge.infra import documents
from flowforge.infra.bulk import Bulk
from flowforge.services.firing import Happening
from flowforge.services.notices import ERROR_KEY

# A failure, and the failure of what it fired: whoever watches the watcher is the last.
MOST_DEEP = 2
_DEPTH = "x-flowforge-error-depth"
_DEPTHS = {str(number) for number in range(MOST_DEEP + 1)}

# Each run, and up through those that called it.
_ANCESTRY = (
    "WITH RECURSIVE line (origin, id, parent) AS ("
    "SELECT id, id, parent_run_id FROM run WHERE id IN :ids "
    "UNION SELECT l.origin, r.id, r.parent_run_id FROM line l JOIN run r ON r.id = l.parent) "
    "SELECT l.origin, r.zap_id, e.trigger, e.headers "
    "FROM line l JOIN run r ON r.id = l.id JOIN event e ON e.id = r.event_id"
)
_WATCHERS = (
    "SELECT id, project_id, trigger FROM zap WHERE project_id IN :ids "  # noqa: S608 - our own constants
    f"AND trigger_key = '{ERROR_KEY}' AND enabled"
)


@dataclass(frozen=True, slots=True)
class Failure:
    """A run that failed. ``key`` is equal for one failure and no other; ``told`` is what a zap
    gets as its trigger's body.
    """

    key: str
    run_id: str
    zap_id: str
    project_id: str
    told: Mapping[str, Any]


@dataclass(slots=True)
class _Cause:
    """Which zaps had a hand in a run, and after how many failures it came."""

    zap_ids: set[str]
    depth: int = 0


async def happenings(tx: Bulk, failures: Sequence[Failure]) -> list[Happening]:
    """What is to be fired for these failures."""
    if not failures:
        return []
    rows = await tx.select(_WATCHERS, sorted({failure.project_id for failure in failures}))
    if not rows:
        return []
    causes = await _causes(tx, {failure.run_id for failure in failures})
    return [
        _happening(row["id"], failure, causes[failure.run_id].depth + 1)
        for failure in failures
        for row in rows
        if row["project_id"] == failure.project_id
        and row["id"] not in causes[failure.run_id].zap_ids
        and causes[failure.run_id].depth < MOST_DEEP
        and _is_meant(row, failure)
    ]


def _happening(zap_id: str, failure: Failure, depth: int) -> Happening:
    return Happening(
        zap_id=zap_id,
        trigger="error",
        body=dict(failure.told),
        dedupe_key=failure.key,
        headers={_DEPTH: str(depth)},
    )


def _is_meant(row: Any, failure: Failure) -> bool:
    """Whether the zap waits for failures of this one; without a list it does for all."""
    chosen = settings_of(documents.parse(row["trigger"])).get("zap_ids")
    return not chosen or failure.zap_id in chosen


async def _causes(tx: Bulk, run_ids: Collection[str]) -> dict[str, _Cause]:
    found: dict[str, _Cause] = {}
    for row in await tx.select(_ANCESTRY, sorted(run_ids)):
        cause = found.setdefault(row["origin"], _Cause(set()))
        cause.zap_ids.add(row["zap_id"])
        if row["trigger"] == "error" and row["headers"]:
            depth = str(documents.parse(row["headers"]).get(_DEPTH, MOST_DEEP))
            cause.depth = max(cause.depth, int(depth) if depth in _DEPTHS else MOST_DEEP)
    return found

"""The history of a zap in the words of the first FlowForge: runs with one log row per stage.

Promise: a log row appears only when its step is over for good, so ``SUCCESS`` and ``FAILED`` are
final; what is still going on shows in the run's own status. That API knew no loops: the row of a
loop stands for its rounds. It knew no test runs either.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer
from sqlmodel import col

from flowforge.models import Attempt, Event, Run, Zap
from flowforge.services import drafts, figures, payload
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.runs import definitions_of

MOST = 50
_HEAVY: tuple[Any, ...] = (Attempt.input, Attempt.output, Attempt.logs)
_WORDS = {"succeeded": "SUCCESS", "failed": "FAILED", "unknown": "FAILED"}


async def of_zap(session: AsyncSession, actor: Actor, zap_id: str) -> list[dict[str, Any]]:
    """The newest 50 runs, newest first, each with its logs by stage.

    ``metadata`` is the body that the webhook got; null where it is too large to be listed.
    """
    require(actor, Permission.READ)
    zap = await own(session, actor, Zap, zap_id)
    rows = await session.scalars(
        select(Run)
        .where(col(Run.zap_id) == zap.id, col(Run.environment) == "production")
        .order_by(col(Run.id).desc())
        .limit(MOST)
    )
    runs = rows.all()
    bodies = await _bodies(session, runs)
    attempts = await _last_attempts(session, runs)
    definitions = await definitions_of(session, runs)
    return [
        {
            "id": run.id,
            "zapId": run.zap_id,
            "status": run.status,
            "createdAt": run.created_at.isoformat(),
            "finishedAt": run.finished_at.isoformat() if run.finished_at else None,
            "metadata": bodies.get(run.event_id),
            "logs": _logs(run, attempts[run.id], definitions.get((run.zap_id, run.version), {})),
        }
        for run in runs
    ]


async def _bodies(session: AsyncSession, runs: Sequence[Run]) -> dict[str, Any]:
    rows = await session.scalars(
        select(Event).where(
            col(Event.id).in_([run.event_id for run in runs]), col(Event.blob_key).is_(None)
        )
    )
    return {event.id: payload.trigger_data(event, event.raw or b"")["body"] for event in rows}


async def _last_attempts(
    session: AsyncSession, runs: Sequence[Run]
) -> dict[str, dict[str, Attempt]]:
    """By run and path, the attempt with the highest number."""
    rows = await session.scalars(
        select(Attempt)
        .where(
            col(Attempt.run_id).in_([run.id for run in runs]),
            # Rounds may be very many.
            ~col(Attempt.path).contains("["),
        )
        .options(*(defer(each) for each in _HEAVY))
        .order_by(col(Attempt.number))
    )
    found: dict[str, dict[str, Attempt]] = defaultdict(dict)
    for row in rows:
        found[row.run_id][row.path] = row
    return found


def _logs(
    run: Run, attempts: dict[str, Attempt], definition: dict[str, Any]
) -> list[dict[str, Any]]:
    stages = {step["id"]: stage for stage, step in enumerate(drafts.all_steps(definition))}
    is_over = run.status in figures.ENDED
    logs = [
        {
            "id": attempt.id,
            "zapRunId": run.id,
            "stage": stages.get(attempt.step_id, len(stages)),
            "actionId": attempt.action or attempt.kind,
            "status": _WORDS[attempt.status],
            "error": (attempt.error or {}).get("message"),
            "executedAt": (attempt.finished_at or attempt.started_at).isoformat(),
        }
        for attempt in attempts.values()
        # A failure that will be tried again is not the stage's last word.
        if attempt.status in _WORDS and (attempt.retry_at is None or is_over)
    ]
    return sorted(logs, key=lambda log: log["stage"])

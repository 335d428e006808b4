"""Runs that ended badly, run again because a person says so.

Promises: what succeeded is not repeated; of two people who ask at once one is told that the other
was quicker; what nobody knows about, and must not be done twice, is done again only by somebody who
says that they looked.

From where it failed, on the same version, the run itself goes on. All else is a new run.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.engine.plan import Plan
from flowforge.engine.protocol import Path
from flowforge.errors import Conflict, FlowForgeError, Invalid
from flowforge.infra import runtime
from flowforge.infra.bulk import within
from flowforge.infra.db import utc_now
from flowforge.infra.signals import Signals
from flowforge.models import Attempt, Run, Zap
from flowforge.services import edited_inputs, records, replays
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.figures import ENDED
from flowforge.services.plans import NewerRelease
from flowforge.services.records import Row
from flowforge.services.replays import Terms

FAILED, START = "failed", "start"
RETRIED = ("failed", "timed_out", "cancelled")
# The claims of one life never count so far: an older life's worker always has a lower fence.
FENCES_OF_A_LIFE = 1_000_000
_AT_ONCE = 500


class Again(BaseModel):
    """How to run again. ``from``: where it failed, the start, or a path such as ``each[2]/send``,
    whose ``inputs`` may be given. ``version``: the run's own, or the live one. ``confirm_unknown``:
    somebody has looked what an attempt with an unknown outcome did.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=True
    )

    begin: str = Field(default=FAILED, alias="from", min_length=1, max_length=2000)
    version: Literal["same", "live"] = "same"
    inputs: Any = None
    confirm_unknown: bool = False


async def retry(
    session: AsyncSession, actor: Actor, signals: Signals, run_id: str, how: Again
) -> str:
    """Run it again; the id of the run that goes on, which is a new one or the same.

    Raises: Conflict where it has not ended, not failed, cannot go on or is doubtful; Invalid for a
    path that it never reached, a step that the live version does not have, inputs that do not fit.
    """
    require(actor, Permission.OPERATE)
    run = await own(session, actor, Run, run_id)
    new = await again(session, run, how, Terms())
    replays.tell(session, signals, new)
    return new.id


async def again(session: AsyncSession, run: Run, how: Again, terms: Terms) -> Run:
    """The same for a run that the caller owns, without telling anybody."""
    if how.inputs is not None and how.begin in (FAILED, START):
        raise _wrong("inputs", "Name in `from` the step whose inputs these are.")
    if run.status not in ENDED:
        said = "The run has not ended yet. Wait for it, or cancel it first."
        raise Conflict(said, code="run_not_ended")
    zap = await replays.zap_of(session, run)
    if how.begin == FAILED and how.version == "same":
        return await _reopen(session, run, zap, how, terms)
    version = run.version if how.version == "same" else replays.live_version(zap)
    if how.begin == START:
        rows = await records.of_run(session, run.id)
        _require_known(records.latest(rows).values(), how, elsewhere=True)
        event = await replays.event_of(session, run)
        return await replays.begin(session, zap, event, version, terms, repeats=run)
    return await _from_the_middle(session, run, how, terms, zap=zap, version=version)


# ---- the same run, once more ---------------------------------------------------------------------


async def _reopen(session: AsyncSession, run: Run, zap: Zap, how: Again, terms: Terms) -> Run:
    _require_failed(run)
    # First of all: of two who ask at once, the second waits here and then finds it queued.
    reopened = await session.execute(
        update(Run)
        .where(col(Run.id) == run.id, col(Run.status).in_(RETRIED))
        .values(
            status="queued",
            retries=col(Run.retries) + 1,
            batch_id=terms.batch_id or col(Run.batch_id),
            error=None,
            started_at=None,
            deadline_at=None,
            finished_at=None,
        )
        .returning(col(Run.retries))
        .execution_options(synchronize_session=False)
    )
    retries = reopened.scalar_one_or_none()
    if retries is None:
        raise Conflict("Somebody else was quicker: the run goes on already.", code="run_not_ended")
    await session.refresh(run)
    event = await replays.event_of(session, run)
    rows = await records.of_run(session, run.id)
    await _require_values(rows)
    at_end = await records.casualties(await _plan(session, run, run.version, terms), rows)
    _require_known(at_end, how, elsewhere=False)
    await _promise_again(session, run, at_end)
    entry = await replays.promise(zap, event, run, terms)
    entry.fence = retries * FENCES_OF_A_LIFE
    session.add(entry)
    await session.flush()
    return run


async def _promise_again(session: AsyncSession, run: Run, at_end: Sequence[Row]) -> None:
    """To the engine a promise is a fact: another attempt of each of these is due now."""
    last = await session.scalar(
        select(func.max(col(Attempt.seq))).where(col(Attempt.run_id) == run.id)
    )
    for first in range(0, len(at_end), _AT_ONCE):
        await session.execute(
            update(Attempt)
            .where(col(Attempt.id).in_([row.id for row in at_end[first : first + _AT_ONCE]]))
            # Who ended the run from outside gave its attempts no place among the ends of others.
            .values(retry_at=utc_now(), seq=func.coalesce(col(Attempt.seq), (last or 0) + 1))
            .execution_options(synchronize_session=False)
        )


# ---- a new run that begins in the middle ---------------------------------------------------------


async def _from_the_middle(
    session: AsyncSession, run: Run, how: Again, terms: Terms, *, zap: Zap, version: int
) -> Run:
    rows = await records.of_run(session, run.id)
    before = await _plan(session, run, run.version, terms)
    plan = before if version == run.version else await _plan(session, run, version, terms)
    at_end = await records.casualties(before, rows) if run.status in RETRIED else []
    path: Path | None = how.begin
    if how.begin == FAILED:
        _require_failed(run)
        path = None
    places = [path] if path is not None else [row.record.path for row in at_end if row.has_failed]
    for place in places:
        _require_place(plan, rows, place, how)
    event = await replays.event_of(session, run)
    kept = await records.kept(before, plan, rows, path, at_end)
    await _require_values([row for row, _ in kept])
    names = {row.id for row, _ in kept}
    repeated = [row for row in records.latest(rows).values() if row.id not in names]
    _require_known(repeated, how, elsewhere=True)
    inputs = dict(run.inputs or {})
    if path is not None and how.inputs is not None:
        inputs[path] = edited_inputs.checked(plan, path, how.inputs)
    has_replied = any(row.kind == "reply" for row, _ in kept)
    new = await replays.begin(
        session,
        zap,
        event,
        version,
        terms,
        repeats=run,
        inputs=inputs,
        reply=run.reply if has_replied else None,
    )
    await records.copy(session, kept, new)
    return new


def _require_place(plan: Plan, rows: Sequence[Row], path: Path, how: Again) -> None:
    """Raises: Invalid where the run never came to ``path``, or ``plan`` has no such place."""
    if all(row.record.path != path for row in rows):
        raise _wrong("from", f"The run never came to '{path}'. Name a path of its attempts.")
    *rounds, step_id = path.split("/")
    loops = tuple(each.rpartition("[")[0] for each in rounds)
    if step_id not in plan.places:
        said = f"The live version has no step '{step_id}', so the run cannot go on there."
    elif plan.loops_around(step_id) != loops:
        said = f"In the live version the step '{step_id}' stands in other loops."
    else:
        return
    raise _wrong("version" if how.version == "live" else "from", f"{said} Run it from the start.")


# ---- what must be ----------------------------------------------------------------------------------


def _require_failed(run: Run) -> None:
    if run.status not in RETRIED:
        raise Conflict(
            "The run did not fail, so there is no step to go on from. Replay it, or name the step"
            " to run it from.",
            code="run_not_failed",
        )


def _require_known(rows: Iterable[Row], how: Again, *, elsewhere: bool) -> None:
    """Raises: Conflict where nobody knows what one of these did, and it must not be done twice."""
    doubtful = [row for row in rows if row.is_doubtful(elsewhere=elsewhere)]
    if doubtful and not how.confirm_unknown:
        raise Conflict(
            "Nobody knows whether what this run began took effect, and doing it twice may do harm."
            " Check at the provider first. To do it again, confirm that you did"
            " (confirm_unknown).",
            code="outcome_unknown",
            details=[
                {
                    "path": row.record.path,
                    "message": row.record.error.message if row.record.error else "It is unknown.",
                }
                for row in doubtful
            ],
        )


async def _require_values(rows: Sequence[Row]) -> None:
    """Raises: Conflict where a large value that later steps may want is gone."""
    keys = [row.blob for row in rows if row.blob is not None and row.record.status == "succeeded"]
    if await runtime.current().blobs.missing(keys):
        raise Conflict(
            "What a step of this run gave is no longer stored, so it cannot go on from here. Run it"
            " from the start.",
            code="value_gone",
        )


async def _plan(session: AsyncSession, run: Run, version: int, terms: Terms) -> Plan:
    named: Mapping[str, Any] = {"zap_id": run.zap_id, "version": version}
    await terms.plans.load(await within(session), [named])
    try:
        return terms.plans.of(named)
    except (FlowForgeError, NewerRelease) as problem:
        raise Conflict(
            f"Version {version} of the zap cannot be read by this release.",
            code="version_unreadable",
        ) from problem


def _wrong(path: str, message: str) -> Invalid:
    return Invalid(message, details=[{"path": path, "message": message}])

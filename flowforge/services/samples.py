"""Real values of a zap: what its trigger received and what its steps gave, last time.

For the data picker, secrets taken out and large values shortened, and for the test of one step, as
they were. A test of a step counts like a run: the newer of both is the sample.
"""

import datetime as dt
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.errors import NotFound
from flowforge.infra import documents, runtime
from flowforge.infra.db import utc_now
from flowforge.infra.redaction import redact
from flowforge.models import Attempt, Run, Sample, Zap
from flowforge.services import drafts, trigger_samples
from flowforge.services.access import Actor, Permission, own, require

# Older runs are of other versions more often than they are of use.
LATEST_RUNS = 50
LARGEST_BYTES = 1024 * 1024
# Larger ones are shortened for a person's eyes: the first items of a list show what all look like.
LARGEST_WHOLE = 64 * 1024
LONGEST_LIST, LONGEST_TEXT = 100, 10_000
_LARGEST_LOOKED_AT = 5 * LARGEST_BYTES


class LookedAt(NamedTuple):
    """Samples for a person's eyes. ``items``: an item of each loop that had one; ``cut``: the steps
    whose long lists and texts are shortened.
    """

    steps: dict[str, Any]
    items: dict[str, Any]
    cut: frozenset[str]


class _Value(NamedTuple):
    """A value of a step, or the blob that it is in, and since when it is."""

    document: Any
    blob: str | None
    size: int
    at: dt.datetime


async def samples(session: AsyncSession, actor: Actor, zap_id: str) -> dict[str, Any]:
    """``{"trigger": … or None, "steps": {step id: output}, "items": {id of a loop: an item}}``.

    The trigger is what a person has chosen, or else the newest event's that fits, so also one that
    came before the zap was live (held); each step's output is that of its newest success or test.
    """
    require(actor, Permission.READ)
    zap = await own(session, actor, Zap, zap_id)
    tests = await _tests(session, zap)
    outputs = await _outputs(session, zap, tests)
    lists = await _loop_inputs(session, zap, tests)
    steps = {step_id: await _looked_at(value) for step_id, value in outputs.items()}
    loops = {step_id: await _looked_at(value) for step_id, value in lists.items()}
    return {
        "trigger": await trigger_samples.shown(session, zap),
        "steps": {step_id: redact(value) for step_id, value in steps.items()},
        "items": {step_id: redact(items[0]) for step_id, items in _lists(loops).items()},
    }


async def looked_at(
    session: AsyncSession, zap: Zap, step_ids: Collection[str], loop_ids: Collection[str]
) -> LookedAt:
    """The newest outputs of those steps, items of those loops; the caller owns the zap."""
    tests = await _tests(session, zap)
    outputs = await _outputs(session, zap, tests, step_ids) if step_ids else {}
    steps, cut = {}, set()
    for step_id in outputs.keys() & set(step_ids):
        value = await _looked_at(outputs[step_id], LARGEST_BYTES)
        steps[step_id] = redact(value)
        if outputs[step_id].size > LARGEST_BYTES:
            cut.add(step_id)
    lists = await _loop_inputs(session, zap, tests) if loop_ids else {}
    loops = {each: await _looked_at(lists[each]) for each in lists.keys() & set(loop_ids)}
    items = {loop_id: redact(over[0]) for loop_id, over in _lists(loops).items()}
    return LookedAt(steps, items, frozenset(cut))


async def step_values(session: AsyncSession, zap: Zap, step_ids: Collection[str]) -> dict[str, Any]:
    """The newest outputs of those steps that have any, whole; the caller owns the zap."""
    found = await _outputs(session, zap, await _tests(session, zap), step_ids)
    values = {}
    for step_id in found.keys() & set(step_ids):
        try:
            values[step_id] = await _whole(found[step_id])
        except NotFound:
            continue
    return values


async def keep(
    session: AsyncSession, zap: Zap, step_id: str, shown_input: Any, output: Any
) -> bool:
    """Keep what a test gave as the step's sample; the caller has locked the zap.

    False where even the shortened output is too large to be kept.
    """
    kept = [shortened(each, LARGEST_BYTES) for each in (shown_input, output)]
    if any(len(documents.dump(each)) > LARGEST_BYTES for each in kept):
        return False
    await session.merge(
        Sample(
            zap_id=zap.id,
            step_id=step_id,
            project_id=zap.project_id,
            input=kept[0],
            output=kept[1],
            updated_at=utc_now(),
        )
    )
    await session.flush()
    return True


def shortened(value: Any, largest: int) -> Any:
    """``value`` itself up to ``largest`` characters of JSON; beyond, with long lists and texts
    cut.
    """
    return value if len(documents.dump(value)) <= largest else _cut(value)


def _cut(value: Any) -> Any:
    match value:
        case str():
            return value if len(value) <= LONGEST_TEXT else f"{value[:LONGEST_TEXT]}…"
        case Mapping():
            return {key: _cut(each) for key, each in value.items()}
        case list() | tuple():
            return [_cut(each) for each in value[:LONGEST_LIST]]
    return value


async def _tests(session: AsyncSession, zap: Zap) -> dict[str, Sample]:
    rows = await session.scalars(
        select(Sample).where(
            col(Sample.zap_id) == zap.id, col(Sample.step_id) != trigger_samples.PLACE
        )
    )
    return {row.step_id: row for row in rows}


async def _outputs(
    session: AsyncSession,
    zap: Zap,
    tests: Mapping[str, Sample],
    step_ids: Collection[str] | None = None,
) -> dict[str, _Value]:
    """By step, the newer of its last success and its last test; of all steps, or of these."""
    among = [] if step_ids is None else [col(Attempt.step_id).in_(step_ids)]
    rows = await session.execute(
        select(
            col(Attempt.step_id),
            col(Attempt.output),
            col(Attempt.output_blob),
            col(Attempt.output_size),
            func.coalesce(col(Attempt.finished_at), col(Attempt.started_at)),
        ).where(col(Attempt.id).in_(_latest(zap, col(Attempt.status) == "succeeded", *among)))
    )
    found = {step_id: _Value(value, blob, size or 0, at) for step_id, value, blob, size, at in rows}
    for step_id, test in tests.items():
        if step_id not in found or test.updated_at > found[step_id].at:
            found[step_id] = _Value(test.output, None, 0, test.updated_at)
    return found


async def _loop_inputs(
    session: AsyncSession, zap: Zap, tests: Mapping[str, Sample]
) -> dict[str, _Value]:
    """By loop of the draft, what it went over last time, whatever became of it."""
    rows = await session.execute(
        select(
            col(Attempt.step_id),
            col(Attempt.input),
            col(Attempt.input_blob),
            col(Attempt.input_size),
            col(Attempt.started_at),
        ).where(col(Attempt.id).in_(_latest(zap, col(Attempt.kind) == "loop")))
    )
    found = {step_id: _Value(value, blob, size or 0, at) for step_id, value, blob, size, at in rows}
    for step in drafts.all_steps(zap.draft):
        test = tests.get(step["id"]) if step["kind"] == "loop" else None
        if test and (step["id"] not in found or test.updated_at > found[step["id"]].at):
            found[step["id"]] = _Value(test.input, None, 0, test.updated_at)
    return found


def _latest(zap: Zap, *conditions: Any) -> Any:
    """The id of the newest attempt of each step that fits, in the latest runs."""
    runs = (
        select(col(Run.id))
        .where(col(Run.zap_id) == zap.id)
        .order_by(col(Run.id).desc())
        .limit(LATEST_RUNS)
        .scalar_subquery()
    )
    return (
        select(func.max(col(Attempt.id)))
        .where(col(Attempt.run_id).in_(runs), *conditions)
        .group_by(col(Attempt.step_id))
        .scalar_subquery()
    )


async def _whole(value: _Value) -> Any:
    if value.blob is None:
        return value.document
    return documents.parse(await runtime.current().blobs.get(value.blob))


async def _looked_at(value: _Value, whole: int = LARGEST_WHOLE) -> Any:
    """The value for a person's eyes, shortened beyond ``whole``; a very large one is a sentence
    instead.
    """
    if value.blob is not None and value.size > _LARGEST_LOOKED_AT:
        return _too_large(value.size)
    try:
        shown = shortened(await _whole(value), whole)
    except NotFound:
        return "(no longer stored)"
    return shown if len(documents.dump(shown)) <= LARGEST_BYTES else _too_large(value.size)


def _too_large(size: int) -> str:
    return f"({size / 1_000_000:.1f} MB: too large to be shown here)"


def _lists(inputs: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Of the inputs of steps, the lists that loops went over, but for empty ones."""
    lists = {
        step_id: each.get("items") for step_id, each in inputs.items() if isinstance(each, Mapping)
    }
    return {step_id: each for step_id, each in lists.items() if isinstance(each, list) and each}

"""The test of one step of the draft: on its own, performed for real, without a run.

In three parts, because no transaction is open while a step is performed: ``prepare`` reads what the
step needs, ``perform`` does it, ``keep`` makes what it gave the step's sample.
Promises: what the engine decides in a run it decides here as well; nothing is tried twice; what
waits in a run only says for what.
"""

import asyncio
import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncSession

from flowforge.actions import REGISTRY
from flowforge.engine.parsing import parse_definition
from flowforge.engine.plan import Plan
from flowforge.engine.protocol import Failed, Started, Succeeded
from flowforge.engine.state import State
from flowforge.errors import Conflict, NotFound, Unavailable
from flowforge.infra import documents
from flowforge.infra.db import new_id, utc_now
from flowforge.infra.redaction import redact
from flowforge.infra.runtime import Runtime
from flowforge.models import Zap
from flowforge.services import drafts, equipment, rehearsal, samples, trigger_samples, zaps
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.execution import RunKey
from flowforge.services.rehearsal import WORKED_OUT, Foretold, Stage
from flowforge.services.values import Packed, Values

# A person waits for it, and so does a connection of the web process.
LONGEST_SECONDS = 60.0
MOST_AT_ONCE = 20
# What these give is what they give in a run; the others only say what they would do.
_GIVE_SAMPLES = frozenset({"action", "code", "filter", "router", "loop", "reply"})


class GivenSample(BaseModel):
    """What to try a step with instead of what there is: ``trigger`` as expressions see it, outputs
    of ``steps`` by id, the ``item`` of the loop around it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    trigger: dict[str, Any] | None = None
    steps: dict[str, Any] = {}
    item: Any = None


@dataclass(frozen=True)
class Prepared:
    """A step that is ready to be tried; ``drafted`` is it as it stands in the draft."""

    zap_id: str
    project_id: str
    drafted: drafts.Step
    stage: Stage
    began_at: dt.datetime = field(default_factory=utc_now)


class TestedStep(BaseModel):
    """What became of it, like an attempt of a run. ``note`` says what a run does here or what was
    left out; ``is_sample``: later steps may pick from its output.
    """

    model_config = ConfigDict(frozen=True)

    path: str
    step_id: str
    kind: str
    action: str | None
    name: str
    number: int
    status: str
    started_at: dt.datetime
    finished_at: dt.datetime
    duration_ms: int
    input: Any
    output: Any
    error: dict[str, str] | None
    logs: str | None
    note: str
    is_sample: bool


@dataclass(frozen=True)
class Outcome:
    """What a test gave, before it is looked at: ``output`` may hold secrets."""

    told: Foretold
    logs: str | None
    finished_at: dt.datetime


async def prepare(
    session: AsyncSession,
    actor: Actor,
    zap_id: str,
    path: str,
    sample: GivenSample | None = None,
    *,
    is_confirmed: bool = False,
) -> Prepared:
    """The step at ``path`` (or of that id) with samples for everything it may look at.

    Raises: NotFound for a step that is not in the draft, Invalid where a loop around it has no
    item, Conflict ``confirmation_needed`` for what cannot be taken back.
    """
    require(actor, Permission.OPERATE)
    zap = await own(session, actor, Zap, zap_id)
    step_id = path.rpartition("/")[2]
    drafted = _step(zap, step_id)
    if not is_confirmed:
        _require_harmless(drafted)
    given = sample or GivenSample()
    definition = parse_definition(zap.draft)
    wanted = rehearsal.reads(definition, step_id)
    stored = await samples.step_values(session, zap, wanted - given.steps.keys())
    started = Started(
        payload=given.trigger or await trigger_samples.value(session, zap),
        run={
            "id": "test",
            "zap_id": zap.id,
            "version": -zap.draft_revision,
            "started_at": utc_now().isoformat(),
        },
    )
    item = given.item if "item" in given.model_fields_set else WORKED_OUT
    outputs = stored | {name: given.steps[name] for name in given.steps.keys() & wanted}
    stage = rehearsal.set_up(definition, step_id, started, outputs, item)
    return Prepared(zap.id, zap.project_id, drafted, stage)


def _step(zap: Zap, step_id: str) -> drafts.Step:
    for step in drafts.all_steps(zap.draft):
        if step["id"] == step_id:
            return step
    raise NotFound("There is no such step in the draft.")


def _require_harmless(step: drafts.Step) -> None:
    """Raises: Conflict where a mistake could not be mended."""
    action = REGISTRY.get(drafts.action_key(step)) if step["kind"] == "action" else None
    if action is not None and (action.moves_money or not action.repeatable):
        raise Conflict(
            f"'{action.name}' is really done in a test as well, and cannot be taken back. Confirm"
            " it to go on.",
            code="confirmation_needed",
            details=[{"path": "confirm", "message": "must be true"}],
        )


@dataclass(frozen=True, slots=True)
class _Alone:
    """A run of one step, as far as performing it goes."""

    key: RunKey
    plan: Plan
    state: State


class _Memory:
    """What a step remembers over its attempts; a test is one attempt, so it is soon forgotten."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    async def get(self, key: str) -> Any | None:
        return self._values.get(key)

    async def put(self, key: str, value: Any) -> None:
        self._values[key] = value


_under_way = asyncio.Semaphore(MOST_AT_ONCE)


async def perform(runtime: Runtime, prepared: Prepared) -> Outcome:
    """Try the step, at most as long as it may take and a person will wait.

    Raises: Unavailable while too many others are being tried.
    """
    told = rehearsal.foretold(prepared.stage)
    if told is not None:
        return Outcome(told, None, utc_now())
    if _under_way.locked():
        raise Unavailable("Many steps are being tested right now. Try again in a moment.")
    async with _under_way:
        return await _performed(runtime, prepared)


async def _performed(runtime: Runtime, prepared: Prepared) -> Outcome:
    stage = prepared.stage
    performer = equipment.performer(runtime, lambda _key, _path: _Memory(), Values(runtime.blobs))
    # No run has this id: what providers are sent can be told from what runs send.
    key = RunKey(f"test:{new_id()}", 0, prepared.zap_id, prepared.project_id)
    alone = _Alone(key, stage.plan, stage.state)
    done = await performer.perform(alone, stage.path, 1, LONGEST_SECONDS)
    shown = await asyncio.to_thread(_document, done.inputs)
    match done.outcome:
        case Succeeded():
            output = await asyncio.to_thread(_document, done.output)
            told = Foretold(input=shown, output=output)
        case Failed(error=error, unknown=is_unknown):
            told = Foretold("unknown" if is_unknown else "failed", input=shown, error=error)
    return Outcome(told, done.logs, utc_now())


def _document(packed: Packed) -> Any:
    """The value that would be written down. Nothing is: a blob for it is not made."""
    text = packed.content if packed.document is None else packed.document
    return None if text is None else documents.parse(text)


async def keep(
    session: AsyncSession, actor: Actor, prepared: Prepared, outcome: Outcome
) -> TestedStep:
    """What became of the step, as a person may see it; a success is its sample from now on."""
    require(actor, Permission.OPERATE)
    told, drafted = outcome.told, prepared.drafted
    note, is_sample = told.note, False
    if told.status == "succeeded" and drafted["kind"] in _GIVE_SAMPLES and told.output is not None:
        zap = await zaps.locked(session, actor, prepared.zap_id)
        is_sample = await samples.keep(session, zap, drafted["id"], told.input, told.output)
    size = await asyncio.to_thread(lambda: len(documents.dump(told.output)))
    if size > samples.LARGEST_BYTES:
        kept = "long lists and texts are cut" if is_sample else "it is too large for a sample"
        note = f"The output is {size / 1_000_000:.1f} MB: {kept}. {note}".strip()
    took = (outcome.finished_at - prepared.began_at).total_seconds()
    return TestedStep(
        path=prepared.stage.path,
        step_id=drafted["id"],
        kind=drafted["kind"],
        action=drafted.get("action") or None,
        name=drafts.step_name(drafted),
        number=1,
        status=told.status,
        started_at=prepared.began_at,
        finished_at=outcome.finished_at,
        duration_ms=max(0, round(took * 1000)),
        input=samples.shortened(redact(told.input), samples.LARGEST_BYTES),
        output=samples.shortened(redact(told.output), samples.LARGEST_BYTES),
        error=None
        if told.error is None
        else {"code": told.error.code, "message": told.error.message},
        logs=outcome.logs,
        note=note,
        is_sample=is_sample,
    )

"""What a draft has to be, readable to be stored, complete to be published; and its tree of steps.

A draft is kept exactly as it was sent, so that a page and a script read back what they wrote.
Nothing here recurses over the length of a list of steps, only over how deep they are nested.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from flowforge.actions import REGISTRY
from flowforge.actions.sdk import Action
from flowforge.engine import definition as tree
from flowforge.engine.checks import ActionSpec, check
from flowforge.engine.conditions import read_date
from flowforge.engine.expressions import is_template
from flowforge.engine.parsing import parse_definition
from flowforge.engine.triggers import PollTrigger, WebhookTrigger, settings_of
from flowforge.errors import Invalid, TooLarge
from flowforge.infra import documents, remembering
from flowforge.infra.db import utc_now
from flowforge.infra.redaction import redact
from flowforge.sandbox import check_code
from flowforge.services import poll_inputs, verifying
from flowforge.services.step_kinds import KINDS

LARGEST_BYTES = 1024 * 1024

Problem = dict[str, str]
Step = dict[str, Any]

# What holds the tree together, or is no place for a value: it is shown whatever it is called.
_STRUCTURE = frozenset({"id", "kind", "steps", "branches", "fallback", "approvers"})


class Body(NamedTuple):
    """A list of steps inside a step. ``name`` is that of its branch; a loop's only one has none."""

    name: str
    steps: list[Step]


def empty() -> dict[str, Any]:
    """The draft of a new zap: a webhook and no steps yet."""
    return {"trigger": {"kind": "webhook", "settings": {}}, "steps": []}


def readable(definition: Any) -> dict[str, Any]:
    """``definition`` itself, if the engine can read it; it may still be incomplete.

    Raises: Invalid with the path of every unknown key or wrong type, TooLarge over 1 MB.
    """
    if not isinstance(definition, dict):
        raise Invalid(
            "The definition must be an object with a trigger and steps.",
            details=[{"path": "definition", "message": "must be an object"}],
        )
    # First: it bounds the depth, so that writing the document cannot exhaust the stack.
    parse_definition(definition)
    if len(documents.dump(definition).encode()) > LARGEST_BYTES:
        raise TooLarge("The definition is larger than 1 MB. Move large texts out of its steps.")
    return definition


def problems(
    definition: dict[str, Any], known_zaps: Collection[str] | None = None
) -> list[Problem]:
    """What keeps the draft from being published; each names path and field. Empty: nothing.

    ``known_zaps``: the ids that a zap step may name; None where nobody has looked them up.
    """
    try:
        parsed, checked = _checked(definition)
    except Invalid as refusal:
        return list(refusal.details or [{"path": "", "message": refusal.message}])
    found = [dict(each) for each in checked]
    if isinstance(parsed.trigger, WebhookTrigger) and parsed.trigger.settings.verify is not None:
        found += [
            {"path": f"trigger.settings.verify.{name}", "message": said}
            for name, said in verifying.problems(parsed.trigger.settings.verify)
        ]
    if isinstance(parsed.trigger, PollTrigger):
        found += poll_inputs.problems(parsed.trigger.settings)
    for step in _in_use(parsed.steps):
        found += _outside_the_engine(step, known_zaps)
    return found


@remembering.by_content
def _checked(definition: Any) -> tuple[tree.Definition, tuple[Problem, ...]]:
    """What the engine reads and says of it, whatever the time is and whoever asks."""
    parsed = parse_definition(definition)
    return parsed, tuple(each.as_detail() for each in check(parsed, SPECS))


def trigger_of(definition: Mapping[str, Any]) -> dict[str, Any] | None:
    """``{"kind", "settings"}``, however it was written: what intake must know of it."""
    trigger = definition.get("trigger")
    if not trigger:
        return None
    settings = settings_of(trigger)
    settings.pop("metadata", None)  # read by nothing, and of any size
    return {"kind": trigger["kind"], "settings": settings}


def all_steps(definition: Mapping[str, Any]) -> list[Step]:
    """Every step of the tree, each before those inside it, in the order in which they stand."""
    found: list[Step] = []
    waiting = list(reversed(definition.get("steps") or ()))
    while waiting:
        step = waiting.pop()
        found.append(step)
        for body in reversed(bodies(step)):
            waiting += reversed(body.steps)
    return found


def bodies(step: Mapping[str, Any]) -> list[Body]:
    """The lists of steps inside ``step``, in the order in which they stand."""
    match step["kind"]:
        case "loop":
            return [Body("", list(step.get("steps") or ()))]
        case "router" | "parallel":
            found = [
                Body(branch.get("name") or f"Branch {number}", list(branch.get("steps") or ()))
                for number, branch in enumerate(step.get("branches") or (), start=1)
            ]
            fallback = list(step.get("fallback") or ())
            return [*found, Body("Fallback", fallback)] if fallback else found
    return []


def with_bodies(step: Step, change: Callable[[list[Step]], list[Step]]) -> Step:
    """``step`` with every list of steps inside it as ``change`` makes of it. Lists that are not
    there stay away.
    """
    if step["kind"] not in {"loop", "router", "parallel"}:
        return step
    after = dict(step)
    for key in after.keys() & {"steps", "fallback"}:
        after[key] = change(list(after[key]))
    if "branches" in after:
        after["branches"] = [
            {**branch, "steps": change(list(branch["steps"]))} if "steps" in branch else branch
            for branch in after["branches"]
        ]
    return after


def map_steps(definition: Mapping[str, Any], function: Callable[[Step], Step]) -> dict[str, Any]:
    """A copy in which every step, at any depth, is what ``function`` makes of it.

    ``function`` gets a step as it was and leaves the lists of steps inside it alone: their turn
    comes after.
    """

    def mapped(steps: list[Step]) -> list[Step]:
        return [with_bodies(function(step), mapped) for step in steps]

    after = dict(definition)
    if "steps" in after:
        after["steps"] = mapped(list(after["steps"]))
    return after


def step_name(step: Mapping[str, Any]) -> str:
    """What a person calls the step: its own name, or else that of what it does."""
    return step.get("name") or does(step)


def does(step: Mapping[str, Any]) -> str:
    """The name of the step's action or kind; empty while no action is chosen."""
    if step["kind"] in KINDS:
        return KINDS[step["kind"]].name
    key = action_key(step)
    known = REGISTRY.get(key)
    return known.name if known else key


def action_key(step: Mapping[str, Any]) -> str:
    """The registry key of an action step (empty while none is chosen); of others, their kind."""
    return str(step.get("action", "") if step["kind"] == "action" else step["kind"])


def without_secrets(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A copy to be looked at: secret inputs and everything named like a secret are redacted."""
    around = {key: value for key, value in definition.items() if key != "steps"}
    return map_steps({**definition, **redact(around)}, _shown)


def _shown(step: Step) -> Step:
    """``step`` with its values redacted. What names a branch or a step is no value."""
    shown: Step = redact({key: step[key] for key in step.keys() - _STRUCTURE})
    after = step | shown
    known = REGISTRY.get(action_key(step)) if step["kind"] == "action" else None
    if known and "inputs" in step:
        after["inputs"] = redact(step["inputs"], known.secret_fields)
    if "branches" in step:
        after["branches"] = [
            branch | {"when": redact(branch["when"])} if "when" in branch else branch
            for branch in step["branches"]
        ]
    return after


def _in_use(steps: Iterable[tree.Step]) -> Iterator[tree.Step]:
    """Every step that is not passed over."""
    for step in steps:
        if not step.skip:
            yield step
            for body in tree.bodies(step):
                yield from _in_use(body)


def _outside_the_engine(step: tree.Step, known_zaps: Collection[str] | None) -> Iterator[Problem]:
    """What is wrong with a step at this moment, in this project, with this sandbox."""
    match step:
        case tree.CodeStep():
            for _line, message in check_code(step.code):
                yield {"path": f"steps.{step.id}.code", "message": message}
        case tree.DelayStep():
            until = None if is_template(step.until) else read_date(step.until)
            if until is not None and until < utc_now():
                yield {"path": f"steps.{step.id}.until", "message": "This time is already past."}
        case tree.ZapStep():
            if step.zap_id and known_zaps is not None and step.zap_id not in known_zaps:
                message = "There is no zap with this id in this project. Choose one."
                yield {"path": f"steps.{step.id}.zap_id", "message": message}


def _spec(action: Action[Any, Any, Any]) -> ActionSpec:
    def findings(inputs: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        return [(found.path, found.message) for found in action.problems(dict(inputs))]

    return ActionSpec(
        validate=findings,
        connection=action.connection.kind if action.connection else None,
        repeatable=action.repeatable,
    )


class _Specs(Mapping[str, ActionSpec]):
    """The registry as the engine's checks want it, former keys included."""

    def __getitem__(self, key: str) -> ActionSpec:
        return _spec(REGISTRY[key])

    def __iter__(self) -> Iterator[str]:
        return iter(REGISTRY)

    def __len__(self) -> int:
        return len(REGISTRY)


SPECS = _Specs()

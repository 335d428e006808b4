"""What must be true to publish a draft: each problem with the step and field that it is about."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from flowforge.engine import conditions, expressions, schedule
from flowforge.engine.conditions import UNARY, When
from flowforge.engine.deciding import is_address
from flowforge.engine.definition import (
    ActionStep,
    ApprovalStep,
    BreakStep,
    CodeStep,
    Definition,
    DelayStep,
    FilterStep,
    Limits,
    LoopStep,
    ParallelStep,
    ReplyStep,
    RouterStep,
    Step,
    ZapStep,
    bodies,
)
from flowforge.engine.plan import compile_plan
from flowforge.engine.sight import Sight, branches_before
from flowforge.engine.triggers import (
    AppTrigger,
    FormField,
    FormTrigger,
    ManualTrigger,
    ScheduleTrigger,
    Trigger,
)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to mend before publishing. ``path`` is like ``steps.post.inputs.url``."""

    path: str
    message: str

    def as_detail(self) -> dict[str, str]:
        """As it stands in the ``details`` of an answer."""
        return {"path": self.path, "message": self.message}


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """What the checks must know of a registered action.

    ``validate`` gives a (field, message) for everything that is wrong with the inputs; the field
    is dotted (``headers.accept``), or empty where the inputs as a whole are wrong. ``connection``
    is the kind of connection needed, or None.
    """

    validate: Callable[[Mapping[str, Any]], Iterable[tuple[str, str]]]
    required: frozenset[str] = frozenset()
    connection: str | None = None
    repeatable: bool = True


def check(definition: Definition, actions: Mapping[str, ActionSpec]) -> list[Problem]:
    """Everything that keeps ``definition`` from being published, in its own order."""
    problems: list[Problem] = []
    if definition.trigger is None:
        problems.append(Problem("trigger", "Choose what starts this zap."))
    problems += _check_trigger(definition.trigger)
    if not definition.steps:
        problems.append(Problem("steps", "Add at least one step."))
    plan = compile_plan(definition)
    before = {
        place.step.id: branches_before(place.step)
        for place in plan.places.values()
        if isinstance(place.step, ParallelStep)
    }
    waiting = list(reversed(definition.steps))
    while waiting:
        step = waiting.pop()
        # A step that is passed over cannot go wrong, nor can what is in it.
        if not step.skip:
            problems += _check_step(step, Sight(plan, before, step.id), actions)
            waiting += [each for body in reversed(bodies(step)) for each in reversed(body)]
    return problems + list(_check_limits(definition.limits))


def _check_step(step: Step, sight: Sight, actions: Mapping[str, ActionSpec]) -> Iterator[Problem]:
    path = f"steps.{step.id}"
    match step:
        case ActionStep():
            yield from _check_action(step, path, actions)
            yield from _check_expressions(step.inputs, f"{path}.inputs", sight)
        case CodeStep():
            yield from _check_expressions(step.inputs, f"{path}.inputs", sight)
        case FilterStep() | BreakStep():
            yield from _check_when(step.when, f"{path}.when", sight)
            if isinstance(step, BreakStep) and not sight.plan.loops_around(step.id):
                yield Problem(path, "A break ends a loop, and this one is in none.")
        case RouterStep():
            yield from _check_router(step, path, sight)
        case LoopStep():
            yield from _check_loop(step, path, sight)
        case ParallelStep():
            if not step.branches:
                yield Problem(f"{path}.branches", "Add at least one branch.")
        case _:
            yield from _check_plain(step, path, sight)


def _check_plain(step: Step, path: str, sight: Sight) -> Iterator[Problem]:
    match step:
        case DelayStep():
            yield from _check_delay(step, path, sight)
        case ApprovalStep():
            yield from _check_approval(step, path, sight)
        case ZapStep():
            if not step.zap_id:
                yield Problem(f"{path}.zap_id", "Choose the zap to call.")
            yield from _check_expressions(step.input, f"{path}.input", sight)
        case ReplyStep():
            for name in ("status", "headers", "body"):
                yield from _check_expressions(getattr(step, name), f"{path}.{name}", sight)
            if _is_fixed(step.status) and not _is_whole(step.status):
                yield Problem(f"{path}.status", "A status is a number from 200 to 599.")


def _check_action(
    step: ActionStep, path: str, actions: Mapping[str, ActionSpec]
) -> Iterator[Problem]:
    if not step.action:
        yield Problem(f"{path}.action", "Choose an action.")
    elif step.action not in actions:
        yield Problem(f"{path}.action", f"No handler registered for action '{step.action}'")
    else:
        spec = actions[step.action]
        if spec.connection is not None and not step.connection:
            yield Problem(f"{path}.connection", "Choose a connection.")
        yield from _check_inputs(step.inputs, spec, f"{path}.inputs")


def _check_router(step: RouterStep, path: str, sight: Sight) -> Iterator[Problem]:
    if not step.branches:
        yield Problem(f"{path}.branches", "Add at least one branch.")
    for index, branch in enumerate(step.branches):
        here = f"{path}.branches[{index}].when"
        if not branch.when.any:
            yield Problem(here, "Say when this branch is taken.")
        yield from _check_when(branch.when, here, sight)


def _check_loop(step: LoopStep, path: str, sight: Sight) -> Iterator[Problem]:
    if step.over in (None, "") and step.count is None and step.while_ is None:
        yield Problem(f"{path}.over", "Choose what to repeat for: a list, a number or a condition.")
    if not step.steps:
        yield Problem(f"{path}.steps", "Add a step to repeat.")
    if step.while_ is not None:
        if step.concurrency > 1:
            yield Problem(
                f"{path}.concurrency",
                "A loop with a condition runs one round at a time: each round decides the next.",
            )
        yield from _check_when(step.while_, f"{path}.while", replace(sight, inside=True))
    is_fixed = step.over is not None and not expressions.is_template(step.over)
    if is_fixed and not isinstance(step.over, list | tuple) and step.over != "":
        is_text_of_list = isinstance(step.over, str) and step.over.lstrip().startswith("[")
        if not is_text_of_list:
            yield Problem(f"{path}.over", "The items you have selected must be a list.")
    if _is_fixed(step.count) and not _is_whole(step.count):
        yield Problem(f"{path}.count", "How often a loop runs is a whole number from 0.")
    for name in ("over", "count"):
        yield from _check_expressions(getattr(step, name), f"{path}.{name}", sight)


def _check_delay(step: DelayStep, path: str, sight: Sight) -> Iterator[Problem]:
    if step.seconds in (None, "") and step.until in (None, ""):
        yield Problem(f"{path}.seconds", "Say how long to wait, or until when.")
    if _is_fixed(step.until) and conditions.read_date(step.until) is None:
        yield Problem(
            f"{path}.until", "This is not a date. Give one like 2026-12-24T18:00:00+01:00."
        )
    if _is_fixed(step.seconds) and not _is_number(step.seconds):
        yield Problem(f"{path}.seconds", "A delay is a number of seconds from 0.")
    for name in ("seconds", "until"):
        yield from _check_expressions(getattr(step, name), f"{path}.{name}", sight)


def _is_fixed(value: Any) -> bool:
    """Whether ``value`` is given, and no expression decides it later."""
    return value not in (None, "") and not expressions.is_template(value)


def _is_whole(value: Any) -> bool:
    return not isinstance(value, str) or (value.isascii() and value.isdecimal())


def _is_number(value: Any) -> bool:
    try:
        return float(value) >= 0
    except ValueError:
        return False


def _check_approval(step: ApprovalStep, path: str, sight: Sight) -> Iterator[Problem]:
    if not step.question.strip():
        yield Problem(f"{path}.question", "Write the question to be answered.")
    yield from _check_expressions(step.question, f"{path}.question", sight)
    has_expression = False
    for index, approver in enumerate(step.approvers):
        here = f"{path}.approvers[{index}]"
        if expressions.is_template(approver):
            has_expression = True
            yield from _check_expressions(approver, here, sight)
        elif not all(is_address(each.strip()) for each in approver.split(",")):
            yield Problem(here, "This is not an e-mail address.")
    known = sum(len(approver.split(",")) for approver in step.approvers)
    if step.approvers and not has_expression and step.required > known:
        yield Problem(
            f"{path}.required",
            f"{step.required} approvals are required, and only {known} people are asked.",
        )


def _check_inputs(inputs: Mapping[str, Any], spec: ActionSpec, path: str) -> Iterator[Problem]:
    missing = {name for name in spec.required if inputs.get(name) in (None, "")}
    for name in sorted(missing):
        yield Problem(f"{path}.{name}", "This is required.")
    for name, message in spec.validate(inputs):
        first = name.split(".", 1)[0]
        # What an expression will give is known only when the step runs; it is checked then.
        if first not in missing and not expressions.is_template(_value_at(inputs, name)):
            yield Problem(f"{path}.{name}" if name else path, message)


def _value_at(inputs: Mapping[str, Any], name: str) -> Any:
    """The value that ``name`` points at, or the nearest one around it; None for no name."""
    value: Any = inputs.get(name.split(".", 1)[0]) if name else None
    for key in name.split(".")[1:]:
        if isinstance(value, Mapping) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            break
    return value


def _check_when(when: When, path: str, sight: Sight) -> Iterator[Problem]:
    for group_index, group in enumerate(when.any):
        for index, condition in enumerate(group.all):
            here = f"{path}.any[{group_index}].all[{index}]"
            if condition.left in (None, ""):
                yield Problem(f"{here}.left", "Choose what to look at.")
            if condition.right is None and condition.op not in UNARY:
                yield Problem(f"{here}.right", "Say what to compare with.")
            yield from _check_expressions(condition.left, f"{here}.left", sight)
            yield from _check_expressions(condition.right, f"{here}.right", sight)


def _check_expressions(value: Any, path: str, sight: Sight) -> Iterator[Problem]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _check_expressions(each, f"{path}.{key}", sight)
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _check_expressions(each, f"{path}[{index}]", sight)
    elif isinstance(value, str) and expressions.is_template(value):
        try:
            found = expressions.references(value)
        except expressions.ExpressionError as error:
            yield Problem(path, error.message)
            return
        for message in sorted({m for m in map(sight.problem, found) if m is not None}):
            yield Problem(path, message)


def _check_trigger(trigger: Trigger | None) -> Iterator[Problem]:
    match trigger:
        case ScheduleTrigger():
            for field, message in schedule.problems(trigger.settings):
                yield Problem(f"trigger.settings.{field}", message)
        case AppTrigger() if not trigger.settings.app:
            yield Problem("trigger.settings.app", "Choose an app.")
        case FormTrigger():
            if not trigger.settings.fields:
                yield Problem("trigger.settings.fields", "Add at least one field to the form.")
            yield from _check_fields(trigger.settings.fields)
        case ManualTrigger():
            yield from _check_fields(trigger.settings.fields)


def _check_fields(fields: Iterable[FormField]) -> Iterator[Problem]:
    names: set[str] = set()
    for index, field in enumerate(fields):
        path = f"trigger.settings.fields[{index}]"
        if field.name in names:
            yield Problem(f"{path}.name", f"Another field is called '{field.name}' already.")
        names.add(field.name)
        if field.kind == "choice" and not field.options:
            yield Problem(f"{path}.options", "Write the answers to choose from.")


def _check_limits(limits: Limits) -> Iterator[Problem]:
    for name in ("concurrency", "throttle", "debounce"):
        limit = getattr(limits, name)
        path = f"limits.{name}.key"
        if limit is None or not expressions.is_template(limit.key):
            continue
        try:
            found = expressions.references(limit.key)
        except expressions.ExpressionError as error:
            yield Problem(path, error.message)
            continue
        if any(reference[0] != "trigger" for reference in found):
            yield Problem(path, "Only 'trigger' is known before a run begins.")

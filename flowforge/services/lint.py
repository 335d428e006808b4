"""Hints on a draft: what may well be meant otherwise, though nothing keeps it from being published.

Pure. Promises: what is certainly wrong is told by the checks, not here; a step that is passed over
gives no hint; each hint says where, what and what to do; ``key`` names it for as long as its place
and its reason are the same.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flowforge.actions import REGISTRY
from flowforge.engine.definition import (
    ActionStep,
    ApprovalStep,
    Branch,
    BreakStep,
    CodeStep,
    Definition,
    DelayStep,
    FilterStep,
    LoopStep,
    ParallelStep,
    ReplyStep,
    RouterStep,
    Step,
    StopStep,
    ZapStep,
    bodies,
)
from flowforge.engine.expressions import is_template
from flowforge.engine.parsing import parse_definition
from flowforge.engine.plan import compile_plan
from flowforge.engine.triggers import WebhookTrigger
from flowforge.errors import Invalid
from flowforge.services import drafts, lint_conditions, lint_references, lint_secrets
from flowforge.services.lint_references import Shape

MANY_ROUNDS = 10_000
# They take no key by which a repeated call could be recognised.
_FORGETFUL = frozenset({"slack"})
_POSTS = frozenset({"POST", "PATCH"})


@dataclass(frozen=True)
class Hint:
    """``path`` is like ``steps.post.inputs.url``. ``is_soft``: worth a look, not worth a stop."""

    code: str
    path: str
    message: str
    is_soft: bool = False

    @property
    def key(self) -> str:
        return f"{self.code}:{self.path}"


@dataclass(frozen=True)
class Facts:
    """What a definition does not say itself. ``shapes``: what is known of the data, by ``trigger``
    and ids of steps; ``zaps_off``: the ids of zaps that are switched off.
    """

    zap_id: str = ""
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    zaps_off: frozenset[str] = frozenset()


NO_FACTS = Facts()


def hints(definition: Mapping[str, Any], facts: Facts = NO_FACTS) -> list[Hint]:
    """In the order of the draft; none for one that cannot be read, of which the checks speak."""
    try:
        parsed = parse_definition(definition)
    except Invalid:
        return []
    references = lint_references.Reader(compile_plan(parsed), facts.shapes)
    found = [*_trigger(parsed), *_unreached(parsed.steps)]
    for step in _used(parsed.steps):
        for rule in _RULES:
            found += rule(step, facts)
        found += _limits(step, parsed)
        found += [Hint(*each) for each in references.findings(step)]
        found += [Hint("secret", *each) for each in lint_secrets.findings(step)]
    order = {step["id"]: at for at, step in enumerate(drafts.all_steps(definition))}
    return sorted(dict.fromkeys(found), key=lambda hint: order.get(_step_of(hint.path), -1))


def _step_of(path: str) -> str:
    return path.split(".")[1] if path.startswith("steps.") else ""


def _used(steps: Sequence[Step]) -> Iterator[Step]:
    for step in steps:
        if not step.skip:
            yield step
            for body in bodies(step):
                yield from _used(body)


def _trigger(definition: Definition) -> Iterator[Hint]:
    trigger = definition.trigger
    if not isinstance(trigger, WebhookTrigger):
        return
    if trigger.settings.verify is None and not trigger.settings.allow_from:
        yield Hint(
            "unverified",
            "trigger.settings.verify",
            "Whoever knows the URL can start this zap. Choose how a sender proves who it is.",
            is_soft=True,
        )


def _unreached(steps: Sequence[Step]) -> Iterator[Hint]:
    """The first step of each list that nothing leads to."""
    ended_by: Step | None = None
    for step in steps:
        if step.skip:
            continue
        if ended_by is not None:
            name = _name(ended_by)
            message = f"This is never reached: “{name}” always ends it here. Move or remove it."
            yield Hint("unreached", f"steps.{step.id}", message)
            return
        for body in bodies(step):
            yield from _unreached(body)
        if _ends(step):
            ended_by = step


def _ends(step: Step) -> bool:
    match step:
        case StopStep():
            return True
        case ReplyStep():
            return step.stop
        case BreakStep():
            return lint_conditions.constant(step.when) is True
        case FilterStep():
            return lint_conditions.constant(step.when) is False
    return False


# ---- a step by itself ----------------------------------------------------------------------------


def _conditions(step: Step, _: Facts) -> Iterator[Hint]:
    path = f"steps.{step.id}"
    match step:
        case FilterStep() if not step.when.any:
            yield Hint(
                "lets_all", f"{path}.when", "This filter has no condition: everything passes."
            )
        case FilterStep() | BreakStep():
            yield from _constant(step.when, f"{path}.when")
        case LoopStep() if step.while_ is not None and step.while_.any:
            yield from _constant(step.while_, f"{path}.while")
        case RouterStep():
            yield from _router(step, path)


def _constant(when: Any, path: str) -> Iterator[Hint]:
    outcome = lint_conditions.constant(when) if when.any else None
    if outcome is not None:
        word = "always" if outcome else "never"
        yield Hint(
            "constant",
            f"{path}.any[0].all[0].left",
            f"This {word} holds: both sides are fixed. Insert data on one of them.",
        )


def _router(step: RouterStep, path: str) -> Iterator[Hint]:
    is_exhaustive = False
    seen: dict[str, str] = {}
    for at, branch in enumerate(step.branches):
        here, name = f"{path}.branches[{at}]", _branch_name(branch, at)
        if is_exhaustive and step.mode == "first_match":
            message = f"“{name}” is never taken: a branch before it takes everything."
            yield Hint("dead_branch", f"{here}.when", f"{message} Put it first, or remove it.")
            continue
        same = seen.get(lint_conditions.key(branch.when)) if branch.when.any else None
        if same is not None and step.mode == "first_match":
            message = f"“{name}” is never taken: “{same}” before it has the same condition."
            yield Hint("dead_branch", f"{here}.when", f"{message} Change one of the two.")
        elif branch.when.any:
            yield from _constant(branch.when, f"{here}.when")
            is_exhaustive |= lint_conditions.constant(branch.when) is True
        seen.setdefault(lint_conditions.key(branch.when), name)
        if not branch.steps:
            yield _empty(here, name)
    if step.branches and not step.fallback and not is_exhaustive:
        yield Hint(
            "no_fallback",
            f"{path}.fallback",
            "What matches no branch is passed over without a word. Add a step to Fallback that "
            "deals with it.",
        )


def _parallel(step: Step, _: Facts) -> Iterator[Hint]:
    for at, branch in enumerate(step.branches if isinstance(step, ParallelStep) else ()):
        if not branch.steps:
            yield _empty(f"steps.{step.id}.branches[{at}]", branch.name)


def _empty(path: str, name: str) -> Hint:
    message = f"Branch “{name}” is empty: nothing is done there. Add a step, or remove it."
    return Hint("empty_branch", path, message)


def _rounds(step: Step, _: Facts) -> Iterator[Hint]:
    if not isinstance(step, LoopStep):
        return
    written = str(step.count or "")
    count = int(written) if written.isdecimal() else 0
    if count > MANY_ROUNDS:
        message = f"This runs {count:,} rounds. Is that meant? Each of them costs its steps."
        yield Hint("many_rounds", f"steps.{step.id}.count", message)
    if step.while_ is not None and step.most > MANY_ROUNDS:
        message = f"This may run {step.most:,} rounds before it gives up. Lower the limit."
        yield Hint("many_rounds", f"steps.{step.id}.most", message)


def _repeats(step: Step, _: Facts) -> Iterator[Hint]:
    if not isinstance(step, ActionStep) or step.retry.attempts == 1:
        return
    action, path = REGISTRY.get(step.action), f"steps.{step.id}"
    is_asked = "retry" in step.model_fields_set and "attempts" in step.retry.model_fields_set
    is_forgetful = is_asked and step.action in _FORGETFUL
    if action is not None and (not action.repeatable or is_forgetful):
        yield Hint(
            "repeats",
            f"{path}.retry.attempts",
            f"{action.name} cannot tell a second attempt from a new one, and may do it twice "
            f"within {step.retry.attempts} attempts. One attempt is safe.",
        )
    headers = step.inputs.get("headers")
    names = headers if isinstance(headers, Mapping) else {}
    key = next((value for name, value in names.items() if name.lower() == "idempotency-key"), "")
    posts = str(step.inputs.get("method") or "POST").upper() in _POSTS
    if step.action == "webhook" and posts and key and not is_template(key):
        yield Hint(
            "fixed_key",
            f"{path}.inputs.headers",
            "This Idempotency-Key is the same for every run: from the second on, the receiver will "
            "see a repetition. Leave it out, one is set for you.",
        )


def _calls(step: Step, facts: Facts) -> Iterator[Hint]:
    if not isinstance(step, ZapStep) or not step.zap_id:
        return
    path = f"steps.{step.id}.zap_id"
    if step.zap_id == facts.zap_id:
        message = "This zap calls itself: each run starts another one. Make sure that it ends."
        yield Hint("calls_itself", path, message)
    elif step.zap_id in facts.zaps_off:
        message = "The zap to call is switched off, so the call will fail. Switch it on."
        yield Hint("zap_off", path, message)


def _unused(step: Step, _: Facts) -> Iterator[Hint]:
    if not isinstance(step, CodeStep):
        return
    for name in step.inputs:
        if name not in step.code and step.code.strip():
            message = (
                f"The code never reads the input '{name}'. Remove it, or use inputs['{name}']."
            )
            yield Hint("unused_input", f"steps.{step.id}.inputs", message)


_RULES: tuple[Callable[[Step, Facts], Iterator[Hint]], ...] = (
    _conditions,
    _parallel,
    _rounds,
    _repeats,
    _calls,
    _unused,
)


def _limits(step: Step, definition: Definition) -> Iterator[Hint]:
    """What waits longer than a run may take at all."""
    deadline = definition.limits.deadline_seconds
    if deadline is None:
        return
    match step:
        case DelayStep(seconds=int() | float() as seconds) if seconds > deadline:
            name = "seconds"
        case ApprovalStep(timeout_seconds=int() | float() as seconds) if seconds > deadline:
            name = "timeout_seconds"
        case _:
            return
    yield Hint(
        "too_long",
        f"steps.{step.id}.{name}",
        f"This waits {seconds:g} s, and a run of this zap is ended after {deadline:g} s. Wait less, "
        "or raise the deadline.",
    )


def _name(step: Step) -> str:
    return drafts.step_name(step.model_dump(include={"name", "kind", "action"}))


def _branch_name(branch: Branch, at: int) -> str:
    return branch.name or f"Branch {at + 1}"

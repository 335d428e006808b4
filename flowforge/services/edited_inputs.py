"""The inputs of a step as a person edited them before running it again.

They are data: no expression in them is rendered. What was hidden when they were shown has to be
typed again, since only the step itself ever sees it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from flowforge.actions import REGISTRY
from flowforge.actions.failures import ActionError, InputsRefused
from flowforge.engine.definition import ActionStep, CodeStep, ZapStep
from flowforge.engine.plan import Plan, step_at
from flowforge.engine.protocol import Path
from flowforge.errors import Invalid
from flowforge.infra import documents
from flowforge.infra.redaction import REDACTED
from flowforge.services.values import LARGEST_IN_ROW

_MOST_NAMED = 20


def checked(plan: Plan, path: Path, given: Any) -> Any:
    """``given`` itself, if the step at ``path`` can be run with it.

    Raises: Invalid with a detail for each field that is wrong.
    """
    step = step_at(plan, path)
    if not isinstance(step, ActionStep | CodeStep | ZapStep):
        raise _refused([("inputs", "Only actions, code and called zaps have inputs.")])
    if not isinstance(step, ZapStep) and not isinstance(given, Mapping):
        raise _refused([("inputs", "These must be an object.")])
    if len(documents.dump(given).encode()) > LARGEST_IN_ROW:
        raise _refused([("inputs", f"More than {LARGEST_IN_ROW // 1024} KB cannot be edited.")])
    hidden = [
        (place, "This was hidden. Type it again, or leave it out.")
        for place in _hidden(given, "inputs")
    ]
    if hidden:
        raise _refused(hidden)
    if isinstance(step, ActionStep):
        _check_action(step, given)
    return given


def _check_action(step: ActionStep, given: Mapping[str, Any]) -> None:
    action = REGISTRY.get(step.action)
    if action is None:
        raise _refused([("inputs", f"There is no action '{step.action}' any more.")])
    try:
        action.validate(dict(given))
    except InputsRefused as refusal:
        problems = [(f"inputs.{each.path}", each.message) for each in refusal.problems]
        raise _refused(problems) from None
    except ActionError as refusal:
        raise _refused([("inputs", str(refusal))]) from None


def _hidden(given: Any, path: str) -> Iterator[str]:
    """Where ``given`` has what stands for a secret that was taken out."""
    waiting = [(given, path)]
    while waiting:
        value, place = waiting.pop()
        if isinstance(value, Mapping):
            waiting += [(each, f"{place}.{name}") for name, each in value.items()]
        elif isinstance(value, list):
            waiting += [(each, f"{place}[{index}]") for index, each in enumerate(value)]
        elif isinstance(value, str) and REDACTED in value:
            yield place


def _refused(problems: list[tuple[str, str]]) -> Invalid:
    details = [{"path": path, "message": message} for path, message in problems[:_MOST_NAMED]]
    return Invalid(f"{details[0]['path']}: {details[0]['message']}", details=details)

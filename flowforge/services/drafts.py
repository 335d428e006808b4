"""What a draft has to be: readable to be stored, complete to be published.

A draft is kept exactly as it was sent, so that a page and a script read back what they wrote.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from flowforge.actions import REGISTRY
from flowforge.actions.sdk import Action
from flowforge.engine.checks import ActionSpec, check
from flowforge.engine.definition import parse_definition
from flowforge.errors import Invalid, TooLarge
from flowforge.infra import documents
from flowforge.infra.redaction import redact

LARGEST_BYTES = 1024 * 1024

Problem = dict[str, str]


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


def problems(definition: dict[str, Any]) -> list[Problem]:
    """What keeps the draft from being published; each names path and field. Empty: nothing."""
    try:
        parsed = parse_definition(definition)
    except Invalid as refusal:
        return list(refusal.details or [{"path": "", "message": refusal.message}])
    return [found.as_detail() for found in check(parsed, SPECS)]


def all_steps(definition: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every step, in the order in which they stand."""
    return list(definition.get("steps", ()))


def step_name(step: Mapping[str, Any]) -> str:
    """What a person calls the step: its own name, or else that of its action."""
    key = action_key(step)
    known = REGISTRY.get(key)
    return step.get("name") or (known.name if known else key)


def action_key(step: Mapping[str, Any]) -> str:
    """The registry key of an action step (empty while none is chosen); of others, their kind."""
    return str(step.get("action", "") if step["kind"] == "action" else step["kind"])


def without_secrets(definition: Mapping[str, Any]) -> dict[str, Any]:
    """A copy to be looked at: secret inputs and everything named like a secret are redacted."""
    shown: dict[str, Any] = redact(dict(definition))
    for shown_step, step in zip(all_steps(shown), all_steps(definition), strict=True):
        known = REGISTRY.get(action_key(step))
        if known and "inputs" in step:
            shown_step["inputs"] = redact(step["inputs"], known.secret_fields)
    return shown


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

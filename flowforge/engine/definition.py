"""What a zap is: one trigger and a list of steps, as plain frozen data.

A draft may be incomplete: here is only what must be true of every draft (shape, types, ids, sizes).
What must be true to publish one stands in ``checks``.
"""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_core import ErrorDetails

from flowforge.engine.conditions import Data, When
from flowforge.errors import Invalid

MOST_STEPS = 10_000
DEEPEST = 100
MOST_VALUES = 500_000
MOST_CHARACTERS = 5_000_000
# A published mistake must be readable: nobody reads the two-hundredth line.
_MOST_DETAILS = 100


class DefinitionError(Invalid):
    """The data is not a definition; ``details`` names every place and what is wrong there."""

    def __init__(self, details: list[dict[str, Any]]) -> None:
        first = details[0]
        where = f"{first['path']}: " if first["path"] else ""
        super().__init__(
            f"This is not a valid definition. {where}{first['message']}",
            code="invalid_definition",
            details=details,
        )


class WebhookSettings(Data):
    """``metadata``: what a client of the first FlowForge gave along; kept, and read by nothing."""

    metadata: Any = None


class ManualSettings(Data):
    """Nothing to set yet."""


class WebhookTrigger(Data):
    """Fires for every request to the zap's URL."""

    kind: Literal["webhook"]
    settings: WebhookSettings = WebhookSettings()


class ManualTrigger(Data):
    """Fires when a person says so."""

    kind: Literal["manual"]
    settings: ManualSettings = ManualSettings()


Trigger = Annotated[WebhookTrigger | ManualTrigger, Field(discriminator="kind")]


class RetryPolicy(Data):
    """How often, and how patiently, a step is attempted."""

    attempts: int = Field(default=3, ge=1, le=20)
    first_wait: float = Field(default=2.0, ge=0, le=86_400)
    factor: float = Field(default=2.0, ge=1, le=100)
    longest_wait: float = Field(default=3600.0, ge=0, le=86_400)

    def wait_after(self, number: int) -> float:
        """Seconds to wait after failed attempt ``number`` (1-based), before jitter.

        ``min(first_wait * factor ** (number - 1), longest_wait)``: by default 2, 4, 8, … up to an
        hour. With ``factor`` 1 every wait is ``first_wait``; with ``first_wait`` 0 there is none.
        """
        return min(self.first_wait * self.factor ** (number - 1), self.longest_wait)


StepId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
Name = Annotated[str, Field(max_length=200)]


class ActionStep(Data):
    """Performs one action of an app. A draft may not have chosen it yet (``action`` is "")."""

    kind: Literal["action"]
    id: StepId
    action: Annotated[str, Field(max_length=200)] = ""
    name: Name = ""
    inputs: dict[str, Any] = Field(default_factory=dict)
    connection: str | None = None
    retry: RetryPolicy = RetryPolicy()
    on_error: Literal["stop", "continue"] = "stop"
    timeout_seconds: float = Field(default=60, gt=0, le=600)
    skip: bool = False


class FilterStep(Data):
    """Lets the run go on only while ``when`` holds; otherwise the run ends here, succeeded."""

    kind: Literal["filter"]
    id: StepId
    name: Name = ""
    when: When = When()
    skip: bool = False


class StopStep(Data):
    """Ends the run here, succeeded."""

    kind: Literal["stop"]
    id: StepId
    name: Name = ""
    skip: bool = False


Step = Annotated[ActionStep | FilterStep | StopStep, Field(discriminator="kind")]


class Definition(Data):
    """A zap's data. ``trigger`` is None until one is chosen."""

    trigger: Trigger | None = None
    steps: Annotated[tuple[Step, ...], Field(max_length=MOST_STEPS)] = ()
    notes: str | None = None

    @field_validator("steps", mode="before")
    @classmethod
    def _not_too_many(cls, steps: Any) -> Any:
        # Before the steps are looked at one by one: a refusal must be cheap.
        if isinstance(steps, list | tuple) and len(steps) > MOST_STEPS:
            raise ValueError(f"{len(steps)} steps are too many; the limit is {MOST_STEPS}.")
        return steps


def parse_definition(data: Any) -> Definition:
    """The definition that parsed JSON ``data`` describes.

    Raises:
        DefinitionError: with a path and a message for everything that is wrong.
    """
    _check_size(data)
    try:
        definition = Definition.model_validate(data)
    except ValidationError as error:
        raise DefinitionError(_details(error, data)) from error
    counts = Counter(step.id for step in definition.steps)
    if len(counts) < len(definition.steps):
        raise DefinitionError(
            [
                {
                    "path": f"steps.{step_id}.id",
                    "message": f"{count} steps have the id '{step_id}'. Give each its own.",
                }
                for step_id, count in counts.items()
                if count > 1
            ][:_MOST_DETAILS]
        )
    return definition


def _check_size(data: Any) -> None:
    """Refuse what is too deep, too large or not JSON, without recursion."""
    waiting: list[tuple[Any, int]] = [(data, 1)]
    values = characters = 0
    while waiting:
        value, depth = waiting.pop()
        values += 1
        if depth > DEEPEST:
            raise _refused(f"The data is nested more than {DEEPEST} levels deep.")
        if isinstance(value, str):
            characters += len(value)
        elif isinstance(value, Mapping):
            if not all(isinstance(key, str) for key in value):
                raise _refused("Every key must be a text.")
            characters += sum(map(len, value))
            values += len(value)
            waiting.extend((item, depth + 1) for item in value.values())
        elif isinstance(value, list | tuple):
            values += len(value)
            waiting.extend((item, depth + 1) for item in value)
        elif isinstance(value, float) and not math.isfinite(value):
            raise _refused("NaN and Infinity are not JSON numbers.")
        elif not isinstance(value, int | float | None):
            raise _refused(f"A value of type {type(value).__name__} is not JSON.")
        if values > MOST_VALUES or characters > MOST_CHARACTERS:
            raise _refused(
                f"The definition is too large: at most {MOST_CHARACTERS} characters of text"
                f" and {MOST_VALUES} values."
            )


def _refused(message: str) -> DefinitionError:
    return DefinitionError([{"path": "", "message": message}])


def _details(error: ValidationError, data: Any) -> list[dict[str, Any]]:
    problems = error.errors(include_url=False, include_context=True)[:_MOST_DETAILS]
    return [{"path": _path(problem, data), "message": _message(problem)} for problem in problems]


def _path(problem: ErrorDetails, data: Any) -> str:
    """``steps.post.inputs``: steps by their id where they have a usable one, else by position."""
    loc = list(problem["loc"])
    if problem["type"] in ("union_tag_invalid", "union_tag_not_found"):
        loc.append("kind")
    path = ""
    # pydantic puts the tag of a discriminated union into the location: it is no part of ours.
    if len(loc) > 2 and loc[0] == "steps":  # noqa: PLR2004
        path = _step_path(data["steps"], loc[1])
        loc = loc[2:] if problem["type"].startswith("union_tag") else loc[3:]
    elif len(loc) > 1 and loc[0] == "trigger" and not problem["type"].startswith("union_tag"):
        path, loc = "trigger", loc[2:]
    for part in loc:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path


def _step_path(steps: Any, index: int | str) -> str:
    step = steps[index]
    step_id = step.get("id") if isinstance(step, Mapping) else None
    if isinstance(step_id, str) and step_id.isidentifier():
        return f"steps.{step_id}"
    return f"steps[{index}]"


def _message(problem: ErrorDetails) -> str:
    context = problem.get("ctx", {})
    match problem["type"]:
        case "extra_forbidden":
            message = f"Unknown key '{problem['loc'][-1]}'."
        case "union_tag_invalid":
            message = f"Unknown kind '{context['tag']}'. Known kinds: {context['expected_tags']}."
        case "string_pattern_mismatch" if problem["loc"][-1] == "id":
            message = _ID_RULE
        case "value_error":
            message = str(context["error"])
        case kind:
            message = _MESSAGES.get(kind) or f"{problem['msg']}."
    return message


_ID_RULE = (
    "An id starts with a lower-case letter and has at most 48 lower-case letters,"
    " digits and underscores."
)
_MESSAGES = {
    "missing": "This is required.",
    "union_tag_not_found": "This is required: it says what kind of thing this is.",
    "model_type": "This must be an object.",
    "model_attributes_type": "This must be an object.",
    "dict_type": "This must be an object.",
    "tuple_type": "This must be a list.",
}

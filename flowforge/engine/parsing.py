"""From parsed JSON to a definition, with the place and a sentence for everything that is wrong."""

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from flowforge.engine.definition import MOST_STEPS, Definition, walk
from flowforge.errors import Invalid

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


def parse_definition(data: Any) -> Definition:
    """The definition that parsed JSON ``data`` describes.

    Raises:
        DefinitionError: with a path and a message for everything that is wrong.
    """
    _check_size(data)
    _check_number(data)
    try:
        definition = Definition.model_validate(data)
    except ValidationError as error:
        raise DefinitionError(_details(error, data)) from error
    counts = Counter(step.id for step in walk(definition.steps))
    if len(counts) < counts.total():
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


def _check_number(data: Any) -> None:
    """Refuse too many steps before they are looked at one by one: a refusal must be cheap."""
    number = 0
    waiting = [data.get("steps")] if isinstance(data, Mapping) else []
    while waiting:
        steps = waiting.pop()
        if not isinstance(steps, list | tuple):
            continue
        number += len(steps)
        for step in steps:
            if not isinstance(step, Mapping):
                continue
            waiting += [step.get("steps"), step.get("fallback")]
            branches = step.get("branches")
            if isinstance(branches, list | tuple):
                waiting += [each.get("steps") for each in branches if isinstance(each, Mapping)]
    if number > MOST_STEPS:
        raise DefinitionError(
            [
                {
                    "path": "steps",
                    "message": f"{number} steps are too many; the limit is {MOST_STEPS}.",
                }
            ]
        )


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
    """``steps.post.inputs``: a step at any depth by its id where it has a usable one, else by its
    position.
    """
    path, value = "", data
    is_step_list, tag = False, None
    for part in problem["loc"]:
        # pydantic puts the tag of a discriminated union into the location: it is no part of ours.
        if tag is not None and part == tag:
            tag = None
            continue
        tag = None
        value = _inside(value, part)
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
        if is_step_list or part == "trigger":
            tag = value.get("kind") if isinstance(value, Mapping) else None
        elif part == "notes" and not path.removesuffix("notes"):
            tag = "text" if isinstance(value, str) else "list"
        if is_step_list and isinstance(value, Mapping):
            step_id = value.get("id")
            if isinstance(step_id, str) and step_id.isidentifier():
                path = f"steps.{step_id}"
        is_step_list = part in ("steps", "fallback")
    if problem["type"] in ("union_tag_invalid", "union_tag_not_found"):
        path += ".kind"
    return path


def _inside(value: Any, part: int | str) -> Any:
    if isinstance(value, Mapping):
        return value.get(part)
    if isinstance(value, list | tuple) and isinstance(part, int) and part < len(value):
        return value[part]
    return None


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

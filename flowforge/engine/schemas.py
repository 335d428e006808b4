"""JSON Schemas that people write for what strangers send: checked when saved, used within bounds.

Promises: nothing is fetched, whatever a schema refers to; a pattern takes time in proportion to the
text; checking a body ends after ``LONGEST_CHECK_SECONDS`` of the processor's time, with a finding if
need be: that a machine is busy is not said of a schema.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator, validators
from jsonschema.exceptions import SchemaError, ValidationError
from pydantic_core import SchemaError as PatternError
from pydantic_core import SchemaValidator, core_schema
from referencing import Registry
from referencing.exceptions import Unresolvable

LARGEST_BYTES = 64 * 1024
LONGEST_PATTERN = 500
LONGEST_CHECK_SECONDS = 0.5
MOST_FINDINGS = 20
_LONGEST_MESSAGE = 300

_REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
# Keywords whose values are data or names: what stands in them is no schema.
_NO_SCHEMAS = frozenset(
    {"const", "enum", "default", "examples", "required", "description", "title"}
)
# Their keys are names of people's own.
_MAPS = frozenset({"properties", "$defs", "definitions", "dependentSchemas", "dependencies"})
_SAMPLES: tuple[Any, ...] = (None, {}, [], "")
_TOO_LONG = "It takes too long to check."

_ends_at: ContextVar[float] = ContextVar("schema check ends at", default=float("inf"))


class Finding(NamedTuple):
    """What does not fit. ``path`` is like ``items[2].name``; empty for the body itself."""

    path: str
    message: str

    def as_detail(self) -> dict[str, str]:
        return {"path": self.path, "message": self.message}


class _Late(Exception):
    """The check has taken its time."""


def problem(schema: Mapping[str, Any]) -> str | None:
    """Why ``schema`` cannot be used, for whoever writes it; None: it can."""
    return _problem(json.dumps(schema, ensure_ascii=False))


@lru_cache(maxsize=256)
def _problem(text: str) -> str | None:
    if len(text.encode("utf-8", "replace")) > LARGEST_BYTES:
        return f"a schema may have at most {LARGEST_BYTES // 1024} KB"
    schema = json.loads(text)
    if wrong := next(_unusable(schema), None):
        return wrong
    token = _ends_at.set(time.thread_time() + LONGEST_CHECK_SECONDS)
    try:
        _class_of(schema).check_schema(schema)
        # References that lead nowhere, or round in a circle, show with any value.
        for value in _SAMPLES:
            list(_errors(schema, value))
    except SchemaError as refusal:
        return f"this is no JSON Schema: {_short(refusal.message)}"
    except (_Late, RecursionError):
        return "this schema takes too long, or refers to itself without end"
    except Unresolvable as refusal:
        return f"the reference {_short(str(refusal.ref))} leads nowhere"
    finally:
        _ends_at.reset(token)
    return None


def findings(schema: Mapping[str, Any], value: Any) -> list[Finding]:
    """What of ``value`` does not fit ``schema``; empty: it fits."""
    token = _ends_at.set(time.thread_time() + LONGEST_CHECK_SECONDS)
    found: list[Finding] = []
    try:
        for error in _errors(schema, value):
            found.append(Finding(_path(error.absolute_path), _short(error.message)))
            if len(found) == MOST_FINDINGS:
                break
    except (_Late, RecursionError):
        found.append(Finding("", _TOO_LONG))
    except (Unresolvable, ArithmeticError, ValueError, TypeError) as refusal:
        found.append(Finding("", f"It cannot be checked ({type(refusal).__name__})."))
    finally:
        _ends_at.reset(token)
    return found


def _errors(schema: Mapping[str, Any], value: Any) -> Iterator[ValidationError]:
    validator = _class_of(schema)(schema, registry=Registry())
    found: Iterator[ValidationError] = validator.iter_errors(value)
    return found


def _class_of(schema: Mapping[str, Any]) -> Any:
    return _bounded(validators.validator_for(schema, default=Draft202012Validator))


@lru_cache(maxsize=16)
def _bounded(validator: Any) -> Any:
    """The validator of a draft whose every keyword looks at the clock first."""
    keywords = {name: _watched(keyword) for name, keyword in validator.VALIDATORS.items()}
    keywords |= {"pattern": _pattern, "uniqueItems": _unique_items}
    return validators.extend(validator, validators=keywords)


def _watched(keyword: Callable[..., Iterable[ValidationError] | None]) -> Any:
    def watched(*arguments: Any) -> Iterable[ValidationError]:
        _look_at_clock()
        return keyword(*arguments) or ()

    return watched


def _look_at_clock() -> None:
    if time.thread_time() > _ends_at.get():
        raise _Late


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not _fits(pattern, instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _fits(pattern: str, text: str) -> bool:
    _look_at_clock()
    return bool(_compiled(pattern).isinstance_python(text))


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> SchemaValidator:
    """The engine of Rust: its time is linear in the text, whatever the pattern."""
    return SchemaValidator(
        core_schema.str_schema(pattern=pattern, regex_engine="rust-regex", strict=True)
    )


def _unique_items(_: Any, wanted: Any, instance: Any, __: Any) -> Iterator[ValidationError]:
    if not wanted or not isinstance(instance, list):
        return
    seen: set[Any] = set()
    for item in instance:
        _look_at_clock()
        name = _name(item)
        if name in seen:
            yield ValidationError("has non-unique elements")
            return
        seen.add(name)


def _name(value: Any) -> Any:
    """Equal for what JSON Schema calls equal: 1 and 1.0 are, 1 and true are not."""
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, list):
        return ("list", tuple(map(_name, value)))
    if isinstance(value, dict):
        return ("dict", frozenset((key, _name(each)) for key, each in value.items()))
    return value


def _unusable(schema: Any) -> Iterator[str]:
    """What is valid but not for us. Level by level: it may be nested deep."""
    waiting = [schema]
    while waiting:
        here = waiting.pop()
        if isinstance(here, list):
            waiting += here
        elif isinstance(here, dict):
            yield from _unusable_here(here)
            for key, value in here.items():
                if key in _MAPS and isinstance(value, dict):
                    waiting += value.values()
                elif key not in _NO_SCHEMAS:
                    waiting.append(value)


def _unusable_here(schema: dict[str, Any]) -> Iterator[str]:
    for name in _REFERENCES:
        target = schema.get(name)
        if isinstance(target, str) and not target.startswith("#"):
            yield f"{_short(target)} is outside of this schema; put it under $defs"
    if isinstance(schema.get("patternProperties"), dict):
        yield "patternProperties is not supported; name the properties"
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        if len(pattern) > LONGEST_PATTERN:
            yield f"a pattern may have at most {LONGEST_PATTERN} characters"
            return
        try:
            _compiled(pattern)
        except PatternError:
            yield f"the pattern {_short(pattern)} cannot be used (look-around and such are not)"


def _path(parts: Iterable[str | int]) -> str:
    path = ""
    for part in parts:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path[:_LONGEST_MESSAGE]


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[: _LONGEST_MESSAGE - 1]}…"

"""A draft, or one step of it, rewritten as JSON: shown without its secrets, kept with them.

Promise: a secret that stands in the draft leaves it for no page, and whoever leaves its stand-in
where it was keeps the secret.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from flowforge.errors import Invalid
from flowforge.infra.redaction import REDACTED
from flowforge.services import drafts, editing
from flowforge.services.editing import Draft

Place = tuple[Any, ...]


def shown(definition: Mapping[str, Any], step_id: str = "") -> Any:
    """The step as a person may see it; without an id the whole draft.

    Raises: NotFound where another tab has taken the step away.
    """
    visible = drafts.without_secrets(definition)
    if step_id == editing.TRIGGER:
        return visible.get("trigger") or {}
    return editing.step_of(visible, step_id) if step_id else visible


def rewritten(definition: Draft, value: Any, step_id: str = "") -> Draft:
    """The draft with ``value`` in the place of the step, or of all of it.

    Raises: Invalid for what is no step or no draft, and for a stand-in where no secret was.
    """
    if not isinstance(value, dict):
        raise Invalid("Write one JSON object, in { and }.")
    after = value
    if step_id:
        if not isinstance(value.get("kind"), str):
            raise Invalid('A step says what it is with "kind".')
        visible = drafts.without_secrets(definition)
        if step_id == editing.TRIGGER:
            after = {**visible, "trigger": value}
        else:
            after = editing.replace(visible, step_id, value)
    # Readable first: what follows relies on steps being steps.
    drafts.readable(after)
    known = dict(_secrets(definition))
    around = _put_back(after, ("",), known)
    return drafts.map_steps(around, lambda step: _put_back(step, (step["id"],), known))


def _secrets(definition: Mapping[str, Any]) -> Iterator[tuple[Place, Any]]:
    """What is not shown, by the step it stands in ("" for none) and its place in there."""
    visible = drafts.without_secrets(definition)
    yield from _hidden(definition, visible, ("",))
    real = drafts.all_steps(definition)
    for step, seen in zip(real, drafts.all_steps(visible), strict=True):
        yield from _hidden(step, seen, (step["id"],))


def _hidden(real: Any, visible: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    if visible == REDACTED and real != REDACTED:
        yield place, real
    elif isinstance(real, dict) and isinstance(visible, dict):
        for key in real:
            if not _has_steps(place, key):
                yield from _hidden(real[key], visible[key], (*place, key))
    elif isinstance(real, list) and isinstance(visible, list):
        for index, pair in enumerate(zip(real, visible, strict=True)):
            yield from _hidden(*pair, (*place, index))


def _put_back(value: Any, place: Place, known: Mapping[Place, Any]) -> Any:
    """``value`` with the secrets that its stand-ins stand for; lists of steps stay as they are."""
    match value:
        case str() if value == REDACTED:
            if place not in known:
                where = ".".join(str(part) for part in place if part != "")
                raise Invalid(
                    f"At {where} there is no secret to keep. Write its value.", code="no_secret"
                )
            return known[place]
        case dict():
            return {
                key: each if _has_steps(place, key) else _put_back(each, (*place, key), known)
                for key, each in value.items()
            }
        case list():
            return [_put_back(each, (*place, at), known) for at, each in enumerate(value)]
    return value


def _has_steps(place: Place, key: str) -> bool:
    """Whether a list of steps is there: each of them has places of its own."""
    match place:
        case (_,):
            return key in {"steps", "fallback"}
        case (_, "branches", _):
            return key == "steps"
    return False

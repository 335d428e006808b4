"""What of a definition may leave its place: no secret, no file, and nothing that means something only
there.

Pure. Files of zaps and steps on the clipboard are written with it, and read with it again.
"""

from collections.abc import Mapping
from typing import Any

from flowforge.engine import expressions
from flowforge.infra.redaction import REDACTED
from flowforge.services import drafts, sealing
from flowforge.services.drafts import Step

# What stands for "not chosen yet" elsewhere.
_OF_THIS_PLACE: Mapping[str, Any] = {"connection": None, "zap_id": ""}


def definition(of: Mapping[str, Any]) -> dict[str, Any]:
    """A copy without secrets, files, connections and zaps of this place."""
    return drafts.map_steps(without_secrets(of), unplaced)


def without_secrets(of: Mapping[str, Any]) -> dict[str, Any]:
    """A copy with everything empty that is secret, but for expressions: they hold the way to a
    value, not the value.
    """
    bare = sealing.without(of)
    blanked: dict[str, Any] = _blanked(bare, drafts.without_secrets(bare))
    return blanked


def unplaced(step: Step) -> Step:
    """A step that means the same anywhere: what it was given of this place has to be chosen again."""
    own: dict[str, Any] = {key: _OF_THIS_PLACE[key] for key in _OF_THIS_PLACE.keys() & step.keys()}
    inputs = step.get("inputs")
    if isinstance(inputs, dict):
        own["inputs"] = {
            name: _without_files(value) for name, value in inputs.items() if not _is_file(value)
        }
    return {**step, **own}


def _without_files(value: Any) -> Any:
    if isinstance(value, list) and any(map(_is_file, value)):
        return [each for each in value if not _is_file(each)]
    return value


def _is_file(value: Any) -> bool:
    """An upload, as a form keeps it."""
    return isinstance(value, dict) and {"file_id", "name", "size"} <= value.keys()


def _blanked(value: Any, shown: Any) -> Any:
    if shown == REDACTED:
        return value if expressions.is_template(value) else ""
    if isinstance(value, dict):
        return {key: _blanked(item, shown[key]) for key, item in value.items()}
    if isinstance(value, list):
        return [_blanked(item, shown[index]) for index, item in enumerate(value)]
    return value

"""Inputs that are saved while a person types."""

from collections.abc import Callable
from typing import Any

PAUSE_MS = 450

Change = Callable[[Any], Any]


def saves(save: Change) -> dict[str, Any]:
    """The two events of an input that is saved while a person types.

    Leaving a field does not wait: the pause of the next field would swallow this one's change.
    """
    return {"on_change": lambda text: save(text).debounce(PAUSE_MS), "on_blur": save}

"""What a retry policy comes to, in a sentence. Pure."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from flowforge.engine.definition import RetryPolicy

# More waits than that are told by where they end.
_MOST_TOLD = 4
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def tells(retry: Mapping[str, Any], otherwise: RetryPolicy) -> str:
    """When a step is tried again, and when it is given up; empty for a policy that is none.

    ``otherwise``: what holds for all that ``retry`` leaves out, where it says nothing at all.
    """
    try:
        policy = RetryPolicy.model_validate(dict(retry)) if retry else otherwise
    except ValidationError:
        return ""
    waits = [policy.wait_after(number) for number in range(1, policy.attempts)]
    if not waits:
        return "Tried once: a failure is final."
    said = [brief(wait) for wait in waits[:_MOST_TOLD]]
    if len(waits) > _MOST_TOLD:
        listed = f"{', '.join(said[:-1])} … at most {brief(max(waits))}"
    else:
        listed = " and ".join(filter(None, (", ".join(said[:-1]), said[-1])))
    total = brief(sum(waits))
    return f"Tried again after {listed}; gives up after {total} of waiting at the most."


def brief(seconds: float) -> str:
    """``2`` is "2 s", ``5400`` is "1 h 30 min": the two largest units that it has."""
    for at, (size, unit) in enumerate(_UNITS):
        if seconds >= size:
            whole, rest = divmod(round(seconds), size)
            smaller, word = _UNITS[at + 1] if at + 1 < len(_UNITS) else (1, "s")
            part = rest // smaller
            return f"{whole} {unit} {part} {word}" if part else f"{whole} {unit}"
    return f"{seconds:g} s"

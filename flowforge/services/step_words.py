"""What a step of a kind of its own does, in one plain line. Pure; the caller shortens it."""

from collections.abc import Callable, Mapping
from typing import Any

_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def tells_of_kind(step: Mapping[str, Any]) -> str:
    """One line for a step that is no action; what it leaves out is said as what then happens."""
    tell = _TELLS.get(step["kind"])
    return tell(step) if tell else ""


def seconds_in_words(seconds: float) -> str:
    """``90`` is "90 seconds", ``7200`` is "2 hours": the largest unit that is exact."""
    for size, unit in _UNITS:
        if seconds >= size and seconds % size == 0:
            return counted(int(seconds // size), unit)
    return counted(seconds, "second")


def counted(number: float, unit: str) -> str:
    return f"{number:g} {unit}{'' if number == 1 else 's'}"


def _conditions(step: Mapping[str, Any]) -> str:
    groups = (step.get("when") or {}).get("any") or ()
    number = sum(len(group.get("all") or ()) for group in groups)
    return counted(number, "condition") if number else ""


def _router(step: Mapping[str, Any]) -> str:
    mode = "All that fit" if step.get("mode") == "all_matches" else "The first that fits"
    return f"{mode}: {_names(step) or 'no branches yet'}."


def _names(step: Mapping[str, Any]) -> str:
    branches = step.get("branches") or ()
    return ", ".join(
        str(branch.get("name") or f"Branch {number}")
        for number, branch in enumerate(branches, start=1)
    )


def _loop(step: Mapping[str, Any]) -> str:
    if step.get("over") is not None:
        over = step["over"]
        return f"For each of {over}" if isinstance(over, str) else "For each item of a list."
    if step.get("count") is not None:
        return f"{step['count']} times"
    return "While its conditions hold." if step.get("while") else "Nothing to go over yet."


def _delay(step: Mapping[str, Any]) -> str:
    seconds = step.get("seconds")
    if isinstance(seconds, int | float):
        return f"Waits {seconds_in_words(seconds)}."
    if seconds is not None:
        return f"Waits {seconds} seconds."
    if step.get("until") is not None:
        return f"Waits until {step['until']}."
    return "No time is set yet."


def _code(step: Mapping[str, Any]) -> str:
    return str(step.get("code") or "").strip().partition("\n")[0] or "No code yet."


def _reply(step: Mapping[str, Any]) -> str:
    ends = ", and ends the run" if step.get("stop") else ""
    return f"Answers {step.get('status', 200)}{ends}."


_TELLS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "filter": lambda step: _conditions(step) or "Always goes on.",
    "router": _router,
    "loop": _loop,
    "break": lambda step: _conditions(step) or "Always leaves the loop.",
    "parallel": lambda step: _names(step) or "Nothing to do yet.",
    "delay": _delay,
    "approval": lambda step: str(step.get("question") or "Nothing is asked yet."),
    "code": _code,
    "zap": lambda step: "Waits for it to end." if step.get("wait", True) else "Goes on at once.",
    "reply": _reply,
    "stop": lambda _step: "Ends the run here.",
}

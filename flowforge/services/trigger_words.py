"""What a trigger does, in one plain line. Pure; the caller shortens it."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from flowforge.engine import schedule_words
from flowforge.engine.triggers import ScheduleSettings, settings_of
from flowforge.services.step_words import counted, seconds_in_words
from flowforge.services.trigger_forms import APPS
from flowforge.services.verify_words import SCHEMES


def tells(trigger: Mapping[str, Any]) -> str:
    """Empty where there is nothing to say beyond what the kind says of itself."""
    tell = _TELLS.get(str(trigger.get("kind")))
    return tell(settings_of(trigger)) if tell else ""


def _webhook(settings: Mapping[str, Any]) -> str:
    scheme = SCHEMES.get(str((settings.get("verify") or {}).get("scheme", "")))
    return f"Requests that prove who sent them: {scheme.name}." if scheme else ""


def _app(settings: Mapping[str, Any]) -> str:
    event = settings.get("event") or "*"
    named = "every event" if event == "*" else event
    app = str(settings.get("app") or "")
    return f"{APPS.get(app, app)}: {named}" if app else ""


def _error(settings: Mapping[str, Any]) -> str:
    zaps = settings.get("zap_ids") or ()
    return f"When a run of {counted(len(zaps), 'zap')} fails." if zaps else ""


def _poll(settings: Mapping[str, Any]) -> str:
    every = settings.get("every_seconds")
    inputs = settings.get("inputs") or {}
    place = next((one for one in (inputs.get("url"), inputs.get("host")) if one), "")
    often = f"Every {seconds_in_words(every)}" if isinstance(every, int) else ""
    return ": ".join(part for part in (often, str(place)) if part)


def _schedule(settings: Mapping[str, Any]) -> str:
    try:
        return schedule_words.sentence(ScheduleSettings.model_validate(settings))
    except (ValidationError, ValueError):
        return ""


_TELLS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "webhook": _webhook,
    "schedule": _schedule,
    "form": lambda settings: str(settings.get("title") or ""),
    "app": _app,
    "error": _error,
    "poll": _poll,
}

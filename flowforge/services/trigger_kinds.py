"""What can start a zap, as a person chooses it: names, one sentence each, and how each begins.

Pure. A polling trigger is chosen by its own name, as ``poll:rss``; the other kinds by theirs.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from flowforge.actions import POLLERS
from flowforge.engine.triggers import settings_of

POLL = "poll"


@dataclass(frozen=True)
class TriggerKind:
    """``begins``: the settings of a new one; ``keywords``: by which other words people look for it."""

    key: str
    name: str
    summary: str
    icon: str
    begins: dict[str, Any] = field(default_factory=dict)
    keywords: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        return self.key.partition(":")[0]


def _kind(key: str, name: str, summary: str, keywords: str, **begins: Any) -> TriggerKind:
    words = tuple(keywords.split())
    return TriggerKind(key, name, summary, f"/icons/trigger-{key}.svg", begins, words)


_FIELDS = [
    {"name": "email", "label": "Your e-mail address", "kind": "email", "required": True},
    {"name": "message", "label": "Message", "kind": "long_text", "required": True},
]
_BEFORE_POLLS = (
    _kind(
        "webhook",
        "Webhook",
        "Starts a run for every request to the zap's own URL.",
        "http api request hook url catch",
    ),
    _kind(
        "schedule",
        "Schedule",
        "Starts a run at times, or every so often.",
        "cron timer interval daily hourly clock time",
        cron="0 9 * * *",
    ),
    _kind(
        "form",
        "Form",
        "Starts a run when somebody fills in a page.",
        "survey page contact input",
        fields=_FIELDS,
    ),
)
_AFTER_POLLS = (
    _kind(
        "app",
        "App event",
        "Starts a run for what GitHub, Slack or Stripe tells the project.",
        "github slack stripe",
    ),
    _kind(
        "error", "Failed run", "Starts a run when a run of another zap fails.", "error catch alert"
    ),
    _kind("manual", "Manual", "Starts a run when you press Run.", "button click hand"),
)


def all_kinds() -> tuple[TriggerKind, ...]:
    """Everything that can be chosen, the most usual first."""
    polls = tuple(
        TriggerKind(f"{POLL}:{one.key}", one.name, one.summary, one.icon, {"trigger": one.key})
        for one in POLLERS.values()
    )
    return (*_BEFORE_POLLS, *polls, *_AFTER_POLLS)


def key_of(trigger: Mapping[str, Any] | None) -> str:
    """What was chosen to make ``trigger``; empty for nothing."""
    kind = str((trigger or {}).get("kind") or "")
    if kind != POLL:
        return kind
    return f"{POLL}:{settings_of(trigger).get('trigger', '')}"


def known(key: str) -> TriggerKind | None:
    return next((one for one in all_kinds() if one.key == key), None)


def new_trigger(key: str) -> dict[str, Any]:
    """A trigger as it begins."""
    one = known(key)
    if one is None:
        return {"kind": key, "settings": {}}
    return {"kind": one.kind, "settings": deepcopy(one.begins)}

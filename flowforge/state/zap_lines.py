"""A zap as one line of My Zaps: what fires it, what it does, and how it has been doing."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from flowforge.services.zap_views import ZapSummary
from flowforge.state import shown, sparkline
from flowforge.state.sparkline import Drawn

MOST_ICONS = 4
_TIMED = {"schedule", "poll"}
_WAITS = {
    "manual": "Starts when somebody runs it.",
    "error": "When a run of any other zap fails.",
    "app": "Events of an app.",
}


@dataclass(frozen=True)
class Picture:
    """One step of the chain in front of a name. ``kind`` is that of a step without an action."""

    kind: str
    icon: str
    name: str


@dataclass(frozen=True)
class Line:
    """One zap of the list. Moments are ISO texts, empty for never.

    What fires it is one of ``webhook_url``, ``form_url`` and ``tells``, a line about anything else.
    """

    id: str = ""
    short: str = ""
    path: str = ""
    runs_path: str = ""
    name: str = ""
    enabled: bool = False
    state: str = ""
    chain: list[Picture] = field(default_factory=list)
    more: str = ""
    created_at: str = ""
    webhook_url: str = ""
    form_url: str = ""
    tells: str = ""
    trouble: str = ""
    trouble_path: str = ""
    last_at: str = ""
    last_status: str = ""
    last_path: str = ""
    rate: str = ""
    folder_id: str = ""
    tags: list[str] = field(default_factory=list)
    words: str = ""
    week: Drawn = sparkline.NOTHING


def line(zap: ZapSummary) -> Line:
    rest = len(zap.steps) - MOST_ICONS
    return Line(
        id=zap.id,
        short=shown.short(zap.id),
        path=f"/zaps/{zap.id}",
        runs_path=f"/zaps/{zap.id}/runs",
        name=shown.line(zap.name),
        enabled=zap.enabled,
        state=_state(zap),
        chain=_chain(zap),
        more=f"+{rest}" if rest > 0 else "",
        created_at=shown.moment(zap.created_at),
        webhook_url=zap.webhook_url if zap.trigger_kind in {"", "webhook"} else "",
        form_url=shown.form_url(zap) if zap.trigger_kind == "form" else "",
        tells=shown.line(zap.trigger_tells) or _WAITS.get(zap.trigger_kind, ""),
        trouble=shown.line(zap.trouble),
        trouble_path=f"/zaps/{zap.id}" + ("/schedule" if zap.trigger_kind in _TIMED else ""),
        last_at=shown.moment(zap.last_run_at),
        last_status=zap.last_run_status or "",
        last_path=f"/runs/{zap.last_run_id}" if zap.last_run_id else "",
        rate="" if zap.success_rate is None else f"{zap.success_rate:.0%} succeeded",
        folder_id=zap.folder_id or "",
        tags=list(zap.tags),
        words=", ".join(zap.tags),
    )


def _state(zap: ZapSummary) -> str:
    if zap.live_version is None:
        return "Draft"
    return f"v{zap.live_version}, edited" if zap.has_draft_changes else f"v{zap.live_version}"


def _chain(zap: ZapSummary) -> list[Picture]:
    trigger = Picture("", zap.trigger_icon, zap.trigger_kind.capitalize() or "No trigger yet")
    steps: Sequence[Picture] = [
        Picture(step.action, step.icon, shown.line(step.name) or "An empty step")
        for step in zap.steps[:MOST_ICONS]
    ]
    return [trigger, *steps]

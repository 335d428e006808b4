"""What a step may do and what may start a zap, as the picker offers it. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from flowforge.actions import REGISTRY
from flowforge.services import trigger_kinds
from flowforge.services.ranking import Said, best
from flowforge.services.step_kinds import KINDS

FLOW = "Flow"
APPS = "Apps"
RECENT = "Recent"


@dataclass(frozen=True)
class Choice:
    """An entry of the picker. ``head`` is the title of the group that begins with it, if one does;
    ``keywords``: by which other words people look for it.
    """

    key: str
    name: str
    summary: str
    icon: str
    app: str
    head: str = ""
    keywords: tuple[str, ...] = ()


def of_steps(query: str = "", recent: Sequence[str] = ()) -> list[Choice]:
    """Best first; without a query what was picked last (``recent``, keys), then by app."""
    actions = list(REGISTRY.values())
    found = [
        Choice(one.key, one.name, one.summary, one.icon, one.app.name, keywords=one.keywords)
        for one in actions
    ]
    found += [
        Choice(kind.key, kind.name, kind.summary, "", FLOW, keywords=kind.keywords)
        for kind in KINDS.values()
        if kind.is_offered
    ]
    if query.strip():
        return best(found, query, _said)
    return _headed(found, recent)


def of_triggers(query: str = "") -> list[Choice]:
    found = [
        Choice(one.key, one.name, one.summary, one.icon, one.name, keywords=one.keywords)
        for one in trigger_kinds.all_kinds()
    ]
    return best(found, query, _said)


def _said(choice: Choice) -> Said:
    return Said(choice.name, choice.keywords, f"{choice.summary} {choice.app} {choice.key}")


def _headed(found: Sequence[Choice], recent: Sequence[str]) -> list[Choice]:
    """Each once, in groups, with a title on the first of each; apps of one action share a group."""
    sizes = Counter(one.app for one in found)
    known = {one.key: one for one in found}
    groups: dict[str, list[Choice]] = {RECENT: [known[key] for key in recent if key in known]}
    groups[APPS] = []
    for one in (each for each in found if each.key not in recent):
        groups.setdefault(one.app if sizes[one.app] > 1 else APPS, []).append(one)
    return [
        replace(one, head="" if at else head)
        for head, group in groups.items()
        for at, one in enumerate(group)
    ]

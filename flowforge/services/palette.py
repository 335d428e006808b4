"""What the palette offers for a few letters: pages, zaps, runs and events by their ids, what can be
done from anywhere, and in a builder its steps and whatever may be done with its zap.

Promise: nothing of another project, and a list that is short however much there is.
"""

import re
import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.models import Event, Run, Zap
from flowforge.services import choices, run_filters, search
from flowforge.services.access import Actor, Permission, require
from flowforge.services.cards import Card
from flowforge.services.ranking import LONGEST, Said, best
from flowforge.services.run_filters import RunFilter

MOST_LINES = 20
_MOST_ZAPS = 8
_MOST_BY_ID = 4
_MOST_ADDED = 5
# Of each status: people look for what they have just seen the end of the id of.
_NEWEST = 200
_PART_OF_ID = re.compile(r"[0-9a-f-]{4,36}")


@dataclass(frozen=True)
class Line:
    """``key`` says what choosing it does: ``page:``, ``zap:``, ``run:``, ``event:``, ``step:``,
    ``add:``, ``do:`` or ``bench:`` (a button of the builder), and which. ``head``: the title of the
    group that begins with it; ``shortcut``: the keys that do the same.
    """

    key: str
    title: str
    detail: str = ""
    glyph: str = ""
    head: str = ""
    shortcut: str = ""

    @property
    def kind(self) -> str:
        return self.key.partition(":")[0]

    @property
    def what(self) -> str:
        return self.key.partition(":")[2]


class _Entry(NamedTuple):
    line: Line
    keywords: Sequence[str] = ()

    @property
    def said(self) -> Said:
        return Said(self.line.title, self.keywords, self.line.detail)


@dataclass(frozen=True)
class Bench:
    """The builder that is open: its cards, and which of its buttons can be pressed now."""

    cards: Sequence[Card]
    buttons: Collection[str]


def _entry(key: str, title: str, glyph: str, keywords: str = "", shortcut: str = "") -> _Entry:
    detail = {"page": "Page", "do": "Command", "bench": "This zap"}[key.partition(":")[0]]
    return _Entry(Line(key, title, detail, glyph, shortcut=shortcut), tuple(keywords.split()))


PAGES = (
    _entry("page:/dashboard", "My Zaps", "zap", "dashboard home list"),
    _entry("page:/inbox", "Inbox", "inbox", "events requests received webhooks"),
    _entry("page:/runs", "Runs", "play", "history executions log"),
    _entry("page:/usage", "Usage", "chart", "figures statistics"),
    _entry("page:/templates", "Templates", "template", "gallery examples"),
    _entry("page:/apps", "Apps", "plug", "github slack stripe connections"),
    _entry("page:/destinations", "Event destinations", "megaphone", "notify webhooks alerts"),
)
MAILBOX = _entry("page:/dev/mailbox", "Dev mailbox", "inbox", "mail email")
COMMANDS = (
    _entry("do:create", "Create a zap", "plus", "new add"),
    _entry("do:template", "Use a template", "template", "new example"),
    _entry("do:import", "Import a zap", "upload", "file json load"),
    _entry("do:shortcuts", "Keyboard shortcuts", "keyboard", "keys help", "?"),
    _entry("do:light", "Light theme", "theme", "mode bright day"),
    _entry("do:dark", "Dark theme", "theme", "mode night"),
    _entry("do:system", "Theme of the system", "theme", "mode auto"),
    _entry("do:sign-out", "Sign out", "out", "logout leave"),
)
# The key is the test id of the button that stands on the page.
BUTTONS = (
    _entry("bench:run-test", "Run test", "test", "try execute"),
    _entry("bench:publish", "Publish", "rocket", "live deploy"),
    _entry("bench:undo", "Undo", "undo", "back", "Ctrl Z"),
    _entry("bench:redo", "Redo", "redo", "again", "Ctrl Shift Z"),
    _entry("bench:open-versions", "Versions", "history", "restore compare diff"),
    _entry("bench:edit-all", "Edit all as JSON", "json", "definition source"),
    _entry("bench:to-runs", "Runs of this zap", "play", "history"),
)
_ALWAYS = frozenset({"open-versions", "edit-all", "to-runs"})


def buttons(*, is_complete: bool, undo: bool, redo: bool) -> frozenset[str]:
    """Which buttons of a builder can be pressed: those that are never dim, and what else is so."""
    also = {"run-test": is_complete, "publish": is_complete, "undo": undo, "redo": redo}
    return _ALWAYS | {name for name, is_so in also.items() if is_so}


async def find(
    session: AsyncSession,
    actor: Actor,
    query: str,
    *,
    recent: Sequence[str] = (),
    bench: Bench | None = None,
    has_mailbox: bool = False,
) -> list[Line]:
    """At most ``MOST_LINES``, best first; without a query what was chosen last (``recent``, keys),
    and what there is to begin with.
    """
    require(actor, Permission.READ)
    sought = query[:LONGEST].strip()
    pages = [*PAGES, MAILBOX] if has_mailbox else list(PAGES)
    pressed = [one for one in BUTTONS if bench and one.line.what in bench.buttons]
    if not sought:
        known = {one.line.key: one.line for one in (*pages, *COMMANDS)}
        known |= {line.key: line for line in await _zaps_by_key(session, actor, recent)}
        groups = {
            "Recent": [known[key] for key in recent if key in known],
            "This zap": _lines(pressed),
            "Go to": _lines(pages),
            "Commands": _lines(COMMANDS),
        }
        return _headed(groups)
    zaps = await _zaps(session, actor, sought)
    by_id = await _by_id(session, actor, sought.lower())
    here = _of_bench(bench, sought) if bench else []
    entries = [*here, *pressed, *pages, *zaps, *COMMANDS]
    fitting = best(entries, sought, lambda one: one.said)
    return [*by_id, *_lines(fitting)][:MOST_LINES]


def _lines(entries: Iterable[_Entry]) -> list[Line]:
    return [one.line for one in entries]


def _headed(groups: dict[str, list[Line]]) -> list[Line]:
    """Each line once, where it comes first."""
    seen: set[str] = set()
    found: list[Line] = []
    for head, lines in groups.items():
        fresh = [line for line in lines if line.key not in seen]
        seen |= {line.key for line in fresh}
        found += [replace(line, head="" if at else head) for at, line in enumerate(fresh)]
    return found[:MOST_LINES]


def _of_bench(bench: Bench, sought: str) -> list[_Entry]:
    """Its steps, and those that could be added."""
    steps = [
        _Entry(
            Line(f"step:{card.id}", card.title, f"Step · {card.id}", "step"), (card.id, card.action)
        )
        for card in bench.cards
    ]
    offered = [
        _Entry(
            Line(f"add:{one.key}", f"Add {one.name}", one.summary, "add"), (one.name, *one.keywords)
        )
        for one in choices.of_steps(sought.lower().removeprefix("add ") or "a")[:_MOST_ADDED]
    ]
    return [*steps, *offered]


# ---- what the database knows ---------------------------------------------------------------------


async def _zaps(session: AsyncSession, actor: Actor, sought: str) -> list[_Entry]:
    """By words of their names, in whatever order, or by a part of their id; the newest change first."""
    part = sought.lower()
    named = and_(*(search.contains(Zap.name, word) for word in sought.split()))
    query = (
        _of_project(actor)
        .where(or_(named, search.contains(Zap.id, part)))
        .order_by(col(Zap.updated_at).desc())
        .limit(_MOST_ZAPS)
    )
    return [
        _Entry(_zap(zap_id, name), (part,) if part in zap_id else ())
        for zap_id, name in await session.execute(query)
    ]


async def _zaps_by_key(session: AsyncSession, actor: Actor, keys: Iterable[str]) -> list[Line]:
    ids = [search.storable(key.removeprefix("zap:")) for key in keys if key.startswith("zap:")]
    if not ids:
        return []
    found = await session.execute(_of_project(actor).where(col(Zap.id).in_(ids)))
    return [_zap(zap_id, name) for zap_id, name in found]


def _of_project(actor: Actor) -> Select[str, str]:
    return select(col(Zap.id), col(Zap.name)).where(
        col(Zap.project_id) == actor.project_id, col(Zap.deleted_at).is_(None)
    )


def _zap(zap_id: str, name: str) -> Line:
    return Line(f"zap:{zap_id}", name, "Zap", "zap")


async def _by_id(session: AsyncSession, actor: Actor, sought: str) -> list[Line]:
    """Runs and events by their whole id, or among the newest by a part of it, as pages show them."""
    if not _PART_OF_ID.fullmatch(sought):
        return []
    among = _whole if _is_id(sought) else _newest
    runs, events = among(actor.project_id, sought)
    of_runs = (
        select(col(Run.id), col(Run.status))
        .where(col(Run.project_id) == actor.project_id, runs)
        .order_by(col(Run.id).desc())
        .limit(_MOST_BY_ID)
    )
    of_events = (
        select(col(Event.id), col(Event.verdict))
        .where(col(Event.project_id) == actor.project_id, events)
        .order_by(col(Event.id).desc())
        .limit(_MOST_BY_ID)
    )
    return [
        *(
            Line(f"run:{each}", f"Run {each}", said.capitalize(), "play")
            for each, said in await session.execute(of_runs)
        ),
        *(
            Line(f"event:{each}", f"Event {each}", said.capitalize(), "inbox")
            for each, said in await session.execute(of_events)
        ),
    ]


def _whole(project_id: str, sought: str) -> tuple[Any, Any]:
    """Conditions of runs and of events; a run is found by its event's id as well."""
    return or_(col(Run.id) == sought, col(Run.event_id) == sought), col(Event.id) == sought


def _newest(project_id: str, sought: str) -> tuple[Any, Any]:
    everything = RunFilter(environment="all")
    runs = run_filters.newest(project_id, everything, limit=_NEWEST)
    events = (
        select(col(Event.id))
        .where(col(Event.project_id) == project_id)
        .order_by(col(Event.id).desc())
        .limit(_NEWEST)
        .subquery()
    )
    return (
        and_(col(Run.id).in_(runs), search.contains(Run.id, sought)),
        and_(col(Event.id).in_(select(events.c.id)), search.contains(Event.id, sought)),
    )


def _is_id(sought: str) -> bool:
    try:
        return str(uuid.UUID(sought)) == sought
    except ValueError:
        return False

"""A definition drawn on a canvas, and what became of each of its steps in one run.

Where things stand (``Drawing``) is sent once; what became of them (``Mark``) with each change.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flowforge.services import drafts, layout
from flowforge.services.runs import RunDetail
from flowforge.state import attempts, shown, timeline, tried
from flowforge.state.tried import BAD, GOING, Tried

# More rounds than anybody looks for in a list; those that failed are among them.
MOST_PICKS = 500


@dataclass(frozen=True)
class Card:
    """A node with its words. ``form``: trigger, step, container or branch."""

    id: str
    form: str
    depth: int
    x: int
    y: int
    width: int
    height: int
    title: str
    number: str = ""
    kind: str = ""
    action: str = ""
    icon: str = ""
    note: str = ""


@dataclass(frozen=True)
class Way:
    """From a card to the next; ``is_inward``: from a container's head to one of its branches."""

    id: str
    source: str
    target: str
    depth: int
    is_inward: bool


@dataclass(frozen=True)
class Drawing:
    """``of``: whose it is."""

    of: str = ""
    cards: list[Card] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)


@dataclass(frozen=True)
class Pick:
    """A round that can be looked at."""

    number: int
    status: str
    preview: str


@dataclass(frozen=True)
class Mark:
    """What became of a card. ``path``: of its step, in the rounds that are looked at. A loop's
    branch has ``rounds``, and the one of them that its steps tell of.
    """

    path: str = ""
    status: str = ""
    tries: str = ""
    duration: str = ""
    since: str = ""
    retry_at: str = ""
    until: str = ""
    note: str = ""
    round: int = 0
    rounds: list[Pick] = field(default_factory=list)


def drawing_of(
    of: str, definition: Mapping[str, Any], gone: Collection[str] = frozenset()
) -> Drawing:
    """``gone``: steps that are not counted."""
    made = layout.lay_out(definition)
    steps = drafts.all_steps(definition)
    words = {step["id"]: _words(step, 0) for step in steps if step["id"] in gone}
    stands = [step for step in steps if step["id"] not in gone]
    words |= {step["id"]: _words(step, number) for number, step in enumerate(stands, start=1)}
    kind = str((definition.get("trigger") or {}).get("kind", ""))
    words[layout.TRIGGER] = {
        "title": "Trigger",
        "action": kind,
        "icon": f"/icons/trigger-{kind}.svg" if kind else "",
    }
    notes = _notes(definition)
    forms = {node.id: node.form for node in made.nodes}
    return Drawing(
        of,
        [
            Card(
                node.id,
                node.form,
                node.depth,
                node.x,
                node.y,
                node.width,
                node.height,
                **words.get(node.id, {"title": shown.line(node.name) or "Each round"}),
                note=notes.get(node.id, ""),
            )
            for node in made.nodes
        ],
        [
            Way(
                f"{edge.source}>{edge.target}",
                edge.source,
                edge.target,
                edge.depth,
                forms[edge.target] == "branch",
            )
            for edge in made.edges
        ],
    )


def marks_of(run: RunDetail, picked: Mapping[str, int]) -> dict[str, Mark]:
    """By id of the card. ``picked``: the round that is looked at, by path of its loop; of others
    the first that failed, else the last that goes on, else the first.
    """
    return _Marking(run, picked).marks()


def first_failed(cards: Sequence[Card], marks: Mapping[str, Mark]) -> str:
    """The step that a person wants to see first: of those that failed the first which failed by
    itself, not by what is in it. Empty where none has.
    """
    bad = [card for card in cards if card.id in marks and marks[card.id].status in BAD]
    return next((card.id for card in bad if card.form == "step"), bad[0].id if bad else "")


class _Marking:
    """One walk over the tree, in the rounds that are looked at."""

    def __init__(self, run: RunDetail, picked: Mapping[str, int]) -> None:
        self._run = run
        self._picked = picked
        self._tried = Tried(run)
        self._marks: dict[str, Mark] = {layout.TRIGGER: Mark(layout.TRIGGER)}

    def marks(self) -> dict[str, Mark]:
        steps = list(self._run.definition.get("steps") or ())
        self._walk(steps, "", is_over=self._tried.has_ended)
        return self._marks

    def _walk(self, steps: Sequence[Mapping[str, Any]], prefix: str, *, is_over: bool) -> None:
        for step in steps:
            path = f"{prefix}{step['id']}"
            made = self._tried.at(path)
            sum_up = attempts.gist(made, has_ended=is_over)
            is_loop = step["kind"] == "loop"
            self._marks[step["id"]] = Mark(
                path,
                sum_up.status,
                sum_up.tries,
                sum_up.duration,
                sum_up.since,
                sum_up.retry_at,
                sum_up.until,
                self._tried.progress(path, sum_up) if is_loop else "",
            )
            if is_loop:
                self._walk_round(step, path, is_over=is_over)
                continue
            for place, (body, is_taken) in enumerate(tried.branches(step, made)):
                label = f"{step['id']}/{place}"
                self._marks[label] = Mark(note="" if is_taken else "not taken")
                self._walk(body.steps, prefix, is_over=is_over or not is_taken)

    def _walk_round(self, step: Mapping[str, Any], path: str, *, is_over: bool) -> None:
        rounds = self._tried.rounds(path)
        number = self._looked_at(path, rounds)
        items = tried.items(self._tried.at(path))
        listed = sorted(rounds, key=lambda each: (tried.urgency(rounds[each]), each))[:MOST_PICKS]
        if rounds and number not in listed:
            listed[-1] = number
        self._marks[f"{step['id']}/0"] = Mark(
            path,
            round=number if rounds else 0,
            rounds=[
                Pick(each, rounds[each], tried.preview(items, each)) for each in sorted(listed)
            ],
        )
        if rounds:
            is_over = is_over or self._tried.is_round_over(path, number)
        self._walk(drafts.bodies(step)[0].steps, f"{path}[{number}]/", is_over=is_over)

    def _looked_at(self, path: str, rounds: Mapping[int, str]) -> int:
        if (wanted := self._picked.get(path)) in rounds:
            return wanted or 1
        bad = [number for number, status in rounds.items() if status in BAD]
        going = [number for number, status in rounds.items() if status in GOING]
        return min(bad) if bad else max(going) if going else min(rounds, default=1)


def _words(step: Mapping[str, Any], number: int) -> dict[str, str]:
    key = drafts.action_key(step)
    return {
        "title": shown.line(drafts.step_name(step)),
        "number": str(number) if number else "",
        "kind": str(step["kind"]),
        "action": shown.line(drafts.does(step)),
        "icon": timeline.icon_of(key),
    }


def _notes(definition: Mapping[str, Any]) -> dict[str, str]:
    """Which branches of a parallel block wait for others, by id of the branch's card."""
    return {
        f"{step['id']}/{place}": f"after {shown.line(', '.join(branch['depends_on']))}"
        for step in drafts.all_steps(definition)
        if step["kind"] == "parallel"
        for place, branch in enumerate(step.get("branches") or ())
        if branch.get("depends_on")
    }

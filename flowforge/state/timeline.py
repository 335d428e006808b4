"""A run as lines from top to bottom: its version's tree of steps, with what became of each.

Steps that were not reached are there too, so that a page shows the whole way, not the part behind.
Rounds of a loop fold into one line each, those that failed first; only open ones show their steps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flowforge.actions import REGISTRY
from flowforge.services import blame, drafts
from flowforge.services.approvals import ApprovalView
from flowforge.services.drafts import Body
from flowforge.services.runs import AttemptView, RunDetail
from flowforge.state import attempts, questions, shown, tried
from flowforge.state.attempts import RETRYING, Gist, Room, Try
from flowforge.state.questions import NOT_ASKED, Asked
from flowforge.state.tried import BAD, Tried

ROUNDS_AT_ONCE = 20
MOST_LINES = 1_000
# So few rounds are open from the beginning; of more, the first that failed are.
_FEW = 3


@dataclass(frozen=True)
class Line:
    """``form``: step, branch, round or more. A branch is the name of the steps below it; a round
    is one of a loop's; "more" stands for ``left`` rounds that are not shown.

    ``run_id`` is the run that a sub-zap's step started. ``may_retry``: a person can run again
    from here.
    """

    form: str
    key: str
    path: str
    depth: int
    name: str
    number: str = ""
    kind: str = ""
    action: str = ""
    icon: str = ""
    note: str = ""
    status: str = ""
    tries: str = ""
    duration: str = ""
    at: str = ""
    since: str = ""
    retry_at: str = ""
    until: str = ""
    error: str = ""
    run_id: str = ""
    left: int = 0
    is_open: bool = False
    may_retry: bool = False
    asked: Asked = NOT_ASKED
    attempts: list[Try] = field(default_factory=list)


@dataclass(frozen=True)
class Choices:
    """What a person has opened or closed (by key of the line), and how many rounds they want."""

    opened: Mapping[str, bool] = field(default_factory=dict)
    rounds: Mapping[str, int] = field(default_factory=dict)


def lines_of(run: RunDetail, choices: Choices = Choices()) -> list[Line]:
    """The whole run; at most ``MOST_LINES``."""
    return _Drawing(run, choices).lines()


class _Drawing:
    """One walk over the tree, with what was attempted at hand."""

    def __init__(self, run: RunDetail, choices: Choices) -> None:
        self._run = run
        self._choices = choices
        self._room = Room(run.id)
        self._tried = Tried(run)
        # Of the round that is being drawn: what has not begun there will not.
        self._is_over = self._tried.has_ended
        self._asked = {one.path: one for one in reversed(run.approvals)}
        self._numbers: dict[str, int] = {}
        self._lines: list[Line] = []
        self._drawn: set[str] = set()

    def lines(self) -> list[Line]:
        steps = drafts.all_steps(self._run.definition)
        self._numbers = {step["id"]: number for number, step in enumerate(steps, start=1)}
        self._draw(list(self._run.definition.get("steps") or ()), "", 0)
        for path, made in self._tried.by_path.items():
            # What the version does not name; inside of rounds it may only be folded.
            if path not in self._drawn and made[-1].step_id not in self._numbers:
                self._add(self._line({"id": path, "kind": made[-1].kind}, path, 0, made))
        return self._lines

    def _draw(self, steps: Sequence[Mapping[str, Any]], prefix: str, depth: int) -> None:
        for step in steps:
            path = f"{prefix}{step['id']}"
            made = self._tried.at(path)
            self._add(self._line(step, path, depth, made))
            if step["kind"] == "loop":
                self._draw_rounds(step, path, depth + 1)
            else:
                for body, is_taken in tried.branches(step, made):
                    self._draw_branch(body, path, prefix, depth + 1, is_taken=is_taken)

    def _draw_branch(
        self, body: Body, path: str, prefix: str, depth: int, *, is_taken: bool
    ) -> None:
        note = "" if is_taken else "not taken"
        key = f"{path}|{body.name}"
        self._add(Line("branch", key, path, depth, shown.line(body.name), note=note))
        if is_taken:
            self._draw(body.steps, prefix, depth)

    def _draw_rounds(self, step: Mapping[str, Any], path: str, depth: int) -> None:
        rounds = self._tried.rounds(path)
        steps = drafts.bodies(step)[0].steps
        if not rounds:
            if not self._tried.at(path):
                self._draw(steps, f"{path}[1]/", depth)
            return
        order = sorted(rounds, key=lambda number: (tried.urgency(rounds[number]), number))
        wanted = self._choices.rounds.get(path, ROUNDS_AT_ONCE)
        # Those that somebody opened elsewhere on the page are there, too.
        asked_for = [
            number for number in order[wanted:] if self._choices.opened.get(f"{path}[{number}]")
        ]
        items = tried.items(self._tried.at(path))
        for place, number in enumerate([*order[:wanted], *asked_for]):
            key = f"{path}[{number}]"
            usual = len(order) <= _FEW or (rounds[number] in BAD and place < _FEW)
            is_open = self._choices.opened.get(key, usual)
            self._add(
                Line(
                    "round",
                    key,
                    path,
                    depth,
                    f"Round {number}",
                    note=tried.preview(items, number),
                    status=rounds[number],
                    is_open=is_open,
                )
            )
            if is_open:
                was_over, self._is_over = (
                    self._is_over,
                    self._is_over or self._tried.is_round_over(path, number),
                )
                self._draw(steps, f"{key}/", depth + 1)
                self._is_over = was_over
        left = len(order) - wanted - len(asked_for)
        if left > 0:
            self._add(Line("more", f"{path}|more", path, depth, "", left=left))

    def _line(
        self, step: Mapping[str, Any], path: str, depth: int, made: Sequence[AttemptView]
    ) -> Line:
        last = made[-1] if made else None
        is_known = step["id"] in self._numbers
        key = drafts.action_key(step) if is_known else (last.action or last.kind) if last else ""
        name = drafts.step_name(step) if is_known else last.name if last else path
        sum_up = attempts.gist(made, has_ended=self._is_over)
        asked = self._asked.get(path)
        return Line(
            "step",
            path,
            path,
            depth,
            shown.line(name),
            number=str(self._numbers.get(step["id"], len(self._numbers) + 1)),
            kind=str(step["kind"]),
            action=key,
            icon=icon_of(key),
            note=self._tried.progress(path, sum_up) if step["kind"] == "loop" else "",
            run_id=self._run.child_run_ids.get(path, ""),
            is_open=_is_open(sum_up, last) or _waits_for_people(asked),
            may_retry=self._tried.has_ended and last is not None and last.status != "running",
            asked=questions.asked_of(asked) if asked else NOT_ASKED,
            attempts=attempts.tries(made, self._room, has_ended=self._tried.has_ended),
            **_said(sum_up),
        )

    def _add(self, line: Line) -> None:
        if len(self._lines) < MOST_LINES:
            self._lines.append(line)
            self._drawn.add(line.path)


def _said(sum_up: Gist) -> dict[str, Any]:
    return {name: getattr(sum_up, name) for name in Gist.__dataclass_fields__}


def _is_open(sum_up: Gist, last: AttemptView | None) -> bool:
    """What went wrong by itself; a block in which something did leads there."""
    is_blamed = last is not None and (last.error or {}).get("code") == blame.CODE
    return sum_up.status in {*BAD, RETRYING} and not is_blamed


def _waits_for_people(asked: ApprovalView | None) -> bool:
    return asked is not None and asked.status == "pending"


def icon_of(key: str) -> str:
    """The picture of an action; empty for other kinds of steps."""
    known = REGISTRY.get(key)
    return known.icon if known else ""

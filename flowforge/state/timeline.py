"""A run as lines from top to bottom: its version's tree of steps, with what became of each.

Steps that were not reached are there too, so that a page shows the whole way, not the part behind.
Rounds of a loop fold into one line each, those that failed first; only open ones show their steps.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flowforge.actions import REGISTRY
from flowforge.services import drafts
from flowforge.services.approvals import ApprovalView
from flowforge.services.drafts import Body
from flowforge.services.figures import ENDED
from flowforge.services.runs import AttemptView, RunDetail
from flowforge.state import attempts, questions, shown
from flowforge.state.attempts import RETRYING, Gist, Room, Try
from flowforge.state.questions import NOT_ASKED, Asked

ROUNDS_AT_ONCE = 20
MOST_LINES = 1_000
# So few rounds are open from the beginning; of more, the first that failed are.
_FEW = 3
_LONGEST_PREVIEW = 80
_ROUND = re.compile(r"\[(\d{1,9})\]/")
_BAD = frozenset({"failed", "unknown"})
_GOING = frozenset({"running", "waiting", RETRYING})


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
        self._room = Room()
        self._has_ended = run.status in ENDED
        # The same of the round that is being drawn: what has not begun there will not.
        self._is_over = self._has_ended
        self._tried: defaultdict[str, list[AttemptView]] = defaultdict(list)
        self._rounds: defaultdict[str, dict[int, str]] = defaultdict(dict)
        self._asked = {one.path: one for one in reversed(run.approvals)}
        self._numbers: dict[str, int] = {}
        self._lines: list[Line] = []
        self._drawn: set[str] = set()
        for attempt in run.attempts:
            self._tried[attempt.path].append(attempt)
        for path, tried in self._tried.items():
            status = attempts.gist(tried, has_ended=self._has_ended).status
            for found in _ROUND.finditer(path):
                rounds = self._rounds[path[: found.start()]]
                number = int(found[1])
                rounds[number] = _worse(rounds.get(number, ""), status)

    def lines(self) -> list[Line]:
        steps = drafts.all_steps(self._run.definition)
        self._numbers = {step["id"]: number for number, step in enumerate(steps, start=1)}
        self._draw(list(self._run.definition.get("steps") or ()), "", 0)
        for path, tried in self._tried.items():
            # What the version does not name; inside of rounds it may only be folded.
            if path not in self._drawn and tried[-1].step_id not in self._numbers:
                self._add(self._line({"id": path, "kind": tried[-1].kind}, path, 0, tried))
        return self._lines

    def _draw(self, steps: Sequence[Mapping[str, Any]], prefix: str, depth: int) -> None:
        for step in steps:
            path = f"{prefix}{step['id']}"
            tried = self._tried.get(path, [])
            self._add(self._line(step, path, depth, tried))
            if step["kind"] == "loop":
                self._draw_rounds(step, path, depth + 1)
            else:
                for body, is_taken in _branches(step, tried):
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
        rounds = self._rounds.get(path, {})
        loop = attempts.gist(self._tried.get(path, []), has_ended=self._has_ended)
        steps = drafts.bodies(step)[0].steps
        if not rounds:
            if path not in self._tried:
                self._draw(steps, f"{path}[1]/", depth)
            return
        order = sorted(rounds, key=lambda number: (_urgency(rounds[number]), number))
        wanted = self._choices.rounds.get(path, ROUNDS_AT_ONCE)
        items = _items(self._tried.get(path, []))
        for place, number in enumerate(order[:wanted]):
            key = f"{path}[{number}]"
            usual = len(order) <= _FEW or (rounds[number] in _BAD and place < _FEW)
            is_open = self._choices.opened.get(key, usual)
            self._add(
                Line(
                    "round",
                    key,
                    path,
                    depth,
                    f"Round {number}",
                    note=_preview(items, number),
                    status=rounds[number],
                    is_open=is_open,
                )
            )
            if is_open:
                was_over, self._is_over = (
                    self._is_over,
                    self._is_over or (loop.status not in _GOING or rounds[number] in _BAD),
                )
                self._draw(steps, f"{key}/", depth + 1)
                self._is_over = was_over
        left = len(order) - wanted
        if left > 0:
            self._add(Line("more", f"{path}|more", path, depth, "", left=left))

    def _line(
        self, step: Mapping[str, Any], path: str, depth: int, tried: Sequence[AttemptView]
    ) -> Line:
        last = tried[-1] if tried else None
        is_known = step["id"] in self._numbers
        key = drafts.action_key(step) if is_known else (last.action or last.kind) if last else ""
        name = drafts.step_name(step) if is_known else last.name if last else path
        sum_up = attempts.gist(tried, has_ended=self._is_over)
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
            icon=_icon(key),
            note=self._note(step, path, tried, sum_up),
            run_id=self._run.child_run_ids.get(path, ""),
            is_open=sum_up.status in {*_BAD, RETRYING} or _waits_for_people(asked),
            may_retry=self._has_ended and last is not None and last.status != "running",
            asked=questions.asked_of(asked) if asked else NOT_ASKED,
            attempts=attempts.tries(tried, self._room, has_ended=self._has_ended),
            **_said(sum_up),
        )

    def _note(
        self,
        step: Mapping[str, Any],
        path: str,
        tried: Sequence[AttemptView],
        sum_up: Gist,
    ) -> str:
        """What the tries do not say: how far a loop is."""
        if step["kind"] != "loop" or not tried:
            return ""
        output = tried[-1].output if isinstance(tried[-1].output, dict) else {}
        rounds = self._rounds.get(path, {})
        failed = sum(status in _BAD for status in rounds.values())
        total = output.get("count")
        seen = len(rounds)
        is_going = sum_up.status == "running" and isinstance(total, int) and seen < total
        words = f"{seen} of {total} rounds" if is_going else shown.counted(seen, "round")
        return f"{words}, {failed} failed" if failed else words

    def _add(self, line: Line) -> None:
        if len(self._lines) < MOST_LINES:
            self._lines.append(line)
            self._drawn.add(line.path)


def _said(sum_up: Gist) -> dict[str, Any]:
    return {name: getattr(sum_up, name) for name in Gist.__dataclass_fields__}


def _branches(step: Mapping[str, Any], tried: Sequence[AttemptView]) -> Iterator[tuple[Body, bool]]:
    """The branches of a router or parallel block, and whether the run goes or may go there."""
    output = tried[-1].output if tried and isinstance(tried[-1].output, dict) else {}
    verdicts = [each.get("evaluation") is True for each in output.get("branches") or ()]
    is_decided = step["kind"] == "router" and bool(verdicts)
    fallback = len(step.get("branches") or ())
    for place, body in enumerate(drafts.bodies(step)):
        # The last verdict is that of the fallback, also where that has no steps.
        at = -1 if place == fallback else place
        yield body, verdicts[at] if is_decided and place < len(verdicts) else True


def _worse(one: str, other: str) -> str:
    return min(one or "succeeded", other, key=_urgency)


def _urgency(status: str) -> int:
    """0 for what failed, 1 for what goes on, 2 for the rest: what a person wants to see first."""
    return 0 if status in _BAD else 1 if status in _GOING else 2


def _items(tried: Sequence[AttemptView]) -> Sequence[Any]:
    given = tried[-1].input if tried else None
    items = given.get("items") if isinstance(given, dict) else None
    return items if isinstance(items, list) else ()


def _preview(items: Sequence[Any], number: int) -> str:
    """The item of a round in one short line."""
    if not 0 < number <= len(items):
        return ""
    item = items[number - 1]
    if isinstance(item, dict | list) and len(item) > _LONGEST_PREVIEW:
        return f"{len(item)} values"
    text = item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
    line = shown.line(" ".join(text[: _LONGEST_PREVIEW * 4].split()))
    return line if len(line) <= _LONGEST_PREVIEW else f"{line[:_LONGEST_PREVIEW]}…"


def _waits_for_people(asked: ApprovalView | None) -> bool:
    return asked is not None and asked.status == "pending"


def _icon(key: str) -> str:
    known = REGISTRY.get(key)
    return known.icon if known else ""

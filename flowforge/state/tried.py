"""What was attempted of a run, by path: the rounds of its loops, and the ways that it took."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flowforge.services import blame, drafts
from flowforge.services.drafts import Body
from flowforge.services.figures import ENDED
from flowforge.services.runs import AttemptView, RunDetail
from flowforge.state import attempts, shown
from flowforge.state.attempts import RETRYING, Gist

BAD = frozenset({"failed", "unknown"})
GOING = frozenset({"running", "waiting", RETRYING})
_LONGEST_PREVIEW = 80
_ROUND = re.compile(r"\[(\d{1,9})\]/")


class Tried:
    """The attempts of a run, those of each path in the order they began."""

    def __init__(self, run: RunDetail) -> None:
        self.has_ended = run.status in ENDED
        self.by_path: defaultdict[str, list[AttemptView]] = defaultdict(list)
        self._rounds: defaultdict[str, dict[int, str]] = defaultdict(dict)
        for attempt in blame.told(run.definition, run.attempts):
            self.by_path[attempt.path].append(attempt)
        for path, tried in self.by_path.items():
            status = attempts.gist(tried, has_ended=self.has_ended).status
            for found in _ROUND.finditer(path):
                rounds = self._rounds[path[: found.start()]]
                number = int(found[1])
                rounds[number] = _worse(rounds.get(number, ""), status)

    def at(self, path: str) -> Sequence[AttemptView]:
        return self.by_path.get(path, ())

    def rounds(self, path: str) -> Mapping[int, str]:
        """The rounds of the loop at ``path`` by number, with the worst that happened in each."""
        return self._rounds.get(path, {})

    def is_round_over(self, path: str, number: int) -> bool:
        """Whether what has not begun in that round will not begin any more."""
        loop = attempts.gist(self.at(path), has_ended=self.has_ended)
        return loop.status not in GOING or self.rounds(path).get(number) in BAD

    def progress(self, path: str, sum_up: Gist) -> str:
        """How far the loop at ``path`` is, in words; empty before it begins."""
        tried = self.at(path)
        if not tried:
            return ""
        output = tried[-1].output if isinstance(tried[-1].output, dict) else {}
        rounds = self.rounds(path)
        failed = sum(status in BAD for status in rounds.values())
        total = output.get("count")
        seen = len(rounds)
        is_going = sum_up.status == "running" and isinstance(total, int) and seen < total
        words = f"{seen} of {total} rounds" if is_going else shown.counted(seen, "round")
        return f"{words}, {failed} failed" if failed else words


def branches(step: Mapping[str, Any], tried: Sequence[AttemptView]) -> Iterator[tuple[Body, bool]]:
    """The branches of a router or parallel block, and whether the run goes or may go there."""
    output = tried[-1].output if tried and isinstance(tried[-1].output, dict) else {}
    verdicts = [each.get("evaluation") is True for each in output.get("branches") or ()]
    is_decided = step["kind"] == "router" and bool(verdicts)
    fallback = len(step.get("branches") or ())
    for place, body in enumerate(drafts.bodies(step)):
        # The last verdict is that of the fallback, also where that has no steps.
        at = -1 if place == fallback else place
        yield body, verdicts[at] if is_decided and place < len(verdicts) else True


def rounds_around(path: str) -> list[tuple[str, int]]:
    """The rounds that ``path`` lies in, outermost first: path of the loop and number."""
    return [(path[: found.start()], int(found[1])) for found in _ROUND.finditer(path)]


def urgency(status: str) -> int:
    """0 for what failed, 1 for what goes on, 2 for the rest: what a person wants to see first."""
    return 0 if status in BAD else 1 if status in GOING else 2


def items(tried: Sequence[AttemptView]) -> Sequence[Any]:
    """What a loop goes over, as far as its attempt says it."""
    given = tried[-1].input if tried else None
    found = given.get("items") if isinstance(given, dict) else None
    return found if isinstance(found, list) else ()


def preview(over: Sequence[Any], number: int) -> str:
    """The item of a round in one short line."""
    if not 0 < number <= len(over):
        return ""
    item = over[number - 1]
    if isinstance(item, dict | list) and len(item) > _LONGEST_PREVIEW:
        return f"{len(item)} values"
    text = item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)
    line = shown.line(" ".join(text[: _LONGEST_PREVIEW * 4].split()))
    return line if len(line) <= _LONGEST_PREVIEW else f"{line[:_LONGEST_PREVIEW]}…"


def _worse(one: str, other: str) -> str:
    return min(one or "succeeded", other, key=urgency)

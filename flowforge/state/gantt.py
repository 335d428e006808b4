"""A run's legs as bars beside each other, one line for each line of its steps. Pure.

Rounds that are folded are one bar from their first attempt to their last; open ones show their steps.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from flowforge.services import legs
from flowforge.services.legs import Leg
from flowforge.services.runs import RunDetail
from flowforge.state import shown, tried
from flowforge.state.timeline import Line
from flowforge.state.tried import Tried

MOST_ROWS = 200
# Of one line; a step that is tried thousands of times is one bar behind them.
MOST_BARS = 40
TICKS = 4
_LEAST_PERCENT = 0.4
_WORDS = {
    "queued": "queued",
    "working": "at work",
    "waiting": "waiting",
    "within": "open",
}


@dataclass(frozen=True)
class Bar:
    """``left`` and ``width`` are lengths of CSS."""

    kind: str
    left: str
    width: str
    words: str


@dataclass(frozen=True)
class Row:
    """``words`` say all that the bars show; ``place`` is the path of the step on the page."""

    key: str
    name: str
    number: str
    place: str
    depth: int
    took: str
    words: str
    bars: list[Bar] = field(default_factory=list)


@dataclass(frozen=True)
class Tick:
    left: str
    words: str


@dataclass(frozen=True)
class Gantt:
    """``sum_up``: how much of the time went where. ``is_cut``: there are more lines."""

    sum_up: str = ""
    rows: list[Row] = field(default_factory=list)
    ticks: list[Tick] = field(default_factory=list)
    is_cut: bool = False


def gantt_of(run: RunDetail, lines: Sequence[Line], now: dt.datetime) -> Gantt:
    """``lines``: what the page shows of the run's steps."""
    return _Drawing(run, now).gantt(lines)


class _Drawing:
    def __init__(self, run: RunDetail, now: dt.datetime) -> None:
        self._run = run
        self._tried = Tried(run)
        self._rounds: dict[str, tuple[dt.datetime, dt.datetime]] = {}
        self._now = max(run.finished_at or now, run.created_at)
        self._begin = run.created_at
        known = [attempt.finished_at or self._now for attempt in run.attempts]
        end = max([self._now, *known])
        self._seconds = max((end - self._begin).total_seconds(), 0.001)

    def gantt(self, lines: Sequence[Line]) -> Gantt:
        run = self._run
        whole = legs.of_run(run.created_at, run.started_at, run.finished_at, self._now)
        every = [leg for leg in whole if leg.kind == "queued"]
        for path in self._tried.by_path:
            found = self._legs(path)
            every += found
            self._note_rounds(path, found)
        rows = [self._row("", "The run", "", 0, whole)]
        drawn = [line for line in lines if line.form in {"step", "round"}]
        rows += [self._of_line(line) for line in drawn[: MOST_ROWS - 1]]
        ticks = [
            Tick(f"{100 * place / TICKS:g}%", shown.duration(self._at(place)))
            for place in range(TICKS + 1)
        ]
        return Gantt(_sum_up(every), rows, ticks, is_cut=len(drawn) > MOST_ROWS - 1)

    def _at(self, place: int) -> int:
        return round(self._seconds * 1000 * place / TICKS)

    def _legs(self, path: str) -> list[Leg]:
        return legs.of_path(self._tried.at(path), self._now, has_ended=self._tried.has_ended)

    def _of_line(self, line: Line) -> Row:
        if line.form == "step":
            return self._row(
                line.path, line.name, line.number, line.depth + 1, self._legs(line.path)
            )
        around = self._rounds.get(line.key)
        one = [Leg("within", *around)] if around else []
        return self._row(line.key, line.name, "", line.depth + 1, one)

    def _note_rounds(self, path: str, found: Sequence[Leg]) -> None:
        """Each round is open from the first leg in it to the last."""
        if not found:
            return
        begin, end = found[0].begin, max(leg.end for leg in found)
        for loop, number in tried.rounds_around(path):
            key = f"{loop}[{number}]"
            known = self._rounds.get(key, (begin, end))
            self._rounds[key] = (min(known[0], begin), max(known[1], end))

    def _row(self, key: str, name: str, number: str, depth: int, found: Sequence[Leg]) -> Row:
        bars = [self._bar(leg) for leg in _few(found)]
        took = ""
        if found:
            ends = max(leg.end for leg in found)
            took = shown.duration(Leg("within", found[0].begin, ends).milliseconds)
        words = "; ".join(bar.words for bar in bars) or "has not begun"
        return Row(key or "run", name, number, key, depth, took, f"{name}: {words}", bars)

    def _bar(self, leg: Leg) -> Bar:
        left = min(100 * self._after(leg.begin) / self._seconds, 100 - _LEAST_PERCENT)
        width = max(100 * (self._after(leg.end) - self._after(leg.begin)) / self._seconds, 0)
        width = min(max(width, _LEAST_PERCENT), 100 - left)
        attempt = f"attempt {leg.attempt} " if leg.attempt > 1 else ""
        after = shown.duration(round(self._after(leg.begin) * 1000))
        words = (
            f"{attempt}{_WORDS[leg.kind]} {shown.duration(leg.milliseconds)}, {after} after it came "
            f"({leg.begin:%H:%M:%S}.{leg.begin.microsecond // 1000:03} UTC)"
        )
        return Bar(leg.kind, f"{left:.3f}%", f"{width:.3f}%", words)

    def _after(self, moment: dt.datetime) -> float:
        return max(0.0, (moment - self._begin).total_seconds())


def _few(found: Sequence[Leg]) -> list[Leg]:
    """So many bars as can be told apart; the last one stands for those that are left out."""
    if len(found) <= MOST_BARS:
        return list(found)
    left = found[MOST_BARS - 1 :]
    rest = Leg("within", left[0].begin, max(leg.end for leg in left), left[0].attempt)
    return [*found[: MOST_BARS - 1], rest]


def _sum_up(every: Iterable[Leg]) -> str:
    known = list(every)
    parts = []
    for kind in ("queued", "working", "waiting"):
        spent = legs.covered(known, kind)
        if spent:
            parts.append(f"{shown.duration(spent)} {_WORDS[kind]}")
    return ", ".join(parts)

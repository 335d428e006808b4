"""The timeline's drawing: the lines of the steps, bars in their place, and never too many."""

import datetime as dt
from typing import Any

from flowforge.services.runs import RunDetail
from flowforge.state import gantt
from flowforge.state.gantt import Gantt
from flowforge.state.timeline import Choices, lines_of
from tests.unit.state.test_timeline import BEGAN, _attempt, _call, _definition, _detail, _loop

USUAL = Choices()


def _drawn(run: RunDetail, choices: Choices = USUAL) -> Gantt:
    return gantt.gantt_of(run, lines_of(run, choices), BEGAN + dt.timedelta(seconds=60))


def _run(*attempts: Any, steps: tuple[Any, ...] = ("send",), **more: Any) -> RunDetail:
    ended = {
        "started_at": BEGAN + dt.timedelta(seconds=5),
        "finished_at": BEGAN + dt.timedelta(seconds=20),
    }
    return _detail("succeeded", _definition(*steps), *attempts, **ended | more)


def test_bars_stand_where_their_legs_lie() -> None:
    found = _drawn(_run(_attempt("send", "succeeded")))
    whole, send = found.rows
    assert [(bar.kind, bar.left, bar.width) for bar in whole.bars] == [
        ("queued", "0.000%", "25.000%"), ("within", "25.000%", "75.000%"),
    ]  # fmt: skip
    (work,) = send.bars
    assert (work.kind, work.left, work.width) == ("working", "50.000%", "5.000%")
    assert work.words == "at work 1 s, 10 s after it came (12:00:10.000 UTC)"
    assert send.words == f"send: {work.words}"
    assert found.sum_up == "5 s queued, 1 s at work"
    assert [tick.words for tick in found.ticks] == ["0 ms", "5 s", "10 s", "15 s", "20 s"]


def test_a_step_that_was_not_reached_has_a_line_without_bars() -> None:
    found = _drawn(_run(_attempt("send", "failed"), steps=("send", "after")))
    assert (found.rows[2].bars, found.rows[2].words) == ([], "after: has not begun")


def test_a_folded_round_is_one_bar_and_an_open_one_shows_its_steps() -> None:
    rounds = [_attempt(f"each[{n}]/send", "succeeded", name="send") for n in range(1, 6)]
    steps = (_loop(_call("send")),)
    run = _run(_attempt("each", "succeeded", kind="loop"), *rounds, steps=steps)
    folded = _drawn(run)
    assert [row.name for row in folded.rows[2:]] == [f"Round {n}" for n in range(1, 6)]
    assert [bar.kind for bar in folded.rows[2].bars] == ["within"]
    opened = _drawn(run, Choices(opened={"each[1]": True}))
    assert [row.name for row in opened.rows[2:4]] == ["Round 1", "send"]
    assert opened.rows[3].depth == opened.rows[2].depth + 1


def test_thousands_of_tries_and_lines_are_bounded() -> None:
    tries = [
        _attempt("send", "failed", number=n, retry_at=BEGAN + dt.timedelta(seconds=10 * n + 5))
        for n in range(1, 3000)
    ]
    (_, send) = _drawn(_run(*tries)).rows
    assert len(send.bars) == gantt.MOST_BARS
    many = tuple(f"s{n}" for n in range(500))
    found = _drawn(_run(*(_attempt(step, "succeeded") for step in many), steps=many))
    assert len(found.rows) == gantt.MOST_ROWS
    assert found.is_cut


def test_no_bar_leaves_the_drawing() -> None:
    late = _attempt("send", "succeeded", started_at=BEGAN + dt.timedelta(seconds=19.99))
    for row in _drawn(_run(late)).rows:
        for bar in row.bars:
            assert float(bar.left[:-1]) + float(bar.width[:-1]) <= 100.001

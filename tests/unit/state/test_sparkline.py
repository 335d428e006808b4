"""The drawing of a week: what there was can be seen, and nothing leaves the box."""

import re

from flowforge.services.health import DAYS, Day, Health
from flowforge.state.sparkline import HEIGHT, LEAST, NOTHING, WIDTH, drawn

BAR = re.compile(r"M(\d+) ([\d.]+)h6v([\d.]+)h-6z")


def _week(*days: Day) -> Health:
    return Health(days=(*[Day()] * (DAYS - len(days)), *days))


def _bars(path: str) -> list[tuple[int, float, float]]:
    return [(int(left), float(top), float(tall)) for left, top, tall in BAR.findall(path)]


def test_a_week_without_runs_is_nothing() -> None:
    assert drawn(_week()) == NOTHING


def test_the_fullest_day_reaches_the_top_and_failures_stand_at_the_foot() -> None:
    week = drawn(_week(Day(1, 0), Day(1, 1)))
    assert _bars(week.good) == [(40, HEIGHT / 2, HEIGHT / 2), (48, 0, HEIGHT / 2)]
    assert _bars(week.bad) == [(48, HEIGHT / 2, HEIGHT / 2)]
    assert week.words == "Last 7 days: 2 succeeded, 1 failed"


def test_one_run_among_many_is_seen_and_stays_in_the_box() -> None:
    for one in (Day(1, 9999), Day(9999, 1), Day(1, 1)):
        week = drawn(_week(one, Day(5000, 5000)))
        for left, top, tall in _bars(week.good) + _bars(week.bad):
            assert 0 <= left <= WIDTH - 6
            assert top >= 0
            assert top + tall <= HEIGHT + 0.1
            assert tall >= min(LEAST, HEIGHT / 2) - 0.1


def test_an_error_is_inert_short_and_leads_to_its_run() -> None:
    health = Health(_week(Day(0, 1)).days, "x\u202e" + "y" * 500, "r1")
    week = drawn(health)
    assert week.error.startswith("x\\u202e")
    assert len(week.error) == 160
    assert week.error_path == "/runs/r1"

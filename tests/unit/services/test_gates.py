"""Slots of a throttle, on a clock of our own."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from flowforge.engine.definition import Limits, Throttle
from flowforge.services.gates import LATE, Gate

NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
GAP = dt.timedelta(seconds=10)


def gate(now: dt.datetime = NOON, *, limit: int = 6, seconds: float = 60) -> Gate:
    limits = Limits(throttle=Throttle(limit=limit, seconds=seconds))
    return Gate("zap:throttle:", "project", limits, 0, None, None, now)


def test_the_first_begins_now_and_the_others_keep_their_distance() -> None:
    one = gate()
    slots = [one.slot(has_slot=False) for _ in range(4)]
    assert slots == [None, NOON + GAP, NOON + 2 * GAP, NOON + 3 * GAP]


def test_who_comes_while_others_wait_goes_behind_them() -> None:
    one = gate()
    for _ in range(3):
        one.slot(has_slot=False)
    one.now += GAP
    assert one.slot(has_slot=False) == NOON + 3 * GAP
    assert one.slot(has_slot=True) is None


def test_after_a_quiet_time_nothing_has_been_saved_up() -> None:
    one = gate()
    one.slot(has_slot=False)
    one.now += 100 * GAP
    assert one.slot(has_slot=False) is None
    assert one.slot(has_slot=False) == one.now + GAP


def test_a_little_late_is_on_time_and_shifts_nobody() -> None:
    one = gate()
    for _ in range(3):
        one.slot(has_slot=False)
    one.now += GAP + LATE / 2
    assert one.slot(has_slot=True) is None
    one.now = NOON + 2 * GAP + LATE / 4
    assert one.slot(has_slot=True) is None


def test_many_that_an_outage_made_late_queue_up_again() -> None:
    one = gate()
    for _ in range(5):
        one.slot(has_slot=False)
    one.now += 100 * GAP
    slots = [one.slot(has_slot=True) for _ in range(4)]
    assert slots[0] is None
    assert slots[1:] == [one.now - LATE + number * GAP for number in (1, 2, 3)]


def test_without_a_throttle_nobody_waits() -> None:
    one = gate()
    one.limits = Limits()
    assert [one.slot(has_slot=False) for _ in range(3)] == [None] * 3


@given(
    steps=st.lists(st.tuples(st.floats(0, 30), st.booleans()), min_size=1, max_size=60),
    limit=st.integers(1, 20),
)
def test_never_more_than_the_limit_begin_within_its_seconds(
    steps: list[tuple[float, bool]], limit: int
) -> None:
    """Whoever asks when, with a slot or without one."""
    one = gate(limit=limit, seconds=20)
    began = []
    for wait, has_slot in steps:
        one.now += dt.timedelta(seconds=wait)
        if one.slot(has_slot=has_slot) is None:
            began.append(one.now)
    window = dt.timedelta(seconds=20) - LATE
    for start in began:
        assert sum(start <= each < start + window for each in began) <= limit

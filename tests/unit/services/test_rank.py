"""Ranks: what is urgent goes first, and nothing waits for ever."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from flowforge.services.leases import HEAD_START_SECONDS, PATIENT, URGENT, USUAL, rank

NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
priorities = st.sampled_from([URGENT, USUAL, PATIENT])
seconds = st.floats(0, 10_000)


@given(waited=seconds, priority=priorities, late=priorities, later=seconds)
def test_what_has_waited_longer_than_any_head_start_is_overtaken_by_nothing(
    waited: float, priority: int, late: int, later: float
) -> None:
    mine = rank(NOON, priority)
    longest = max(HEAD_START_SECONDS.values())
    newcomer = rank(NOON + dt.timedelta(seconds=longest + 1e-3 + later), late)
    assert mine < newcomer


@given(due=seconds, priority=priorities, later=st.floats(1e-3, 10_000))
def test_equals_go_in_the_order_in_which_they_became_due(
    due: float, priority: int, later: float
) -> None:
    first = NOON + dt.timedelta(seconds=due)
    assert rank(first, priority) < rank(first + dt.timedelta(seconds=later), priority)


def test_of_what_is_due_at_once_the_urgent_goes_first() -> None:
    assert sorted([PATIENT, URGENT, USUAL], key=lambda one: rank(NOON, one)) == [
        URGENT,
        USUAL,
        PATIENT,
    ]


def test_a_person_overtakes_a_minute_of_webhooks_and_no_more() -> None:
    gap = HEAD_START_SECONDS[URGENT] - HEAD_START_SECONDS[USUAL]
    just = NOON + dt.timedelta(seconds=gap)
    assert rank(just - dt.timedelta(seconds=1), URGENT) < rank(NOON, USUAL)
    assert rank(just + dt.timedelta(seconds=1), URGENT) > rank(NOON, USUAL)

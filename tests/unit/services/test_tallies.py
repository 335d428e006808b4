"""Counts in little room: sums of parts of a day, lengths of time to 2 %, days of a calendar."""

import datetime as dt
import random
from zoneinfo import ZoneInfo

import pytest

from flowforge.services import local_days, tallies

NOW = dt.datetime(2026, 11, 20, 10, 7, tzinfo=dt.UTC)


def test_the_sum_of_any_part_of_a_day_is_the_difference_of_two() -> None:
    chance = random.Random(3)
    counts = {
        slot: {status: chance.randrange(100) for status in tallies.ENDED}
        for slot in chance.sample(range(tallies.SLOTS), 40)
    }
    packed = tallies.packed(counts)

    def upto(slots: int) -> tallies.Counts:
        first = tallies.place_in(slots) - 1
        return tallies.read(packed[first : first + tallies.RECORD_BYTES])

    for first, last in ((1, 96), (17, 18), (40, 41), (3, 88)):
        expected = tuple(
            sum(counts[slot][status] for slot in counts if first <= slot < last)
            for status in tallies.ENDED
        )
        assert tallies.less(upto(last), upto(first)) == expected


@pytest.mark.parametrize(
    "milliseconds", [0, 1, 249, 250, 259, 2499, 999, 61_234, 86_399_999, 10**11]
)
def test_a_length_of_time_is_kept_to_two_percent(milliseconds: int) -> None:
    kept = tallies.percentile({tallies.rounded(milliseconds): 1}, 0.5)
    assert kept == pytest.approx(milliseconds, rel=0.02)


def test_lengths_keep_their_order() -> None:
    places = [tallies.rounded(2**power) for power in range(36)]
    assert places == sorted(places)
    assert tallies.rounded(-5) == 0


def test_a_percentile_is_that_of_all_lengths() -> None:
    chance = random.Random(5)
    lengths = sorted(int(chance.expovariate(1 / 5000)) for _ in range(2000))
    kept: dict[int, int] = {}
    for length in lengths:
        kept[tallies.rounded(length)] = kept.get(tallies.rounded(length), 0) + 1
    assert tallies.percentile(kept, 0.5) == pytest.approx(lengths[999], rel=0.02)
    assert tallies.percentile(kept, 0.95) == pytest.approx(lengths[1899], rel=0.02)
    assert tallies.percentile({}, 0.5) is None


def test_the_days_in_which_clocks_change_have_23_and_25_hours() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    spring = local_days.last_days(2, berlin, dt.datetime(2026, 3, 29, 12, tzinfo=dt.UTC))
    assert spring.begins[2] - spring.begins[1] == dt.timedelta(hours=23)
    autumn = local_days.last_days(1, berlin, dt.datetime(2026, 10, 25, 12, tzinfo=dt.UTC))
    assert autumn.until - autumn.since == dt.timedelta(hours=25)


@pytest.mark.parametrize(
    "name",
    ["UTC", "Europe/Berlin", "America/Havana", "Asia/Kathmandu", "Australia/Lord_Howe",
     "Pacific/Kiritimati", "Africa/Casablanca", "America/St_Johns"],
)  # fmt: skip
def test_each_quarter_hour_belongs_to_the_day_that_the_calendar_says(name: str) -> None:
    zone = ZoneInfo(name)
    calendar = local_days.last_days(90, zone, NOW)
    day = calendar.since.date() + dt.timedelta(days=1)
    while local_days.midnight(day) + dt.timedelta(days=1) <= calendar.until:
        first = 0
        for slots, place in calendar.pieces(day):
            for slot in range(first, slots):
                moment = local_days.midnight(day) + slot * tallies.SLOT
                assert calendar.days[place] == moment.astimezone(zone).date()
                assert calendar.place(moment) == place
            first = slots
        assert first == tallies.SLOTS
        day += dt.timedelta(days=1)


def test_what_is_outside_of_the_days_has_no_place() -> None:
    calendar = local_days.last_days(7, ZoneInfo("UTC"), NOW)
    assert calendar.place(calendar.until) is None
    assert calendar.place(calendar.since - dt.timedelta(seconds=1)) is None


def test_lengths_of_several_days_are_added_up() -> None:
    assert tallies.merged([{"5": 1, "250": 2}, {"250": 3}]) == {5: 1, 250: 5}
    assert tallies.merged([]) == {}

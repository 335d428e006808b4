"""When schedules fire: cron read strictly, time zones with their clock changes, what is overdue."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowforge.engine import cron, schedule
from flowforge.engine.schedule import Interval, Rhythm
from flowforge.engine.triggers import ScheduleSettings

NOW = dt.datetime(2026, 11, 21, 10, 5, 30, tzinfo=dt.UTC)
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Pacific/Apia",
    "America/St_Johns",
    "Africa/Casablanca",
)


def rhythm(text: str, zone: str = "UTC") -> Rhythm:
    return schedule.read(ScheduleSettings(cron=text, timezone=zone))


def local(text: str, zone: str, after: dt.datetime, number: int) -> list[str]:
    """What the clock on the wall shows, with its offset."""
    found = schedule.next_times(rhythm(text, zone), after, number)
    return [moment.astimezone(ZoneInfo(zone)).strftime("%m-%d %H:%M %z") for moment in found]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("* * * * * *", "five fields"),
        ("60 * * * *", "minute: 60 is not between 0 and 59"),
        ("* 24 * * *", "hour: 24 is not between 0 and 23"),
        ("* * 0 * *", "day of month: 0 is not between 1 and 31"),
        ("* * * 13 *", "month: 13 is not between 1 and 12"),
        ("* * * * 8", "day of week: 8 is not between 0 and 7"),
        ("@every 0s", "'@every 0s' is not known"),
        ("@reboot", "not known"),
        ("0 0 30 2 *", "never comes"),
        ("0 0 31 4,6,9,11 *", "never comes"),
        ("0 0 30 2 */2", "never comes"),
        ("*/0 * * * *", "step"),
        ("*/90 * * * *", "larger than 59"),
        ("*/x * * * *", "step"),
        ("5-1 * * * *", "ends before it begins"),
        ("1,,2 * * * *", "minute: '' is not a number"),
        ("-1 * * * *", "not a number"),
        ("1.5 * * * *", "not a number"),
        ("٣ * * * *", "not a number"),
        ("9" * 199 + " * * * *", "not a number"),
        ("", "five fields"),
        ("\x00 * * * *", "not a number"),
        ("* * * mon *", "month: 'mon'"),
    ],
)
def test_what_is_no_cron_expression_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("*", r"\*")):
        cron.parse(text)


@pytest.mark.parametrize(
    "name", ["", "Mars/Base", "../../etc/passwd", "America", "UTC\x00", "/UTC"]
)
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no time zone"):
        schedule.zone(name)


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("0 9 * * 1-5", ["11-23 09:00 +0000", "11-24 09:00 +0000"]),
        ("0 9 * * MON", ["11-23 09:00 +0000", "11-30 09:00 +0000"]),
        ("0 0 * * 7", ["11-22 00:00 +0000", "11-29 00:00 +0000"]),
        ("0 0 29 2 *", ["02-29 00:00 +0000", "02-29 00:00 +0000"]),
        ("0 0 13 * 5", ["11-27 00:00 +0000", "12-04 00:00 +0000"]),
        ("0/20 10 21 nov *", ["11-21 10:20 +0000", "11-21 10:40 +0000"]),
        ("@daily", ["11-22 00:00 +0000", "11-23 00:00 +0000"]),
        ("5 10 * * *", ["11-22 10:05 +0000", "11-23 10:05 +0000"]),
        ("0 0 13 * */2", ["12-13 00:00 +0000", "02-13 00:00 +0000"]),
    ],
)
def test_fields_say_when(text: str, times: list[str]) -> None:
    assert local(text, "UTC", NOW, 2) == times


def test_a_fixed_time_that_the_clock_leaves_out_fires_once_after_the_gap() -> None:
    before = dt.datetime(2026, 3, 28, 12, tzinfo=dt.UTC)
    assert local("30 2 * * *", "Europe/Berlin", before, 2) == [
        "03-29 03:00 +0200",
        "03-30 02:30 +0200",
    ]
    # All of its times of that hour are one; the hour before and after are as ever.
    assert local("*/20 1-3 * * *", "Europe/Berlin", before, 8)[:7] == [
        "03-29 01:00 +0100",
        "03-29 01:20 +0100",
        "03-29 01:40 +0100",
        "03-29 03:00 +0200",
        "03-29 03:20 +0200",
        "03-29 03:40 +0200",
        "03-30 01:00 +0200",
    ]


def test_a_fixed_time_that_comes_twice_fires_the_first_time() -> None:
    before = dt.datetime(2026, 10, 24, 12, tzinfo=dt.UTC)
    assert local("30 2 * * *", "Europe/Berlin", before, 2) == [
        "10-25 02:30 +0200",
        "10-26 02:30 +0100",
    ]


def test_where_hours_are_any_the_clock_on_the_wall_decides() -> None:
    before = dt.datetime(2026, 10, 24, 23, 15, tzinfo=dt.UTC)
    assert local("30 * * * *", "Europe/Berlin", before, 4) == [
        "10-25 01:30 +0200",
        "10-25 02:30 +0200",
        "10-25 02:30 +0100",
        "10-25 03:30 +0100",
    ]
    spring = dt.datetime(2026, 3, 28, 23, 15, tzinfo=dt.UTC)
    assert local("30 * * * *", "Europe/Berlin", spring, 3) == [
        "03-29 00:30 +0100",
        "03-29 01:30 +0100",
        "03-29 03:30 +0200",
    ]


def test_half_an_hour_and_a_whole_day_are_left_out_as_well() -> None:
    howe = dt.datetime(2026, 10, 3, 12, tzinfo=dt.UTC)
    assert local("15 2 * * *", "Australia/Lord_Howe", howe, 2) == [
        "10-04 02:30 +1100",
        "10-05 02:15 +1100",
    ]
    apia = dt.datetime(2011, 12, 29, 20, tzinfo=dt.UTC)
    assert local("30 9 * * *", "Pacific/Apia", apia, 2) == [
        "12-31 00:00 +1400",
        "12-31 09:30 +1400",
    ]


def test_a_clock_that_goes_back_over_midnight_repeats_the_evening() -> None:
    # Until 2011 Newfoundland changed its clocks at 00:01.
    before = dt.datetime(2010, 11, 7, 1, tzinfo=dt.UTC)
    assert local("0 * * * *", "America/St_Johns", before, 5) == [
        "11-06 23:00 -0230",
        "11-07 00:00 -0230",
        "11-07 00:00 -0330",
        "11-07 01:00 -0330",
        "11-07 02:00 -0330",
    ]
    assert local("0 0 * * *", "America/St_Johns", before, 2) == [
        "11-07 00:00 -0230",
        "11-08 00:00 -0330",
    ]


def test_an_interval_counts_from_the_time_before() -> None:
    every = schedule.read(ScheduleSettings(every_seconds=90))
    found = schedule.next_times(every, NOW, 3)
    assert [(moment - NOW).total_seconds() for moment in found] == [90, 180, 270]


def test_nothing_is_overdue_but_the_time_itself() -> None:
    planned = dt.datetime(2026, 11, 21, 10, 5, tzinfo=dt.UTC)
    for each in (rhythm("*/5 * * * *"), Interval(dt.timedelta(minutes=5))):
        found = schedule.overdue(each, planned, NOW, 100)
        assert (found.last, list(found.missed), found.more) == (planned, [], 0)
        assert found.next_at == planned + dt.timedelta(minutes=5)


def test_what_was_missed_is_told_newest_first_and_the_rest_is_counted() -> None:
    planned = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
    now = dt.datetime(2026, 11, 21, 10, 5, 30, tzinfo=dt.UTC)
    for each in (rhythm("* * * * *", "Europe/Berlin"), Interval(dt.timedelta(minutes=1))):
        found = schedule.overdue(each, planned, now, 100)
        assert found.last == now.replace(second=0)
        assert len(found.missed) == 100
        assert found.missed[0] == found.last - dt.timedelta(minutes=1)
        whole = (found.last - planned) // dt.timedelta(minutes=1)
        assert len(found.missed) + found.more == whole
        assert found.next_at == found.last + dt.timedelta(minutes=1)


def test_a_time_that_the_rhythm_does_not_know_any_more_was_still_due() -> None:
    planned = dt.datetime(2026, 11, 21, 9, 59, tzinfo=dt.UTC)
    found = schedule.overdue(rhythm("0 10 * * *"), planned, NOW, 100)
    assert found.last == NOW.replace(minute=0, second=0)
    assert list(found.missed) == [planned]


def expressions() -> st.SearchStrategy[str]:
    def field(low: int, high: int) -> st.SearchStrategy[str]:
        number = st.integers(low, high)
        span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
        step = st.integers(1, high).map(lambda every: f"*/{every}")
        items = st.lists(number.map(str) | span, min_size=1, max_size=3).map(",".join)
        return st.just("*") | items | step

    fields = (field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7))
    return st.tuples(*fields).map(" ".join)


def shows(expression: cron.Cron, wall: dt.datetime) -> bool:
    day = wall.day in expression.days
    week = wall.isoweekday() % 7 in expression.weekdays
    return (
        wall.minute in expression.minutes
        and wall.hour in expression.hours
        and wall.month in expression.months
        and ((day or week) if expression.either_day else (day and week))
    )


BEGIN = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
MOMENTS = st.integers(0, 37 * 366 * 86_400).map(lambda passed: BEGIN + dt.timedelta(seconds=passed))


@settings(max_examples=300, deadline=None)
@given(expressions(), st.sampled_from(ZONES), MOMENTS)
def test_times_ascend_and_show_what_was_asked_for(text: str, zone: str, after: dt.datetime) -> None:
    try:
        expression = cron.parse(text)
    except ValueError:
        # It has days that none of its months has.
        assert min(map(int, text.split()[2].replace("-", ",").split(","))) > 28
        return
    found = schedule.next_times(rhythm(text, zone), after, 5)
    assert found
    before = after
    for moment in found:
        assert moment > before
        wall = moment.astimezone(ZoneInfo(zone))
        gap = (moment - dt.timedelta(seconds=1)).astimezone(ZoneInfo(zone))
        is_after_gap = gap.utcoffset() != wall.utcoffset()
        assert shows(expression, wall) or (is_after_gap and not expression.wild_hours)
        before = moment


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["*/7 * * * *", "0 */3 * * *", "13 4-23/5 * * *", "* * 3 * 2"]),
    st.sampled_from(ZONES),
    MOMENTS,
)
def test_no_time_is_left_out(text: str, zone: str, after: dt.datetime) -> None:
    """Against a walk over every minute of three days; fixed hours only where no clock is changed."""
    expression = cron.parse(text)
    place = ZoneInfo(zone)
    first = after.replace(second=0, microsecond=0)
    minutes = [first + dt.timedelta(minutes=number) for number in range(1, 3 * 1440)]
    walls = [minute.astimezone(place) for minute in minutes]
    if not expression.wild_hours and len({wall.utcoffset() for wall in walls}) > 1:
        return
    expected = [
        minute for minute, wall in zip(minutes, walls, strict=True) if shows(expression, wall)
    ]
    found = [
        moment
        for moment in schedule.next_times(rhythm(text, zone), first, len(expected) + 1)
        if moment <= minutes[-1]
    ]
    assert found == expected


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["*/30 * * * *", "15 2 * * *", "0 */5 * * 1", "30 1,2,3 * * *"]),
    st.sampled_from(ZONES),
    MOMENTS,
    st.integers(0, 20 * 86_400),
    st.integers(0, 20),
)
def test_overdue_agrees_with_the_times_one_by_one(
    text: str, zone: str, after: dt.datetime, seconds: int, most: int
) -> None:
    each = rhythm(text, zone)
    planned = schedule.next_times(each, after, 1)[0]
    now = planned + dt.timedelta(seconds=seconds)
    due = [planned]
    for moment in schedule.times(each, planned):
        if moment > now:
            break
        due.append(moment)
    found = schedule.overdue(each, planned, now, most)
    assert found.last == due[-1]
    assert list(found.missed) == due[:-1][::-1][:most]
    assert len(found.missed) + found.more == len(due) - 1
    assert found.next_at == schedule.following(each, now)

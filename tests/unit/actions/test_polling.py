"""What counts as new, whatever is listed, taken back, pinned or dated wrongly."""

import datetime as dt
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.actions import imap, rss
from flowforge.actions.polling import MOST_FOUND, MOST_LISTED, Item, after_last, after_time
from flowforge.actions.sdk import FatalError

NOW = dt.datetime(2026, 8, 1, 12, tzinfo=dt.UTC)


def items(*names: object) -> list[Item]:
    return [Item(str(name), {"name": name}) for name in names]


def at(minutes: float, name: object) -> Item:
    return Item(str(name), name, NOW + dt.timedelta(minutes=minutes))


def keys(found: object) -> list[str]:
    return [item.key for item in found.found]  # type: ignore[attr-defined]


def test_the_first_look_brings_a_position_and_some_samples() -> None:
    poll = after_last(items(*range(20)), None)
    assert keys(poll) == ["15", "16", "17", "18", "19"]
    assert keys(after_last(items(*range(20)), poll.cursor)) == []


def test_an_empty_list_is_a_position_too() -> None:
    assert keys(after_last(items("a"), after_last([], None).cursor)) == ["a"]
    assert keys(after_time([at(-1, "a")], after_time([], None, NOW).cursor, NOW)) == ["a"]


def test_an_entry_that_is_taken_back_brings_nothing_old_again() -> None:
    first = after_last(items(1, 2, 3), None)
    gone = after_last(items(1, 2), first.cursor)
    back = after_last(items(1, 2, 3, 4), gone.cursor)
    assert (keys(gone), keys(back)) == ([], ["4"])


def test_an_entry_that_stays_on_top_hides_nothing() -> None:
    first = after_last(items(1, 2, "pinned"), None)
    assert keys(after_last(items(1, 2, 3, "pinned"), first.cursor)) == ["3"]


def test_more_than_one_poll_takes_comes_in_parts_and_in_order() -> None:
    cursor = after_last([], None).cursor
    many = items(*range(MOST_FOUND * 2 + 7))
    seen: list[str] = []
    for more in (True, True, False):
        poll = after_last(many, cursor)
        seen += keys(poll)
        cursor = poll.cursor
        assert poll.more is more
    assert seen == [item.key for item in many]


def test_a_list_that_cannot_be_compared_says_so() -> None:
    with pytest.raises(FatalError, match="5,001 entries"):
        after_last(items(*range(MOST_LISTED + 1)), None)


@given(st.lists(st.sets(st.integers(0, 30)), max_size=8), st.randoms())
def test_every_entry_is_found_once_however_lists_change(
    lists: list[set[int]], chance: random.Random
) -> None:
    cursor = after_last(items("before"), None).cursor
    seen: list[str] = []
    for numbers in lists:
        shuffled = list(numbers)
        chance.shuffle(shuffled)
        poll = after_last(items(*shuffled), cursor)
        cursor = poll.cursor
        seen += keys(poll)
    assert sorted(seen) == sorted({str(n) for numbers in lists for n in numbers})


def test_by_time_only_what_is_newer_is_found_and_of_one_second_all() -> None:
    first = after_time([at(-10, "a"), at(-5, "b")], None, NOW)
    poll = after_time(
        [at(-10, "a"), at(-5, "b"), at(-5, "c"), at(-1, "d"), at(-30, "old")], first.cursor, NOW
    )
    assert keys(poll) == ["c", "d"]
    assert keys(after_time([at(-1, "d"), at(-1, "e")], poll.cursor, NOW)) == ["e"]


def test_what_comes_late_is_found_within_the_look_back() -> None:
    back = dt.timedelta(minutes=60)
    first = after_time([at(-50, "old"), at(-5, "b")], None, NOW, back)
    poll = after_time(
        [at(-50, "old"), at(-5, "b"), at(-40, "late"), at(-90, "too late")], first.cursor, NOW, back
    )
    assert keys(poll) == ["late"]
    assert keys(after_time([at(-50, "old"), at(-40, "late")], poll.cursor, NOW, back)) == []


def test_a_time_in_the_future_hides_nothing_and_fires_once() -> None:
    first = after_time([at(10**6, "2028")], None, NOW)
    later = NOW + dt.timedelta(hours=1)
    poll = after_time([at(10**6, "2028"), at(30, "next")], first.cursor, later)
    assert keys(poll) == ["next"]
    again = after_time(
        [at(10**6, "2028"), at(30, "next")], poll.cursor, later + dt.timedelta(days=9)
    )
    assert keys(again) == []


def test_by_time_too_much_comes_in_parts() -> None:
    cursor = after_time([], None, NOW).cursor
    many = [at(-1000 + n // 3, n) for n in range(MOST_FOUND + 10)]
    one = after_time(many, cursor, NOW)
    two = after_time(many, one.cursor, NOW)
    assert (len(one.found), one.more, len(two.found), two.more) == (MOST_FOUND, True, 10, False)


def test_only_another_place_is_another_place() -> None:
    mailbox = {"host": "imap.example.com", "user": "ada", "password": "one"}
    place = imap.new_mail.place_of(mailbox)
    same = {"password": "two", "folder": "INBOX", "port": "993", "security": "tls"}
    assert imap.new_mail.place_of(mailbox | same) == place
    for change in ({"folder": "Sent"}, {"user": "bob"}, {"port": 143}):
        assert imap.new_mail.place_of(mailbox | change) != place
    assert rss.new_entries.place_of({}) != imap.new_mail.place_of({})

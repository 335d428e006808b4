"""The run list's address: what was chosen can be sent, and nonsense chooses nothing."""

import datetime as dt

import pytest

from flowforge.state import run_choices
from flowforge.state.run_choices import IN_PROGRESS, Choices


@pytest.mark.parametrize(
    "choices",
    [
        Choices(),
        Choices(groups=("failed,timed_out", "cancelled")),
        Choices(groups=(IN_PROGRESS,), first="2026-11-01", last="2026-11-30"),
        Choices(step="send", sought="100% & more=1 #ü", tests=True),
    ],
)
def test_an_address_says_what_was_chosen(choices: Choices) -> None:
    path, _, query = run_choices.address("/runs", choices).partition("?")
    assert path == "/runs"
    assert run_choices.of_query(query) == choices
    assert bool(query) == (choices != Choices())


@pytest.mark.parametrize(
    "query",
    [
        "status=done",
        "from=yesterday&to=2026-02-30",
        "from=9999-12-31",
        "environment=moon",
        "q=+",
        "&&",
    ],
)
def test_nonsense_in_an_address_chooses_nothing(query: str) -> None:
    assert run_choices.of_query(query) == Choices()


def test_one_status_of_a_group_stands_for_the_group() -> None:
    assert run_choices.of_query("status=failed,queued").groups == (IN_PROGRESS, "failed,timed_out")


def test_both_days_are_meant() -> None:
    wanted = run_choices.filter_of(Choices(first="2026-11-20", last="2026-11-21"), "")
    assert wanted.since == dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
    assert wanted.until == dt.datetime(2026, 11, 22, tzinfo=dt.UTC)
    assert wanted.zap_id is None


def test_a_number_that_is_a_least_one_says_so() -> None:
    counts = run_choices.counts_of({"failed": 10_000, "timed_out": 3, "running": 2}, 10_000)
    assert counts == {
        IN_PROGRESS: "2",
        "succeeded": "0",
        "failed,timed_out": "10,003+",
        "cancelled": "0",
    }

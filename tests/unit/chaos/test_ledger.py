"""The ledger sees what it is there to see: one broken promise, one sentence."""

import datetime as dt
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from tests.chaos.acks import Ack, Acks
from tests.chaos.ledger import Rows, order, violations
from tests.chaos.sink import Book

NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)


def at(seconds: float) -> dt.datetime:
    return NOON + dt.timedelta(seconds=seconds)


def run(run_id: str, **changes: Any) -> Any:
    usual = {
        "id": run_id,
        "event_id": f"event-{run_id}",
        "zap_id": "zap",
        "status": "succeeded",
        "retries": 0,
        "replay_of": None,
        "parent_run_id": None,
        "created_at": at(0),
        "started_at": at(1),
        "finished_at": at(2),
    }
    return SimpleNamespace(**(usual | changes))


def attempt(run_id: str, number: int = 1, status: str = "succeeded", **changes: Any) -> Any:
    usual = {
        "run_id": run_id,
        "path": "one",
        "number": number,
        "status": status,
        "kind": "action",
        "action": "webhook",
        "seq": number,
        "started_at": at(1),
    }
    return SimpleNamespace(**(usual | changes))


def event(event_id: str, **changes: Any) -> Any:
    usual = {"id": event_id, "verdict": "accepted", "zap_id": "zap", "dedupe_key": None}
    return SimpleNamespace(**(usual | changes))


def books(**changes: Any) -> Rows:
    """One run with one step, in order."""
    usual = Rows({"a": run("a")}, [attempt("a")], {"event-a": event("event-a")}, [])
    return replace(usual, **changes)


def sink(*calls: tuple[str, bytes]) -> Any:
    book = Book()
    for key, body in calls or (("a:one", b"1"),):
        book.enter("one", key, body, "ok")
    return SimpleNamespace(book=book)


def found(rows: Rows, acks: Acks | None = None, receiver: Any = None) -> list[str]:
    return list(violations(rows, acks or Acks(runs={"a": "event-a"}), receiver or sink()))


def test_books_in_order_are_in_order() -> None:
    assert found(books()) == []


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (books(runs={}), "I1: run a of event event-a was acknowledged and is not stored"),
        (books(events={}), "I1: run a of event event-a was acknowledged and is not stored"),
        (books(runs={"a": run("a", event_id="b")}), "I1: run a was acknowledged for event-a"),
        (books(owed=["a"]), "I3: run a still owes work"),
        (books(runs={"a": run("a", status="waiting")}), "I3: run a has not ended"),
        (books(runs={"a": run("a", finished_at=None)}), "nobody knows since when"),
        (
            books(attempts=[attempt("a"), attempt("a", 2, "running")]),
            "I3: one of run a is still being attempted",
        ),
        (
            books(attempts=[attempt("a"), attempt("a", 2)]),
            "I2: one of run a succeeded more than once",
        ),
        (
            books(attempts=[attempt("a"), attempt("a", 2, "failed")]),
            "I2: one of run a was attempted again after a success",
        ),
        (books(attempts=[attempt("a", 2)]), "I2: the attempts of one of run a are [2]"),
        (
            books(attempts=[attempt("a"), attempt("a", path="two", action=None)]),
            "I2: two attempts of run a are both the end number [1]",
        ),
        (
            books(attempts=[attempt("a"), attempt("a", path="two", seq=2)]),
            "I2: two of run a succeeded without an effect",
        ),
        (books(attempts=[]), "I2: a call with the key a:one, which no attempt accounts for"),
        (
            books(
                runs={"a": run("a"), "b": run("b", event_id="event-a")},
            ),
            "I2: event event-a started 2 runs",
        ),
        (
            books(
                events={
                    "event-a": event("event-a", dedupe_key="k"),
                    "event-b": event("event-b", dedupe_key="k"),
                }
            ),
            "I2: 2 events of zap zap were accepted under the key k",
        ),
    ],
)
def test_one_broken_promise_is_one_sentence(rows: Rows, said: str) -> None:
    assert any(said in sentence for sentence in found(rows)), found(rows)


def test_two_different_calls_under_one_key_are_seen() -> None:
    said = found(books(), receiver=sink(("a:one", b"1"), ("a:one", b"2")))
    assert said == ["I2: 2 different calls under the key a:one"]


def test_a_copy_of_an_earlier_success_needs_no_effect_of_its_own() -> None:
    again = run("b", replay_of="a", created_at=at(10))
    rows = books(
        runs={"a": run("a"), "b": again},
        attempts=[attempt("a"), attempt("b", started_at=at(1))],
    )
    assert found(rows) == []


def ack(run_id: str) -> Ack:
    return Ack("ordered", 1, 0.0, 0.0, 200, run_id, f"event-{run_id}", is_duplicate=False)


def test_runs_one_after_the_other_are_in_order() -> None:
    rows = books(
        runs={
            "a": run("a"),
            "b": run("b", started_at=at(2), finished_at=at(3)),
        }
    )
    receiver = sink(("a:one", b"1"), ("b:one", b"1"))
    assert list(order(rows, [ack("a"), ack("b")], receiver)) == []


def test_a_run_that_overtakes_or_overlaps_is_seen() -> None:
    rows = books(runs={"a": run("a"), "b": run("b", started_at=at(1.5), finished_at=at(3))})
    receiver = sink(("b:one", b"1"), ("a:one", b"1"))
    assert list(order(rows, [ack("a"), ack("b")], receiver)) == [
        "I5: run b began before a, ahead of it, had ended",
        "I5: calls of run b came before the last of a, ahead of it",
    ]

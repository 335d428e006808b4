"""Legs of a run: where the time went, as far as it is on record."""

import datetime as dt
from typing import Any

from flowforge.services import legs
from flowforge.services.attempts import AttemptView
from flowforge.services.legs import Leg

NOW = dt.datetime(2026, 6, 5, 12, 0, tzinfo=dt.UTC)


def _at(seconds: float) -> dt.datetime:
    return NOW + dt.timedelta(seconds=seconds)


def _attempt(begin: float, end: float | None, kind: str = "action", **more: Any) -> AttemptView:
    given: dict[str, Any] = {
        "id": "a", "path": "send", "kind": kind, "status": "failed", "step_id": "send",
        "action": None, "name": "Send", "number": 1, "started_at": _at(begin),
        "finished_at": None if end is None else _at(end), "duration_ms": 0, "input": None,
        "output": None, "error": None, "retry_at": None, "wake_at": None, "logs": None,
        "input_ref": None, "output_ref": None,
    }  # fmt: skip
    return AttemptView(**given | more)


def _told(found: list[Leg]) -> list[tuple[str, float, float]]:
    return [
        (leg.kind, (leg.begin - NOW).total_seconds(), (leg.end - NOW).total_seconds())
        for leg in found
    ]


def test_between_two_tries_it_waits_and_then_stands_in_the_queue() -> None:
    first = _attempt(0, 1, retry_at=_at(5))
    second = _attempt(7, 8, number=2)
    found = legs.of_path([first, second], NOW, has_ended=True)
    assert _told(found) == [
        ("working", 0, 1), ("waiting", 1, 5), ("queued", 5, 7), ("working", 7, 8),
    ]  # fmt: skip
    assert [leg.attempt for leg in found] == [1, 2, 2, 2]


def test_a_try_that_is_promised_waits_until_now() -> None:
    promised = _attempt(0, 1, retry_at=_at(5))
    assert _told(legs.of_path([promised], _at(3), has_ended=False))[1:] == [("waiting", 1, 3)]
    late = _told(legs.of_path([promised], _at(9), has_ended=False))[1:]
    assert late == [("waiting", 1, 5), ("queued", 5, 9)]
    # Of a run that has ended nothing is promised any more.
    assert _told(legs.of_path([promised], _at(9), has_ended=True)) == [("working", 0, 1)]


def test_a_delay_waits_until_its_time_and_is_queued_until_somebody_has_it() -> None:
    nap = _attempt(0, 12, kind="delay", wake_at=_at(10))
    assert _told(legs.of_path([nap], NOW, has_ended=True)) == [
        ("waiting", 0, 10), ("queued", 10, 12),
    ]  # fmt: skip
    early = _attempt(0, 4, kind="delay", wake_at=_at(10))
    assert _told(legs.of_path([early], NOW, has_ended=True)) == [("waiting", 0, 4)]


def test_people_and_other_runs_are_waited_for_and_blocks_are_open() -> None:
    for kind, leg in (("approval", "waiting"), ("zap", "waiting"), ("loop", "within")):
        assert _told(legs.of_path([_attempt(0, None, kind=kind)], _at(2), has_ended=False)) == [
            (leg, 0, 2)
        ]


def test_a_run_is_queued_before_it_begins() -> None:
    assert _told(legs.of_run(_at(0), None, None, _at(4))) == [("queued", 0, 4)]
    assert _told(legs.of_run(_at(0), _at(1), _at(3), _at(9))) == [
        ("queued", 0, 1),
        ("within", 1, 3),
    ]
    assert _told(legs.of_run(_at(0), None, _at(2), _at(9))) == [("queued", 0, 2)]


def test_clocks_that_disagree_make_no_leg_run_backwards() -> None:
    first = _attempt(0, 3, retry_at=_at(2))
    second = _attempt(1, 4, number=2)
    for leg in legs.of_path([first, second], NOW, has_ended=True):
        assert leg.milliseconds >= 0


def test_what_goes_on_side_by_side_counts_once() -> None:
    made = [Leg("working", _at(0), _at(4)), Leg("working", _at(1), _at(2)), Leg("working", _at(3), _at(6)),
            Leg("queued", _at(0), _at(1))]  # fmt: skip
    assert legs.covered(made, "working") == 6000
    assert legs.covered(made, "waiting") == 0

"""What stands around a failed step has failed with it; what went on without it has not."""

import datetime as dt
from typing import Any

from flowforge.services import blame
from flowforge.services.attempts import AttemptView

NOW = dt.datetime(2026, 6, 5, 12, 0, tzinfo=dt.UTC)
DROPPED = {"code": "given_up", "message": "It was given up."}
STEP = {"id": "send", "kind": "action", "action": "webhook"}


def _attempt(path: str, kind: str, status: str, **more: Any) -> AttemptView:
    given: dict[str, Any] = {
        "id": f"{path}-{more.get('number', 1)}", "path": path, "kind": kind, "status": status,
        "step_id": path.rpartition("/")[2], "action": None, "name": path.rpartition("/")[2],
        "number": 1, "started_at": NOW, "finished_at": NOW, "duration_ms": 0, "input": None,
        "output": None, "error": None, "retry_at": None, "wake_at": None, "logs": None,
        "input_ref": None, "output_ref": None,
    }  # fmt: skip
    return AttemptView(**given | more)


def _loop(*steps: Any, **more: Any) -> dict[str, Any]:
    return {"id": "each", "kind": "loop", "steps": list(steps), **more}


def _router(*steps: Any) -> dict[str, Any]:
    return {"id": "way", "kind": "router", "branches": [{"name": "a", "steps": list(steps)}]}


def _parallel(*steps: Any) -> dict[str, Any]:
    return {"id": "both", "kind": "parallel", "branches": [{"name": "a", "steps": list(steps)}]}


def _statuses(steps: list[Any], *made: AttemptView) -> dict[str, str]:
    return {each.path: each.status for each in blame.told({"steps": steps}, made)}


def test_every_block_around_it_has_failed_and_says_why() -> None:
    made = [
        _attempt("both", "parallel", "skipped", error=DROPPED),
        _attempt("each", "loop", "skipped", error=DROPPED),
        _attempt("each[2]/way", "router", "succeeded"),
        _attempt("each[2]/send", "action", "failed"),
    ]
    told = blame.told({"steps": [_parallel(_loop(_router(STEP)))]}, made)
    assert [each.status for each in told] == ["failed"] * 4
    assert (told[0].error or {})["message"] == "“send”, a step in it, failed."
    assert made[0].status == "skipped"


def test_a_loop_that_went_on_has_not_failed_but_its_round_has() -> None:
    steps = [_loop(_router(STEP), on_item_error="continue")]
    found = _statuses(
        steps,
        _attempt("each", "loop", "succeeded"),
        _attempt("each[1]/way", "router", "succeeded"),
        _attempt("each[1]/send", "action", "failed"),
        _attempt("each[2]/way", "router", "succeeded"),
        _attempt("each[2]/send", "action", "succeeded"),
    )
    assert (found["each"], found["each[1]/way"], found["each[2]/way"]) == (
        "succeeded", "failed", "succeeded",
    )  # fmt: skip


def test_a_failure_that_is_tried_again_or_passed_over_ends_nothing() -> None:
    again = _attempt("send", "action", "failed", retry_at=NOW)
    way = _attempt("way", "router", "succeeded")
    assert _statuses([_router(STEP)], way, again)["way"] == "succeeded"
    passed = {**STEP, "on_error": "continue"}
    failed = _attempt("send", "action", "failed")
    assert _statuses([_router(passed)], way, failed)["way"] == "succeeded"
    # What failed once and went well later did not fail.
    later = _attempt("send", "action", "succeeded", number=2)
    assert _statuses([_router(STEP)], way, failed, later)["way"] == "succeeded"


def test_what_was_given_up_beside_the_failure_stays_given_up() -> None:
    beside = {"id": "nap", "kind": "delay"}
    found = _statuses(
        [_parallel(STEP, beside)],
        _attempt("both", "parallel", "skipped", error=DROPPED),
        _attempt("send", "action", "failed"),
        _attempt("nap", "delay", "skipped", error=DROPPED),
    )
    assert found == {"both": "failed", "send": "failed", "nap": "skipped"}


def test_a_block_that_still_goes_on_has_not_failed_yet() -> None:
    found = _statuses(
        [_parallel(STEP)],
        _attempt("both", "parallel", "running", finished_at=None),
        _attempt("send", "action", "failed"),
    )
    assert found["both"] == "running"


def test_what_the_version_does_not_know_is_left_alone() -> None:
    gone = _attempt("gone[3]/lost", "action", "failed")
    assert blame.told({}, [gone]) == [gone]

"""A run as its steps: in the version's order, with what was tried and what is still to come."""

import datetime as dt
from typing import Any

from flowforge.services.runs import AttemptView, RunDetail
from flowforge.state.attempts import Step, steps_of

BEGAN = dt.datetime(2026, 6, 5, 12, 0, tzinfo=dt.UTC)


def _definition(*ids: str) -> dict[str, Any]:
    steps = [{"id": one, "kind": "action", "action": "webhook", "name": one} for one in ids]
    return {"trigger": {"kind": "webhook"}, "steps": steps}


def _attempt(path: str, status: str, number: int = 1, **more: Any) -> AttemptView:
    begins = BEGAN + dt.timedelta(seconds=10 * number)
    given: dict[str, Any] = {
        "id": f"{path}-{number}",
        "path": path,
        "step_id": path,
        "kind": "action",
        "action": "webhook",
        "name": path,
        "number": number,
        "status": status,
        "started_at": begins,
        "finished_at": None if status == "running" else begins + dt.timedelta(seconds=1),
        "duration_ms": None if status == "running" else 1000,
        "input": {"url": "x"},
        "output": None,
        "error": None,
        "retry_at": None,
    }
    return AttemptView(**{**given, **more})


def _steps(status: str, definition: dict[str, Any], *attempts: AttemptView) -> list[Step]:
    return steps_of(
        RunDetail(
            id="r",
            zap_id="z",
            zap_name="Zap",
            version=1,
            status=status,
            event_id="e",
            created_at=BEGAN,
            started_at=BEGAN,
            finished_at=None,
            duration_ms=None,
            steps=len(definition["steps"]),
            attempt_count=len(attempts),
            error=None,
            replay_of=None,
            attempts=list(attempts),
            trigger={},
            definition=definition,
        )
    )


def test_steps_ahead_are_to_do_while_the_run_lives_and_not_run_once_it_has_ended() -> None:
    definition = _definition("first", "second")
    done = _attempt("first", "succeeded")
    assert [one.status for one in _steps("running", definition, done)] == ["succeeded", "pending"]
    assert [one.status for one in _steps("failed", definition, done)] == ["succeeded", "not_run"]


def test_a_failure_that_will_be_tried_again_is_retrying_until_the_run_ends() -> None:
    due = BEGAN + dt.timedelta(minutes=5)
    failed = _attempt("first", "failed", retry_at=due)
    (step,) = _steps("running", _definition("first"), failed)
    assert (step.status, step.retry_at) == ("retrying", due.isoformat())
    assert step.attempts[0].retry_at == due.isoformat()
    (step,) = _steps("cancelled", _definition("first"), failed)
    assert (step.status, step.retry_at, step.attempts[0].retry_at) == ("failed", "", "")


def test_a_step_is_what_its_last_attempt_is_and_that_one_stands_first() -> None:
    earlier = _attempt("first", "failed", retry_at=BEGAN)
    (step,) = _steps("running", _definition("first"), earlier, _attempt("first", "succeeded", 2))
    assert (step.status, step.tries, step.retry_at) == ("succeeded", "2 attempts", "")
    assert [(one.number, one.is_last) for one in step.attempts] == [(2, True), (1, False)]
    # From the first begin to the last end, the wait in between included.
    assert step.duration == "11 s"


def test_a_running_step_says_since_when_and_has_no_duration_yet() -> None:
    (step,) = _steps("running", _definition("first"), _attempt("first", "running"))
    assert step.since == step.at == (BEGAN + dt.timedelta(seconds=10)).isoformat()
    assert step.duration == ""


def test_attempts_of_steps_that_the_version_does_not_name_are_shown_behind_it() -> None:
    steps = _steps("running", _definition("first"), _attempt("each[2]/send", "succeeded"))
    assert [(one.number, one.path) for one in steps] == [(1, "first"), (2, "each[2]/send")]
    assert steps[1].name == "each[2]/send"

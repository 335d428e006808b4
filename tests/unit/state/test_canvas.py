"""What became of each card of a run's canvas, in the rounds that are looked at."""

import datetime as dt
from typing import Any

from flowforge.services.layout import TRIGGER
from flowforge.services.runs import AttemptView, RunDetail
from flowforge.state.canvas import MOST_PICKS, Mark, drawing_of, first_failed, marks_of

BEGAN = dt.datetime(2026, 6, 5, 12, 0, tzinfo=dt.UTC)


def _call(step_id: str) -> dict[str, Any]:
    return {"id": step_id, "name": step_id, "kind": "action", "action": "webhook"}


def _loop(step_id: str, *steps: dict[str, Any]) -> dict[str, Any]:
    return {"id": step_id, "kind": "loop", "over": [], "steps": list(steps)}


def _attempt(path: str, status: str, kind: str = "action", **more: Any) -> AttemptView:
    given: dict[str, Any] = {
        "id": path,
        "path": path,
        "step_id": path.rpartition("/")[2],
        "kind": kind,
        "action": "webhook",
        "name": path,
        "number": 1,
        "status": status,
        "started_at": BEGAN,
        "finished_at": None if status == "running" else BEGAN + dt.timedelta(seconds=1),
        "duration_ms": None if status == "running" else 1000,
        "input": {},
        "output": None,
        "error": None,
        "retry_at": None,
        "wake_at": None,
        "logs": None,
        "input_ref": None,
        "output_ref": None,
    }
    return AttemptView(**given | more)


def _run(steps: list[dict[str, Any]], *tried: AttemptView, status: str = "failed") -> RunDetail:
    given: dict[str, Any] = dict.fromkeys(RunDetail.model_fields)
    return RunDetail(
        **given
        | {
            "id": "r",
            "zap_id": "z",
            "zap_name": "Orders",
            "version": 1,
            "status": status,
            "event_id": "e",
            "created_at": BEGAN,
            "steps": len(steps),
            "attempt_count": len(tried),
            "environment": "production",
            "retries": 0,
            "child_run_ids": {},
            "approvals": [],
            "attempts": list(tried),
            "trigger": {},
            "definition": {"trigger": {"kind": "webhook"}, "steps": steps},
        }
    )


def _statuses(marks: dict[str, Mark], *steps: str) -> list[str]:
    return [marks[step].status for step in steps]


def test_a_loop_shows_the_first_round_that_failed_until_another_is_picked() -> None:
    tried = [
        _attempt("each", "succeeded", "loop", input={"items": ["a", "b", "c"]}),
        _attempt("each[1]/call", "succeeded"),
        _attempt("each[2]/call", "failed"),
        _attempt("each[3]/call", "failed"),
    ]
    run = _run([_loop("each", _call("call"))], *tried, status="succeeded")
    marks = marks_of(run, {})
    assert marks["call"].path == "each[2]/call"
    assert marks["call"].status == "failed"
    assert marks["each/0"].round == 2
    assert [(one.number, one.preview) for one in marks["each/0"].rounds] == [
        (1, "a"),
        (2, "b"),
        (3, "c"),
    ]
    assert marks["each"].note == "3 rounds, 2 failed"
    assert marks_of(run, {"each": 1})["call"].status == "succeeded"
    # A round that is not there is not looked at.
    assert marks_of(run, {"each": 9})["call"].path == "each[2]/call"


def test_a_loop_that_goes_on_shows_its_newest_round() -> None:
    tried = [
        _attempt("each", "running", "loop"),
        _attempt("each[1]/call", "succeeded"),
        _attempt("each[2]/call", "running"),
    ]
    run = _run([_loop("each", _call("call"), _call("then"))], *tried, status="running")
    marks = marks_of(run, {})
    assert marks["call"].path == "each[2]/call"
    assert _statuses(marks, "call", "then") == ["running", "pending"]


def test_an_inner_loop_has_the_rounds_of_the_outer_one_that_is_picked() -> None:
    tried = [
        _attempt("outer", "succeeded", "loop"),
        _attempt("outer[1]/inner", "succeeded", "loop"),
        _attempt("outer[1]/inner[1]/call", "succeeded"),
        _attempt("outer[2]/inner", "succeeded", "loop"),
        _attempt("outer[2]/inner[1]/call", "succeeded"),
        _attempt("outer[2]/inner[2]/call", "failed"),
    ]
    run = _run([_loop("outer", _loop("inner", _call("call")))], *tried)
    assert marks_of(run, {})["call"].path == "outer[2]/inner[2]/call"
    marks = marks_of(run, {"outer": 1})
    assert marks["call"].path == "outer[1]/inner[1]/call"
    assert [one.number for one in marks["inner/0"].rounds] == [1]
    assert marks_of(run, {"outer[2]/inner": 1})["call"].status == "succeeded"


def test_what_stands_on_a_way_that_was_not_taken_will_not_run() -> None:
    fork = {
        "id": "way",
        "kind": "router",
        "branches": [
            {"name": "large", "steps": [_call("big")]},
            {"name": "small", "steps": [_call("little")]},
        ],
    }
    verdicts = {"branches": [{"evaluation": True}, {"evaluation": False}]}
    tried = [_attempt("way", "succeeded", "router", output=verdicts), _attempt("big", "running")]
    marks = marks_of(_run([fork, _call("last")], *tried, status="running"), {})
    assert _statuses(marks, "big", "little", "last") == ["running", "not_run", "pending"]
    assert (marks["way/0"].note, marks["way/1"].note) == ("", "not taken")


def test_a_very_long_loop_offers_a_list_that_ends_and_has_what_failed() -> None:
    last = MOST_PICKS + 50
    rounds = [
        _attempt(f"each[{number}]/call", "failed" if number == last else "succeeded")
        for number in range(1, last + 1)
    ]
    run = _run([_loop("each", _call("call"))], _attempt("each", "failed", "loop"), *rounds)
    picks = marks_of(run, {})["each/0"].rounds
    assert len(picks) == MOST_PICKS
    assert picks[-1].number == last
    picked = marks_of(run, {"each": last - 1})["each/0"]
    assert picked.round in [one.number for one in picked.rounds]


def test_the_page_opens_on_what_failed_by_itself() -> None:
    steps = [_loop("each", _call("fine"), _call("broken")), _call("last")]
    tried = [
        _attempt("each", "failed", "loop"),
        _attempt("each[1]/fine", "succeeded"),
        _attempt("each[1]/broken", "failed"),
    ]
    run = _run(steps, *tried)
    cards = drawing_of("r", run.definition).cards
    assert first_failed(cards, marks_of(run, {})) == "broken"
    only_the_loop = _run(steps, tried[0])
    assert first_failed(cards, marks_of(only_the_loop, {})) == "each"
    assert first_failed(cards, marks_of(_run(steps), {})) == ""


def test_each_card_has_a_mark_and_words() -> None:
    both = {
        "id": "both",
        "kind": "parallel",
        "branches": [
            {"name": "mail", "steps": [_call("send")]},
            {"name": "ledger", "depends_on": ["mail"], "steps": []},
        ],
    }
    run = _run([both, _loop("each", _call("call"))], status="queued")
    drawing = drawing_of("r", run.definition)
    assert {card.id for card in drawing.cards} == set(marks_of(run, {}))
    assert all(card.title for card in drawing.cards)
    by_id = {card.id: card for card in drawing.cards}
    assert by_id["both/1"].note == "after mail"
    assert by_id["each/0"].title == "Each round"
    assert by_id[TRIGGER].icon == "/icons/trigger-webhook.svg"
    inward = [way.target for way in drawing.ways if way.is_inward]
    assert inward == ["both/0", "both/1", "each/0"]

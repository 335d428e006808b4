"""A run as lines: in the version's order, with what was tried, folded and still to come."""

import datetime as dt
from typing import Any

from flowforge.services.approvals import ApprovalView, ApproverView
from flowforge.services.runs import AttemptView, RunDetail
from flowforge.state.timeline import MOST_LINES, ROUNDS_AT_ONCE, Choices, Line, lines_of

BEGAN = dt.datetime(2026, 6, 5, 12, 0, tzinfo=dt.UTC)
CALL = {"kind": "action", "action": "webhook"}


def _call(step_id: str) -> dict[str, Any]:
    return {"id": step_id, "name": step_id, **CALL}


def _definition(*steps: str | dict[str, Any]) -> dict[str, Any]:
    tree = [_call(one) if isinstance(one, str) else one for one in steps]
    return {"trigger": {"kind": "webhook"}, "steps": tree}


def _loop(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"id": "each", "name": "each", "kind": "loop", "over": [], "steps": list(steps)}


def _router() -> dict[str, Any]:
    return {
        "id": "way",
        "name": "way",
        "kind": "router",
        "branches": [
            {"name": "large", "steps": [_call("big")]},
            {"name": "small", "steps": [_call("little")]},
        ],
        "fallback": [_call("else_")],
    }


def _attempt(path: str, status: str, number: int = 1, **more: Any) -> AttemptView:
    begins = BEGAN + dt.timedelta(seconds=10 * number)
    given: dict[str, Any] = {
        "id": f"{path}-{number}",
        "path": path,
        "step_id": path.rpartition("/")[2],
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
        "wake_at": None,
        "logs": None,
        "input_ref": None,
        "output_ref": None,
    }
    return AttemptView(**{**given, **more})


def _detail(
    status: str, definition: dict[str, Any], *attempts: AttemptView, **more: Any
) -> RunDetail:
    given: dict[str, Any] = {
        "id": "r",
        "zap_id": "z",
        "zap_name": "Zap",
        "version": 1,
        "status": status,
        "event_id": "e",
        "created_at": BEGAN,
        "started_at": BEGAN,
        "finished_at": None,
        "duration_ms": None,
        "steps": len(definition["steps"]),
        "attempt_count": len(attempts),
        "error": None,
        "replay_of": None,
        "environment": "production",
        "retries": 0,
        "reply": None,
        "deadline_at": None,
        "parent_run_id": None,
        "batch_id": None,
        "wake_at": None,
        "attempts_next": None,
        "child_run_ids": {},
        "approvals": [],
        "attempts": list(attempts),
        "trigger": {},
        "definition": definition,
    }
    return RunDetail(**{**given, **more})


def _lines(status: str, definition: dict[str, Any], *attempts: AttemptView) -> list[Line]:
    return lines_of(_detail(status, definition, *attempts))


def _drawn(lines: list[Line]) -> list[tuple[str, str, int]]:
    return [(one.form, one.name or str(one.left), one.depth) for one in lines]


def _round(at: int, status: str, **more: Any) -> AttemptView:
    return _attempt(f"each[{at}]/send", status, name="send", **more)


# ---- single steps --------------------------------------------------------------------------------


def test_steps_ahead_are_to_do_while_the_run_lives_and_not_run_once_it_has_ended() -> None:
    definition = _definition("first", "second")
    done = _attempt("first", "succeeded")
    assert [one.status for one in _lines("running", definition, done)] == ["succeeded", "pending"]
    assert [one.status for one in _lines("failed", definition, done)] == ["succeeded", "not_run"]


def test_a_failure_that_will_be_tried_again_is_retrying_until_the_run_ends() -> None:
    due = BEGAN + dt.timedelta(minutes=5)
    failed = _attempt("first", "failed", retry_at=due)
    (line,) = _lines("running", _definition("first"), failed)
    assert (line.status, line.retry_at) == ("retrying", due.isoformat())
    assert line.attempts[0].retry_at == due.isoformat()
    (line,) = _lines("cancelled", _definition("first"), failed)
    assert (line.status, line.retry_at, line.attempts[0].retry_at) == ("failed", "", "")


def test_a_step_is_what_its_last_attempt_is_and_that_one_stands_first() -> None:
    earlier = _attempt("first", "failed", retry_at=BEGAN)
    (line,) = _lines("running", _definition("first"), earlier, _attempt("first", "succeeded", 2))
    assert (line.status, line.tries, line.retry_at) == ("succeeded", "2 attempts", "")
    assert [(one.number, one.is_last) for one in line.attempts] == [(2, True), (1, False)]
    # From the first begin to the last end, the wait in between included.
    assert line.duration == "11 s"


def test_a_running_step_says_since_when_and_has_no_duration_yet() -> None:
    (line,) = _lines("running", _definition("first"), _attempt("first", "running"))
    assert line.since == line.at == (BEGAN + dt.timedelta(seconds=10)).isoformat()
    assert line.duration == ""


def test_a_delay_waits_and_says_until_when() -> None:
    wake = BEGAN + dt.timedelta(hours=1)
    nap = {"id": "nap", "kind": "delay", "seconds": 3600}
    (line,) = _lines(
        "waiting", _definition(nap), _attempt("nap", "running", kind="delay", wake_at=wake)
    )
    assert (line.status, line.until, line.since) == ("waiting", wake.isoformat(), "")
    assert not line.attempts[0].is_going


def test_attempts_of_steps_that_the_version_does_not_name_are_shown_behind_it() -> None:
    lines = _lines("running", _definition("first"), _attempt("gone", "succeeded"))
    assert [(one.number, one.path) for one in lines] == [("1", "first"), ("2", "gone")]
    assert lines[1].name == "gone"


def test_one_can_retry_from_what_was_attempted_once_the_run_has_ended() -> None:
    definition = _definition("first", "second")
    done = _attempt("first", "failed")
    assert [one.may_retry for one in _lines("running", definition, done)] == [False, False]
    assert [one.may_retry for one in _lines("failed", definition, done)] == [True, False]


# ---- branches ------------------------------------------------------------------------------------


def test_a_router_that_has_not_decided_shows_all_its_ways() -> None:
    assert _drawn(_lines("running", _definition(_router(), "after"))) == [
        ("step", "way", 0),
        ("branch", "large", 1),
        ("step", "big", 1),
        ("branch", "small", 1),
        ("step", "little", 1),
        ("branch", "Fallback", 1),
        ("step", "else_", 1),
        ("step", "after", 0),
    ]


def test_a_router_that_has_decided_shows_the_way_it_took() -> None:
    output = {
        "branches": [
            {"branchName": "large", "branchIndex": 1, "evaluation": False},
            {"branchName": "small", "branchIndex": 2, "evaluation": True},
            {"branchName": "Fallback", "branchIndex": 3, "evaluation": False},
        ]
    }
    lines = _lines(
        "succeeded",
        _definition(_router()),
        _attempt("way", "succeeded", kind="router", output=output),
        _attempt("little", "succeeded"),
    )
    assert [(one.form, one.name, one.note) for one in lines[1:]] == [
        ("branch", "large", "not taken"),
        ("branch", "small", ""),
        ("step", "little", ""),
        ("branch", "Fallback", "not taken"),
    ]


# ---- rounds --------------------------------------------------------------------------------------


def test_few_rounds_are_open_and_show_their_item_and_steps() -> None:
    opened = _attempt(
        "each", "succeeded", kind="loop", input={"items": ["Ada", {"n": 1}]}, output={"count": 2}
    )
    lines = _lines(
        "succeeded",
        _definition(_loop(_call("send"))),
        opened,
        _round(1, "succeeded"),
        _round(2, "succeeded"),
    )
    assert _drawn(lines) == [
        ("step", "each", 0),
        ("round", "Round 1", 1),
        ("step", "send", 2),
        ("round", "Round 2", 1),
        ("step", "send", 2),
    ]
    assert [one.note for one in lines if one.form != "step"] == ["Ada", '{"n": 1}']
    assert lines[0].note == "2 rounds"
    assert [one.path for one in lines if one.name == "send"] == ["each[1]/send", "each[2]/send"]


def test_of_many_rounds_those_that_failed_come_first_and_the_rest_is_asked_for() -> None:
    rounds = [_round(n, "failed" if n in (7, 90) else "succeeded") for n in range(1, 101)]
    definition = _definition(_loop(_call("send")))
    detail = _detail("failed", definition, _attempt("each", "failed", kind="loop"), *rounds)
    lines = lines_of(detail)
    names = [one.name for one in lines if one.form == "round"]
    assert names[:3] == ["Round 7", "Round 90", "Round 1"]
    assert len(names) == ROUNDS_AT_ONCE
    assert [one.name for one in lines if one.form == "round" and one.is_open] == names[:2]
    assert (lines[-1].form, lines[-1].left) == ("more", 80)
    assert lines[0].note == "100 rounds, 2 failed"
    more = lines_of(detail, Choices({"each[7]": False, "each[1]": True}, {"each": 40}))
    assert len([one for one in more if one.form == "round"]) == 40
    assert [one.path for one in more if one.name == "send"] == ["each[90]/send", "each[1]/send"]


def test_a_failure_that_was_tried_again_is_no_failed_round() -> None:
    lines = _lines(
        "running",
        _definition(_loop(_call("send"))),
        _attempt("each", "running", kind="loop", output={"count": 5}),
        _round(1, "failed", number=1),
        _round(1, "succeeded", number=2),
    )
    assert [(one.status, one.note) for one in lines[:2]] == [
        ("running", "1 of 5 rounds"),
        ("succeeded", ""),
    ]


def test_what_a_round_that_failed_did_not_reach_is_not_run_while_others_go_on() -> None:
    lines = _lines(
        "running",
        _definition(_loop(_call("send"), _call("note")), "after"),
        _attempt("each", "running", kind="loop"),
        _round(1, "failed"),
        _round(2, "running"),
    )
    assert [(one.name, one.status) for one in lines if one.form == "step"] == [
        ("each", "running"),
        ("send", "failed"),
        ("note", "not_run"),
        ("send", "running"),
        ("note", "pending"),
        ("after", "pending"),
    ]


def test_rounds_within_rounds_and_branches_within_those_find_their_places() -> None:
    inner = {"id": "inner", "name": "inner", "kind": "loop", "count": 1, "steps": [_router()]}
    lines = _lines(
        "succeeded",
        _definition(_loop(inner)),
        _attempt("each", "succeeded", kind="loop"),
        _attempt("each[2]/inner", "succeeded", kind="loop"),
        _attempt("each[2]/inner[3]/way", "succeeded", kind="router"),
        _attempt("each[2]/inner[3]/big", "succeeded"),
    )
    assert _drawn(lines)[:7] == [
        ("step", "each", 0),
        ("round", "Round 2", 1),
        ("step", "inner", 2),
        ("round", "Round 3", 3),
        ("step", "way", 4),
        ("branch", "large", 5),
        ("step", "big", 5),
    ]


def test_a_page_has_a_bounded_number_of_lines_and_of_characters() -> None:
    rounds = [
        _round(n, "succeeded", input={"text": "x" * 9_000}, output={"text": "y" * 9_000})
        for n in range(1, 2_001)
    ]
    definition = _definition(_loop(_call("send")), *[f"s{n}" for n in range(MOST_LINES)])
    opened = {f"each[{n}]": True for n in range(1, 2_001)}
    lines = lines_of(_detail("succeeded", definition, *rounds), Choices(opened, {"each": 2_000}))
    assert len(lines) == MOST_LINES
    values = [
        value for one in lines for each in one.attempts for value in (each.input, each.output)
    ]
    assert sum(len(value.text) for value in values) < 500_000
    assert values[-1].is_cut
    assert values[-1].size == "8.8 kB"


# ---- questions -----------------------------------------------------------------------------------


def test_a_question_stands_at_its_step_and_is_open_while_it_waits() -> None:
    asks = {"id": "ok", "kind": "approval", "question": "Ship it?"}
    bob = ApproverView(
        email="bob@example.com",
        approved=None,
        comment="",
        decided_at=None,
        mail="failed",
        mail_error="The mail server cannot be reached.",
    )
    asked = ApprovalView(
        id="a",
        run_id="r",
        zap_id="z",
        zap_name="Zap",
        path="ok",
        question="Ship it\u202e?",
        required=2,
        veto=True,
        status="pending",
        created_at=BEGAN,
        expires_at=None,
        decided_at=None,
        approvers=[bob],
        may_decide=True,
    )
    (line,) = lines_of(
        _detail(
            "waiting",
            _definition(asks),
            _attempt("ok", "running", kind="approval"),
            approvals=[asked],
        )
    )
    assert (line.status, line.is_open, line.asked.may_decide) == ("waiting", True, True)
    assert line.asked.question == "Ship it\\u202e?"
    assert line.asked.counts == "0 of 2 needed"
    [person] = line.asked.people
    assert person.trouble == "The mail could not be sent yet. The mail server cannot be reached."


def test_a_block_around_a_failure_has_failed_and_leads_to_it() -> None:
    given_up = {"code": "given_up", "message": "It was given up."}
    each = _attempt("each", "skipped", kind="loop", error=given_up)
    broken = _attempt("each[1]/send", "failed", name="send", error={"code": "no", "message": "No."})
    loop, _, send = _lines("failed", _definition(_loop(_call("send"))), each, broken)
    assert (loop.status, loop.error, loop.is_open) == (
        "failed",
        "“send”, a step in it, failed.",
        False,
    )
    assert (send.status, send.is_open) == ("failed", True)

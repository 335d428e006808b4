"""The story of an event: every verdict told to its end, old events told as far as they are known."""

import datetime as dt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.models import Event, Run
from flowforge.services import event_filters, event_story
from flowforge.services.event_story import Stage, Tried

AT = dt.datetime(2026, 6, 5, 12, tzinfo=dt.UTC)


def event(**columns: Any) -> Event:
    known: dict[str, Any] = {
        "id": "e",
        "verdict": "accepted",
        "method": "POST",
        "source_ip": "203.0.113.9",
        "content_type": "application/json; charset=utf-8",
        "size": 2048,
        "status_code": 200,
        "took_ms": 7,
        "received_at": AT,
    }
    return Event(project_id="p", zap_id="z", **(known | columns))


def run(**columns: Any) -> Run:
    known: dict[str, Any] = {
        "id": "r",
        "version": 3,
        "status": "succeeded",
        "created_at": AT,
        "started_at": AT,
    }
    return Run(project_id="p", zap_id="z", event_id="e", **(known | columns))


def tried(path: str, status: str = "succeeded", number: int = 1, error: Any = None) -> Tried:
    return Tried("r", path, number, status, AT + dt.timedelta(seconds=number), AT, error)


def by_name(stages: list[Stage]) -> dict[str, Stage]:
    return {stage.stage: stage for stage in stages}


def test_an_accepted_event_is_told_to_its_last_step() -> None:
    stages = by_name(
        event_story.story(
            event(scheme="github"),
            [run()],
            {"r": [tried("one"), tried("two", "failed"), tried("two", number=2)]},
        )
    )
    assert list(stages) == ["received", "verified", "matched", "queued", "steps"]
    assert {stage.status for stage in stages.values()} == {"done"}
    said = stages["received"].said
    assert said == "POST from 203.0.113.9, 2 kB of application/json. Answered 200 after 7 ms."
    assert stages["verified"].said == "The sender was proved (github)."
    assert stages["queued"].said == "Queued for version 3."
    assert stages["steps"].said == "2 steps: 2 succeeded."
    steps = stages["steps"].details["steps"]
    assert [(one["path"], one["attempts"]) for one in steps] == [("one", 1), ("two", 2)]


def test_a_bad_signature_ends_at_verified_and_says_what_to_do() -> None:
    rejected = event(verdict="rejected", status_code=401, reason="The signature is wrong.")
    stages = by_name(event_story.story(rejected))
    statuses = [stage.status for stage in stages.values()]
    assert statuses == ["done", "failed", "ahead", "ahead", "ahead"]
    assert stages["verified"].said == "The signature is wrong."
    assert "secret" in (event_story.advice(rejected) or "")


def test_a_body_that_does_not_fit_was_verified_all_the_same() -> None:
    rejected = event(verdict="rejected", status_code=422, reason="n: not a number", scheme="stripe")
    stages = by_name(event_story.story(rejected))
    assert [stage.status for stage in stages.values()][:3] == ["done", "done", "failed"]
    assert stages["matched"].said == "n: not a number"
    assert "schema" in (event_story.advice(rejected) or "")


@pytest.mark.parametrize("verdict", ["duplicate", "held", "filtered"])
def test_what_is_let_go_by_is_no_failure(verdict: str) -> None:
    stages = by_name(event_story.story(event(verdict=verdict, reason="Because.")))
    assert stages["matched"].status == "stopped"
    assert stages["matched"].said == "Because."
    assert stages["queued"].status == stages["steps"].status == "ahead"


def test_each_run_has_its_own_end_of_the_story() -> None:
    runs = [
        run(id="a", status="failed", error={"code": "refused", "message": "No such address"}),
        run(id="b", status="queued", started_at=None, replay_of="a"),
    ]
    stages = event_story.story(event(), runs, {"a": [tried("one", "failed")]})
    assert [stage.stage for stage in stages[3:]] == ["queued", "steps"] * 2
    assert [stage.status for stage in stages[3:]] == ["done", "failed", "going", "ahead"]
    assert stages[4].said == "1 step: 1 failed. The run failed: No such address"
    assert "replay" in stages[5].said


def test_a_held_event_that_was_replayed_tells_of_its_run() -> None:
    stages = event_story.story(event(verdict="held"), [run()])
    assert [stage.status for stage in stages[2:]] == ["stopped", "done", "done"]
    assert "replay" in stages[3].said


def test_an_event_from_before_the_answer_was_kept_says_no_more_than_is_known() -> None:
    stages = by_name(event_story.story(event(status_code=None, took_ms=None, scheme=None)))
    assert stages["received"].said == "POST from 203.0.113.9, 2 kB of application/json."
    assert stages["verified"].status == "skipped"
    assert "not recorded" in stages["verified"].said
    old = event(verdict="rejected", reason="The body is broken.", status_code=None)
    assert [stage.status for stage in event_story.story(old)][:3] == ["done", "skipped", "failed"]
    assert event_story.advice(old)


def test_what_came_by_itself_was_never_to_be_proved() -> None:
    slot = event(trigger="schedule", method="", source_ip="", status_code=None, took_ms=None)
    stages = by_name(event_story.story(slot))
    assert stages["received"].said == "The schedule was due."
    assert stages["verified"].said.startswith("Nothing to prove")


TEXTS = st.one_of(st.none(), st.text(max_size=20))


@given(
    verdict=st.sampled_from(event_filters.VERDICTS),
    trigger=st.sampled_from(event_filters.TRIGGERS),
    reason=TEXTS,
    scheme=TEXTS,
    status_code=st.one_of(st.none(), st.integers(100, 599)),
    took_ms=st.one_of(st.none(), st.integers(0, 10**6)),
    size=st.integers(0, 10**9),
    statuses=st.lists(
        st.sampled_from(["queued", "running", "waiting", "succeeded", "failed", "timed_out"]),
        max_size=3,
    ),
)
def test_every_event_has_a_story_in_which_each_station_says_something(
    statuses: list[str], **columns: Any
) -> None:
    runs = [run(id=str(number), status=status) for number, status in enumerate(statuses)]
    stages = event_story.story(event(**columns), runs)
    assert [stage.stage for stage in stages[:3]] == ["received", "verified", "matched"]
    assert [stage.stage for stage in stages[3:]] == ["queued", "steps"] * max(1, len(runs))
    assert all(stage.said.strip() for stage in stages)
    told = event_story.story(event(**columns), runs)
    assert told == stages
    passed = columns["verdict"] == "accepted"
    assert (stages[2].status == "done") == passed
    assert (event_story.advice(event(**columns)) is None) == passed

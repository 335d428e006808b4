"""The forms of triggers: only what a scheme needs is asked for, secrets stay unseen, texts mean
settings that the engine can read.
"""

from typing import Any

import pytest

from flowforge.engine.parsing import parse_definition
from flowforge.engine.triggers import Verify
from flowforge.errors import Invalid
from flowforge.services import (
    cards,
    choices,
    editing,
    editing_conditions,
    form_fields,
    form_gestures,
    questions,
    rewriting,
)
from flowforge.services.editing_conditions import Spot
from flowforge.services.trigger_forms import FIELD_KINDS
from flowforge.services.verify_words import SCHEMES
from flowforge.services.verifying.schemes import SCHEMES as ROWS

TRIGGER = cards.TRIGGER
STEP = {"id": "post", "kind": "action", "action": "webhook", "inputs": {"url": "http://x.example"}}


def draft(kind: str, **settings: Any) -> dict[str, Any]:
    return {"trigger": {"kind": kind, "settings": settings}, "steps": [STEP]}


def filled(before: dict[str, Any], **texts: str) -> dict[str, Any]:
    """What comes of typing, control by control; it can be stored each time."""
    for name, text in texts.items():
        before = form_gestures.filling(TRIGGER, name.replace("__", "."), text)(before)
        parse_definition(before)
    return before


def names(before: dict[str, Any]) -> list[str]:
    return [field.name for field in form_fields.panel(before, TRIGGER, []).fields]


@pytest.mark.parametrize("choice", choices.of_triggers(), ids=lambda choice: choice.key)
def test_each_choice_begins_as_something_that_can_be_stored_and_drawn(choice: Any) -> None:
    after = editing.set_trigger(draft("other", dedupe_key="x"), choice.key)
    parse_definition(after)
    assert after["steps"] == [STEP], "the steps stay"
    assert "dedupe_key" not in after["trigger"]["settings"]
    assert form_fields.panel(after, TRIGGER, []).form.title == choice.name
    assert editing.set_trigger(after, choice.key) == after
    assert choice.icon.startswith("/icons/trigger-")
    assert choice.summary.endswith(".")


def test_every_scheme_that_can_be_verified_can_be_chosen_with_what_it_needs() -> None:
    assert set(SCHEMES) == set(ROWS)
    for scheme, words in SCHEMES.items():
        assert set(words.fields) <= set(Verify.model_fields)
        assert set(ROWS[scheme].needs) <= set(words.required) | {"secret", "secrets"}
        form = form_fields.panel(filled(draft("webhook"), verify__scheme=scheme), TRIGGER, [])
        shown = {field.name: field.widget for field in form.fields}
        assert shown["verify.secret"] == "secret"
        asked = {name.removeprefix("verify.") for name in shown if name.startswith("verify.")}
        assert asked == {"scheme", "secret", "secrets", *words.fields}


def test_a_secret_is_told_to_be_there_and_never_shown() -> None:
    verify = {"scheme": "meta", "secret": "s3cret", "secrets": ["old0ne"], "verify_token": "t0ken"}
    panel = form_fields.panel(draft("webhook", verify=verify), TRIGGER, [])
    assert all(word not in str(panel) for word in ("s3cret", "old0ne", "t0ken"))
    assert {field.name for field in panel.fields if field.is_set} == {
        "verify.secret", "verify.secrets", "verify.verify_token",
    }  # fmt: skip


def test_another_scheme_keeps_no_secret_of_the_one_before() -> None:
    before = draft("webhook", verify={"scheme": "github", "secret": "s"}, methods=["POST"])
    after = filled(before, verify__scheme="hmac")
    assert after["trigger"]["settings"] == {"verify": {"scheme": "hmac"}, "methods": ["POST"]}
    assert filled(after, verify__scheme="none")["trigger"]["settings"] == {"methods": ["POST"]}


def test_texts_become_the_settings_that_they_mean_and_back() -> None:
    texts = {
        "verify__scheme": "hmac",
        "verify__header": "x-sign",
        "verify__tolerance_seconds": "60",
        "methods": "post, PUT",
        "allow_from": "203.0.113.0/24\n\n 198.51.100.7 ",
        "rate__limit": "10",
        "schema": '{"type": "object"}',
        "dedupe_key": "{{ trigger.body.id }}",
    }
    after = filled(draft("webhook"), **texts)
    assert after["trigger"]["settings"] == {
        "verify": {"scheme": "hmac", "header": "x-sign", "tolerance_seconds": 60},
        "methods": ["post", "PUT"],
        "allow_from": ["203.0.113.0/24", "198.51.100.7"],
        "rate": {"limit": 10},
        "schema": {"type": "object"},
        "dedupe_key": "{{ trigger.body.id }}",
    }
    shown = {field.name: field.value for field in form_fields.panel(after, TRIGGER, []).fields}
    assert shown["allow_from"] == "203.0.113.0/24\n198.51.100.7"
    again = filled(draft("webhook"), **{
        name.replace(".", "__"): text for name, text in shown.items() if text
    })  # fmt: skip
    assert again["trigger"]["settings"]["allow_from"] == ["203.0.113.0/24", "198.51.100.7"]
    empty = filled(after, **{name: "" for name in texts if name != "verify__scheme"})
    assert empty["trigger"]["settings"] == {"verify": {"scheme": "hmac"}}


def test_a_schedule_has_a_rhythm_or_times_and_says_what_comes_of_it() -> None:
    after = filled(draft("schedule", cron="0 9 * * *"), timezone="Europe/Berlin")
    form = form_fields.panel(after, TRIGGER, []).form
    assert form.sentence == "At 09:00 every day, Europe/Berlin"
    assert len(form.next_times) == 5
    assert all(each.name.endswith(", 09:00") for each in form.next_times)
    after = filled(after, every_seconds="3600")
    assert "cron" not in after["trigger"]["settings"]
    after = filled(after, cron="*/5 * * * *")
    assert "every_seconds" not in after["trigger"]["settings"]


@pytest.mark.parametrize("cron", ["60 * * * *", "* * * * * *", "@every 0s", "nonsense"])
def test_what_is_no_schedule_is_refused_with_words_for_its_field(cron: str) -> None:
    with pytest.raises(Invalid) as refusal:
        filled(draft("schedule"), cron=cron)
    assert "cron" in str((refusal.value.details or [{}])[0]["path"])


def test_settings_beside_the_kind_are_filled_in_like_those_inside() -> None:
    flat = {"trigger": {"kind": "schedule", "cron": "0 9 * * *"}, "steps": []}
    assert filled(flat, timezone="UTC")["trigger"] == {
        "kind": "schedule", "settings": {"cron": "0 9 * * *", "timezone": "UTC"},
    }  # fmt: skip


def test_inputs_of_a_polling_trigger_come_from_its_schema() -> None:
    before = editing.set_trigger(draft("webhook"), "poll:rss")
    after = filled(before, inputs__url="https://example.com/feed", every_seconds="600")
    assert after["trigger"]["settings"] == {
        "trigger": "rss", "inputs": {"url": "https://example.com/feed"}, "every_seconds": 600,
    }  # fmt: skip


def test_a_control_that_no_form_has_is_refused() -> None:
    for name in ("nothing", "verify.secret", "__class__"):
        with pytest.raises(Invalid):
            form_gestures.filling(TRIGGER, name, "x")(draft("webhook"))


def test_problems_of_the_trigger_stand_at_their_fields() -> None:
    details = [
        {"path": "trigger.settings.timezone", "message": "There is no time zone 'X'."},
        {"path": "trigger.settings.fields[0].name", "message": "Wrong."},
        {"path": "trigger", "message": "Choose what starts this zap."},
    ]
    lines = cards.problem_lines(draft("schedule"), details)
    assert [(line.card, line.field) for line in lines] == [
        (TRIGGER, "timezone"), (TRIGGER, "fields[0].name"), (TRIGGER, ""),
    ]  # fmt: skip
    panel = form_fields.panel(draft("schedule"), TRIGGER, lines)
    assert next(each for each in panel.fields if each.name == "timezone").error
    assert "Wrong." in panel.form.error


def test_conditions_of_a_trigger_are_edited_like_those_of_a_filter() -> None:
    after = editing_conditions.add(draft("webhook"), Spot(TRIGGER), 0)
    after = editing_conditions.fill(after, Spot(TRIGGER), (0, 0), "left", "{{ trigger.body.n }}")
    parse_definition(after)
    (line,) = form_fields.panel(after, TRIGGER, []).conditions
    assert line.left == "{{ trigger.body.n }}"
    after = editing_conditions.remove(after, Spot(TRIGGER), (0, 0))
    assert after["trigger"]["settings"] == {}


def test_a_trigger_is_edited_as_json_without_its_secret_which_it_keeps() -> None:
    before = draft("webhook", verify={"scheme": "github", "secret": "s3cret"})
    shown = rewriting.shown(before, TRIGGER)
    assert "s3cret" not in str(shown)
    shown["settings"]["methods"] = ["POST"]
    after = rewriting.rewritten(before, shown, TRIGGER)
    assert after["trigger"]["settings"]["verify"]["secret"] == "s3cret"
    assert after["trigger"]["settings"]["methods"] == ["POST"]


# ---- what is asked ---------------------------------------------------------------------------------


def test_fields_are_added_named_after_their_label_moved_and_removed() -> None:
    after = questions.add(draft("form"))
    after = questions.fill(after, 0, "label", "Your Name!")
    assert [one.name for one in questions.listed(after["trigger"])] == ["your_name"]
    after = questions.fill(after, 0, "label", "First name")
    assert [one.name for one in questions.listed(after["trigger"])] == ["your_name"], "it is used"
    after = questions.fill(questions.add(after), 1, "label", "Your name")
    assert [one.name for one in questions.listed(after["trigger"])] == ["your_name", "your_name_2"]
    after = questions.move(after, 1, -1)
    assert [one.name for one in questions.listed(after["trigger"])] == ["your_name_2", "your_name"]
    assert questions.move(after, 0, -1) == after
    after = questions.drop(after, 0)
    assert [one.name for one in questions.listed(after["trigger"])] == ["your_name"]
    parse_definition(after)


def test_every_kind_of_field_can_be_chosen() -> None:
    after = questions.add(draft("manual"))
    for kind in FIELD_KINDS:
        after = questions.fill(after, 0, "kind", kind)
        parse_definition(after)
    after = questions.fill(questions.fill(after, 0, "kind", "choice"), 0, "options", "a\n\nb\na")
    assert after["trigger"]["settings"]["fields"][0]["options"] == ["a", "b"]


@pytest.mark.parametrize(
    ("place", "part", "text"),
    [
        (0, "name", "two words"),
        (0, "name", "second"),
        (0, "kind", "colour"),
        (0, "shape", "x"),
        (9, "label", "x"),
        (-1, "label", "x"),
    ],
)
def test_what_no_field_can_be_is_refused(place: int, part: str, text: str) -> None:
    before = draft("form", fields=[{"name": "first"}, {"name": "second"}])
    with pytest.raises(Invalid):
        questions.fill(before, place, part, text)


def test_where_to_register_goes_with_the_app_that_can() -> None:
    before = draft("app", app="github", event="push", register_at="octocat/hello")
    after = filled(before, app="slack")
    assert after["trigger"]["settings"] == {"app": "slack", "event": "push"}
    assert filled(before, app="github") == before

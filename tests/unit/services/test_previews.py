"""What a text comes to while it is typed: rendered as a run would, with words for what is wrong."""

from typing import Any

import pytest

from flowforge.services import previews
from flowforge.services.previews import Asked, Look
from flowforge.services.references import Surroundings

AROUND = Surroundings(
    names={"post": "Post it", "new": "New"},
    seen=frozenset({"post", "new"}),
    values={
        "trigger": {"body": {"name": "Grace", "total": 42, "tags": ["a", "b"], "long": "x" * 9000}},
        "steps": {"post": {"body": {"id": 7}}},
        "run": {"id": "…"},
    },
)


def _look(text: str, widget: str = "text") -> Look:
    return previews.looked_at(Asked("in-x", text, widget), AROUND)


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("{{ trigger.body.total }}", "42", "number"),
        ("{{ trigger.body.total }} euros", "42 euros", "text"),
        ("{{ trigger.body.tags }}", '["a","b"]', "list"),
        ("{{ trigger.body.name | upcase }}", "GRACE", "text"),
        ("{% if trigger.body.vip %}Dear{% else %}Hello{% endif %}", "Hello", "text"),
        ("{% for tag in trigger.body.tags %}{{ tag }}{% endfor %}", "ab", "text"),
        ('{{ trigger.body.nobody | default: "friend" }}', "friend", "text"),
    ],
)
def test_a_text_is_what_a_run_would_make_of_it(text: str, value: str, kind: str) -> None:
    found = _look(text)
    assert (found.value, found.kind, found.error, found.notes) == (value, kind, "", [])


def test_a_json_field_is_read_before_it_is_rendered() -> None:
    found = _look('{"id": "{{ steps.post.body.id }}"}', "json")
    assert (found.value, found.kind) == ('{"id":7}', "object")


def test_each_expression_is_a_chip_with_its_step_field_and_value() -> None:
    found = _look("{{ steps.post.body.id }} {{ trigger.body.nam }} {{ steps.new.x }}")
    assert [(chip.label, chip.value, chip.state) for chip in found.chips] == [
        ("Post it · body.id", "7", "ok"),
        (
            "Trigger · nam",
            "`trigger.body.nam` is not in the sample; did you mean `name`?",
            "missing",
        ),
        ("New · x", "“New” has no values yet: test that step first.", "untested"),
    ]
    assert found.notes == [chip.value for chip in found.chips[1:]]
    assert found.value == "7  "


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ trigger.body.name", "never closed"),
        ("{{ steps.nobody.id }}", "There is no step `nobody`"),
        ("{{ trigger.body.name | shout }}", "shout"),
        ("{{ trigger..body }}", "expected"),
        ("{% if %}", "if"),
        ("{{ " + "x" * 3000 + " }}", "at most 2000"),
    ],
)
def test_what_cannot_be_rendered_says_why(text: str, said: str) -> None:
    found = _look(text)
    assert said in found.error
    assert found.value == ""


def test_an_unfinished_text_still_knows_its_finished_expressions() -> None:
    found = _look("{{ trigger.body.name }} and {{ trig")
    assert [chip.value for chip in found.chips] == ["Grace"]
    assert found.error


def test_what_is_returned_is_short_and_inert() -> None:
    found = _look("{{ trigger.body.long }}\u202e")
    assert len(found.value) <= previews.LONGEST_SHOWN
    assert found.is_cut
    assert "\u202e" not in _look("{{ trigger.body.name }}\u202e").value


def test_work_without_end_is_refused() -> None:
    loops = "{% for a in (1..9999) %}{% for b in (1..9999) %}x{% endfor %}{% endfor %}"
    assert "at most" in _look(loops).error


@pytest.mark.parametrize("usage", previews.USAGE.values())
def test_each_filter_is_offered_in_a_form_that_can_be_read(usage: str) -> None:
    given: dict[str, Any] = {"where": "steps.list", "map": "steps.list", "join": "steps.list"}
    root = given.get(usage.partition(":")[0], "trigger.body.total")
    around = Surroundings(
        {"list": "L"}, frozenset({"list"}), {**AROUND.values, "steps": {"list": []}}
    )
    assert previews.looked_at(Asked("x", f"{{{{ {root} | {usage} }}}}"), around).error == ""


def test_a_value_that_was_cut_says_so_where_it_counts() -> None:
    cut = Surroundings(
        {"post": "Post it"}, frozenset({"post"}), {"steps": {"post": [1]}}, cut=frozenset({"post"})
    )
    found = previews.looked_at(Asked("x", "{{ steps.post | size }}"), cut)
    assert found.value == "1"
    assert found.notes == ["“Post it” gave much: its lists are cut to 100 here, not in a run."]

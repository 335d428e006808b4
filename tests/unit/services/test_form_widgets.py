"""Each control shows a value of the draft and gives the same value back; what it cannot show is an
expression, or JSON.
"""

from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from flowforge.actions.forms import form_schema
from flowforge.actions.sdk import Hint, Inputs
from flowforge.errors import Invalid
from flowforge.services import (
    date_texts,
    form_controls,
    form_fields,
    form_gestures,
    form_reading,
    form_shapes,
    form_texts,
    markdown,
)
from flowforge.services.form_shapes import Found, Tab
from flowforge.services.step_kinds import new_step

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=30)


class Person(BaseModel):
    name: str = Field(title="Name")
    age: int = Field(default=18, title="Age")
    kind: Literal["friend", "colleague"] = "friend"


class Invitation(Inputs):
    hints = (Hint("Ask **first**: {{webhookUrl}}", "tip", "people"),)
    title: str
    people: list[Person] = Field(default_factory=list)
    words: list[str] = Field(default_factory=list)
    days: list[Literal["mon", "tue", "wed"]] = Field(default_factory=list)
    loud: bool = False
    anything: list[Any] = Field(default_factory=list)


SCHEMA = form_schema(Invitation)


def shown(name: str, value: Any, tab: Tab = Tab()) -> form_shapes.Field:  # noqa: B008 - frozen
    fields = form_controls.fields(SCHEMA, {name: value}, [], tab)
    return next(one for one in fields if one.name == name)


def draft(kind: str, **fields: Any) -> dict[str, Any]:
    return {"trigger": {"kind": "webhook"}, "steps": [{**new_step("it", kind), **fields}]}


def test_the_widget_follows_from_the_type() -> None:
    widgets = {name: one["widget"] for name, one in SCHEMA["properties"].items()}
    assert widgets == {
        "title": "text",
        "people": "rows",
        "words": "list",
        "days": "multiselect",
        "loud": "checkbox",
        "anything": "json",
    }
    columns = SCHEMA["properties"]["people"]["columns"]
    assert {name: one["widget"] for name, one in columns.items()} == {
        "name": "text",
        "age": "number",
        "kind": "select",
    }


# ---- lists -----------------------------------------------------------------------------------------


@given(st.lists(TEXTS.filter(str.strip).map(str.strip), max_size=5))
def test_a_list_of_texts_is_shown_one_a_line_and_read_back_as_it_was(value: list[str]) -> None:
    field = shown("words", value)
    if any("{{" in one or "{%" in one for one in value):
        return  # read as the expression that it may be
    assert [row.cells[0].value for row in field.rows] == value
    assert (form_reading.meant(SCHEMA["properties"]["words"], field.value) or []) == value


def test_an_item_is_added_changed_emptied_and_moved() -> None:
    control = SCHEMA["properties"]["words"]
    value = form_reading.with_item(control, None, 0, "", "a")
    value = form_reading.with_item(control, value, 7, "", "b")
    assert form_reading.with_item_moved(value, 1, -1) == ["b", "a"]
    assert form_reading.with_item_moved(value, 0, -5) == ["a", "b"]
    assert form_reading.with_item(control, value, 0, "", "") == ["b"]
    assert form_reading.without_item(value, 0) == ["b"]
    with pytest.raises(Invalid):
        form_reading.with_item_moved(value, 2, 1)


def test_rows_are_small_forms_with_values_of_their_types() -> None:
    control = SCHEMA["properties"]["people"]
    value = form_reading.with_new_item(None)
    value = form_reading.with_item(control, value, 0, "name", "Ada")
    value = form_reading.with_item(control, value, 0, "age", "36")
    value = form_reading.with_item(control, value, 1, "name", "{{ trigger.body.name }}")
    assert value == [{"name": "Ada", "age": 36}, {"name": "{{ trigger.body.name }}"}]
    field = shown("people", value)
    first, second = field.rows
    assert [(cell.name, cell.value) for cell in first.cells] == [
        ("name", "Ada"),
        ("age", "36"),
        ("kind", "friend"),
    ]
    assert (first.is_first, second.is_last) == (True, True)
    assert form_reading.with_item(control, value, 0, "age", "")[0] == {"name": "Ada"}
    with pytest.raises(Invalid, match="has no 'salary'"):
        form_reading.with_item(control, value, 0, "salary", "1")


def test_a_list_that_is_no_list_is_an_expression_and_a_very_long_one_is_json() -> None:
    field = shown("words", "{{ trigger.body.words }}")
    assert (field.widget, field.is_expression) == ("text", True)
    with pytest.raises(Invalid, match="JSON"):
        form_reading.with_item(SCHEMA["properties"]["words"], ["x"] * 200, 200, "", "one more")


def test_several_are_chosen_in_the_order_in_which_they_are_offered() -> None:
    control = SCHEMA["properties"]["days"]
    value = form_reading.with_choice(control, None, "wed", is_on=True)
    value = form_reading.with_choice(control, value, "mon", is_on=True)
    assert value == ["mon", "wed"]
    assert form_reading.with_choice(control, value, "mon", is_on=False) == ["wed"]
    options = shown("days", ["sun", "mon"]).options
    assert [(one.value, one.is_on) for one in options] == [
        ("mon", True),
        ("tue", False),
        ("wed", False),
        ("sun", True),  # nobody offers it any more, and it is chosen all the same
    ]


# ---- moments ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "picker", "words"),
    [
        (
            "2027-03-01T08:00:00+01:00",
            "2027-03-01T08:00",
            "Mon 01 Mar 2027, 08:00 UTC+01:00, that is 01 Mar, 07:00 UTC",
        ),
        ("2027-03-01T08:00:30Z", "2027-03-01T08:00:30", "Mon 01 Mar 2027, 08:00 UTC"),
        ("2027-03-01T08:00", "2027-03-01T08:00", "Mon 01 Mar 2027, 08:00 UTC"),
        ("{{ trigger.body.at }}", "", ""),
    ],
)
def test_a_moment_is_shown_by_the_clock_it_was_written_in_and_tells_its_zone(
    value: str, picker: str, words: str
) -> None:
    assert (date_texts.local_text(value), date_texts.in_words(value)) == (picker, words)


def test_what_was_picked_has_the_zone_of_whoever_picked_it() -> None:
    assert date_texts.with_zone("2027-03-01T08:00", 60) == "2027-03-01T08:00:00+01:00"
    assert date_texts.with_zone("2027-03-01T08:00", -330) == "2027-03-01T08:00:00-05:30"
    assert date_texts.with_zone("", 60) == ""
    with pytest.raises(Invalid, match="no date"):
        date_texts.with_zone("tomorrow", 0)
    (delay,) = form_gestures.filling_moment("it", "until", "2099-01-01T08:00", 0)(draft("delay"))[
        "steps"
    ]
    assert delay == {"id": "it", "kind": "delay", "until": "2099-01-01T08:00:00+00:00"}


# ---- expressions instead ---------------------------------------------------------------------------


def test_whatever_is_chosen_may_be_an_expression_instead() -> None:
    for name in ("days", "loud", "people"):
        assert shown(name, None).may_switch
        field = shown(name, "{{ trigger.body.x }}")
        assert (field.widget, field.is_expression, field.value) == (
            "text",
            True,
            "{{ trigger.body.x }}",
        )
    by_hand = shown("loud", None, Tab(by_hand=frozenset({"loud"})))
    assert (by_hand.widget, by_hand.is_expression) == ("text", True)
    assert not shown("title", "x").may_switch


def test_what_looks_like_json_and_is_none_says_where_it_ends_to_be() -> None:
    field = shown("anything", '[1, 2\n"x"]')
    assert "line 2" in field.said
    assert shown("anything", [1]).said == ""
    assert shown("anything", "{{ trigger.body }}").said == ""


# ---- what is found out -----------------------------------------------------------------------------


ZAPS = Found("x", "ready", options=(("z1", "Orders"), ("z2", "Refunds")))


def _zap_field(zap_id: str, found: Found) -> form_shapes.Field:
    tab = Tab("it").with_found("zap_id", found)
    panel = form_fields.panel(draft("zap", zap_id=zap_id), "it", [], tab)
    return next(one for one in panel.fields if one.name == "zap_id")


def test_options_that_were_found_are_offered_and_the_chosen_one_has_its_name() -> None:
    field = _zap_field("z2", ZAPS)
    assert [(one.value, one.label, one.is_on) for one in field.options] == [
        ("z1", "Orders", False),
        ("z2", "Refunds", True),
    ]
    assert (field.chosen, field.stage) == ("Refunds", "ready")


def test_a_name_that_was_seen_is_kept_while_others_are_looked_for() -> None:
    tab = Tab("it").with_found("zap_id", ZAPS)
    tab = tab.with_found("zap_id", Found("x", "ready", options=(("z3", "Third"),)))
    panel = form_fields.panel(draft("zap", zap_id="z2"), "it", [], tab)
    field = next(one for one in panel.fields if one.name == "zap_id")
    assert field.chosen == "Refunds"
    assert [one.value for one in field.options] == ["z3", "z2"]


def test_options_are_asked_for_anew_when_what_they_depend_on_changes() -> None:
    def asks(zap_id: str) -> str:
        panel = form_fields.panel(draft("zap", zap_id=zap_id), "it", [])
        return next(one.asks for one in panel.fields if one.name == "input")

    assert asks("z1") == asks("z1")
    assert asks("z1") != asks("z2")


def test_fields_that_were_found_are_controls_of_their_own_and_parts_of_one_value() -> None:
    schema = {
        "properties": {
            "who": {"title": "Who", "widget": "text", "order": 0},
            "n": {"title": "How many", "widget": "number", "type": "number", "order": 1},
        },
        "required": ["who"],
    }
    tab = Tab("it").with_found("input", Found("x", "ready", schema=schema))
    before = draft("zap", input={"who": "Ada", "kept": 1})
    fields = {one.name: one for one in form_fields.panel(before, "it", [], tab).fields}
    assert fields["input"].widget == "dynamic"
    assert (fields["input.who"].value, fields["input.who"].is_required) == ("Ada", True)
    after = form_gestures.filling("it", "input.n", "3", tab)(before)
    after = form_gestures.filling("it", "input.who", "", tab)(after)
    assert after["steps"][0]["input"] == {"kept": 1, "n": 3}
    without = form_fields.panel(draft("zap", input="{{ trigger.body }}"), "it", [], tab).fields
    assert next(one for one in without if one.name == "input").is_expression


def test_of_another_card_a_tab_knows_nothing() -> None:
    tab = Tab("other", 3, by_hand=frozenset({"until"})).with_found("zap_id", ZAPS)
    panel = form_fields.panel(draft("delay", until="2099-01-01T08:00:00Z"), "it", [], tab)
    assert next(one for one in panel.fields if one.name == "until").widget == "datetime"


# ---- what is only told -----------------------------------------------------------------------------


def test_a_hint_stands_above_its_control_with_the_address_filled_in() -> None:
    tab = Tab(urls={"webhookUrl": "https://x.example/h"})
    fields = form_controls.fields(SCHEMA, {}, [], tab)
    names = [one.name for one in fields]
    assert names.index("hint_0") + 1 == names.index("people")
    (block,) = fields[names.index("hint_0")].blocks
    assert [(span.look, span.text) for span in block.spans] == [
        ("plain", "Ask "),
        ("strong", "first"),
        ("plain", ": https://x.example/h"),
    ]


def test_markdown_is_text_and_links_to_the_web_whatever_it_is_given() -> None:
    text = (
        "One *line*\nand `code`.\n\n- [a](https://x.example/?q=1)\n"
        "- [b](javascript:alert(1)) <script>x</script>"
    )
    found = markdown.blocks(text)
    assert [block.is_item for block in found] == [False, True, True]
    spans = [(span.look, span.text, span.href) for block in found for span in block.spans]
    assert ("link", "a", "https://x.example/?q=1") in spans
    assert not any("javascript" in href for _, _, href in spans)
    assert spans[-1] == ("plain", "[b](javascript:alert(1)) <script>x</script>", "")


@given(st.text(max_size=200))
def test_no_text_breaks_the_hints(text: str) -> None:
    assert all(
        span.look in {"plain", "strong", "em", "code", "link"}
        for block in markdown.blocks(text)
        for span in block.spans
    )


# ---- hostile values --------------------------------------------------------------------------------


def test_a_value_of_a_megabyte_is_shown_by_its_beginning_until_all_of_it_is_asked_for() -> None:
    huge = "x" * 900_000
    field = shown("title", huge)
    assert (field.widget, field.size) == ("huge", "900.0 KB")
    assert len(field.value) < 1_000
    whole = shown("title", huge, Tab(whole=frozenset({"title"})))
    assert (whole.widget, whole.value) == ("text", huge)
    condition = {"left": huge, "op": "EXISTS"}
    panel = form_fields.panel(draft("filter", when={"any": [{"all": [condition]}]}), "it", [])
    assert panel.conditions[0].size == "900.0 KB"
    assert len(panel.conditions[0].left) < 1_000


def test_a_number_of_any_size_is_shown() -> None:
    assert form_texts.as_text({"n": 10**40}) == '{\n  "n": 1' + "0" * 40 + "\n}"
    assert form_texts.size(999) == "999 B"

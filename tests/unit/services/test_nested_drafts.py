"""A tree of steps in the builder's services: nothing inside a step is lost, hidden or forgotten."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.engine.definition import walk
from flowforge.engine.parsing import parse_definition
from flowforge.errors import Invalid, NotFound
from flowforge.infra.redaction import REDACTED
from flowforge.services import (
    cards,
    drafts,
    editing,
    editing_many,
    editing_places,
    form_fields,
    insertion,
)
from flowforge.services.editing_places import Place
from flowforge.services.step_kinds import KINDS
from flowforge.services.step_words import seconds_in_words, tells_of_kind

HOLDS = {"any": [{"all": [{"left": "a", "op": "EXISTS"}]}]}


def action(step_id: str, **more: Any) -> dict[str, Any]:
    return {"id": step_id, "kind": "action", "action": "webhook", **more}


def nested() -> dict[str, Any]:
    """A step of most kinds, three lists deep."""
    return {
        "trigger": {"kind": "webhook", "settings": {}},
        "steps": [
            action("first"),
            {
                "id": "way",
                "kind": "router",
                "branches": [
                    {
                        "name": "large",
                        "when": HOLDS,
                        "steps": [
                            {
                                "id": "each",
                                "kind": "loop",
                                "over": "{{ trigger.body.items }}",
                                "steps": [action("inner", inputs={"url": "{{ item.url }}"})],
                            },
                            action("after_each"),
                        ],
                    },
                    {"name": "", "steps": []},
                ],
                "fallback": [{"id": "end", "kind": "stop"}],
            },
            {
                "id": "both",
                "kind": "parallel",
                "branches": [{"name": "token a", "steps": [action("one"), action("two")]}],
            },
            action("last"),
        ],
    }


IDS = ["first", "way", "each", "inner", "after_each", "end", "both", "one", "two", "last"]


def steps_of(kinds: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(kinds, max_size=3)


TREES = steps_of(
    st.recursive(
        st.sampled_from(["action", "stop", "code"]).map(lambda kind: {"kind": kind}),
        lambda inner: st.one_of(
            steps_of(inner).map(lambda steps: {"kind": "loop", "steps": steps}),
            st.lists(steps_of(inner), max_size=2).map(
                lambda lists: {
                    "kind": "router",
                    "branches": [{"steps": steps} for steps in lists[:1]],
                    **({"fallback": lists[1]} if lists[1:] else {}),
                }
            ),
            st.lists(steps_of(inner), max_size=3).map(
                lambda lists: {
                    "kind": "parallel",
                    "branches": [{"name": str(at), "steps": s} for at, s in enumerate(lists)],
                }
            ),
        ),
        max_leaves=12,
    )
)


def numbered(steps: list[dict[str, Any]]) -> dict[str, Any]:
    """A definition of these steps, each with an id of its own."""
    count = iter(range(10_000))
    return drafts.map_steps({"steps": steps}, lambda step: {"id": f"s{next(count)}", **step})


@given(TREES)
def test_steps_come_in_the_order_of_the_engine(steps: list[dict[str, Any]]) -> None:
    definition = numbered(steps)
    expected = [step.id for step in walk(parse_definition(definition).steps)]
    assert [step["id"] for step in drafts.all_steps(definition)] == expected


@given(TREES)
def test_mapping_with_nothing_to_do_changes_nothing(steps: list[dict[str, Any]]) -> None:
    definition = numbered(steps)
    assert drafts.map_steps(definition, lambda step: step) == definition
    assert drafts.without_secrets(definition) == definition


def test_ten_thousand_steps_in_a_row_are_walked_without_recursion() -> None:
    definition = numbered([{"kind": "stop"} for _ in range(10_000)])
    assert len(drafts.all_steps(definition)) == 10_000
    assert editing.remove(definition, "s9999")["steps"][-1]["id"] == "s9998"


def test_secrets_are_hidden_at_any_depth_and_names_of_branches_are_none() -> None:
    draft = nested()
    secret = {"Authorization": "Bearer T0P5ECRET"}
    draft["steps"][1]["branches"][0]["steps"][0]["steps"][0]["inputs"]["headers"] = secret
    draft["steps"].append({"id": "say", "kind": "reply", "headers": secret})
    draft["steps"].append(
        {"id": "ask", "kind": "approval", "approvers": ["token@e.com", "bob@e.com"]}
    )
    draft["steps"][2]["branches"].append({"name": "z", "depends_on": ["token a", "y"], "steps": []})
    shown = drafts.without_secrets(draft)
    assert "T0P5ECRET" not in repr(shown)
    assert editing.step_of(shown, "inner")["inputs"]["headers"] == {"Authorization": REDACTED}
    assert editing.step_of(shown, "ask") == editing.step_of(draft, "ask")
    assert editing.step_of(shown, "both") == editing.step_of(draft, "both")


@pytest.mark.parametrize("step_id", IDS)
def test_a_step_is_edited_where_it_stands_and_nothing_else_is_touched(step_id: str) -> None:
    before = nested()
    after = editing.set_option(before, step_id, "name", "Renamed")
    changed = [
        one["id"]
        for one, other in zip(drafts.all_steps(before), drafts.all_steps(after), strict=True)
        if one.get("name") != other.get("name")
    ]
    assert changed == [step_id]
    assert before == nested()


@pytest.mark.parametrize("step_id", IDS)
def test_removing_takes_a_step_with_all_that_is_in_it_and_no_other(step_id: str) -> None:
    draft = nested()
    gone = {step["id"] for step in drafts.all_steps({"steps": [editing.step_of(draft, step_id)]})}
    left = [step["id"] for step in drafts.all_steps(editing.remove(draft, step_id))]
    assert left == [each for each in IDS if each not in gone]


def test_moving_stays_within_the_list() -> None:
    draft = editing.move(nested(), "one", 5)
    assert [step["id"] for step in editing.step_of(draft, "both")["branches"][0]["steps"]] == [
        "two",
        "one",
    ]
    assert editing.move(draft, "inner", -1) == draft


def test_a_copy_has_ids_of_its_own_all_the_way_down_and_reads_its_own_steps() -> None:
    draft = nested()
    draft["steps"][1]["branches"][0]["steps"][1]["inputs"] = {
        "url": "{{ steps.each.count }}/{{ steps.first.status }}"
    }
    draft, copy_id = editing.duplicate(draft, "way")
    ids = [step["id"] for step in drafts.all_steps(draft)]
    assert len(set(ids)) == len(ids)
    inside = drafts.all_steps({"steps": [editing.step_of(draft, copy_id)]})
    copy = next(step for step in inside if step.get("inputs", {}).get("url", "").endswith("us }}"))
    loop = next(step["id"] for step in inside if step["kind"] == "loop")
    assert copy["inputs"]["url"] == f"{{{{ steps.{loop}.count }}}}/{{{{ steps.first.status }}}}"
    assert len(list(walk(parse_definition(draft).steps))) == len(ids)


def test_code_that_cannot_be_read_is_found_at_any_depth_unless_it_is_skipped() -> None:
    def paths(**more: Any) -> list[str]:
        code = {"id": "calc", "kind": "code", "code": "1 +", **more}
        loop = {"id": "each", "kind": "loop", "count": 2, "steps": [code]}
        draft = {"trigger": {"kind": "webhook"}, "steps": [loop]}
        return [problem["path"] for problem in drafts.problems(draft)]

    assert paths() == ["steps.calc.code"]
    assert paths(code="") == ["steps.calc.code"]
    assert paths(code="1 + 1") == []
    assert paths(skip=True) == []


def test_an_id_is_free_only_where_no_step_at_any_depth_has_it() -> None:
    draft = {"steps": [{"id": "l", "kind": "loop", "steps": [action("webhook")]}]}
    _, step_id = editing.add(draft, "webhook", 0)
    assert step_id == "webhook_2"


def test_replacing_keeps_the_id_and_choosing_throws_no_steps_away() -> None:
    draft = nested()
    draft = editing.replace(draft, "inner", {"id": "inner", "kind": "stop"})
    assert editing.step_of(draft, "inner") == {"id": "inner", "kind": "stop"}
    with pytest.raises(Invalid, match="keeps its id"):
        editing.replace(draft, "inner", {"id": "other", "kind": "stop"})
    with pytest.raises(Invalid, match="steps inside"):
        editing.choose(draft, "way", "email")
    with pytest.raises(NotFound):
        editing.replace(draft, "gone", {"id": "gone", "kind": "stop"})


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_begins_readable_and_has_a_card_that_says_what_it_does(kind: str) -> None:
    draft, step_id = editing.add(drafts.empty(), kind, 0)
    assert drafts.readable(draft) == draft
    card = cards.cards(draft, [])[1]
    assert (card.id, card.kind, card.title) == (step_id, kind, KINDS[kind].name)
    assert card.tells
    assert drafts.step_name(editing.step_of(draft, step_id)) == KINDS[kind].name
    panel = form_fields.panel(draft, step_id, cards.problem_lines(draft, drafts.problems(draft)))
    assert panel.form.title == KINDS[kind].name
    assert panel.strangers == []


def test_the_column_has_every_step_every_branch_and_the_end_of_every_list() -> None:
    column = cards.lines(nested(), [])
    said = {"card": "{line.card.id}", "branch": "[{line.title}]", "end": "+{line.at}"}
    assert [(line.depth, said[line.what].format(line=line)) for line in column] == [
        (0, "trigger"),
        (0, "first"),
        (0, "way"),
        (1, "[large]"),
        (1, "each"),
        (2, "inner"),
        (2, "+1"),
        (1, "after_each"),
        (1, "+2"),
        (1, "[Branch 2]"),
        (1, "+0"),
        (1, "[Fallback]"),
        (1, "end"),
        (1, "+1"),
        (0, "both"),
        (1, "[token a]"),
        (1, "one"),
        (1, "two"),
        (1, "+2"),
        (0, "last"),
        (0, "+4"),
    ]
    assert [card.number for card in cards.cards_of(column)] == [1, 2, 3, 0, 0, 0, 0, 4, 0, 0, 5]
    assert [card.id for card in cards.cards_of(column) if card.is_last] == [
        "trigger", "inner", "after_each", "end", "two", "last",
    ]  # fmt: skip


def test_a_line_of_the_column_says_where_a_step_goes_that_is_added_there() -> None:
    for line in cards.lines(nested(), [])[1:]:
        draft, made = editing.add(nested(), "stop", line.at, Place(line.step, line.branch))
        assert editing_places.where(draft, made) == (Place(line.step, line.branch), line.at)


def test_a_step_may_be_moved_to_every_list_but_those_inside_it() -> None:
    titles = [target.title for target in cards.targets(nested(), ["last"]) if not target.is_here]
    assert titles == [
        "Router → large",
        "Router → Branch 2",
        "Router → Fallback",
        "Loop → each round",
        "Parallel → token a",
    ]
    for target in cards.targets(nested(), ["each"]):
        place = Place(target.step, target.branch)
        draft = editing_many.move_to(nested(), ["each"], place, editing_places.END)
        assert editing_places.listed(draft, place)[-1]["id"] == "each"
    (here,) = [target for target in cards.targets(nested(), ["each"]) if target.is_here]
    assert (here.step, here.branch) == ("way", 0)


def test_a_problem_inside_a_step_opens_its_own_card_at_its_field() -> None:
    details = [
        {"path": "steps.inner.inputs.url", "message": "missing 'url' field in metadata"},
        {"path": "steps.way.branches", "message": "Add at least one branch."},
    ]
    inner, own = cards.problem_lines(nested(), details)
    assert (inner.card, inner.field) == ("inner", "url")
    assert (own.card, own.field) == ("way", "branches")
    counted = {card.id: card.problems for card in cards.cards(nested(), [inner, own])}
    assert (counted["inner"], counted["way"], counted["each"]) == (1, 1, 0)


def test_a_step_may_insert_what_it_sees_and_the_item_of_its_loop() -> None:
    samples = {"trigger": None, "steps": {}, "items": {"each": {"url": "https://e.com"}}}

    def expressions(card: str) -> list[str]:
        found = insertion.groups(nested(), samples, card)[1:]
        return [line.expression for group in found for line in group.lines]

    inside = expressions("inner")
    assert "{{ item.url }}" in inside
    assert "{{ index }}" in inside
    assert any(each.startswith("{{ steps.first.") for each in inside)
    assert not any(each.startswith("{{ steps.after_each.") for each in inside)
    after = expressions("last")
    assert any(each.startswith("{{ steps.after_each.") for each in after)
    assert any(each.startswith("{{ steps.two.") for each in after)
    assert "{{ steps.each.iterations }}" in after
    assert not any(each.startswith(("{{ steps.inner.", "{{ item")) for each in after)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"kind": "delay", "seconds": 90}, "Waits 90 seconds."),
        ({"kind": "delay", "seconds": 1.5}, "Waits 1.5 seconds."),
        ({"kind": "delay", "until": "2030-01-01"}, "Waits until 2030-01-01."),
        ({"kind": "delay"}, "No time is set yet."),
        ({"kind": "loop", "count": 3}, "3 times"),
        ({"kind": "loop", "over": [1]}, "For each item of a list."),
        ({"kind": "loop", "while": HOLDS}, "While its conditions hold."),
        ({"kind": "loop"}, "Nothing to go over yet."),
        ({"kind": "router", "mode": "all_matches", "branches": [{}]}, "All that fit: Branch 1."),
        ({"kind": "break", "when": HOLDS}, "1 condition"),
        ({"kind": "code", "code": "\n\nx = 1\nx"}, "x = 1"),
        ({"kind": "reply", "stop": True}, "Answers 200, and ends the run."),
        ({"kind": "zap", "wait": False}, "Goes on at once."),
    ],
)
def test_a_kind_is_told_in_one_plain_line(step: dict[str, Any], said: str) -> None:
    assert tells_of_kind(step) == said


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (60, "1 minute"), (7_200, "2 hours"), (86_400, "1 day"), (61, "61 seconds")],
)
def test_seconds_are_told_in_the_largest_exact_unit(seconds: float, words: str) -> None:
    assert seconds_in_words(seconds) == words

"""What a path names and what is wrong with it, in words for the person who wrote it."""

import pytest

from flowforge.services import references
from flowforge.services.references import Surroundings

SAMPLE = {
    "trigger": {
        "method": "POST",
        "body": {"id": 42, "customer": {"name": "Grace"}, "items": [{"sku": "a"}], "none": None},
    },
    "steps": {"post": {"status": 200, "body": {"id": 7}}, "old": {"output": {"x": 1}}},
}
AROUND = Surroundings(
    names={"post": "Post it", "old": "Old", "new": "Never tested", "later": "Later"},
    seen=frozenset({"post", "old", "new"}),
    values=SAMPLE,
)


@pytest.mark.parametrize(
    "path",
    [
        ("trigger", "body", "customer", "name"),
        ("trigger", "body", "items", "0", "sku"),
        ("trigger", "body", "items", "-1", "sku"),
        ("trigger", "body", "items", "size"),
        ("trigger", "body", "none"),
        ("steps", "post", "body", "id"),
        ("steps", "post", "output", "body", "id"),
        ("steps", "old", "output", "x"),
        ("steps",),
        ("connections", "anything"),
    ],
)
def test_what_leads_somewhere_has_no_fault(path: tuple[str, ...]) -> None:
    assert references.fault(path, AROUND) is None


@pytest.mark.parametrize(
    ("path", "state", "sentence"),
    [
        (
            "steps.post.body.idd",
            "missing",
            "`steps.post.body.idd` is not in the sample; did you mean `id`?",
        ),
        (
            "steps.post.zzz.deeper",
            "missing",
            "`steps.post.zzz` is not in the sample; `steps.post` has `status`, `body`.",
        ),
        (
            "trigger.body.items.5",
            "missing",
            "`trigger.body.items[5]` is not in the sample: `trigger.body.items` is a list of 1.",
        ),
        (
            "trigger.body.none.x",
            "missing",
            "`trigger.body.none.x` is not in the sample: `trigger.body.none` is null there.",
        ),
        ("steps.pots.body", "wrong", "There is no step `pots`; did you mean `post`?"),
        ("steps.later.body", "wrong", "Step `later` has not run yet at this point."),
        (
            "steps.new.body",
            "untested",
            "“Never tested” has no values yet: test that step first.",
        ),
        ("item.x", "wrong", "`item` is known only inside a loop."),
        ("triger.body", "wrong", "`triger` is unknown; did you mean `trigger`?"),
    ],
)
def test_a_fault_says_where_and_what_was_meant(path: str, state: str, sentence: str) -> None:
    assert references.fault(path.split("."), AROUND) == (state, sentence)


def test_before_anything_came_nothing_is_called_missing() -> None:
    bare = Surroundings({}, frozenset(), {"steps": {}}, is_in_loop=True)
    for root in ("trigger", "item"):
        found = references.fault((root, "body"), bare)
        assert found is not None
        assert found.state == "untested"


def test_of_a_list_that_was_cut_nothing_is_called_missing() -> None:
    cut = Surroundings({"a": "A"}, frozenset({"a"}), {"steps": {"a": [1]}}, cut=frozenset({"a"}))
    assert references.fault(("steps", "a", "500"), cut) is None


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("steps.post.body.id", "Post it · body.id"),
        ("steps.gone.id", "gone · id"),
        ("trigger.body.items.0.sku", "Trigger · items[0].sku"),
        ("trigger.body", "Trigger · body"),
        ("item.sku", "Item · sku"),
        ("index", "Round"),
    ],
)
def test_a_label_names_the_step_and_then_the_field(path: str, words: str) -> None:
    assert references.label(path.split("."), AROUND) == words


def test_marks_that_turn_the_text_around_are_spelled_out() -> None:
    found = references.fault(("trigger", "body", "a\u202eb"), AROUND)
    assert found is not None
    assert "\u202e" not in found.sentence

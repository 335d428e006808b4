"""The page about definitions: each of its examples can be read and published, and none is missing."""

import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from flowforge.engine.conditions import OPERATORS
from flowforge.engine.definition import (
    LONGEST_DELAY,
    LONGEST_NOTE,
    MOST_NOTES,
    MOST_STEPS,
    Limits,
    Note,
    Step,
)
from flowforge.engine.parsing import DEEPEST
from flowforge.services import drafts

PAGE = (Path(__file__).parents[2] / "docs" / "definition.md").read_text()
EXAMPLES = [
    json.loads(block)
    for block in re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
]
KINDS = {
    get_args(kind.model_fields["kind"].annotation)[0]: kind for kind in get_args(get_args(Step)[0])
}
WHERE_ZAPS_ARE = {"01a1fbe4-8bf4-7022-9e05-9c07cc200c08"}


def whole(example: dict[str, Any]) -> dict[str, Any]:
    """The definition that an example stands for."""
    if "steps" in example and "kind" not in example:
        return example
    definition = {"trigger": {"kind": "webhook"}, "steps": [{"id": "z", "kind": "stop"}]}
    if "kind" in example:
        return {**definition, "steps": [example]}
    return {**definition, "limits": example}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda each: each.get("id", "whole"))
def test_every_example_can_be_published_as_it_stands(example: dict[str, Any]) -> None:
    definition = drafts.readable(whole(example))
    assert drafts.problems(definition, known_zaps=WHERE_ZAPS_ARE) == []


def test_every_kind_of_step_has_a_heading_and_an_example() -> None:
    assert re.findall(r"^### `(\w+)`", PAGE, re.MULTILINE) == list(dict.fromkeys(KINDS))
    shown = {step["kind"] for example in EXAMPLES for step in drafts.all_steps(whole(example))}
    assert shown == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_a_kind_is_named_on_the_page(kind: str) -> None:
    for name, field in KINDS[kind].model_fields.items():
        assert re.search(rf"\b{field.alias or name}\b", PAGE), f"{kind}.{name}"


def test_limits_notes_and_operators_are_named_on_the_page() -> None:
    for name in (*Limits.model_fields, *Note.model_fields, *OPERATORS):
        assert re.search(rf"\b{name}\b", PAGE), name


def test_the_numbers_on_the_page_are_those_of_the_code() -> None:
    assert f"{MOST_STEPS:,} steps" in PAGE
    assert f"{MOST_NOTES} notes" in PAGE
    assert f"{LONGEST_NOTE:,} characters" in PAGE
    assert f"{DEEPEST} levels" in PAGE
    assert f"{LONGEST_DELAY / 86_400:.0f} days" in PAGE

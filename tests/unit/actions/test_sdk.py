"""The SDK: everything about an action follows from its signature."""

from typing import Any, Literal

import httpx
import pytest
from pydantic import Field, SecretStr

from flowforge.actions.registry import Registry, catalogue
from flowforge.actions.sdk import (
    Action,
    App,
    Connection,
    Context,
    FatalError,
    Filled,
    Inputs,
    InputsRefused,
    Output,
    action,
)
from tests.servers.memory_store import MemoryStore


class Bot(Connection):
    kind = "bot"
    token: SecretStr


class Shout(Inputs):
    words: Filled = Field(title="Words", json_schema_extra={"placeholder": "hello"})
    volume: Literal["loud", "louder"] = "loud"
    times: int = Field(default=1, ge=1, le=9)
    polite: bool = False
    extra: dict[str, str] = Field(default_factory=dict)
    token: str = Field(default="", alias="botToken", json_schema_extra={"secret": True})


class Shouted(Output):
    words: str


@action("shout", name="Shout", aliases=("yell",), repeatable=False)
async def shout(ctx: Context[None], inputs: Shout) -> Shouted:
    """Say it loudly.

    This part is for developers.
    """
    return Shouted(words=inputs.words.upper() * inputs.times)


@action("post", name="Post", app=App("bot", "Bot"))
async def post(ctx: Context[Bot], inputs: Shout) -> Shouted:
    """Say it through the bot."""
    return Shouted(words=inputs.words)


def test_the_signature_is_the_declaration() -> None:
    assert shout.inputs is Shout
    assert shout.output is Shouted
    assert shout.connection is None
    assert post.connection is Bot
    assert shout.summary == "Say it loudly."
    assert (shout.icon, post.app.key, shout.app.key) == ("/icons/shout.svg", "bot", "shout")
    assert not shout.repeatable
    assert post.repeatable


async def test_an_action_is_called_like_its_function() -> None:
    async with httpx.AsyncClient() as http:
        ctx = Context(connection=None, http=http, idempotency_key="k", store=MemoryStore())
        assert await shout(ctx, Shout(words="hey", times=2)) == Shouted(words="HEYHEY")


def test_every_form_control_has_a_title_a_widget_and_its_place() -> None:
    controls = shout.json_schema()["properties"]
    assert {name: control["widget"] for name, control in controls.items()} == {
        "words": "text",
        "volume": "select",
        "times": "number",
        "polite": "checkbox",
        "extra": "keyvalue",
        "botToken": "secret",
    }
    assert [control["order"] for control in controls.values()] == list(range(6))
    assert all(control["title"] for control in controls.values())
    assert controls["words"]["placeholder"] == "hello"


def test_secret_inputs_are_known_by_the_name_they_are_stored_under() -> None:
    assert shout.secret_fields == {"token", "botToken"}


def test_wrong_inputs_are_named_one_by_one() -> None:
    with pytest.raises(InputsRefused) as refusal:
        shout.validate({"words": " ", "volume": "silent", "times": 10, "tempo": 1})
    assert isinstance(refusal.value, FatalError)
    assert [problem.path for problem in refusal.value.problems] == [
        "words",
        "volume",
        "times",
        "tempo",
    ]
    assert str(refusal.value).startswith("[action:shout] missing 'words' field in metadata; ")


def test_a_refusal_never_quotes_what_was_entered() -> None:
    with pytest.raises(InputsRefused) as refusal:
        shout.validate({"words": "x", "botToken": ["s3cr3t"]})
    assert "s3cr3t" not in str(refusal.value)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(5, "5"), (0.5, "0.5"), (True, "true"), ([1, {"a": "ü"}], '[1,{"a":"ü"}]'), ({}, "{}")],
)
def test_a_value_of_another_type_is_shown_where_a_text_is_wanted(value: Any, shown: str) -> None:
    assert shout.validate({"words": value}).words == shown


def test_a_field_with_an_expression_is_checked_when_it_is_rendered() -> None:
    draft = {"words": "{{ trigger.body.words }}", "times": "{{ trigger.body.n }}"}
    assert shout.problems(draft) == []
    assert [one.path for one in shout.problems({"times": "{{ n }}"})] == ["words"]
    assert [one.path for one in shout.problems({"words": "x", "times": "many"})] == ["times"]
    assert [one.path for one in shout.problems({"words": "x", "tempo": "{{ n }}"})] == ["tempo"]


def test_a_registry_finds_an_action_by_key_and_alias_and_lists_it_once() -> None:
    registry = Registry([shout, post])
    assert list(registry) == ["shout", "post"]
    assert registry["yell"] is shout
    assert registry.get("whisper") is None


def test_a_key_that_is_taken_twice_stops_the_start() -> None:
    with pytest.raises(ValueError, match="Two actions are registered as 'shout'"):
        Registry([shout, shout])


def test_an_alias_may_not_shadow_a_key() -> None:
    @action("loud", name="Loud", aliases=("shout",))
    async def loud(ctx: Context[None], inputs: Shout) -> Shouted:
        """Shadow."""
        return Shouted(words="")

    with pytest.raises(ValueError, match="'shout'"):
        Registry([shout, loud])


def test_the_catalogue_is_derived_and_keeps_the_order_of_the_registry() -> None:
    registry = Registry([post, shout])
    entries = catalogue(registry, registry.apps)
    assert [entry["key"] for entry in entries] == ["bot", "shout"]
    assert entries[0]["icon"] == "/icons/post.svg"
    (entry,) = entries[0]["actions"]
    assert entry["connection"] == "bot"
    assert entry["inputs"] == post.json_schema()
    assert entry["output"]["properties"]["words"]["type"] == "string"


def test_a_new_action_needs_its_own_file_and_one_line_of_a_list() -> None:
    lines: list[Action[None, Shout, Shouted]] = []
    assert "shout" not in Registry(lines)
    lines.append(shout)
    registry = Registry(lines)
    assert registry["shout"].validate({"words": "hi"}) == Shout(words="hi")
    assert [entry["key"] for entry in catalogue(registry, registry.apps)] == ["shout"]

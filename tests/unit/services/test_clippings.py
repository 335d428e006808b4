"""Steps copied and pasted as text."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.errors import FlowForgeError, Invalid, NotFound, TooLarge
from flowforge.services import clippings, drafts
from flowforge.services.editing_places import END, FALLBACK, OUTERMOST, Place


def _post(step_id: str, **more: Any) -> dict[str, Any]:
    return {"id": step_id, "kind": "action", "action": "webhook", "inputs": {}} | more


def _draft() -> dict[str, Any]:
    return {
        "trigger": {"kind": "webhook", "settings": {}},
        "steps": [
            _post("first", inputs={"url": "https://x.org", "headers": {"Authorization": "s3cret"}}),
            {
                "id": "sort",
                "kind": "router",
                "branches": [
                    {
                        "name": "a",
                        "steps": [_post("inside", inputs={"body": "{{ steps.first.body }}"})],
                    }
                ],
                "fallback": [],
            },
            _post("last", inputs={"body": "{{ steps.inside.body }}"}),
        ],
    }


def _ids(steps: list[dict[str, Any]]) -> list[str]:
    return [step["id"] for step in drafts.all_steps({"steps": steps})]


def test_steps_are_copied_in_their_order_and_those_inside_others_once() -> None:
    steps = clippings.steps_in(clippings.copied_text(_draft(), ["last", "inside", "sort"]))
    assert _ids(steps) == ["sort", "inside", "last"]


def test_a_copy_carries_no_secret_and_no_connection_but_the_way_to_a_value() -> None:
    draft = _draft()
    draft["steps"][0]["connection"] = "conn-1"
    draft["steps"][0]["inputs"]["headers"]["X-Api-Key"] = "{{ trigger.body.key }}"
    draft["steps"].append({"id": "again", "kind": "zap", "zap_id": "zap-7"})
    text = clippings.copied_text(draft, ["first", "again"])
    assert "s3cret" not in text
    assert "conn-1" not in text
    first, again = clippings.steps_in(text)
    assert first["inputs"]["headers"] == {
        "Authorization": "",
        "X-Api-Key": "{{ trigger.body.key }}",
    }
    assert again["zap_id"] == "zap-7"


def test_ids_that_are_gone_are_passed_over_and_nothing_is_no_copy() -> None:
    assert _ids(clippings.steps_in(clippings.copied_text(_draft(), ["gone", "last"]))) == ["last"]
    with pytest.raises(Invalid, match="at least one step"):
        clippings.copied_text(_draft(), ["gone", "trigger"])


def test_pasting_gives_fresh_ids_and_references_among_the_pasted_follow() -> None:
    draft = _draft()
    text = clippings.copied_text(draft, ["first", "sort"])
    after, made = clippings.pasted(draft, text, OUTERMOST, END)
    assert made == ["webhook", "router"]
    assert _ids(after["steps"]) == [
        "first",
        "sort",
        "inside",
        "last",
        "webhook",
        "router",
        "webhook_2",
    ]
    inside = after["steps"][4]["branches"][0]["steps"][0]
    assert inside["inputs"]["body"] == "{{ steps.webhook.body }}"
    assert draft == _draft()
    assert drafts.readable(after)


@pytest.mark.parametrize(
    ("place", "at", "order"),
    [
        (OUTERMOST, 0, ["webhook", "first", "sort", "inside", "last"]),
        (OUTERMOST, -3, ["webhook", "first", "sort", "inside", "last"]),
        (Place("sort", 0), 1, ["first", "sort", "inside", "webhook", "last"]),
        (Place("sort", FALLBACK), END, ["first", "sort", "inside", "webhook", "last"]),
    ],
)
def test_steps_are_pasted_where_they_were_asked_for(
    place: Place, at: int, order: list[str]
) -> None:
    after, made = clippings.pasted(_draft(), "curl https://x.org/hook", place, at)
    assert made == ["webhook"]
    assert _ids(after["steps"]) == order


def test_a_place_that_is_gone_is_told() -> None:
    with pytest.raises(NotFound):
        clippings.pasted(_draft(), "curl https://x.org/hook", Place("nowhere"), 0)


STEP = {"kind": "delay", "id": "wait", "seconds": 5}
ZAP = {"name": "Mine", "schema_version": 1, "definition": {"trigger": None, "steps": [STEP]}}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"flowforge": 1, "steps": [STEP]}),
        json.dumps(STEP),
        json.dumps([STEP], indent=4),
        json.dumps(ZAP),
        json.dumps(ZAP["definition"]),
        f"\ufeff  {json.dumps(STEP)}\n",
        f"Hi all [1], this {{is}} how:\n\n```json\n{json.dumps(ZAP, indent=2)}\n```\nThanks!",
        f"I wait with `{json.dumps(STEP)}` before it.",
        f"With curl I could not. See [my zap](https://x.org): {json.dumps([STEP])} (works)",
        f"curl is no help there\n{json.dumps(STEP)}",
        f'{{"unrelated": ["a", {{"b": 1}}]}} and {json.dumps(STEP)}',
    ],
)
def test_steps_are_found_however_somebody_shared_them(text: str) -> None:
    assert clippings.steps_in(text) == [STEP]


@pytest.mark.parametrize(
    "text",
    [
        "curl https://x.org/hook",
        '  $ curl https://x.org/hook\n{"ok": true}\n',
        "Try this:\n```sh\ncurl https://x.org/hook\n```",
        "Just run `curl https://x.org/hook` and look.",
        "> curl https://x.org/hook",
    ],
)  # fmt: skip
def test_a_curl_line_is_found_amid_prose(text: str) -> None:
    (step,) = clippings.steps_in(text)
    assert step["inputs"]["url"] == "https://x.org/hook"


def test_steps_written_by_hand_need_no_ids() -> None:
    text = json.dumps([{"kind": "stop"}, {"kind": "action", "action": "email"}, {"kind": "stop"}])
    assert _ids(clippings.steps_in(text)) == ["stop", "email", "stop_2"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "There are no steps in this text. Paste steps"),
        ("Hello there", "There are no steps in this text."),
        ('{"a": 1}', "There are no steps in this text."),
        ("[]", "There are no steps in this text."),
        ('{"flowforge": 1, "steps": []}', "There is no step in this."),
        ('{"flowforge": 2, "steps": [{"kind": "stop"}]}', "newer release"),
        (json.dumps(ZAP | {"schema_version": 99}), "newer release"),
        (json.dumps(ZAP | {"schema_version": "x"}), "There is no schema 0"),
        ('{"flowforge": 1, "steps": [{"kind": "stop"},]}', "breaks off at line 1 column"),
        ('See:\n{"steps": [{"kind": "stop", "id": "a"},]}', "breaks off at line 2 column"),
        ('{"kind": "teleport", "id": "a"}', "steps.a.kind: Unknown kind 'teleport'"),
        ('{"kind": "delay", "id": "a", "second": 5}', "Unknown key 'second'"),
        ('[{"kind": "stop", "id": "A b"}]', "An id starts with a lower-case letter"),
        (json.dumps([STEP, STEP]), "2 steps have the id 'wait'"),
        ('{"kind": "stop", "id": "a", "name": "\\ud800"}', "not valid"),
        ("curl -F a=@b https://x.org", "-F sends a multipart form"),
        ("[" * 100_000, "nested too deeply"),
        ('{"kind": "delay", "seconds": 1' + "0" * 5000 + "}", "number too large"),
    ],
)
def test_what_cannot_be_pasted_is_told_with_its_place(text: str, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        clippings.steps_in(text)
    assert said in refused.value.message


def test_a_text_over_a_megabyte_is_refused_before_it_is_read() -> None:
    with pytest.raises(TooLarge, match="1 MB"):
        clippings.steps_in("[" + " " * clippings.LARGEST_BYTES)


@given(st.text(st.sampled_from("{}[]\",:\\ \ncurl`'$-d1a"), max_size=300))
def test_no_text_breaks_the_reader(text: str) -> None:
    with contextlib.suppress(FlowForgeError):
        assert clippings.steps_in(text)

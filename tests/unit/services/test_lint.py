"""Hints: each is told with its place, and none where there is nothing to tell."""

import time
from typing import Any

import pytest

from flowforge.actions import REGISTRY
from flowforge.services import lint, lint_references
from flowforge.services.lint import Facts, Hint

BODY = {"order": {"id": 7, "lines": [{"sku": "a"}, {"sku": "b", "price": 2}]}, "note": None}


def hook(step_id: str = "post", **inputs: Any) -> dict[str, Any]:
    given = {"url": "https://example.com/in", **inputs}
    return {"id": step_id, "kind": "action", "action": "webhook", "inputs": given}


def when(left: Any, op: str = "TEXT_EXACTLY_MATCHES", right: Any = "yes") -> dict[str, Any]:
    return {"any": [{"all": [{"left": left, "op": op, "right": right}]}]}


def router(*branches: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": "way", "kind": "router", "branches": list(branches), **more}


def branch(name: str, condition: dict[str, Any], *steps: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "when": condition, "steps": list(steps)}


def zap(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    trigger = {"kind": "webhook", "settings": {"allow_from": ["203.0.113.0/24"]}}
    return {"trigger": trigger, "steps": list(steps), **more}


def found(*steps: dict[str, Any], facts: Facts = lint.NO_FACTS, **more: Any) -> list[Hint]:
    return lint.hints(zap(*steps, **more), facts)


def told(*steps: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
    return [(hint.code, hint.path) for hint in found(*steps, **more)]


SEEN = Facts(
    shapes={
        "trigger": lint_references.shape_of({"body": BODY, "query": {"page": "1"}}),
        "post": lint_references.shape_of({"status": 200, "headers": {}, "body": {"id": 1}}),
    }
)
BIG = when("{{ trigger.body.order.id }}", "NUMBER_IS_GREATER_THAN", "100")
SMALL = when("{{ trigger.body.order.id }}", "NUMBER_IS_LESS_THAN", "100")
GOOD = router(
    branch("big", BIG, hook("one")), branch("small", SMALL, hook("two")), fallback=[hook("three")]
)


def test_a_sound_zap_gives_no_hint() -> None:
    mail = hook("post", body={"id": "{{ trigger.body.order.id }}", "all": "{{ trigger.body }}"})
    after = hook("last", body="{{ steps.post.body.id }} {{ steps.post.status }}")
    assert found(mail, GOOD, after, facts=SEEN) == []


def test_a_draft_that_cannot_be_read_is_left_to_the_checks() -> None:
    assert lint.hints({"steps": [{"kind": "nonsense"}]}) == []
    assert lint.hints({}) == []


def test_a_step_that_is_passed_over_gives_no_hint_nor_does_what_is_in_it() -> None:
    way = router(branch("one", when("a", right="a")), skip=True)
    assert told(way, hook(body="sk_live_0123456789abcdef") | {"skip": True}) == []


def test_a_branch_with_the_condition_of_one_before_it_is_never_taken() -> None:
    way = router(branch("a", BIG, hook("one")), branch("b", BIG, hook("two")), fallback=[hook()])
    (hint,) = found(way)
    assert (hint.code, hint.path) == ("dead_branch", "steps.way.branches[1].when")
    assert "“b” is never taken: “a” before it has the same condition" in hint.message
    assert found(way | {"mode": "all_matches"}) == []


def test_branches_behind_one_that_takes_everything_are_never_taken() -> None:
    always = when("a", right="a")
    way = router(branch("a", always, hook("one")), branch("b", BIG, hook("two")))
    assert told(way) == [
        ("constant", "steps.way.branches[0].when.any[0].all[0].left"),
        ("dead_branch", "steps.way.branches[1].when"),
    ]


@pytest.mark.parametrize(
    ("condition", "word"),
    [
        (when("5", "NUMBER_IS_GREATER_THAN", "3"), "always"),
        (when("a", right="b"), "never"),
        (when("false", "BOOLEAN_IS_TRUE", None), "never"),
    ],
)
def test_a_condition_that_no_data_changes_is_told(condition: dict[str, Any], word: str) -> None:
    (hint,) = found({"id": "only", "kind": "filter", "when": condition}, hook())[:1]
    assert hint.path == "steps.only.when.any[0].all[0].left"
    assert f"This {word} holds" in hint.message


def test_a_condition_that_is_not_filled_in_yet_is_no_constant() -> None:
    assert told({"id": "only", "kind": "filter", "when": when("")}, hook()) == []


def test_a_filter_without_a_condition_lets_everything_pass() -> None:
    assert told({"id": "only", "kind": "filter"}, hook()) == [("lets_all", "steps.only.when")]


def test_a_router_without_a_fallback_drops_things_silently() -> None:
    assert told(router(branch("a", BIG, hook()))) == [("no_fallback", "steps.way.fallback")]


def test_an_empty_branch_is_named() -> None:
    way = router(branch("a", BIG), fallback=[hook()])
    blocks = {"id": "both", "kind": "parallel", "branches": [{"name": "left", "steps": []}]}
    assert told(way, blocks) == [
        ("empty_branch", "steps.way.branches[0]"),
        ("empty_branch", "steps.both.branches[0]"),
    ]


def test_steps_after_an_end_are_never_reached() -> None:
    stop = {"id": "halt", "kind": "stop"}
    assert told(stop, hook(), hook("more")) == [("unreached", "steps.post")]
    reply = {"id": "answer", "kind": "reply", "stop": True}
    assert told(reply, hook()) == [("unreached", "steps.post")]
    assert told(hook(), stop) == []
    skipped = stop | {"skip": True}
    assert told(skipped, hook()) == []


def test_steps_after_an_end_in_a_branch_are_reached_from_the_other_ones() -> None:
    way = router(branch("a", BIG, {"id": "halt", "kind": "stop"}), fallback=[hook("x")])
    assert told(way, hook()) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ trigger.body.order.idd }}", "Did you mean 'id'?"),
        ("{{ trigger.body.total }}", "It had: order, note."),
        ("{{ trigger.body.order.lines.sku }}", "is a list"),
        ("{{ trigger.query.pages }}", "Did you mean 'page'?"),
    ],
)
def test_a_field_that_was_in_no_sample_is_told(text: str, said: str) -> None:
    (hint,) = found(hook(body={"x": text}), facts=SEEN)
    assert (hint.code, hint.path) == ("unknown_field", "steps.post.inputs.body.x")
    assert said in hint.message


@pytest.mark.parametrize(
    "text",
    [
        "{{ trigger.body.total | default: 0 }}",
        "{% if trigger.body.total %}yes{% endif %}",
        "{{ trigger.body.note.anything }}",
        "{{ trigger.body.order.lines[1].price }}",
        "{{ trigger.body.order.lines.size }}",
        "{{ trigger.headers.anything }}",
        "{{ trigger.body.order.lines[0].sku.size }}",
    ],
)
def test_what_may_well_be_there_is_not_told(text: str) -> None:
    assert found(hook(body=text), facts=SEEN) == []


def test_before_anything_was_seen_no_field_is_unknown() -> None:
    assert found(hook(body="{{ trigger.body.total }}")) == []


def test_a_field_that_an_action_never_gives_is_told_without_a_sample() -> None:
    (hint,) = found(hook(), hook("last", body="{{ steps.post.statuss }}"))
    assert "Did you mean 'status'?" in hint.message


def test_a_step_in_a_branch_may_be_absent_after_the_router() -> None:
    last = hook("last", body="{{ steps.one.status }}")
    (hint,) = found(GOOD, last)
    assert (hint.code, hint.path) == ("maybe_absent", "steps.last.inputs.body")
    safe = hook("last", body="{{ steps.one.status | default: 0 }}")
    assert found(GOOD, safe) == []


def test_a_step_is_there_for_those_behind_it_in_its_own_branch() -> None:
    way = router(
        branch("a", BIG, hook("one"), hook("two", body="{{ steps.one.status }}")),
        fallback=[hook("three")],
    )
    assert found(way) == []


def test_a_step_that_is_skipped_gives_nothing() -> None:
    last = hook("last", body="{{ steps.post.status }}")
    assert told(hook() | {"skip": True}, last) == [("skipped", "steps.last.inputs.body")]


def test_many_rounds_are_asked_about() -> None:
    loop = {"id": "each", "kind": "loop", "steps": [hook()]}
    assert told(loop | {"count": 10_001}) == [("many_rounds", "steps.each.count")]
    assert told(loop | {"count": "10000"}) == []
    again = loop | {"while": BIG, "most": 50_000}
    assert told(again) == [("many_rounds", "steps.each.most")]


def test_repeating_what_cannot_recognise_a_repetition_is_told() -> None:
    slack = {"id": "say", "kind": "action", "action": "slack", "inputs": {"message": "hi"}}
    assert told(slack) == []
    assert told(slack | {"retry": {"attempts": 5}}) == [("repeats", "steps.say.retry.attempts")]
    assert told(slack | {"retry": {"attempts": 1}}) == []
    assert "slack" in REGISTRY


def test_an_idempotency_key_that_never_changes_is_told() -> None:
    fixed = hook(headers={"idempotency-key": "abc"})
    assert told(fixed) == [("fixed_key", "steps.post.inputs.headers")]
    assert told(hook(headers={"Idempotency-Key": "{{ trigger.body.id }}"})) == []
    assert told(hook(headers={"idempotency-key": "abc"}, method="GET")) == []


@pytest.mark.parametrize(
    "text",
    [
        "sk_live_0123456789abcdef",
        "use xoxb-0123456789-abcdef",
        "ghp_0123456789abcdefghij0123",
        "AKIAIOSFODNN7EXAMPLE",
        "https://ada:hunter22@example.com/",
        "https://example.com/?api_key=0123456789",
        "-----BEGIN RSA PRIVATE KEY-----",
    ],
)
def test_a_secret_as_plain_text_is_told_and_not_repeated(text: str) -> None:
    (hint,) = found(hook(body={"deep": [text]}))
    assert (hint.code, hint.path) == ("secret", "steps.post.inputs.body.deep[0]")
    assert text not in hint.message


def test_a_secret_in_its_place_is_none_of_our_business() -> None:
    assert found(hook(headers={"Authorization": "Bearer sk_live_0123456789abcdef"})) == []
    code = {"id": "calc", "kind": "code", "code": "key = 'sk_live_0123456789abcdef'"}
    assert told(code) == [("secret", "steps.calc.code")]


def test_a_zap_that_is_off_or_calls_itself_is_told() -> None:
    call = {"id": "call", "kind": "zap", "zap_id": "z1"}
    assert told(call, facts=Facts(zaps_off=frozenset({"z1"}))) == [("zap_off", "steps.call.zap_id")]
    assert told(call, facts=Facts(zap_id="z1")) == [("calls_itself", "steps.call.zap_id")]
    assert told(call) == []


def test_a_webhook_that_anybody_may_call_is_a_soft_hint() -> None:
    (hint,) = lint.hints({"trigger": {"kind": "webhook"}, "steps": [hook()]})
    assert (hint.code, hint.path, hint.is_soft) == ("unverified", "trigger.settings.verify", True)


def test_an_input_that_the_code_never_reads_is_named() -> None:
    code = {"id": "calc", "kind": "code", "inputs": {"total": 1, "rest": 2}, "code": "inputs.total"}
    (hint,) = found(code)
    assert (hint.code, hint.path) == ("unused_input", "steps.calc.inputs")
    assert "'rest'" in hint.message


def test_a_wait_longer_than_a_run_may_take_is_told() -> None:
    limits = {"deadline_seconds": 60}
    wait = {"id": "wait", "kind": "delay", "seconds": 61}
    ask = {"id": "ask", "kind": "approval", "question": "?", "timeout_seconds": 3600}
    assert told(wait, ask, limits=limits) == [
        ("too_long", "steps.wait.seconds"),
        ("too_long", "steps.ask.timeout_seconds"),
    ]
    assert told(wait, ask) == []


def test_hints_stand_in_the_order_of_the_draft_and_have_keys_of_their_own() -> None:
    way = router(branch("a", BIG), branch("b", SMALL))
    hints = found(hook(body="sk_live_0123456789abcdef"), way)
    assert [hint.path.split(".")[1] for hint in hints] == ["post", "way", "way", "way"]
    assert len({hint.key for hint in hints}) == 4


def test_a_thousand_steps_are_judged_in_little_time() -> None:
    steps = [
        hook(f"s{number}", body={"x": "{{ trigger.body.total }} {{ steps.s0.status }}"})
        for number in range(1_000)
    ]
    begun = time.thread_time()
    assert len(found(*steps, facts=SEEN)) == 1_000
    assert time.thread_time() - begun < 5


def test_shapes_are_bounded_and_merge_what_items_have() -> None:
    assert lint_references.shape_of([{"a": 1}, {"b": {"c": 1}}]) == [{"a": None, "b": {"c": None}}]
    assert lint_references.shape_of([{"a": 1}, 3]) == [None]
    assert lint_references.shape_of({str(number): 1 for number in range(501)}) is None
    deep: Any = {}
    for _ in range(50):
        deep = {"in": deep}
    assert str(lint_references.shape_of(deep)).count("in") == 8

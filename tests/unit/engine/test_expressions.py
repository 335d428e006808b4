"""Expressions: what they give, what they refuse, and that none of them can do harm."""

import datetime as dt
import json
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowforge.engine.dialect import DIALECT
from flowforge.engine.expressions import (
    ExpressionError,
    compile_template,
    is_template,
    references,
    render,
)

ITEMS = [{"id": 1}, {"id": 2}]
SCOPE: dict[str, Any] = {
    "trigger": {
        "method": "POST",
        "headers": {"x-hub-event": "push"},
        "body": {
            "email": "a@b.c",
            "n": 5,
            "f": 1.5,
            "zero": 0,
            "yes": True,
            "no": False,
            "nil": None,
            "items": ITEMS,
            "empty": [],
            "evil": "{{ trigger.body.n }}{% break %}",
            "two words": "tw",
            "big": "x" * 500_000,
            "many": list(range(9_000)),
        },
    },
    # A mapping that is no dict, as the steps of a run are.
    "steps": MappingProxyType(
        {
            "send": {"id": "x1", "a b": [7]},
            "own": {"output": {"id": "inner"}, "id": "outer"},
            "plain": "text",
            "nothing": None,
        }
    ),
    "run": {"id": "r1"},
}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ trigger.body.n }}", 5),
        ("{{trigger.body.f}}", 1.5),
        ("{{ trigger.body.yes }}", True),
        ("{{ trigger.body.nil }}", None),
        ("{{ trigger.body.items }}", ITEMS),
        ("{{- trigger.body.items -}}", ITEMS),
        ("{{ trigger.body.items[0] }}", {"id": 1}),
        ("{{ trigger.body.items[-1].id }}", 2),
        ("{{ trigger.body.items.1.id }}", 2),
        ("{{ trigger.body.items.size }}", 2),
        ("{{ trigger.body.items.last.id }}", 2),
        ("{{ trigger.body['two words'] }}", "tw"),
        ("{{ trigger.headers.x-hub-event }}", "push"),
        ("{{ trigger['headers']['x-hub-event'] }}", "push"),
        ("{{ steps.send.id }}", "x1"),
        ("{{ steps.send.output.id }}", "x1"),
        ("{{ steps.send.output }}", {"id": "x1", "a b": [7]}),
        ("{{ steps['send']['a b'][0] }}", 7),
        ("{{ steps.send.output['a b'][0] }}", 7),
        ("{{ steps.plain.output }}", "text"),
        ("{{ steps.nothing.output }}", None),
        ("{{ steps.own.output.id }}", "inner"),
        ("{{ steps.own.id }}", "outer"),
        ("{{ run.id }}", "r1"),
        ("{{ trigger.body.items | map: 'id' }}", [1, 2]),
        ("{{ trigger.body.n | plus: 1 }}", 6),
        ("{{ trigger.body.n | times: 1.5 }}", 7.5),
        ("{{ (1..3) }}", [1, 2, 3]),
        ("{{ true }}", True),
        ("{{ 'text' }}", "text"),
        ("{{ nil }}", None),
    ],
)
def test_a_single_expression_keeps_its_type(template: str, expected: Any) -> None:
    got = render(template, SCOPE)
    assert got == expected
    assert type(got) is type(expected)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("Hi {{ trigger.body.email }}!", "Hi a@b.c!"),
        ("{{ trigger.body.n }}{{ trigger.body.n }}", "55"),
        (" {{ trigger.body.n }}", " 5"),
        ("x {{ trigger.body.items }}", 'x [{"id":1},{"id":2}]'),
        ("x {{ trigger.body.items[0] }}", 'x {"id":1}'),
        ("{{ trigger.body.yes }}/{{ trigger.body.no }}", "true/false"),
        ("a{{ trigger.body.nil }}b{{ trigger.nope.x }}c", "abc"),
        ("{% if trigger.body.yes %}y{% else %}n{% endif %}", "y"),
        ("{% unless trigger.body.no %}y{% endunless %}", "y"),
        ("{% case trigger.body.n %}{% when 5 %}five{% endcase %}", "five"),
        (
            "{% for i in trigger.body.items %}{{ forloop.index }}={{ i.id }};{% endfor %}",
            "1=1;2=2;",
        ),
        ("{% assign a = trigger.body.n | plus: 1 %}{{ a }}", "6"),
        ("{% capture a %}<{{ trigger.body.n }}>{% endcapture %}{{ a }}{{ a }}", "<5><5>"),
        ("a {{- trigger.body.n -}} b", "a5b"),
        ("a {%- if true -%} b {%- endif -%} c", "abc"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("a{% comment %}{{ bad | }}{% endcomment %}b", "ab"),
        ("no expression } } here {", "no expression } } here {"),
    ],
)
def test_mixed_text_joins(template: str, expected: str) -> None:
    assert render(template, SCOPE) == expected


@pytest.mark.parametrize(
    "word",
    ["and", "as", "blank", "cols", "contains", "continue", "else", "empty", "false", "for", "if",
     "in", "limit", "nil", "not", "null", "offset", "or", "required", "reversed", "true", "with",
     "include", "assign", "raw", "json", "steps", "forloop", "limits", "for-x", "é", "id2"],
)  # fmt: skip
def test_no_key_is_too_odd_a_word(word: str) -> None:
    scope = {"trigger": {word: {word: 7}}}
    assert render(f"{{{{ trigger.{word}.{word} }}}}", scope) == 7
    assert render(f"{{{{ trigger.{word}.{word} | append: '.{word}' }}}}", scope) == f"7.{word}"
    assert references(f"x{{{{ trigger.{word} }}}}") == {("trigger", word)}


def test_keys_that_are_reserved_words_do_not_disturb_ranges() -> None:
    scope = {"limit": 3, "a": {"limit": 2}}
    assert render("{% for i in (1..a.limit) %}{{ i }}{% endfor %}", scope) == "12"
    assert render("{% for i in (1..3) limit:2 %}{{ i }}{% endfor %}", scope) == "12"


@pytest.mark.parametrize(
    "template", ["{{ nope }}", "{{ trigger.nope }}", "{{ trigger.body.n.x }}", "{{ steps.x.y }}"]
)
def test_what_is_missing_is_an_empty_text(template: str) -> None:
    assert render(template, SCOPE) == ""
    assert render(f"<{template}>", SCOPE) == "<>"
    assert render(template.replace(" }}", " | default: 'n/a' }}"), SCOPE) == "n/a"


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ trigger.body.email | upper }}", "A@B.C"),
        ("{{ 'ABC' | lower }}", "abc"),
        ("{{ trigger.body.items | json }}", '[{"id":1},{"id":2}]'),
        ("{{ trigger.nope | json }}", "null"),
        ("{{ trigger.body.items | upcase }}", '[{"ID":1},{"ID":2}]'),
        ("{{ 'a' | append: trigger.body.yes }}", "atrue"),
        ("{{ trigger.body.items | map: 'id' | join: '-' }}", "1-2"),
        ("{{ 'a,b,a' | split: ',' | uniq | join }}", "a b"),
        ("{{ '<b>x</b> < y' | strip_html }}", "x < y"),
        ("{{ 1700000000 | date: '%Y-%m-%d' }}", "2023-11-14"),
        ("{{ '2026-01-02T03:04:05Z' | date: '%d.%m.%y %H:%M' }}", "02.01.26 03:04"),
        ("{{ 'soon' | date: '%Y' }}", "soon"),
        ("{{ trigger.body.zero | default: 5 }}x", "0x"),
        ("{{ trigger.body.email | replace: 'a', 'b' | truncate: 2, '' }}", "b@"),
        ("{{ trigger.body.items | where: 'id', 2 | first | json }}", '{"id":2}'),
        ("{{ 'Zoë & co' | url_encode }}", "Zo%C3%AB+%26+co"),
    ],
)
def test_filters_work(template: str, expected: Any) -> None:
    assert render(template, SCOPE) == expected


def test_lists_and_objects_are_walked_and_keys_left_alone() -> None:
    value = {"{{ run.id }}": ["{{ run.id }}", 1, None, {"a": "{{ trigger.body.n }}"}]}
    assert render(value, SCOPE) == {"{{ run.id }}": ["r1", 1, None, {"a": 5}]}


def test_a_value_is_never_rendered_again() -> None:
    evil = SCOPE["trigger"]["body"]["evil"]
    assert render("{{ trigger.body.evil }}", SCOPE) == evil
    assert render("<{{ trigger.body.evil }}>", SCOPE) == f"<{evil}>"
    assert render("{{ trigger.body.evil | append: '' }}", SCOPE) == evil


def test_a_text_without_expressions_is_handed_back_itself() -> None:
    text = "a { b } % c" * 10_000
    assert render(text, SCOPE) is text


def test_a_single_value_is_not_copied() -> None:
    assert render("{{ trigger.body.items }}", SCOPE) is ITEMS


@pytest.mark.parametrize(
    "path",
    [
        "trigger.__class__",
        "trigger.body.email.__class__.__mro__",
        "trigger.body.items.__len__",
        "trigger.keys",
        "trigger.body.items.append",
        "trigger.body.email.upper",
        "steps._entries",
        "steps.adding",
        "run['__init__']",
        "trigger.body.n.real",
    ],
)
def test_no_attribute_can_be_reached(path: str) -> None:
    assert render(f"{{{{ {path} }}}}", SCOPE) == ""
    assert render(f"{{% if {path} %}}yes{{% endif %}}", SCOPE) == ""
    assert render(f"{{{{ {path} | json }}}}", SCOPE) == "null"


def test_objects_that_are_no_data_never_show() -> None:
    scope = {"trigger": {"at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "f": print}}
    assert render("{{ trigger.f }}", scope) is None
    assert render("<{{ trigger.f }}{{ trigger.at }}>", scope) == "<>"


@pytest.mark.parametrize("root", ["now", "today"])
def test_there_is_no_clock(root: str) -> None:
    assert render(f"{{{{ {root} }}}}", SCOPE) == ""
    assert render(f"{{{{ '{root}' | date: '%Y' }}}}", SCOPE) == root
    assert render(f"{{{{ {root} | append: '' }}}}", SCOPE) == ""
    assert render(f"{{% if {root} %}}yes{{% endif %}}", SCOPE) == ""


def test_loops_share_their_rounds() -> None:
    loop = "{% for i in (1..5000) %}{% endfor %}"
    assert render(loop * 2, SCOPE) == ""
    with pytest.raises(ExpressionError, match="at most 10000 rounds in all"):
        render(loop * 3, SCOPE)


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ trigger.body.n | foo }}", "{{ trigger.body.n | foo }}: unknown filter 'foo'."),
        ("x {{ ", "'{{' is never closed with '}}'"),
        ("{% off", "'{%' is never closed with '%}'"),
        ("{{ }}", "nothing stands between '{{' and '}}'"),
        ("{{ a b }}", "{{ a b }}: expected end of expression"),
        ("{% if true %}", "{% if true %}: expected tag endif"),
        ("{% raw %}", "'raw' is never ended with 'endraw'"),
        ("{% break %}", "belong inside a loop"),
        ("{{ 1 | divided_by: 0 }}", "can't divide by 0"),
        ("{{ 'nan' | plus: 1 }}", "not a finite number"),
        ("{{ '1e400' | times: 1 }}", "not a finite number"),
        ("{{ 'x' | slice }}", "{{ 'x' | slice }}: "),
        ("{{ 'x' | base64_decode }}", "base64"),
        ("{{ trigger.body.items | sort }}", "sort"),
        ("{{ 'a' | split: ',' | concat: 5 }}", "{{ 'a' | split: ',' | concat: 5 }}: "),
    ],
)
def test_a_mistake_is_named_in_plain_words(template: str, reason: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        render(template, SCOPE)
    assert reason in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "tag",
    ["include 'x'", "render 'x'", "liquid echo 1", "echo 1", "tablerow i in x", "increment x",
     "cycle 1, 2", "ifchanged", "doc", "extends 'x'", "macro x", "endfor", "# x"],
)  # fmt: skip
def test_only_known_tags_are_allowed(tag: str) -> None:
    with pytest.raises(ExpressionError):
        render(f"{{% {tag} %}}", SCOPE)


BOMBS = [
    "{% for i in (1..1000000000) %}x{% endfor %}",
    "{% for i in (1..9999) %}{% for j in (1..9999) %}x{% endfor %}{% endfor %}",
    "{% assign a='aaaaaaaaaa' %}{% for i in (1..60) %}{% assign a = a | append: a %}{% endfor %}",
    "{% assign a='aaaaaaaaaa' %}{% for i in (1..9) %}{% assign a = a | replace: 'a', a %}{% endfor %}",
    "{% assign a=99999999999999999 %}{% for i in (1..60) %}{% assign a = a|times: a %}{% endfor %}",
    "{{ (1..1000000000) | join }}",
    "{{ (1..1000000000) }}",
    "{{ (1..99999999999999999999999999) | reverse }}",
    "{{ trigger.body.big | replace: 'x', trigger.body.big }}",
    "{{ trigger.body.big" + " | upcase" * 200 + " }}",
    "{{ trigger.body.big }}{{ trigger.body.big }}{{ trigger.body.big }}",
    "{{ trigger.body.big | split: '' | join: trigger.body.big }}",
    "{% for i in (1..10000) %}{% if trigger.body.many contains 'q' %}{% endif %}{% endfor %}",
    "{% for i in (1..10000) %}{% if trigger.body.big contains 'q' %}{% endif %}{% endfor %}",
    "{% for i in (1..10000) %}" + "{% if a == b %}{% endif %}" * 3000 + "{% endfor %}",
    "{% for i in (1..10000) %}{% endfor %}" * 2500,
    "{% for i in (1..5000) %}{{ trigger.body.many | json | size }}{% endfor %}",
    "{% capture a %}{{ trigger.body.big }}{% endcapture %}",
    "{" * 100_000,
    "{{" * 50_000,
    "{%" * 50_000,
    "{{(" * 30_000,
    "{{ " + "(" * 1900 + " }}",
    "{{ " + "a[" * 900 + " }}",
    "{{ a" + '["' * 900 + " }}",
    "{% if a %}" * 5_000,
    "{{ a }}" + " " * 100_000,
    "{{ 1700000000 | date: '%0999999999d' }}",
    ("{{ " + "(" * 1900 + " }}") * 50,
    "{% comment %}" * 7_000,
    "{% raw %}" * 11_000,
]


@pytest.mark.timeout(10)
@pytest.mark.parametrize("bomb", BOMBS, ids=[bomb[:40] for bomb in BOMBS])
def test_a_bomb_is_refused_in_words(bomb: str) -> None:
    with pytest.raises(ExpressionError):
        render(bomb, SCOPE)


def test_one_call_pays_for_all_of_its_texts() -> None:
    with pytest.raises(ExpressionError, match="too much work"):
        render(["<{{ trigger.body.big }}>"] * 100, SCOPE)


def test_deep_values_are_refused() -> None:
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ExpressionError, match="levels deep"):
        render(deep, SCOPE)
    with pytest.raises(ExpressionError, match="nested too deeply"):
        render("x{{ trigger }}", {"trigger": deep})


def test_a_long_template_is_named_and_refused() -> None:
    with pytest.raises(ExpressionError, match="at most 100000 characters"):
        render("{{ a }}" + "x" * 100_000, SCOPE)


def test_a_legitimate_loop_over_many_items_is_fine() -> None:
    text = render("{% for i in trigger.body.many %}{{ i }},{% endfor %}", SCOPE)
    assert text == "".join(f"{n}," for n in range(9_000))


def test_a_template_is_compiled_once() -> None:
    assert compile_template("{{ a }} once") is compile_template("{{ a }} once")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("{{ a }}", True), ("{% a %}", True), ("{ a }", False), (5, False), ([{"a": "{{"}], True)],
)
def test_expressions_are_spotted_at_any_depth(value: Any, *, expected: bool) -> None:
    assert is_template(value) is expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("plain", set()),
        ("{{ trigger.body.items[0].id }}", {("trigger", "body", "items", "0", "id")}),
        ("{{ steps['a b'].x }} {{ run.id }}", {("steps", "a b", "x"), ("run", "id")}),
        ("{{ a | plus: trigger.n }}", {("a",), ("trigger", "n")}),
        ("{{ steps[trigger.q].r }}", {("steps",), ("trigger", "q")}),
        (
            "{% for x in trigger.z %}{{ x.y }}{{ forloop.index }}{% endfor %}",
            {("trigger", "z")},
        ),
        ("{% assign a = run.id %}{{ a }}", {("run", "id")}),
        ("{% if item.x == 'a' %}{% endif %}", {("item", "x")}),
        ("{% raw %}{{ x }}{% endraw %}", set()),
    ],
)
def test_references_are_found_without_rendering(
    template: str, expected: set[tuple[str, ...]]
) -> None:
    assert references(template) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(JSON)
def test_any_value_passes_through_unchanged(value: Any) -> None:
    scope = {"trigger": {"body": value}}
    assert render("{{ trigger.body }}", scope) == value
    assert json.loads(render("{{ trigger.body | json }}", scope)) == value


PIECES = st.sampled_from(
    ["{{", "}}", "{%", "%}", "{{ a }}", "|", "if", "for", "endif", "endfor", "assign", " ", "in",
     "a", ".", "[", "]", "'", '"', "0", "(1..3)", "raw", "endraw", "comment", "-", "trigger",
     "upcase", "json", "join", "map", "sort", ":", ",", "=", "==", "contains", "limit:2", "\n"]
)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(PIECES | st.text(max_size=3), max_size=25).map("".join), JSON)
def test_any_template_on_any_data_gives_json_or_an_error_in_words(source: str, data: Any) -> None:
    try:
        json.dumps(render(source, {"trigger": data, "a": data}), allow_nan=False)
        references(source)
    except ExpressionError as error:
        assert error.message  # noqa: PT017 (both ways are right; this is about the second)


FILTERS = sorted(DIALECT.filters)


@settings(max_examples=300)
@given(st.sampled_from(FILTERS), JSON, st.lists(JSON, max_size=3))
def test_any_filter_on_any_data_gives_json_or_an_error_in_words(
    name: str, left: Any, args: list[Any]
) -> None:
    scope = {"a": left, **{f"b{n}": arg for n, arg in enumerate(args)}}
    given_args = ", ".join(f"b{n}" for n in range(len(args)))
    source = f"{{{{ a | {name}{': ' if args else ''}{given_args} }}}}"
    try:
        json.dumps(render(source, scope), allow_nan=False)
    except ExpressionError as error:
        assert error.message  # noqa: PT017 (both ways are right; this is about the second)

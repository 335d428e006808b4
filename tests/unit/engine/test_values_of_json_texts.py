"""A path may lead into a text that is JSON."""

from typing import Any

import pytest

from flowforge.engine import expressions

SCOPE: dict[str, Any] = {
    "trigger": {
        "body": {
            "inside": '{"email": "in@side.io", "list": [1, {"k": "v"}], "again": "{\\"x\\": 1}"}',
            "plain": "hello",
            "broken": '{"email": ',
            "bad": '{"n": NaN}',
            "deep": "[" * 20_000,
            "long": '{"k": "' + "x" * 40_000 + '"}',
        }
    }
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ trigger.body.inside.email }}", "in@side.io"),
        ("{{ trigger.body.inside.list[1].k }}", "v"),
        ("{{ trigger.body.inside.again.x }}", 1),
        ("{{ trigger.body.inside.email | upper }}", "IN@SIDE.IO"),
        ("{{ trigger.body.inside.none }}", ""),
        ("{{ trigger.body.plain.size }}", 5),
        ("{{ trigger.body.plain.email }}", ""),
        ("{{ trigger.body.broken.email }}", ""),
        ("{{ trigger.body.bad.n }}", ""),
        ("{{ trigger.body.deep.k }}", ""),
        ("{{ trigger.body.long.k }}", ""),
    ],
)
def test_a_path_leads_into_json_and_into_nothing_else(source: str, value: object) -> None:
    assert expressions.render(source, SCOPE) == value


def test_a_text_that_is_json_stays_a_text_where_it_is_named_itself() -> None:
    whole = expressions.render("{{ trigger.body.inside }}", SCOPE)
    assert whole == SCOPE["trigger"]["body"]["inside"]

"""The zaps of the chaos bench: between them they use every part of the engine that waits, forks,
stores or calls.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flowforge.services import versions, zaps
from tests.house import Account, House
from tests.zapping import path_of

Definition = dict[str, Any]
UrlOf = Callable[[str], str]

# So patient that no run fails because of us, and so quick that recovery can be measured.
PATIENT = {"attempts": 10, "first_wait": 0.2, "factor": 2.0, "longest_wait": 2.0}
SLOW_SECONDS = 1.5
HANGING_SECONDS = 8.0
PLANTED = "planted-header-value-4711"


@dataclass(frozen=True)
class Target:
    """A live zap, and the path of its hook."""

    id: str
    path: str


def _call(step_id: str, url: str, **more: Any) -> Definition:
    step = {
        "id": step_id,
        "kind": "action",
        "action": "webhook",
        "inputs": {
            "url": url,
            "headers": {"Authorization": PLANTED},
            "body": {"n": "{{ trigger.body.n }}", "step": step_id},
        },
        "retry": PATIENT,
        "timeout_seconds": 20,
    }
    return {**step, **more}


def _is(left: str, right: object) -> Definition:
    return {"any": [{"all": [{"left": left, "op": "NUMBER_IS_EQUAL_TO", "right": right}]}]}


def _main(url: UrlOf) -> list[Definition]:
    """Call, two calls at once, two rounds, a second's wait, one of two ways."""
    item = _call("item", url("main/item"))
    item["inputs"]["body"]["item"] = "{{ item }}"
    even = {"name": "even", "when": _is("{{ trigger.body.odd }}", 0)}
    return [
        _call("first", url("main/first")),
        {
            "id": "both",
            "kind": "parallel",
            "branches": [
                {"name": "left", "steps": [_call("left", url("main/left"))]},
                {"name": "right", "steps": [_call("right", url("main/right"))]},
            ],
        },
        {"id": "each", "kind": "loop", "over": [1, 2], "steps": [item]},
        {"id": "nap", "kind": "delay", "seconds": 1},
        {
            "id": "way",
            "kind": "router",
            "branches": [{**even, "steps": [_call("even_way", url("main/even"))]}],
            "fallback": [_call("odd_way", url("main/odd"))],
        },
    ]


def _code(code: str, **more: Any) -> Definition:
    return {"id": "calc", "kind": "code", "code": code, **more}


SPIN = "total = 0\nfor number in range(20000):\n    total = total + number\nresult = total"
BOMB = "pile = []\nwhile True:\n    pile.append('x' * 1000000)\nresult = 1"
LONG_LOOP = 100_000


async def make_zaps(house: House, owner: Account, url: UrlOf) -> dict[str, Target]:
    """All of them, live, by name."""
    quick = {"attempts": 1}
    child = await _publish(house, owner, "child", [_call("one", url("child/one"))])
    loop = {"id": "each", "kind": "loop", "count": LONG_LOOP, "steps": []}
    passing = {"id": "pass", "kind": "filter", "when": {"any": []}}
    plans: dict[str, list[Definition]] = {
        "main": _main(url),
        "probe": [_call("one", url("probe/one"))],
        "ordered": [_call("one", url("ordered/one")), _call("two", url("ordered/two"))],
        "asking": [
            {"id": "ok", "kind": "approval", "question": "Go on?", "timeout_seconds": 30},
            _call("one", url("asking/one")),
        ],
        "coding": [_code(SPIN, retry=PATIENT), _call("one", url("coding/one"))],
        "bombing": [_code(BOMB)],
        "large": [_call("one", url("large/one")), _measure(url)],
        "parent": [
            {"id": "sub", "kind": "zap", "zap_id": child.id, "input": "{{ trigger.body }}"},
            _call("one", url("parent/one")),
        ],
        "fragile": [
            _call("one", url("main/fragile")),
            _call("two", url("fragile/two"), retry=quick),
        ],
        "slow": [_call("one", url("slow/one"), timeout_seconds=SLOW_SECONDS)],
        "hanging": [_call("one", url("hanging/one"), timeout_seconds=HANGING_SECONDS)],
        # The storm may outlast an outage of the database that comes in between.
        "storm": [_call("one", url("storm/one"), retry={**PATIENT, "attempts": 20})],
        "flood": [_call("one", url("flood/one"), retry=quick)],
        "looping": [{**loop, "steps": [passing]}],
    }
    found = {"child": child}
    for name, steps in plans.items():
        limits = {"concurrency": {"limit": 1, "key": "{{ trigger.body.key }}"}}
        more = {"limits": limits} if name == "ordered" else {}
        found[name] = await _publish(house, owner, name, steps, **more)
    return found


def _measure(url: UrlOf) -> Definition:
    step = _call("two", url("main/measured"))
    step["inputs"]["body"] = {"size": "{{ steps.one.body.text | size }}"}
    return step


async def _publish(
    house: House, owner: Account, name: str, steps: list[Definition], **more: Any
) -> Target:
    definition = {"trigger": {"kind": "webhook"}, "steps": steps, **more}
    async with house.db.transaction() as session:
        zap = await zaps.create(session, owner.actor, name=name, definition=definition)
        await versions.publish(session, owner.actor, zap.id)
        view = await zaps.get(session, owner.actor, zap.id)
    return Target(view.id, path_of(view))

"""``python -m bench engine``: what the pure engine costs, by length of zaps, loops and records.

No database, no network: processor time of one core. Each figure is the best of some rounds: what
disturbs a round only makes it slower.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from flowforge.engine.advance import advance
from flowforge.engine.checks import ActionSpec, check
from flowforge.engine.definition import Definition
from flowforge.engine.folding import fold
from flowforge.engine.parsing import parse_definition
from flowforge.engine.plan import Plan, compile_plan
from flowforge.engine.protocol import AttemptRecord, Open, Started, Succeeded
from flowforge.engine.scope import scope
from flowforge.engine.state import State

BEGIN = Started({"body": {}}, {"id": "run"})
ACTIONS = {"webhook": ActionSpec(lambda _: ())}


def main() -> None:
    _one_step()
    for steps in (10, 100, 1_000, 10_000):
        _zap(steps)
    for items in (10, 100, 1_000, 10_000, 100_000):
        _loop(items, concurrency=1)
    _loop(10_000, concurrency=50)
    _diamonds(40)


def _one_step() -> None:
    plan = compile_plan(_definition([_act("a")]))
    records = [AttemptRecord("a", 1, "succeeded", output={"x": 1}, seq=1)]

    def run() -> None:
        state, _ = advance(plan, State(), BEGIN)
        advance(plan, state, Succeeded("a", {"x": 1}))

    _emit(
        "engine, one step",
        advance_us=_best(run, 5_000) * 1e6,
        fold_us=_best(lambda: fold(plan, BEGIN, records), 5_000) * 1e6,
    )


def _zap(steps: int) -> None:
    """Each step reads the one before it."""
    data = [_act("s0")]
    data += [_act(f"s{n}", x=f"{{{{ steps.s{n - 1}.x }}}}") for n in range(1, steps)]
    definition = _definition(data)
    plan = compile_plan(definition)
    paths = [f"s{n}" for n in range(steps)]
    records = [
        AttemptRecord(path, 1, "succeeded", output={"x": 1}, seq=seq)
        for seq, path in enumerate(paths)
    ]
    _emit(
        "engine, steps",
        steps=steps,
        plan_us_a_step=_best(lambda: compile_plan(definition)) * 1e6 / steps,
        check_us_a_step=_best(lambda: check(definition, ACTIONS)) * 1e6 / steps,
        advance_us_a_step=_best(lambda: _play(plan, paths)) * 1e6 / steps,
        fold_us_a_step=_best(lambda: fold(plan, BEGIN, records)) * 1e6 / steps,
        last_scope_us=_best(lambda: scope(plan, State(), paths[-1]), 1_000) * 1e6,
    )


def _loop(items: int, *, concurrency: int) -> None:
    loop = {
        "id": "each",
        "kind": "loop",
        "over": "{{ trigger.items }}",
        "concurrency": concurrency,
        "steps": [_act("a", x="{{ item }}"), _act("b", x="{{ steps.a.x }}")],
    }
    plan = compile_plan(_definition([loop]))
    begin = Started({"items": list(range(items))})
    paths = [f"each[{n}]/{step}" for n in range(1, items + 1) for step in "ab"]
    records = [AttemptRecord("each", 1, "running", {"items": begin.payload["items"]})]
    records += [
        AttemptRecord(path, 1, "succeeded", output={"x": 1}, seq=seq)
        for seq, path in enumerate(paths)
    ]
    held = 0

    def run() -> None:
        nonlocal held
        state, commands = advance(plan, State(), begin)
        assert isinstance(commands[0], Open)
        for path in paths:
            state, _ = advance(plan, state, Succeeded(path, {"x": 1}))
            held = max(held, len(state.outputs))
        assert state.finished == "succeeded"

    _emit(
        "engine, loop",
        items=items,
        concurrency=concurrency,
        advance_us_a_round=_best(run) * 1e6 / items,
        fold_us_a_round=_best(lambda: fold(plan, begin, records)) * 1e6 / items,
        rounds_held=held,
    )


def _diamonds(number: int) -> None:
    """a, then b and c beside each other, then d: one such block behind the other, and nested."""
    flat: list[dict[str, Any]] = []
    for n in range(number):
        before = [f"d{n - 1}"] if n else []
        flat += [
            _branch(f"a{n}", before),
            _branch(f"b{n}", [f"a{n}"]),
            _branch(f"c{n}", [f"a{n}"]),
            _branch(f"d{n}", [f"b{n}", f"c{n}"]),
        ]
    data = {"id": "p", "kind": "parallel", "branches": flat}
    last = _act("end", **{f"x{n}": f"{{{{ steps.in_d{n}.x }}}}" for n in range(number)})

    def checked() -> None:
        assert not check(_definition([data, last]), ACTIONS)

    _emit("engine, diamonds", diamonds=number, parse_and_check_ms=_best(checked) * 1e3)


def _branch(name: str, needs: list[str]) -> dict[str, Any]:
    inputs = {f"x{n}": f"{{{{ steps.in_{each}.x }}}}" for n, each in enumerate(needs)}
    return {"name": name, "depends_on": needs, "steps": [_act(f"in_{name}", **inputs)]}


def _play(plan: Plan, paths: list[str]) -> None:
    state, _ = advance(plan, State(), BEGIN)
    for path in paths:
        state, _ = advance(plan, state, Succeeded(path, {"x": 1}))
    assert state.finished == "succeeded"


def _definition(steps: list[dict[str, Any]]) -> Definition:
    return parse_definition({"trigger": {"kind": "manual"}, "steps": steps})


def _act(step_id: str, **inputs: str) -> dict[str, Any]:
    return {"id": step_id, "kind": "action", "action": "webhook", "inputs": inputs}


def _best(work: Callable[[], object], times: int = 1) -> float:
    """Seconds of the processor that ``work`` takes, at best; long work is not repeated."""
    best, spent = float("inf"), 0.0
    for _ in range(7):
        began = time.process_time()
        for _ in range(times):
            work()
        seconds = time.process_time() - began
        best, spent = min(best, seconds / times), spent + seconds
        if spent > 3:
            break
    return best


def _emit(test: str, **fields: float) -> None:
    print(json.dumps({"test": test, **{k: round(v, 3) for k, v in fields.items()}}), flush=True)

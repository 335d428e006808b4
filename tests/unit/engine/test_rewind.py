"""Going back in a run that has ended: nothing is done twice that holds, nothing is left out."""

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from flowforge.engine import rewind
from flowforge.engine.folding import fold
from flowforge.engine.parsing import parse_definition
from flowforge.engine.plan import Plan, compile_plan
from flowforge.engine.protocol import AttemptRecord, Cancelled, ErrorInfo, Path, Started
from tests.unit.engine.test_model import Draw, Shell

DOWN = ErrorInfo("down", "It is down.")


def plan_of(*steps: Mapping[str, Any]) -> Plan:
    return compile_plan(parse_definition({"steps": list(steps)}))


def act(step_id: str, **more: Any) -> dict[str, Any]:
    return {"id": step_id, "kind": "action", "action": "webhook", **more}


def loop(step_id: str, *steps: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": step_id, "kind": "loop", "count": 3, "steps": list(steps), **more}


def router(step_id: str, *branches: list[Any], mode: str = "first_match") -> dict[str, Any]:
    when = {"any": [{"all": [{"left": "1", "op": "EXISTS"}]}]}
    return {
        "id": step_id,
        "kind": "router",
        "mode": mode,
        "branches": [{"when": when, "steps": steps} for steps in branches],
    }


def parallel(step_id: str, **branches: Any) -> dict[str, Any]:
    found = []
    for name, given in branches.items():
        needs, steps = given if isinstance(given, tuple) else ((), given)
        found.append({"name": name, "depends_on": list(needs), "steps": steps})
    return {"id": step_id, "kind": "parallel", "branches": found}


def done(*paths: Path) -> list[AttemptRecord]:
    return [
        AttemptRecord(path, 1, "succeeded", output={"of": path}, seq=seq)
        for seq, path in enumerate(paths, 1)
    ]


def kept(
    plan: Plan, records: list[AttemptRecord], path: Path | None, *lost: Path
) -> dict[Path, str]:
    return {each.path: each.status for each in rewind.kept(plan, records, path, lost)}


def ended(rng: random.Random, most: int) -> Shell:
    """A run that has ended: by itself, or by somebody who cancelled it."""
    shell = Shell(Draw(rng, most).definition(), rng.randint(0, 10**6))
    shell.feed(shell.started)
    left = rng.choice([2_000, rng.randint(1, 12)])
    while shell.state.finished is None:
        if not left:
            shell.feed(Cancelled())
            break
        left -= 1
        shell.feed(shell.answer(rng.choice(sorted(shell.state.waits)))[0])
    return shell


def go_on(shell: Shell, records: list[AttemptRecord], rng: random.Random) -> None:
    """Take ``records`` for what is on record and let everything else succeed."""
    shell.rows = {(each.path, each.number): each for each in records}
    shell.performed, shell.finish, shell.all_succeed, shell.replies = [], None, True, 0
    shell.state, owed = fold(shell.plan, shell.started, records)
    for command in owed:
        shell.carry_out(command)
    for _ in range(2_000):
        if shell.state.finished is not None:
            return
        shell.feed(shell.answer(rng.choice(sorted(shell.state.waits)))[0])
        if rng.random() < 0.3 and shell.state.finished is None:
            shell.crash()
    raise AssertionError("every run ends")


def successes(records: list[AttemptRecord], shell: Shell) -> set[Path]:
    """The paths where something was performed and succeeded."""
    performed = {path for path, _ in shell.performed}
    return {each.path for each in records if each.status == "succeeded"} & performed


@pytest.mark.parametrize("seed", range(300))
def test_a_run_goes_on_from_its_casualties_and_repeats_nothing_else(seed: int) -> None:
    rng = random.Random(seed)
    shell = ended(rng, 25)
    if shell.finish is not None and shell.finish.status == "succeeded":
        return
    lost = rewind.casualties(shell.plan, shell.started, list(shell.rows.values()))
    assert {path for path, _ in lost} == {
        path for path in shell.state.casualties if (path, 1) in shell.rows
    }
    before = successes(list(shell.rows.values()), shell)
    promised = [
        replace(each, promised=True) if (each.path, each.number) in lost else each
        for each in shell.rows.values()
    ]
    go_on(shell, promised, rng)
    assert shell.state.finished == "succeeded"
    assert before.isdisjoint(path for path, _ in shell.performed)


@pytest.mark.parametrize("seed", range(600))
def test_a_run_from_the_middle_ends_well_and_repeats_nothing_that_was_kept(seed: int) -> None:
    rng = random.Random(seed)
    shell = ended(rng, 25)
    if not shell.rows:
        return
    records = list(shell.rows.values())
    path = rng.choice([None, *sorted({each.path for each in records})])
    found = rewind.kept(shell.plan, records, path, shell.state.casualties)
    assert all(each.path != path for each in found)
    before = successes(found, shell)
    go_on(shell, found, rng)
    assert shell.state.finished == "succeeded"
    assert before.isdisjoint(where for where, _ in shell.performed)


def test_what_came_before_is_kept_and_what_came_after_is_not() -> None:
    plan = plan_of(act("a"), act("b"), act("c"))
    assert kept(plan, done("a", "b", "c"), "b") == {"a": "succeeded"}


def test_of_a_loop_the_earlier_rounds_are_kept_and_it_is_open_again() -> None:
    plan = plan_of(act("a"), loop("each", act("x"), act("y")), act("z"))
    rows = done("a", "each[1]/x", "each[1]/y", "each[2]/x", "each[2]/y", "each[3]/x", "each", "z")
    rows = [replace(each, input={"count": 3}) if each.path == "each" else each for each in rows]
    found = {each.path: each for each in rewind.kept(plan, rows, "each[2]/y")}
    assert set(found) == {"a", "each", "each[1]/x", "each[1]/y", "each[2]/x"}
    opened = found["each"]
    assert (opened.status, opened.seq, opened.output) == ("running", None, {"count": 3})


def test_of_rounds_side_by_side_those_that_began_before_are_kept() -> None:
    plan = plan_of(loop("each", act("x"), act("y"), concurrency=2))
    rows = done("each[1]/x", "each[2]/x", "each[2]/y", "each[1]/y", "each[3]/x", "each")
    assert kept(plan, rows, "each[2]/y") == {
        "each[1]/x": "succeeded", "each[2]/x": "succeeded", "each[1]/y": "succeeded",
        "each": "running",
    }  # fmt: skip


def test_of_parallel_branches_only_those_that_depend_go() -> None:
    plan = plan_of(
        parallel("both", a=[act("x")], b=[act("y")], c=(["a"], [act("z")]), d=(["c"], [act("w")]))
    )
    rows = done("x", "y", "z", "w", "both")
    assert kept(plan, rows, "x") == {"y": "succeeded", "both": "running"}
    assert kept(plan, rows, "z") == {"x": "succeeded", "y": "succeeded", "both": "running"}


def test_of_a_router_the_decision_and_the_branches_before_are_kept() -> None:
    plan = plan_of(router("r", [act("x")], [act("y"), act("z")], [act("w")], mode="all_matches"))
    rows = done("r", "x", "y", "z", "w")
    assert kept(plan, rows, "z") == dict.fromkeys(("r", "x", "y"), "succeeded")
    assert kept(plan, rows, "r") == {}


def test_what_was_lost_elsewhere_is_done_again_but_a_lost_loop_goes_on() -> None:
    plan = plan_of(parallel("both", a=[act("x")], b=[loop("each", act("y"))], c=[act("w")]))
    failed = AttemptRecord("w", 1, "failed", error=DOWN, seq=9)
    given_up = AttemptRecord("each", 1, "skipped", {"count": 3}, {"count": 3}, DOWN, seq=8)
    rows = [*done("each[1]/y"), given_up, failed, AttemptRecord("both", 1, "skipped", seq=10)]
    here = {"each[1]/y": "succeeded", "each": "running", "both": "running"}
    assert kept(plan, rows, "x", "each", "w", "both") == here
    assert kept(plan, rows, None, "each", "w", "both") == here


def test_all_attempts_of_what_is_kept_are_kept() -> None:
    plan = plan_of(act("a"), act("b"))
    first = AttemptRecord("a", 1, "failed", error=DOWN, promised=True, seq=1)
    second = AttemptRecord("a", 2, "succeeded", seq=2)
    assert rewind.kept(plan, [first, second, *done("b")], "b") == [first, second]


def test_a_version_that_only_gives_steps_something_else_is_the_same_way() -> None:
    before = plan_of(act("a"), loop("each", act("x")), act("b"))
    after = plan_of(
        act("a", inputs={"url": "other"}), loop("each", act("x", name="X")), act("b"), act("new")
    )
    rows = done("a", "each[1]/x", "each")
    assert rewind.divergences(before, before, rows) == []
    assert rewind.divergences(before, after, rows) == ["new"]


@pytest.mark.parametrize(
    ("after", "where"),
    [
        ([act("new"), act("a"), loop("each", act("x"))], ["new"]),
        ([act("a"), loop("each", act("new"), act("x"))], ["each[1]/new", "each[2]/new"]),
        ([act("a"), loop("each", act("x"), act("new"))], ["each[1]/new", "each[2]/new"]),
        ([act("a"), loop("each", act("x"), count=4)], ["each"]),
        ([loop("each", act("x")), act("a")], ["each"]),
        ([act("a", kind="code", action=None), loop("each", act("x"))], ["a"]),
        ([loop("each", act("x"))], []),
        ([act("a", skip=True), loop("each", act("x"))], ["a"]),
    ],
)
def test_where_a_version_goes_another_way(after: list[dict[str, Any]], where: list[Path]) -> None:
    before = plan_of(act("a"), loop("each", act("x")))
    plan = plan_of(*({k: v for k, v in step.items() if v is not None} for step in after))
    rows = done("a", "each[1]/x", "each[2]/x", "each")
    assert rewind.divergences(before, plan, rows) == where


def test_a_run_that_never_began_has_lost_nothing() -> None:
    assert rewind.casualties(plan_of(act("a")), Started(), []) == []

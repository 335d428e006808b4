"""Two versions as one picture: nothing twice, nothing lost, the later one as it is."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flowforge.services import drafts
from flowforge.services.uniting import united

Steps = list[dict[str, Any]]


def zap(*steps: dict[str, Any]) -> dict[str, Any]:
    return {"trigger": {"kind": "webhook"}, "steps": list(steps)}


def step(name: str) -> dict[str, Any]:
    return {"id": name, "kind": "stop"}


def fork(name: str, *branches: dict[str, Any], fallback: Steps | None = None) -> dict[str, Any]:
    more = {} if fallback is None else {"fallback": fallback}
    return {"id": name, "kind": "router", "branches": list(branches), **more}


def ids(steps: Steps) -> list[str]:
    return [each["id"] for each in steps]


def test_what_is_gone_stands_behind_what_it_stood_behind() -> None:
    before = zap(step("a"), step("b"), step("c"), step("d"), step("e"))
    found = united(before, zap(step("c"), step("new"), step("b")))
    assert ids(found.definition["steps"]) == ["a", "c", "d", "e", "new", "b"]
    assert found.gone == {"a", "d", "e"}


def test_a_block_that_is_gone_holds_what_went_with_it_alone() -> None:
    block = fork("way", {"name": "large", "steps": [step("a"), step("b")]}, fallback=[step("c")])
    found = united(zap(block), zap(step("b")))
    way, b = found.definition["steps"]
    assert ids(way["branches"][0]["steps"]) == ["a"]
    assert ids(way["fallback"]) == ["c"]
    assert b["id"] == "b"


def test_a_branch_is_known_by_its_name_or_else_its_place() -> None:
    before = fork(
        "way",
        {"name": "small", "steps": [step("s")]},
        {"name": "large", "steps": [step("l")]},
        {"steps": [step("m")]},
        {"name": "huge", "steps": [step("h")]},
        {"name": "empty", "steps": []},
    )
    after = fork("way", {"name": "large", "steps": [step("x")]}, {"steps": []}, {"steps": []})
    (way,) = united(zap(before), zap(after)).definition["steps"]
    assert [(one.get("name"), ids(one["steps"])) for one in way["branches"]] == [
        ("large", ["l", "x"]),
        (None, []),
        (None, ["m"]),
        ("small", ["s"]),
        ("huge", ["h"]),
    ]


def test_what_became_another_kind_is_what_it_is_now() -> None:
    before = {"id": "a", "kind": "loop", "steps": [step("inner")]}
    found = united(zap(before), zap(step("a")))
    assert found.definition["steps"] == [step("a")]
    assert found.gone == {"inner"}


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Any]:
    """Steps of a few ids, each once, in and behind each other."""
    names: list[str] = draw(st.permutations([f"s{number}" for number in range(9)]))
    left = names[: draw(st.integers(0, 9))]

    def some(depth: int) -> Steps:
        found = []
        while left and bool(draw(st.booleans())):
            name = left.pop()
            kind = draw(st.sampled_from(["stop", "loop", "router"])) if depth < 3 else "stop"
            if kind == "router":
                labels = draw(st.lists(st.sampled_from(["x", "y", ""]), max_size=3))
                branches = [{"name": label, "steps": some(depth + 1)} for label in labels]
                found.append(fork(name, *branches, fallback=some(depth + 1)))
            elif kind == "loop":
                found.append({"id": name, "kind": "loop", "steps": some(depth + 1)})
            else:
                found.append(step(name))
        return found

    return zap(*some(0))


def branch_counts(definition: dict[str, Any]) -> dict[str, int]:
    return {each["id"]: len(each.get("branches", ())) for each in drafts.all_steps(definition)}


@given(trees(), trees())
def test_without_what_is_gone_it_is_the_later_one(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    found = united(before, after)
    drawn = ids(drafts.all_steps(found.definition))
    assert len(drawn) == len(set(drawn))
    counts = branch_counts(after)

    def stays(steps: Steps) -> Steps:
        return [pruned(each) for each in steps if each["id"] not in found.gone]

    def pruned(each: dict[str, Any]) -> dict[str, Any]:
        kept = drafts.with_bodies(each, stays)
        if "branches" in kept:
            kept = {**kept, "branches": kept["branches"][: counts[kept["id"]]]}
        return kept

    assert stays(found.definition["steps"]) == after["steps"]
    # What became another kind has no room for what was in it.
    kinds = {each["id"]: each["kind"] for each in drafts.all_steps(after)}
    if all(
        kinds.get(each["id"], each["kind"]) == each["kind"] for each in drafts.all_steps(before)
    ):
        assert set(drawn) == set(ids(drafts.all_steps(before))) | set(counts)

"""State is a value: whoever holds an old one never sees what came later."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.engine.protocol import Outputs, State


def test_an_old_version_does_not_see_later_outputs() -> None:
    old = Outputs().adding("a", 1)
    new = old.adding("b", 2)
    assert dict(old) == {"a": 1}
    assert "b" not in old
    assert old.get("b") is None
    with pytest.raises(KeyError):
        old["b"]
    assert dict(new) == {"a": 1, "b": 2}


def test_branches_from_one_version_do_not_see_each_other() -> None:
    root = Outputs().adding("a", 1)
    left, right = root.adding("b", "left"), root.adding("b", "right")
    assert (left["b"], right["b"]) == ("left", "right")
    assert dict(left.adding("c", 3)) == {"a": 1, "b": "left", "c": 3}
    assert dict(right) == {"a": 1, "b": "right"}


def test_an_output_is_never_overwritten() -> None:
    with pytest.raises(ValueError, match="a has an output already"):
        Outputs().adding("a", 1).adding("a", 2)


def test_appending_to_the_newest_version_copies_nothing() -> None:
    outputs = Outputs()
    shared = outputs._entries
    for number in range(100):
        outputs = outputs.adding(str(number), number)
    assert outputs._entries is shared


def test_versions_with_the_same_content_are_equal() -> None:
    assert Outputs().adding("a", 1) == Outputs().adding("a", 1)
    assert State(outputs=Outputs().adding("a", 1)) != State()
    assert "'a': 1" in repr(Outputs().adding("a", 1))


@given(st.lists(st.tuples(st.integers(0, 100), st.sampled_from("abcdef"), st.integers())))
def test_every_version_is_as_if_it_had_its_own_dict(
    appends: list[tuple[int, str, int]],
) -> None:
    versions: list[tuple[Outputs, dict[str, int]]] = [(Outputs(), {})]
    for choice, key, value in appends:
        outputs, model = versions[choice % len(versions)]
        if key not in model:
            versions.append((outputs.adding(key, value), {**model, key: value}))
    for outputs, model in versions:
        assert dict(outputs) == model
        assert list(outputs) == list(model)
        assert len(outputs) == len(model)
        assert all((key in outputs) == (key in model) for key in "abcdef")

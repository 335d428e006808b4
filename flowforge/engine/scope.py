"""What the expressions of a step may name, at its place in the run. Views, no copies."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from immutables import Map

from flowforge.engine.definition import LoopStep
from flowforge.engine.plan import (
    EVERYTHING,
    ITEM,
    Plan,
    path_in,
    prefix_of,
    rounds_around,
    step_id_of,
)
from flowforge.engine.protocol import Path, Started, Stored
from flowforge.engine.state import Container, LoopState
from flowforge.engine.values import View

_NOTHING: Mapping[str, Any] = {}


class Sight(Protocol):
    """As much of a state as can be seen by expressions."""

    @property
    def started(self) -> Started: ...
    @property
    def outputs(self) -> Map[str, Map[str, Any]]: ...
    @property
    def stored(self) -> Map[str, Map[str, Stored]]: ...
    @property
    def containers(self) -> Map[Path, Container]: ...


def scope(
    plan: Plan, state: Sight, path: Path, loaded: Mapping[str, Any] = _NOTHING
) -> Mapping[str, Any]:
    """The roots for the step at ``path``. ``loaded`` has the values that ``needed`` asked for."""
    return scope_in(plan, state, prefix_of(path), loaded)


def scope_in(
    plan: Plan, state: Sight, prefix: str, loaded: Mapping[str, Any] = _NOTHING
) -> Mapping[str, Any]:
    """The roots inside the round ``prefix``."""
    roots: dict[str, Any] = {
        "trigger": state.started.payload,
        "steps": _Steps(plan, state, prefix, loaded),
        "run": state.started.run,
    }
    if prefix:
        roots["item"], roots["index"] = _present(state, prefix, loaded)
    return roots


def needed(plan: Plan, state: Sight, path: Path) -> tuple[Stored, ...]:
    """The stored values that rendering the step at ``path`` would look at."""
    return needed_in(plan, state, prefix_of(path), step_id_of(path))


def needed_in(plan: Plan, state: Sight, prefix: str, step_id: str) -> tuple[Stored, ...]:
    """The same for the expressions of ``step_id``, read inside the round ``prefix``."""
    used = plan.uses[step_id]
    if not used:
        return ()
    found: dict[str, Stored] = {}
    if ITEM in used or EVERYTHING in used:
        for around in rounds_around(prefix):
            loop = state.containers.get(around.rpartition("[")[0])
            if isinstance(loop, LoopState) and isinstance(loop.items, Stored):
                found[loop.items.key] = loop.items
    names = plan.places if EVERYTHING in used else used
    for name in names:
        if name in plan.places:
            for value in _held(plan, state, prefix, name):
                found[value.key] = value
    return tuple(found.values())


def _held(plan: Plan, state: Sight, prefix: str, name: str) -> Iterator[Stored]:
    home = home_of(plan, prefix, name)
    if home is None or not state.stored:
        return
    value = state.stored.get(home, _NOTHING).get(name)
    if value is not None:
        yield value
    if isinstance(plan.places[name].step, LoopStep) and plan.keeps_rounds(name):
        start = path_in(home, name) + "["
        for inner, values in state.stored.items():
            if inner.startswith(start):
                yield from values.values()


def rounds_of(state: Sight, path: Path) -> Iterator[str]:
    """The prefixes of the rounds of the loop at ``path`` that have begun."""
    return (f"{path}[{number}]" for number in range(1, count_of(state, path) + 1))


def count_of(state: Sight, path: Path) -> int:
    """How many rounds of the loop at ``path`` have begun."""
    container = state.containers.get(path)
    if isinstance(container, LoopState):
        return container.begun
    output = state.outputs.get(prefix_of(path), _NOTHING).get(step_id_of(path))
    return output.get("count", 0) if isinstance(output, Mapping) else 0


def home_of(plan: Plan, prefix: str, name: str) -> str | None:
    """The rounds in which the step ``name`` stands as seen from ``prefix``: these, or some of
    them. None for a step inside a loop that ``prefix`` is not in.
    """
    loops = plan.loops_around(name)
    if not loops:
        return ""
    rounds = list(rounds_around(prefix))[::-1]
    if len(rounds) < len(loops):
        return None
    home = rounds[len(loops) - 1]
    return home if step_id_of(home).rpartition("[")[0] == loops[-1] else None


def _present(state: Sight, prefix: str, loaded: Mapping[str, Any]) -> tuple[Any, int]:
    """The item and the index of the round ``prefix``."""
    path, _, number = prefix[:-1].rpartition("[")
    index = int(number)
    loop = state.containers.get(path)
    items = loop.items if isinstance(loop, LoopState) else None
    if isinstance(items, Stored):
        items = loaded.get(items.key, {}).get("items")
    if items is None:
        # Rounds that only count have their number for an item.
        return index, index
    return (items[index - 1] if index <= len(items) else None), index


class _Steps(Mapping[str, Any]):
    """The outputs of the steps that can be seen from a round."""

    __slots__ = ("_loaded", "_plan", "_prefix", "_state")

    def __init__(self, plan: Plan, state: Sight, prefix: str, loaded: Mapping[str, Any]) -> None:
        self._plan, self._state = plan, state
        self._prefix, self._loaded = prefix, loaded

    def __getitem__(self, name: str) -> Any:
        if name not in self._plan.places:
            raise KeyError(name)
        home = home_of(self._plan, self._prefix, name)
        if home is None:
            raise KeyError(name)
        path = path_in(home, name)
        if isinstance(self._plan.places[name].step, LoopStep):
            return _Loop(self._plan, self._state, path, self._prefix, self._loaded)
        value = self._state.outputs.get(home, _NOTHING)[name]
        return self._loaded[value.key] if isinstance(value, Stored) else value

    def __iter__(self) -> Iterator[str]:
        return (name for name in self._plan.places if name in self)

    def __contains__(self, name: object) -> bool:
        if not isinstance(name, str) or name not in self._plan.places:
            return False
        home = home_of(self._plan, self._prefix, name)
        if home is None:
            return False
        is_open = path_in(home, name) in self._state.containers
        return name in self._state.outputs.get(home, _NOTHING) or (
            is_open and isinstance(self._plan.places[name].step, LoopStep)
        )

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _Loop(Mapping[str, Any]):
    """A loop, from inside one of its rounds or after its end."""

    __slots__ = ("_loaded", "_path", "_plan", "_prefix", "_state")

    def __init__(
        self, plan: Plan, state: Sight, path: Path, prefix: str, loaded: Mapping[str, Any]
    ) -> None:
        self._plan, self._state, self._path = plan, state, path
        self._prefix, self._loaded = prefix, loaded
        if path not in state.containers and not self._summary:
            raise KeyError(step_id_of(path))

    @property
    def _summary(self) -> Mapping[str, Any]:
        outputs = self._state.outputs.get(prefix_of(self._path), _NOTHING)
        found = outputs.get(step_id_of(self._path))
        return found if isinstance(found, Mapping) else _NOTHING

    def _inside(self) -> str | None:
        """The round of this loop that the viewer is in."""
        start = self._path + "["
        return next(
            (
                r
                for r in rounds_around(self._prefix)
                if r.startswith(start) and "/" not in r[len(start) :]
            ),
            None,
        )

    def __getitem__(self, key: str) -> Any:
        if key == "iterations":
            return _Rounds(self._plan, self._state, self._path, self._loaded)
        inside = self._inside()
        if key in ("item", "index") and inside is not None:
            return _present(self._state, inside, self._loaded)[key == "index"]
        if key in self._summary:
            return self._summary[key]
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        if self._inside() is not None:
            yield from ("item", "index")
        yield from self._summary
        if self._plan.keeps_rounds(step_id_of(self._path)):
            yield "iterations"

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _Rounds(View):
    """The rounds of a loop that have begun."""

    __slots__ = ("_count", "_loaded", "_path", "_plan", "_state")

    def __init__(self, plan: Plan, state: Sight, path: Path, loaded: Mapping[str, Any]) -> None:
        self._plan, self._state, self._path, self._loaded = plan, state, path, loaded
        self._count = count_of(state, path)

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        # Of a range, so that ends and slices are those of any list.
        chosen = range(1, self._count + 1)[index]
        if isinstance(chosen, range):
            return [self._round(number) for number in chosen]
        return self._round(chosen)

    def _round(self, number: int) -> "_Round":
        return _Round(self._plan, self._state, f"{self._path}[{number}]", self._loaded)


class _Round(Mapping[str, Any]):
    """The outputs of the steps of one round."""

    __slots__ = ("_loaded", "_plan", "_prefix", "_state")

    def __init__(self, plan: Plan, state: Sight, prefix: str, loaded: Mapping[str, Any]) -> None:
        self._plan, self._state = plan, state
        self._prefix, self._loaded = prefix, loaded

    @property
    def _outputs(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self._state.outputs.get(self._prefix, _NOTHING)
        return found

    def __getitem__(self, name: str) -> Any:
        value = self._outputs[name]
        if isinstance(self._plan.places[name].step, LoopStep):
            path = path_in(self._prefix, name)
            return _Loop(self._plan, self._state, path, self._prefix, self._loaded)
        return self._loaded[value.key] if isinstance(value, Stored) else value

    def __iter__(self) -> Iterator[str]:
        return iter(self._outputs)

    def __len__(self) -> int:
        return len(self._outputs)

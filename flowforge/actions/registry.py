"""The registry: actions by key, apps by the order of their first action, and the catalogue."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from flowforge.actions.sdk import Action, App, Poller, Trigger

AnyAction = Action[Any, Any, Any]
AnyPoller = Poller[Any, Any]


class Registry(Mapping[str, AnyAction]):
    """Actions by key. A key or alias that is taken twice stops the start, at import.

    Aliases are found by lookup but not listed, so each action appears once.
    """

    def __init__(self, actions: Iterable[AnyAction]) -> None:
        self._by_key: dict[str, AnyAction] = {}
        self._by_alias: dict[str, AnyAction] = {}
        for one in actions:
            for key in (one.key, *one.aliases):
                if key in self._by_key or key in self._by_alias:
                    raise ValueError(f"Two actions are registered as {key!r}.")
            self._by_key[one.key] = one
            self._by_alias.update(dict.fromkeys(one.aliases, one))

    def __getitem__(self, key: str) -> AnyAction:
        return self._by_key[key] if key in self._by_key else self._by_alias[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_key)

    def __len__(self) -> int:
        return len(self._by_key)

    @property
    def apps(self) -> tuple[App, ...]:
        """Each app once, in the order of its first action; an app without icon takes that one."""
        found: dict[str, App] = {}
        for one in self._by_key.values():
            found.setdefault(one.app.key, replace(one.app, icon=one.app.icon or one.icon))
        return tuple(found.values())


class Pollers(Mapping[str, AnyPoller]):
    """Polling triggers by key. A key that is taken twice stops the start, at import."""

    def __init__(self, pollers: Iterable[AnyPoller]) -> None:
        self._by_key: dict[str, AnyPoller] = {}
        for one in pollers:
            if one.key in self._by_key:
                raise ValueError(f"Two polling triggers are registered as {one.key!r}.")
            self._by_key[one.key] = one

    def __getitem__(self, key: str) -> AnyPoller:
        return self._by_key[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_key)

    def __len__(self) -> int:
        return len(self._by_key)

    @property
    def apps(self) -> tuple[App, ...]:
        return tuple({one.app.key: one.app for one in self._by_key.values()}.values())


def catalogue(
    registry: Registry, apps: Iterable[App], pollers: Mapping[str, AnyPoller] | None = None
) -> list[dict[str, Any]]:
    """What ``GET /api/v1/apps`` answers: plain JSON values, apps in the given order."""
    return [
        _entry(
            app,
            [one for one in registry.values() if one.app.key == app.key],
            [one for one in (pollers or {}).values() if one.app.key == app.key],
        )
        for app in apps
    ]


def _entry(app: App, actions: list[AnyAction], pollers: list[AnyPoller]) -> dict[str, Any]:
    return {
        "key": app.key,
        "name": app.name,
        "icon": app.icon,
        "actions": [_action(one) for one in actions],
        "triggers": [*(_trigger(one) for one in app.triggers), *(_poller(one) for one in pollers)],
    }


def _trigger(one: Trigger) -> dict[str, Any]:
    return {
        "key": one.key,
        "kind": one.kind or one.key,
        "name": one.name,
        "summary": one.summary,
        "icon": one.icon,
    }


def _poller(one: AnyPoller) -> dict[str, Any]:
    return {
        "key": one.key,
        "kind": "poll",
        "name": one.name,
        "summary": one.summary,
        "icon": one.icon,
        "inputs": one.json_schema(),
        "output": one.output_schema(),
        "connection": one.connection.kind if one.connection else None,
    }


def _action(one: AnyAction) -> dict[str, Any]:
    return {
        "key": one.key,
        "name": one.name,
        "summary": one.summary,
        "icon": one.icon,
        "inputs": one.json_schema(),
        "output": one.output_schema(),
        "connection": one.connection.kind if one.connection else None,
        "repeatable": one.repeatable,
        "moves_money": one.moves_money,
    }

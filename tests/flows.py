"""Steps of every kind for tests, as short as they can be said."""

from typing import Any

Steps = list[dict[str, Any]]


def when(left: Any, op: str = "EXISTS", right: Any = None) -> dict[str, Any]:
    """A condition of one comparison."""
    comparison = {"left": left, "op": op} | ({} if right is None else {"right": right})
    return {"any": [{"all": [comparison]}]}


def branch(condition: dict[str, Any], *steps: dict[str, Any], name: str = "") -> dict[str, Any]:
    return {"name": name, "when": condition, "steps": list(steps)}


def router(step_id: str, *branches: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": step_id, "kind": "router", "branches": list(branches), **more}


def loop(step_id: str, over: Any, *steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": step_id, "kind": "loop", "over": over, "steps": list(steps), **more}


def parallel(step_id: str, **branches: Steps) -> dict[str, Any]:
    """A block whose branches are independent of each other."""
    named = [{"name": name, "steps": steps} for name, steps in branches.items()]
    return {"id": step_id, "kind": "parallel", "branches": named}


def delay(step_id: str, seconds: float | str | None = None, **more: Any) -> dict[str, Any]:
    given = {} if seconds is None else {"seconds": seconds}
    return {"id": step_id, "kind": "delay", **given, **more}


def call(step_id: str, zap_id: str, given: Any = None, **more: Any) -> dict[str, Any]:
    return {"id": step_id, "kind": "zap", "zap_id": zap_id, "input": given, **more}


def reply(step_id: str, body: Any, **more: Any) -> dict[str, Any]:
    return {"id": step_id, "kind": "reply", "body": body, **more}


def stop(step_id: str) -> dict[str, Any]:
    return {"id": step_id, "kind": "stop"}

"""The kinds of steps that are no action of an app: what a person calls them and how each begins.

Pure, and one line of truth: the picker, the cards, the names in histories and a new step read it.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

_CONDITION = {"left": "", "op": "TEXT_EXACTLY_MATCHES", "right": ""}
_WHEN = {"any": [{"all": [_CONDITION]}]}


@dataclass(frozen=True)
class StepKind:
    """``begins``: the fields of a new step. ``is_offered``: it makes sense anywhere in a zap.
    ``keywords``: by which other words people look for it.
    """

    key: str
    name: str
    summary: str
    begins: dict[str, Any] = field(default_factory=dict)
    is_offered: bool = True
    keywords: tuple[str, ...] = ()


_ALL = (
    StepKind(
        "filter",
        "Filter",
        "Go on only if the data fits.",
        {"when": _WHEN},
        keywords=("continue", "where", "condition", "guard"),
    ),
    StepKind(
        "router",
        "Router",
        "Take one of several ways, or all that fit.",
        {"branches": [{"name": "Branch 1", "when": _WHEN, "steps": []}], "fallback": []},
        keywords=("if", "else", "switch", "condition", "branch", "case", "path", "split"),
    ),
    StepKind(
        "loop",
        "Loop",
        "Repeat steps for each item of a list, a number of times, or while something holds.",
        {"over": "{{ trigger.body.items }}", "steps": []},
        keywords=("foreach", "iterate", "repeat", "while", "each"),
    ),
    # Only a loop can be left, so a step of its own is nothing to begin with.
    StepKind("break", "Break", "Leave the loop.", is_offered=False),
    StepKind(
        "parallel",
        "Parallel",
        "Do several things side by side.",
        {"branches": [{"name": "a", "steps": []}, {"name": "b", "steps": []}]},
        keywords=("fork", "join", "concurrent", "together", "once"),
    ),
    StepKind(
        "delay",
        "Delay",
        "Wait for a time, or until a moment.",
        {"seconds": 60},
        keywords=("wait", "sleep", "pause", "timer", "later"),
    ),
    StepKind(
        "approval",
        "Approval",
        "Ask people, and wait for them.",
        {"question": ""},
        keywords=("human", "confirm", "review", "ask", "permission"),
    ),
    StepKind(
        "code",
        "Code",
        "Compute something in Python.",
        {"inputs": {"body": "{{ trigger.body }}"}, "code": "inputs['body']"},
        keywords=("python", "script", "function", "transform", "compute"),
    ),
    StepKind(
        "zap",
        "Run a zap",
        "Start another zap of this project.",
        {"zap_id": "", "input": "{{ trigger.body }}"},
        keywords=("sub-zap", "subflow", "workflow", "call", "child"),
    ),
    StepKind(
        "reply",
        "Reply",
        "Answer whoever waits for this run.",
        {"status": 200, "body": {"ok": True}},
        keywords=("respond", "response", "return", "answer"),
    ),
    StepKind(
        "stop",
        "Stop",
        "End the run here, as succeeded.",
        keywords=("end", "exit", "finish", "halt"),
    ),
)
KINDS = {kind.key: kind for kind in _ALL}


def new_step(step_id: str, key: str) -> dict[str, Any]:
    """A step that does ``key``: one of ``KINDS``, or else an action by its registry key."""
    kind = KINDS.get(key)
    if kind is None:
        return {"kind": "action", "id": step_id, "action": key, "inputs": {}}
    return {"kind": key, "id": step_id, **deepcopy(kind.begins)}


def new_condition() -> dict[str, Any]:
    """A condition to fill in."""
    return dict(_CONDITION)


def new_when() -> dict[str, Any]:
    """Conditions that begin with one to fill in."""
    return deepcopy(_WHEN)


def new_branch(key: str) -> dict[str, Any]:
    """A branch of a router or parallel block, without a name and without steps."""
    return {"when": new_when(), "steps": []} if key == "router" else {"steps": []}

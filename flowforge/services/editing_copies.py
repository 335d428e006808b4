"""Copies of steps: under ids of their own, and with references among them that follow.

Pure. What a copy says of steps outside of it stays as it was.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from copy import deepcopy
from typing import Any

from flowforge.engine.expressions import is_template
from flowforge.services import drafts

Step = dict[str, Any]

_NO_ID = re.compile(r"[^a-z0-9]+")
_LONGEST_BASE = 40


def copied(steps: Sequence[Step], taken: Collection[str]) -> list[Step]:
    """Copies that share nothing with ``steps``, under ids that are not among ``taken``; steps
    inside them too. Expressions that name one of these steps name its copy.
    """
    used = set(taken)
    names: dict[str, str] = {}
    for step in drafts.all_steps({"steps": steps}):
        names[step["id"]] = free(used, drafts.action_key(step) or step["kind"])
        used.add(names[step["id"]])
    return _renamed(deepcopy(list(steps)), names)


def free(taken: Collection[str], action: str) -> str:
    """``send_sol``, then ``send_sol_2``: readable, because people see it in expressions."""
    base = _NO_ID.sub("_", action.lower()).strip("_")[:_LONGEST_BASE] or "step"
    base = base if base[0].isalpha() else f"step_{base}"
    number = 1
    while (candidate := base if number == 1 else f"{base}_{number}") in taken:
        number += 1
    return candidate


def _renamed(steps: list[Step], names: Mapping[str, str]) -> list[Step]:
    """``steps`` and what is in them under the ids that ``names`` gives, also in expressions."""
    if not names:
        return steps
    # Whole names only: steps.mail_2 is not steps.mail.
    known = re.compile(rf"\bsteps\.({'|'.join(map(re.escape, names))})\b")

    def text(value: Any) -> Any:
        match value:
            case str() if is_template(value):
                return known.sub(lambda found: f"steps.{names[found[1]]}", value)
            case dict():
                return {key: text(each) for key, each in value.items()}
            case list():
                return [text(each) for each in value]
        return value

    def with_id(one: Step) -> Step:
        return {**one, "id": names[one["id"]]}

    copies: list[Step] = drafts.map_steps({"steps": text(steps)}, with_id)["steps"]
    return copies

"""Conditions that no data can change: for the hints. Pure."""

from typing import Any

from flowforge.engine import conditions
from flowforge.engine.conditions import UNARY, Condition, Group, When
from flowforge.engine.expressions import is_template


def constant(when: When) -> bool | None:
    """How ``when`` comes out whatever the data; None where that depends on them, or where it is
    not filled in yet.
    """
    if not when.any:
        return True
    outcomes = [_of_group(group) for group in when.any]
    if True in outcomes:
        return True
    return None if None in outcomes else False


def key(when: When) -> str:
    """Equal for conditions that are written alike."""
    return when.model_dump_json()


def _of_group(group: Group) -> bool | None:
    outcomes = [_of_condition(condition) for condition in group.all]
    if False in outcomes:
        return False
    return None if None in outcomes else True


def _of_condition(condition: Condition) -> bool | None:
    left, right = condition.left, None if condition.op in UNARY else condition.right
    is_unfinished = left in (None, "") or (condition.op not in UNARY and right is None)
    if is_unfinished or _varies(left) or _varies(right):
        return None
    case = condition.case_sensitive
    return conditions.compare(left, condition.op, right, case_sensitive=case)


def _varies(value: Any) -> bool:
    if isinstance(value, str):
        return is_template(value)
    if isinstance(value, dict):
        return any(map(_varies, value.values()))
    return isinstance(value, list | tuple) and any(map(_varies, value))

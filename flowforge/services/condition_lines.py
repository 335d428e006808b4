"""Conditions and branches as their form shows them. Pure."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowforge.engine.conditions import OPERATORS, UNARY
from flowforge.services import form_texts
from flowforge.services.cards import ProblemLine
from flowforge.services.editing_conditions import KEYS

LONGEST_TELL = 120
# What people read: of "TEXT_START_WITH" that is "text starts with".
_VERBS = {
    "start with": "starts with",
    "does not start with": "does not start with",
    "exactly matches": "is",
    "does not exactly match": "is not",
}
_KINDS = ("text", "number", "boolean", "date", "list")
_COMPARES_TEXT = re.compile(r"TEXT_|LIST_(DOES_NOT_)?CONTAIN")
_BRANCH = re.compile(r"branches\[(\d+)\]")
_SIDE = re.compile(r"(?:^|\.)any\[(\d+)\]\.all\[(\d+)\](?:\.(left|op|right)\b)?")


@dataclass(frozen=True)
class ConditionLine:
    """One condition, at (group, place). ``takes_case``: it compares texts; ``size``: how large a side
    is that cannot be shown whole.
    """

    group: int
    place: int
    left: str
    op: str
    right: str
    is_unary: bool
    takes_case: bool
    is_case_sensitive: bool
    opens_group: bool
    ends_group: bool
    size: str
    error: str


@dataclass(frozen=True)
class WaitLine:
    """Another branch. ``is_on``: this one waits for it; ``is_possible``: it may, because the other
    does not wait for this one.
    """

    name: str
    is_on: bool
    is_possible: bool


@dataclass(frozen=True)
class BranchLine:
    """A branch of a router or parallel block; ``tells``: when it is taken."""

    at: int
    name: str
    tells: str
    problems: int
    is_open: bool
    is_first: bool
    is_last: bool
    waits: list[WaitLine]


def operator_name(operator: str) -> str:
    words = operator.replace("_", " ").lower()
    kind, _, rest = words.partition(" ")
    if kind not in _KINDS:
        return words
    return f"{kind}: {_VERBS.get(rest, rest)}"


OPERATOR_NAMES = tuple((operator, operator_name(operator)) for operator in OPERATORS)


def lines(
    when: Mapping[str, Any], path: str, problems: Iterable[ProblemLine]
) -> list[ConditionLine]:
    """``path``: where the conditions stand, as problems name it."""
    mine = [problem for problem in problems if problem.field.startswith(f"{path}.any[")]
    return [
        _line(group_at, at, condition, group["all"], mine, f"{path}.any[{group_at}].all[{at}]")
        for group_at, group in enumerate(when.get("any") or ())
        for at, condition in enumerate(group.get("all") or ())
    ]


def of_step(
    step: Mapping[str, Any], branch: int, problems: Sequence[ProblemLine]
) -> list[ConditionLine]:
    """Those of the step, or of a router's branch."""
    if step["kind"] == "router":
        branches = step.get("branches") or ()
        if not branches:
            return []
        return lines(branches[branch].get("when") or {}, f"branches[{branch}].when", problems)
    key = KEYS.get(step["kind"])
    return lines(step.get(key) or {}, key, problems) if key else []


def branches(
    step: Mapping[str, Any], chosen: int, problems: Sequence[ProblemLine]
) -> list[BranchLine]:
    if step["kind"] not in {"router", "parallel"}:
        return []
    listed = list(step.get("branches") or ())
    waits = _waits(listed) if step["kind"] == "parallel" else [[] for _ in listed]
    return [
        BranchLine(
            at=at,
            name=str(branch.get("name") or ""),
            tells=tells(branch.get("when") or {}) if step["kind"] == "router" else _after(branch),
            problems=sum(branch_of(each.field) == at for each in problems),
            is_open=at == chosen,
            is_first=at == 0,
            is_last=at == len(listed) - 1,
            waits=waits[at],
        )
        for at, branch in enumerate(listed)
    ]


def branch_of(field: str) -> int:
    """The branch that a problem at ``field`` is about; 0 for none in particular."""
    found = _BRANCH.match(field)
    return int(found[1]) if found else 0


def control_of(field: str, shown: Iterable[ConditionLine]) -> str:
    """The control of the condition that ``field`` is about, such as ``right-0-1``; empty where it is
    about none of those that are shown.
    """
    found = _SIDE.search(field)
    if found is None:
        return ""
    at, part = (int(found[1]), int(found[2])), found[3] or "left"
    line = next((one for one in shown if (one.group, one.place) == at), None)
    if line is None:
        return ""
    is_drawn = part == "op" or not (line.size or (part == "right" and line.is_unary))
    return f"{part if is_drawn else 'op'}-{at[0]}-{at[1]}"


def tells(when: Mapping[str, Any]) -> str:
    """Conditions in one line; empty where there are none."""
    groups = [list(group.get("all") or ()) for group in when.get("any") or ()]
    said = [" and ".join(map(_said, group[:3])) for group in groups[:3] if group]
    return form_texts.short(" or ".join(said), LONGEST_TELL)


def _said(condition: Mapping[str, Any]) -> str:
    op = str(condition.get("op", ""))
    verb = operator_name(op).partition(": ")[2] or operator_name(op)
    left = _bare(form_texts.as_text(condition.get("left"))) or "…"
    right = "" if op in UNARY else f" {_bare(form_texts.as_text(condition.get('right'))) or '…'}"
    return f"{left} {verb}{right}"


def _bare(text: str) -> str:
    """An expression without its braces."""
    short = form_texts.short(text, LONGEST_TELL)
    return short[2:-2].strip() if short.startswith("{{") and short.endswith("}}") else short


def _line(  # noqa: PLR0917 - what a condition is, and where
    group_at: int,
    at: int,
    condition: Mapping[str, Any],
    group: Sequence[Any],
    problems: Iterable[ProblemLine],
    here: str,
) -> ConditionLine:
    op = str(condition.get("op", ""))
    wrong = [problem.message for problem in problems if problem.field.startswith(here)]
    sides = [form_texts.as_text(condition.get(side)) for side in ("left", "right")]
    longest = max(sides, key=len)
    return ConditionLine(
        group=group_at,
        place=at,
        left=form_texts.beginning(sides[0]),
        op=op,
        right=form_texts.beginning(sides[1]),
        is_unary=op in UNARY,
        takes_case=bool(_COMPARES_TEXT.match(op)),
        is_case_sensitive=bool(condition.get("caseSensitive")),
        opens_group=at == 0 and group_at > 0,
        ends_group=at == len(group) - 1,
        size=form_texts.size_of(longest),
        error=wrong[0] if wrong else "",
    )


def _after(branch: Mapping[str, Any]) -> str:
    names = ", ".join(map(str, branch.get("depends_on") or ()))
    return form_texts.short(f"after {names}", LONGEST_TELL) if names else "at once"


def _waits(listed: Sequence[Mapping[str, Any]]) -> list[list[WaitLine]]:
    """For each branch, the others that it may wait for."""
    needed = {str(each.get("name")): tuple(each.get("depends_on") or ()) for each in listed}
    found = []
    for branch in listed:
        name = str(branch.get("name"))
        followers = set(_followers(name, needed))
        mine: Collection[str] = needed[name]
        found.append(
            [
                WaitLine(other, is_on=other in mine, is_possible=other not in followers)
                for other in needed
                if other != name
            ]
        )
    return found


def _followers(name: str, needed: Mapping[str, Collection[str]]) -> Iterator[str]:
    """Every branch that waits for ``name``, directly or not."""
    waiting, seen = [name], {name}
    while waiting:
        one = waiting.pop()
        for other, names in needed.items():
            if one in names and other not in seen:
                seen.add(other)
                waiting.append(other)
                yield other

"""What the engine decides itself about a step: its expressions rendered, its rules applied.

Pure functions of the step and its scope; whatever is wrong is an ``Undecidable`` with a sentence.
"""

import json
import math
import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any, NamedTuple

from flowforge.engine import conditions, expressions
from flowforge.engine.conditions import When
from flowforge.engine.definition import (
    LONGEST_DELAY,
    ApprovalStep,
    DelayStep,
    LoopStep,
    ReplyStep,
    RouterStep,
)
from flowforge.engine.protocol import ErrorInfo

MOST_ROUNDS = 100_000
# RFC 9110: a token; and what every server can write, which is Latin-1 without control characters.
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_TEXT = re.compile("[\t\x20-\x7e\xa0-\xff]*")
# How a message is framed is the server's matter; cookies here are those of people's sessions; and
# what is said about this origin as a whole is not for one zap to say.
NOT_FOR_REPLIES = frozenset(
    {"alt-svc", "clear-site-data", "connection", "content-length", "expect", "keep-alive",
     "proxy-authenticate", "proxy-connection", "public-key-pins", "service-worker-allowed",
     "set-cookie", "set-cookie2", "strict-transport-security", "te", "trailer",
     "transfer-encoding", "upgrade"}
)  # fmt: skip
_EXCERPT = 60

Scope = Mapping[str, Any]


class Undecidable(Exception):
    """The step fails; ``error`` says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.error = ErrorInfo(code, message)


class Rounds(NamedTuple):
    """What a loop goes over. ``items`` None: it counts; ``number`` None: it asks each time."""

    items: list[Any] | None
    number: int | None


class Answer(NamedTuple):
    """A rendered reply."""

    status: int
    headers: dict[str, str]
    body: Any


def rendered(value: Any, scope: Scope) -> Any:
    """``value`` with its expressions filled in. Raises Undecidable."""
    try:
        return expressions.render(value, scope)
    except expressions.ExpressionError as problem:
        raise Undecidable(problem.code, problem.message) from problem


def holds(when: When, scope: Scope) -> bool:
    """Raises Undecidable where an expression cannot be worked out."""
    try:
        return conditions.holds(when, expressions.renderer(scope))
    except expressions.ExpressionError as problem:
        raise Undecidable(problem.code, problem.message) from problem


def ways(step: RouterStep, scope: Scope) -> dict[str, Any]:
    """The output of a router: for each branch whether it is taken, the fallback last."""
    taken: list[bool] = []
    for branch in step.branches:
        is_decided = step.mode == "first_match" and any(taken)
        taken.append(not is_decided and holds(branch.when, scope))
    taken.append(not any(taken))
    names = [branch.name or f"Branch {n}" for n, branch in enumerate(step.branches, 1)]
    return {
        "branches": [
            {"branchName": name, "branchIndex": index, "evaluation": evaluation}
            for index, (name, evaluation) in enumerate(
                zip([*names, "Fallback"], taken, strict=True), 1
            )
        ]
    }


def rounds(step: LoopStep, scope: Scope) -> Rounds:
    """What the loop goes over. Raises Undecidable for what is no list or no number."""
    if step.while_ is not None:
        return Rounds(None, None)
    if step.count is not None:
        return Rounds(None, _count(rendered(step.count, scope)))
    items = rendered(step.over, scope)
    if isinstance(items, str) and items.lstrip().startswith("["):
        try:
            items = json.loads(items)
        except (ValueError, RecursionError):
            items = None
    if not isinstance(items, list):
        raise Undecidable("not_a_list", "The items you have selected must be a list.")
    _check_number(len(items))
    return Rounds(items, len(items))


def _count(value: Any) -> int:
    number = _number(value)
    if number is None or number != int(number) or number < 0:
        raise Undecidable(
            "bad_count", f"How often a loop runs must be a whole number from 0, not {shown(value)}."
        )
    _check_number(int(number))
    return int(number)


def _check_number(number: int) -> None:
    if number > MOST_ROUNDS:
        raise Undecidable(
            "too_many_rounds", f"A loop has at most {MOST_ROUNDS:,} rounds, not {number:,}."
        )


def sleep(step: DelayStep, scope: Scope) -> tuple[float | None, str | None]:
    """How long to wait in seconds, or until when (ISO 8601). Raises Undecidable."""
    if step.until is not None:
        given = rendered(step.until, scope)
        moment = conditions.read_date(given)
        if moment is None:
            raise Undecidable(
                "bad_date",
                f"{shown(given)} is not a date. Give one like 2026-12-24T18:00:00+01:00.",
            )
        return None, moment.astimezone(UTC).isoformat()
    given = rendered(step.seconds, scope)
    seconds = _number(given)
    if seconds is None or not 0 <= seconds <= LONGEST_DELAY:
        raise Undecidable(
            "bad_delay",
            f"A delay takes 0 to {LONGEST_DELAY:.0f} seconds (30 days), not {shown(given)}.",
        )
    return seconds, None


def asked(step: ApprovalStep, scope: Scope) -> tuple[str, tuple[str, ...]]:
    """The question and whom to ask. Raises Undecidable for what is no e-mail address."""
    question = rendered(step.question, scope)
    approvers: list[str] = []
    for value in rendered(list(step.approvers), scope):
        for each in value if isinstance(value, list) else str(value).split(","):
            address = str(each).strip()
            if address and address not in approvers:
                approvers.append(address)
    wrong = [each for each in approvers if not is_address(each)]
    if wrong:
        raise Undecidable("bad_approver", f"{shown(wrong[0])} is not an e-mail address.")
    if approvers and step.required > len(approvers):
        raise Undecidable(
            "bad_approver",
            f"{step.required} approvals are required, and only {len(approvers)} people are asked.",
        )
    return expressions_text(question), tuple(approvers)


def is_address(text: str) -> bool:
    """Whether ``text`` looks like an e-mail address."""
    name, at, host = text.rpartition("@")
    return bool(name and at and host) and text.isprintable() and " " not in text


def answer(step: ReplyStep, scope: Scope) -> Answer:
    """Raises Undecidable where status or headers cannot be sent."""
    status = _number(rendered(step.status, scope))
    if status is None or status != int(status) or not 200 <= status <= 599:  # noqa: PLR2004 - HTTP's range
        raise Undecidable(
            "bad_reply",
            f"A status is a number from 200 to 599, not {shown(rendered(step.status, scope))}.",
        )
    headers: dict[str, str] = {}
    for name, value in rendered(step.headers, scope).items():
        text = expressions_text(value)
        if not _HEADER_NAME.fullmatch(name):
            raise Undecidable("bad_reply", f"{shown(name)} is not the name of a header.")
        if name.lower() in NOT_FOR_REPLIES:
            raise Undecidable("bad_reply", f"The header {name} is not for a reply to set.")
        if not _HEADER_TEXT.fullmatch(text):
            raise Undecidable("bad_reply", f"The header {name} holds what a header cannot hold.")
        headers[name] = text
    return Answer(int(status), headers, rendered(step.body, scope))


def expressions_text(value: Any) -> str:
    """``value`` as a text: null is empty, lists and objects are JSON."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _number(value: Any) -> float | None:
    """The finite number that ``value`` is, or that its text says."""
    if isinstance(value, str):
        try:
            value = float(value) if len(value) < _EXCERPT else None
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def shown(value: Any) -> str:
    """A short form of ``value`` for a sentence."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _EXCERPT else text[: _EXCERPT - 1] + "…"

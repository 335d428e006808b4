"""A zap's limits, and where a run stands in line: the keys that its event gives.

Promises: whatever an event holds, its run has a place; a key that cannot be worked out is the empty
key, and the event says so.
"""

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import structlog
from pydantic import ValidationError

from flowforge.engine.definition import Limits
from flowforge.engine.expressions import ExpressionError, is_template, render
from flowforge.errors import FlowForgeError
from flowforge.infra import documents
from flowforge.infra.db import utc_now
from flowforge.models import OutboxEntry, Run
from flowforge.services import leases

log = structlog.get_logger()

_DIGEST_LENGTH = 32


class InLine(NamedTuple):
    """Columns of an outbox entry, and why a key is empty that should not be.

    ``wait_seconds``: how long the run waits for a later event that takes its place.
    """

    gate: str | None = None
    throttle: str | None = None
    debounce: str | None = None
    wait_seconds: float = 0.0
    problem: str | None = None


NOWHERE = InLine()


def read_limits(stored: Any) -> Limits:
    """The limits that ``zap.limits`` holds: None, JSON text, or the document itself."""
    if not stored:
        return Limits()
    return _read(stored if isinstance(stored, str) else documents.dump(stored))


@lru_cache(maxsize=1024)
def _read(text: str) -> Limits:
    try:
        return Limits.model_validate(documents.parse(text))
    except (ValidationError, FlowForgeError):
        # Written by a newer release, or damaged: an event must never be lost for that.
        log.exception("limits of a zap cannot be read; there are none for now")
        return Limits()


def needs_trigger(limits: Limits, *, is_debounced: bool) -> bool:
    """Whether a key depends on the event."""
    return any(map(is_template, _keys(limits, is_debounced=is_debounced).values()))


def in_line(
    zap_id: str, limits: Limits, trigger: Callable[[], Any], *, is_debounced: bool = False
) -> InLine:
    """Where a run of this zap stands. ``trigger`` is asked for the event's data, if a key needs it;
    only what comes from outside ``is_debounced``.
    """
    keys = _keys(limits, is_debounced=is_debounced)
    if not keys:
        return NOWHERE
    problems: list[str] = []
    names = {
        name: f"{zap_id}:{name}:{_digest(source, trigger, problems)}"
        for name, source in keys.items()
    }
    debounce = limits.debounce if is_debounced else None
    return InLine(
        **names,
        wait_seconds=debounce.seconds if debounce else 0.0,
        problem=" ".join(problems) or None,
    )


def entry(run: Run, limits: Any, trigger: Callable[[], Any], priority: int) -> OutboxEntry:
    """The promise that ``run``, which is new or opened again, will be worked on, due now and in its
    place. ``limits`` are its zap's, as stored; a test of the draft has none.
    """
    known = Limits() if run.environment == "test" else read_limits(limits)
    place = in_line(run.zap_id, known, trigger)
    now = utc_now()
    return OutboxEntry(
        run_id=run.id,
        project_id=run.project_id,
        zap_id=run.zap_id,
        due_at=now,
        rank_at=leases.rank(now, priority),
        priority=priority,
        gate=place.gate,
        throttle=place.throttle,
    )


def _keys(limits: Limits, *, is_debounced: bool) -> dict[str, str]:
    """The expressions, by the column that each fills."""
    found = {}
    if limits.concurrency is not None:
        found["gate"] = limits.concurrency.key
    if limits.throttle is not None:
        found["throttle"] = limits.throttle.key
    if limits.debounce is not None and is_debounced:
        found["debounce"] = limits.debounce.key
    return found


def _digest(source: str, trigger: Callable[[], Any], problems: list[str]) -> str:
    """A short name of the key's value; "" for the empty key."""
    if not is_template(source):
        return _short(source)
    try:
        return _short(render(source, {"trigger": trigger()}))
    except (ExpressionError, FlowForgeError) as problem:
        problems.append(
            f"The key of a limit could not be worked out, so the run waits with those that have "
            f"none: {problem.message}"
        )
        return ""


def _short(value: Any) -> str:
    if value in ("", None):
        return ""
    # As JSON text: 1 and "1" are two keys, and any length becomes one.
    return hashlib.sha256(documents.dump(value).encode()).hexdigest()[:_DIGEST_LENGTH]

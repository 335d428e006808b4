"""A run as its steps: the version's steps in their order, each with what was tried and came of it.

Steps that were not reached are there too, so that a page shows the whole way, not the part behind.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flowforge.actions import REGISTRY
from flowforge.services import drafts
from flowforge.services.figures import ENDED
from flowforge.services.runs import AttemptView, RunDetail
from flowforge.state import shown
from flowforge.state.shown import Shown

PENDING, NOT_RUN, RETRYING = "pending", "not_run", "retrying"


@dataclass(frozen=True)
class Try:
    """One attempt. ``retry_at`` is set while the next one is still to come."""

    id: str
    number: int
    status: str
    started_at: str
    duration: str
    is_going: bool
    input: Shown
    output: Shown
    error: str
    code: str
    retry_at: str
    is_last: bool


@dataclass(frozen=True)
class Step:
    """``status`` is that of the last attempt, or pending, not_run or retrying.

    ``since`` is set while an attempt is running: when it began.
    """

    path: str
    number: int
    name: str
    kind: str
    action: str
    icon: str
    status: str
    tries: str
    duration: str
    at: str
    since: str
    retry_at: str
    error: str
    attempts: list[Try] = field(default_factory=list)


def steps_of(run: RunDetail) -> list[Step]:
    """Every step of the version, then whatever else was attempted."""
    tried: dict[str, list[AttemptView]] = {}
    for attempt in run.attempts:
        tried.setdefault(attempt.path, []).append(attempt)
    known = {step["id"]: step for step in drafts.all_steps(run.definition)}
    paths = [*known, *(path for path in tried if path not in known)]
    has_ended = run.status in ENDED
    return [
        _step(number, path, known.get(path), tried.get(path, []), has_ended)
        for number, path in enumerate(paths, start=1)
    ]


def _step(
    number: int,
    path: str,
    step: Mapping[str, Any] | None,
    attempts: Sequence[AttemptView],
    has_ended: bool,
) -> Step:
    last = attempts[-1] if attempts else None
    key = drafts.action_key(step) if step else (last.action or last.kind) if last else ""
    name = drafts.step_name(step) if step else last.name if last else path
    retry_at = shown.moment(last.retry_at) if last and not has_ended else ""
    going = last is not None and last.status == "running"
    return Step(
        path=path,
        number=number,
        name=shown.line(name),
        kind=str(step["kind"]) if step else last.kind if last else "",
        action=key,
        icon=_icon(key),
        status=_status(last, is_retrying=bool(retry_at), has_ended=has_ended),
        tries=shown.counted(len(attempts), "attempt") if len(attempts) > 1 else "",
        duration=shown.duration(_total(attempts)) if last and not (going or retry_at) else "",
        at=shown.moment(last.started_at) if last else "",
        since=shown.moment(last.started_at) if last and going else "",
        retry_at=retry_at,
        error=shown.message(last.error) if last else "",
        # The newest first: it is the one that counts.
        attempts=[
            _try(one, is_last=one is last, retry_at=retry_at if one is last else "")
            for one in reversed(attempts)
        ],
    )


def _status(last: AttemptView | None, *, is_retrying: bool, has_ended: bool) -> str:
    if last is None:
        return NOT_RUN if has_ended else PENDING
    return RETRYING if is_retrying else last.status


def _total(attempts: Sequence[AttemptView]) -> int | None:
    """From the first attempt's begin to the last one's end: waiting for retries is time, too."""
    ended = attempts[-1].finished_at
    if ended is None:
        return None
    return max(0, round((ended - attempts[0].started_at).total_seconds() * 1000))


def _try(attempt: AttemptView, *, is_last: bool, retry_at: str) -> Try:
    return Try(
        id=attempt.id,
        number=attempt.number,
        status=attempt.status,
        started_at=shown.moment(attempt.started_at),
        duration=shown.duration(attempt.duration_ms),
        is_going=attempt.status == "running",
        input=shown.shown(attempt.input),
        output=shown.shown(attempt.output),
        error=shown.message(attempt.error),
        code=str((attempt.error or {}).get("code", "")).replace("_", " "),
        retry_at=retry_at,
        is_last=is_last,
    )


def _icon(key: str) -> str:
    known = REGISTRY.get(key)
    return known.icon if known else ""

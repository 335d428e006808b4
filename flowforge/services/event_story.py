"""Why an event did or did not run, told in order: received, verified, matched, queued, steps.

Pure: the same event, runs and attempts always give the same story.
"""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from flowforge.models import Event, Run
from flowforge.services.attempts import milliseconds

# done: went well; failed; stopped: ended here, as it should; skipped: without proof; going: not
# over; ahead: never reached.
StageStatus = Literal["done", "failed", "stopped", "skipped", "going", "ahead"]
StageName = Literal["received", "verified", "matched", "queued", "steps"]

_KILO = 1024
_UNPROVED = (401, 403)
_FIRED = {
    "manual": "A person started it.",
    "form": "Somebody sent the form.",
    "schedule": "The schedule was due.",
    "poll": "A poll found something new.",
    "error": "A run of another zap failed.",
}
_BY_ITSELF = frozenset({"manual", "schedule", "poll", "error"})
_OF_RUN: Mapping[str, StageStatus] = {
    "queued": "ahead",
    "running": "going",
    "waiting": "going",
    "succeeded": "done",
    "failed": "failed",
    "timed_out": "failed",
    "cancelled": "stopped",
}
_REJECTED = {
    400: "The body is not what its Content-Type says. Correct the sender, then let it send again.",
    401: "Compare the secret in the trigger's settings with the sender's. It must sign the very"
    " bytes that it sends, now. Then let it send again: what was rejected never runs.",
    403: "Allow this address in the trigger's settings, if you know it. Then let it send again.",
    405: "Let the sender use a method that the trigger allows, or allow this one.",
    413: "Let the sender split it up, or send a link in place of the data.",
    415: "Let the sender send without compression: nothing is unpacked here.",
    422: "The body does not fit the trigger's schema. Correct one of the two, then let it send"
    " again.",
    429: "More came than the trigger's limit lets through. Raise the limit, or slow the sender down.",
    431: "Let the sender send fewer or shorter headers.",
}


class Tried(NamedTuple):
    """One attempt, without its values."""

    run_id: str
    path: str
    number: int
    status: str
    started_at: dt.datetime
    finished_at: dt.datetime | None
    error: Any


class Stage(BaseModel):
    """One station. ``said`` is a sentence for a person, ``at`` when it happened, where known."""

    model_config = ConfigDict(frozen=True)

    stage: StageName
    status: StageStatus
    said: str
    at: dt.datetime | None = None
    details: dict[str, Any] = {}


def story(
    event: Event, runs: Sequence[Run] = (), attempts: Mapping[str, Sequence[Tried]] | None = None
) -> list[Stage]:
    """The stations of ``event``; queued and steps once for each of its ``runs``, in their order.

    ``attempts`` are those of the runs, by run id.
    """
    stages = [_received(event), _verified(event), _matched(event)]
    for run in runs:
        stages += [_queued(event, run), _steps(run, (attempts or {}).get(run.id, ()))]
    return stages if runs else [*stages, *_no_run(event)]


def advice(event: Event) -> str | None:
    """What a person can do about an event that did not run; None where there is nothing."""
    match event.verdict:
        case "rejected":
            again = "Correct what the reason names, then let it be sent again."
            return _REJECTED.get(event.status_code or 0, again)
        case "held":
            return "Publish the zap and switch it on for what comes next. Replay runs this one now."
        case "filtered":
            return "Change the trigger's filter if this should run. Replay runs it all the same."
        case "duplicate":
            return "Nothing to do: senders repeat themselves, and the first one counts."
    return None


def _received(event: Event) -> Stage:
    if event.trigger in _FIRED and not event.status_code:
        said = _FIRED[event.trigger]
    else:
        origin = f" from {event.source_ip}" if event.source_ip else ""
        kind = event.content_type.partition(";")[0].strip()
        size = f", {_size(event.size)}{f' of {kind}' if kind else ''}" if event.size else ""
        said = f"{event.method or 'A request'}{origin}{size or ', without a body'}."
    if event.status_code is not None:
        waited = f" after {event.took_ms} ms" if event.took_ms is not None else ""
        said += f" Answered {event.status_code}{waited}."
    details = {"method": event.method, "source_ip": event.source_ip, "size": event.size}
    details |= {"status_code": event.status_code, "took_ms": event.took_ms}
    return Stage(stage="received", status="done", said=said, at=event.received_at, details=details)


def _verified(event: Event) -> Stage:
    status: StageStatus = "skipped"
    if _is_unproved(event):
        status, said = "failed", event.reason or "Nothing proved where it came from."
    elif event.scheme is not None:
        status, said = "done", f"The sender was proved ({event.scheme.replace('_', ' ')})."
    elif event.trigger in _BY_ITSELF:
        said = "Nothing to prove: it did not come from outside."
    elif event.status_code is None:
        said = "Whether a proof was asked for was not recorded."
    else:
        said = "The trigger asks no sender for a proof."
    at = event.received_at if status != "skipped" else None
    return Stage(
        stage="verified", status=status, said=said, at=at, details={"scheme": event.scheme}
    )


def _matched(event: Event) -> Stage:
    status: StageStatus = "stopped"
    at: dt.datetime | None = event.received_at
    said = event.reason or ""
    match event.verdict:
        case "accepted":
            status = "done"
            accepted = (
                "Accepted as a test."
                if event.trigger == "test"
                else "Accepted: new to the zap, and the zap was on."
            )
            said = f"{accepted} {said}".strip()
        case "rejected" if _is_unproved(event):
            status, said, at = (
                "ahead",
                "Not reached: an event without proof is not looked into.",
                None,
            )
        case "rejected":
            status, said = "failed", said or "It was rejected."
        case "duplicate":
            said = said or "It repeats an event that came before."
        case "held":
            said = said or "The zap was not live."
        case "filtered":
            said = said or "The trigger's filter let it pass by."
    details = {"verdict": event.verdict, "reason": event.reason}
    details |= {"dedupe_key": event.dedupe_key, "duplicate_of": event.duplicate_of}
    return Stage(stage="matched", status=status, said=said, at=at, details=details)


def _no_run(event: Event) -> list[Stage]:
    match event.verdict:
        case "accepted":
            said = "Its run is not stored any more."
        case "duplicate":
            said = "No run of its own: that of the event it repeats counts."
        case "held" | "filtered":
            said = "No run yet. Replay begins one."
        case _:
            said = "No run was begun."
    return [
        Stage(stage="queued", status="ahead", said=said),
        Stage(stage="steps", status="ahead", said="No step ran."),
    ]


def _queued(event: Event, run: Run) -> Stage:
    version = "the draft" if run.version < 0 else f"version {run.version}"
    again = " again" if run.replay_of is not None else ""
    # A run that begins later than its event was begun by a person.
    replayed = " by a replay" if run.replay_of or event.verdict != "accepted" else ""
    waits = run.started_at is None and run.status == "queued"
    said = f"Queued{again}{replayed} for {version}{': it waits for its turn' if waits else ''}."
    return Stage(
        stage="queued",
        status="going" if waits else "done",
        said=said,
        at=run.created_at,
        details={
            "run_id": run.id,
            "version": run.version,
            "replay_of": run.replay_of,
            "batch_id": run.batch_id,
        },
    )


def _steps(run: Run, attempts: Sequence[Tried]) -> Stage:
    last = {one.path: one for one in sorted(attempts, key=lambda each: each.number)}
    in_order = sorted(last.values(), key=lambda each: each.started_at)
    return Stage(
        stage="steps",
        status=_OF_RUN.get(run.status, "going"),
        said=_steps_said(run, in_order),
        at=run.started_at,
        details={
            "run_id": run.id,
            "status": run.status,
            "finished_at": run.finished_at.isoformat() if run.finished_at else None,
            "error": run.error,
            "steps": [_step(each) for each in in_order],
        },
    )


def _steps_said(run: Run, steps: Sequence[Tried]) -> str:
    counts = Counter(one.status for one in steps)
    parts = ", ".join(f"{number} {status}" for status, number in counts.items())
    done = f"{_counted(len(steps), 'step')}: {parts}." if steps else "No step ran yet."
    if run.status in {"succeeded", "cancelled"} and not steps:
        done = "There was no step to run."
    message = run.error.get("message") if isinstance(run.error, Mapping) else None
    ending = {
        "failed": f" The run failed{f': {message}' if message else '.'}",
        "timed_out": " The run took too long and was ended.",
        "cancelled": " Somebody cancelled the run.",
        "waiting": " The run waits.",
    }
    return done + ending.get(run.status, "")


def _step(tried: Tried) -> dict[str, Any]:
    message = tried.error.get("message") if isinstance(tried.error, Mapping) else None
    return {
        "path": tried.path,
        "status": tried.status,
        "attempts": tried.number,
        "started_at": tried.started_at.isoformat(),
        "finished_at": tried.finished_at.isoformat() if tried.finished_at else None,
        "took_ms": milliseconds(tried.started_at, tried.finished_at),
        "error": message,
    }


def _is_unproved(event: Event) -> bool:
    return event.verdict == "rejected" and event.status_code in _UNPROVED


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _size(count: int) -> str:
    for unit in ("B", "kB"):
        if count < _KILO:
            return f"{count} {unit}"
        count = round(count / _KILO)
    return f"{count} MB"

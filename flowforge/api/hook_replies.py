"""Synchronous answers: what a reply step says, on the wire of whoever waits for it.

Promise: nothing that a zap answers can act as a page of this origin, or change how a message is
framed.
"""

import asyncio
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog

from flowforge.api import hook_answers
from flowforge.api.hook_answers import Answer
from flowforge.engine.deciding import NOT_FOR_REPLIES
from flowforge.errors import Unavailable
from flowforge.infra import documents
from flowforge.infra.runtime import Runtime
from flowforge.services import replies
from flowforge.services.ingest import Receipt
from flowforge.services.replies import Told

log = structlog.get_logger()

MOST_WAITING = 2000
_SANDBOX = "sandbox"
_POLICY = "content-security-policy"


class Replies:
    """Those of this process who wait for a run."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._seconds = runtime.settings.sync_timeout_seconds
        self._replies = replies.Replies(runtime.db, runtime.signals, runtime.blobs)
        self._waiting = 0

    @property
    def is_full(self) -> bool:
        return self._waiting >= MOST_WAITING

    async def answer(self, receipt: Receipt, rate_headers: Mapping[str, str]) -> Answer:
        """What the run of ``receipt`` answers, once it does."""
        answer = await self._answer(receipt.run_id or "", rate_headers)
        return answer._replace(event_id=receipt.repeat_id or receipt.event_id)

    def note(self, event_id: str, status: int, began: float) -> None:
        """Note on the event, beside everything else, what was answered. ``began``: when its request
        came (``time.perf_counter``).
        """
        took_ms = int((time.perf_counter() - began) * 1000)
        told = Told(event_id, int(status), took_ms)
        self._runtime.errands.start(self._note(told), name="answer of a webhook")

    async def _note(self, told: Told) -> None:
        try:
            await self._replies.note(told)
        except (Unavailable, asyncio.QueueFull):
            log.warning("what a sender was answered is not noted", event_id=told.event_id)

    async def _answer(self, run_id: str, rate_headers: Mapping[str, str]) -> Answer:
        self._waiting += 1
        try:
            seen = await self._replies.wait(run_id, self._seconds)
        except Exception:
            # Its event is stored: nothing may be said that would make anybody send it again.
            log.exception("what a run answers cannot be read", run_id=run_id)
            said = "What the run answers cannot be read. It is stored and goes on; see its page."
            return _with_run(hook_answers.error(502, "no_answer", said, rate_headers), run_id)
        finally:
            self._waiting -= 1
        if seen is None:
            return _late(run_id, self._seconds, rate_headers)
        if seen.reply is not None:
            return reply_answer(seen.reply, rate_headers)
        if seen.status == "succeeded":
            return Answer(HTTPStatus.OK, {"run_id": run_id, "status": seen.status}, rate_headers)
        said = f"The run ended without an answer: {seen.status}."
        return _with_run(
            hook_answers.error(502, "run_failed", said, rate_headers), run_id, seen.status
        )


def reply_answer(reply: Mapping[str, Any], rate_headers: Mapping[str, str]) -> Answer:
    """The answer of a reply step: text as it is, everything else as JSON."""
    given = {name.lower(): value for name, value in reply["headers"].items()}
    headers = {name: value for name, value in given.items() if name not in NOT_FOR_REPLIES}
    body = reply["body"]
    if isinstance(body, str):
        headers.setdefault("content-type", "text/plain; charset=utf-8")
        content = body.encode("utf-8", "replace")
    elif body is None:
        content = b""
    else:
        headers.setdefault("content-type", "application/json")
        content = documents.dump(body).encode()
    # Ours beside theirs: of several policies every one holds.
    theirs = headers.get(_POLICY)
    headers[_POLICY] = f"{_SANDBOX}, {theirs}" if theirs else _SANDBOX
    headers["x-content-type-options"] = "nosniff"
    limits = {name.lower(): value for name, value in rate_headers.items()}
    return Answer(reply["status"], content, limits | headers)


def _late(run_id: str, seconds: float, rate_headers: Mapping[str, str]) -> Answer:
    said = f"The run did not answer within {seconds:g} seconds. It goes on; see its page."
    return _with_run(hook_answers.error(408, "no_answer_yet", said, rate_headers), run_id)


def _with_run(answer: Answer, run_id: str, status: str | None = None) -> Answer:
    assert not isinstance(answer.body, bytes)  # noqa: S101 - an error is an object
    about = {"run_id": run_id} | ({"status": status} if status else {})
    return answer._replace(body={**about, **answer.body})

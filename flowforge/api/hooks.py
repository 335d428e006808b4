"""The door for events: ``/hooks/catch/{user}/{zap}``, ``/api/v1/webhooks/{zap}`` and what hangs on it,
``/hooks/apps/{source}``.

Plain ASGI, because this is the one path whose cost per request matters. It reads bytes, asks
intake, and answers after the commit; nothing a sender can do here ends in a 500.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from flowforge.api import hook_answers, hook_apps, hook_drafts, hook_replies, hook_requests
from flowforge.api.hook_answers import Answer
from flowforge.api.hook_checks import Examiner, Pass
from flowforge.api.hook_requests import HookRequest
from flowforge.api.patience import Patience
from flowforge.errors import Unavailable
from flowforge.infra import telemetry
from flowforge.infra.failpoints import reach
from flowforge.infra.limits import RateLimiter, Verdict, client_ip, counted, standard_headers
from flowforge.infra.runtime import Runtime
from flowforge.services.arrivals import Arrival
from flowforge.services.ingest import Intake, Receipt

log = structlog.get_logger()

PREFIXES = ("/hooks/", "/api/v1/webhooks/")
BODY_SECONDS = 30.0
MOST_NOTED_REFUSALS = 10_000
# A trigger that changes again and again while a request is examined: somebody else's turn.
MOST_LOOKS = 4


@dataclass(frozen=True, slots=True)
class _Opened:
    """What the door needs, made once per runtime."""

    runtime: Runtime
    intake: Intake
    limiter: RateLimiter
    examiner: Examiner
    replies: hook_replies.Replies
    public_url: str


class HookDoor:
    """ASGI layer: answers these routes itself and passes everything else on.

    ``runtime`` is asked at each request: it may be opened after the app is built.
    """

    def __init__(
        self, app: ASGIApp, runtime: Callable[[], Runtime], *, body_seconds: float = BODY_SECONDS
    ) -> None:
        self.app = app
        self._runtime = runtime
        self._patience = Patience(body_seconds)
        self._last: _Opened | None = None
        self._noted: dict[tuple[str, str], float] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIXES):
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        answer = await self._answer(scope, receive, began)
        telemetry.ack_seconds.observe(time.perf_counter() - began)
        telemetry.count_request(scope["method"], "hooks", answer.status)
        await hook_answers.put(answer, send)
        reach("intake.after_reply")
        if answer.event_id is not None:
            self._open().replies.note(answer.event_id, answer.status, began)

    async def _answer(self, scope: Scope, receive: Receive, began: float) -> Answer:
        target = hook_requests.target_of(scope["path"])
        if target is None:
            return hook_answers.not_found()
        headers = hook_requests.headers_of(scope)
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            return hook_answers.preflight()
        opened = self._open()
        settings = opened.runtime.settings
        peer = scope["client"][0] if scope.get("client") else ""
        source_ip = client_ip(peer, headers, settings.trusted_proxies)
        request = HookRequest(scope, receive, target, headers, source_ip, began, opened.public_url)
        verdict = await opened.limiter.hit(source_ip)
        try:
            if verdict.allowed:
                return await self._serve(opened, request, standard_headers(verdict))
            if target.mode in {"", "sync"}:
                await self._note_refusal(opened.intake, request, verdict)
        except (Unavailable, asyncio.QueueFull):
            return hook_answers.unavailable()
        except Exception:
            # Whatever it was (a full disk, a missing table), the sender must keep the event.
            log.exception("event could not be stored")
            return hook_answers.unavailable()
        return hook_answers.too_many(verdict)

    async def _serve(
        self, opened: _Opened, request: HookRequest, rate_headers: Mapping[str, str]
    ) -> Answer:
        mode = request.target.mode
        if mode == "app":
            return await hook_apps.answer(opened.runtime, request, self._patience)
        if request.target.waits and opened.replies.is_full:
            return hook_answers.unavailable()
        if mode in {"test", "draft", "draft/sync"}:
            answer = await hook_drafts.answer(
                opened.runtime, opened.examiner, request, self._patience
            )
        else:
            answer = await self._receive(opened, request, rate_headers)
        if isinstance(answer, Answer):
            return answer
        return await opened.replies.answer(answer, rate_headers)

    async def _receive(
        self, opened: _Opened, request: HookRequest, rate_headers: Mapping[str, str]
    ) -> Answer | Receipt:
        """The answer, or the receipt of the run whose reply is waited for."""
        taken: Arrival | None = None
        for look in range(MOST_LOOKS):
            standing = await opened.intake.standing(request.target.hook_id)
            checks = opened.examiner.checks_of(standing)
            refusal = await opened.examiner.before_body(checks, request, is_first=look == 0)
            if refusal is None and taken is None:
                largest = opened.runtime.settings.hook_body_limit
                taken = await hook_requests.take(request, self._patience, largest, checks.passed)
                if taken is None:
                    return hook_answers.incomplete()
            passed = await opened.examiner.examine(
                checks, request, taken or request.arrival(None), refusal
            )
            answer = await self._store(opened, request, passed, rate_headers)
            if answer is not None:
                return answer
            opened.intake.forget(request.target.hook_id)
        return hook_answers.unavailable()

    async def _store(
        self, opened: _Opened, request: HookRequest, passed: Pass, rate_headers: Mapping[str, str]
    ) -> Answer | Receipt | None:
        """None: the zap's trigger is another by now, and nothing was stored."""
        arrival, refusal = passed
        if refusal is not None and refusal.is_noted:
            return hook_answers.refused(refusal, Receipt("rejected"))
        receipt = await opened.intake.receive(arrival)
        if arrival.blob_keys and not _keeps_blobs(arrival, receipt):
            await opened.runtime.blobs.delete(arrival.blob_keys)
        if receipt.verdict == "changed":
            return None
        if refusal is not None:
            return hook_answers.refused(refusal, receipt)
        if arrival.refusal is not None:
            return hook_answers.unreadable(arrival, receipt)
        if request.target.waits and receipt.verdict != "unknown" and receipt.run_id:
            return receipt
        return hook_answers.received(receipt, rate_headers, is_seed=request.target.is_seed)

    def _open(self) -> _Opened:
        runtime = self._runtime()
        if self._last is None or self._last.runtime is not runtime:
            limiter = RateLimiter(
                runtime.settings.hook_rate_limit,
                runtime.redis,
                prefix=runtime.settings.redis_prefix,
                namespace="hooks",
                fail_open=True,
            )
            intake = Intake(runtime.db, runtime.signals, runtime.blobs)
            replies = hook_replies.Replies(runtime)
            public_url = runtime.settings.effective_public_url
            self._last = _Opened(runtime, intake, limiter, Examiner(runtime), replies, public_url)
        return self._last

    async def _note_refusal(self, intake: Intake, request: HookRequest, verdict: Verdict) -> None:
        """One row per sender, hook and window: a flood must be seen, not stored."""
        now = time.monotonic()
        name = (counted(request.source_ip), request.target.hook_id)
        if self._noted.get(name, 0.0) > now:
            return
        if len(self._noted) >= MOST_NOTED_REFUSALS:
            self._noted = {key: until for key, until in self._noted.items() if until > now}
        if len(self._noted) >= MOST_NOTED_REFUSALS:
            return
        self._noted[name] = now + verdict.reset_seconds
        said = (
            f"Over the limit of {verdict.limit} requests; more from {request.source_ip} are "
            f"only counted for {verdict.reset_seconds} seconds."
        )
        await intake.receive(request.arrival(None, said, 429))


def _keeps_blobs(arrival: Arrival, receipt: Receipt) -> bool:
    """Files belong to events that may run; a large body to every event that has a row."""
    if arrival.files:
        return receipt.verdict in {"accepted", "held", "filtered"}
    return receipt.verdict not in {"unknown", "changed"}

"""``/hooks/apps/{source}``: what an app sends a project, routed to every zap that waits for it, or
with ``?zap=`` to the one that it was registered for.
"""

import asyncio
from http import HTTPStatus

from flowforge.api import hook_answers, hook_requests
from flowforge.api.hook_answers import Answer
from flowforge.api.hook_checks import LARGEST_AT_ONCE
from flowforge.api.hook_requests import HookRequest
from flowforge.api.patience import Patience
from flowforge.engine.triggers import WebhookSettings
from flowforge.errors import Malformed
from flowforge.infra import documents
from flowforge.infra.bulk import bulk
from flowforge.infra.runtime import Runtime
from flowforge.services import app_events
from flowforge.services.app_events import AppEvent, Source
from flowforge.services.arrivals import Arrival
from flowforge.services.examining import Checks, Proven, Refusal
from flowforge.services.firing import fire
from flowforge.services.ingest import Receipt
from flowforge.services.verifying import SignedRequest

# It is kept once for each zap that it starts, in the rows of their events.
LARGEST_BYTES = 5 * 1024 * 1024
_REJECTED = Receipt("rejected")


async def answer(runtime: Runtime, request: HookRequest, patience: Patience) -> Answer:
    """``{"events": n}``: for how many zaps it is an event now; a repeat is one for none."""
    async with runtime.db.reading() as session:
        source = await app_events.source_of(session, request.target.hook_id, runtime.vault)
    if source is None:
        return hook_answers.not_found()
    largest = min(LARGEST_BYTES, runtime.settings.hook_body_limit)
    arrival = await hook_requests.take(request, patience, largest)
    if arrival is None:
        return hook_answers.incomplete()
    if arrival.raw is None:
        return await _unreadable(runtime, source, arrival)
    signed = request.signed(arrival.raw)
    proven = await _proven(source, signed)
    if proven.refusal is not None:
        return await _not_passed(runtime, source, proven.refusal)
    return await _read(runtime, source, arrival, signed, proven.dedupe_key)


async def _proven(source: Source, signed: SignedRequest) -> Proven:
    checks = Checks(None, settings=WebhookSettings(verify=source.verify), verify=source.verify)
    if len(signed.raw) > LARGEST_AT_ONCE:
        return await asyncio.to_thread(checks.prove, signed)
    return checks.prove(signed)


async def _read(
    runtime: Runtime, source: Source, arrival: Arrival, signed: SignedRequest, key: str | None
) -> Answer:
    if arrival.refusal is not None:
        return await _unreadable(runtime, source, arrival)
    try:
        body = app_events.payload_of(source, signed.raw, arrival.content_type)
    except Malformed as problem:
        return await _unreadable(runtime, source, arrival._replace(refusal=problem.message))
    zap_id = app_events.zap_named(signed.query)
    headers = documents.parse(arrival.headers)
    return await _route(runtime, source, AppEvent(headers, body, key, zap_id))


async def _route(runtime: Runtime, source: Source, event: AppEvent) -> Answer:
    async with bulk(runtime.db) as tx:
        happenings = await app_events.happenings(tx, source, event)
        fired = await fire(tx, happenings)
    await fired.after(runtime.db, runtime.signals)
    if not happenings and not event.is_greeting(source.app):
        said = f"No zap waits for the event {event.name(source.app) or 'without a name'}."
        async with runtime.db.transaction() as session:
            await app_events.note(session, source.id, said, is_rejected=False)
    accepted = sum(receipt.verdict == "accepted" for receipt in fired)
    return Answer(HTTPStatus.OK, {"events": accepted})


async def _not_passed(runtime: Runtime, source: Source, refusal: Refusal) -> Answer:
    found = hook_answers.refused(refusal, _REJECTED)
    if refusal.reply is not None and refusal.status < HTTPStatus.BAD_REQUEST:
        return found
    return await _refused(runtime, source, found, refusal.reason)


async def _unreadable(runtime: Runtime, source: Source, arrival: Arrival) -> Answer:
    found = hook_answers.unreadable(arrival, _REJECTED)
    return await _refused(runtime, source, found, arrival.refusal or "")


async def _refused(runtime: Runtime, source: Source, answer: Answer, said: str) -> Answer:
    async with runtime.db.transaction() as session:
        await app_events.note(session, source.id, said, is_rejected=True)
    return answer

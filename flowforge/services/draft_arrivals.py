"""Requests to the URLs of a zap's draft: kept as samples, and run as tests of the draft as it is.

Promise: nothing here counts as an event of the live zap: no dedupe key is taken, no limit used up.
"""

from typing import NamedTuple

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.infra import documents
from flowforge.infra.db import after_commit
from flowforge.infra.signals import Signals
from flowforge.models import Event, Zap
from flowforge.services import drafts, testing, versions
from flowforge.services.accepting import Verdict
from flowforge.services.access import Actor, Role
from flowforge.services.arrivals import Arrival
from flowforge.services.ingest import Receipt, Standing

_ONLY_KEPT = "It came to the test URL: it is kept as a sample, and nothing runs."


class Tried(NamedTuple):
    """What became of it, and what keeps the draft from being run."""

    receipt: Receipt
    problems: tuple[drafts.Problem, ...] = ()


async def standing(session: AsyncSession, hook_id: str) -> Standing | None:
    """By what requests to the draft are examined: the draft's own trigger."""
    zap = await session.scalar(_of(hook_id))
    return None if zap is None else Standing(zap.id, _trigger(zap))


async def store(session: AsyncSession, signals: Signals, arrival: Arrival, *, runs: bool) -> Tried:
    """Keep the request, and begin a test run with it if it ``runs`` and nothing is in its way."""
    query = _of(arrival.hook_id).with_for_update().execution_options(populate_existing=True)
    zap = await session.scalar(query)
    if zap is None:
        return Tried(Receipt("unknown"))
    examined = arrival.examined
    if examined is not None and examined.by != _trigger(zap):
        return Tried(Receipt("changed"))
    # In whose name a draft is tried by its URL: that of whoever made the zap.
    owner = Actor(zap.owner_id, zap.project_id, Role.OPERATOR)
    verdict: Verdict
    if examined is not None and examined.verdict is not None:
        verdict, reason = examined.verdict, examined.reason
    elif arrival.refusal is not None:
        verdict, reason = "rejected", arrival.refusal
    elif not runs:
        verdict, reason = "held", _ONLY_KEPT
    else:
        return await _try(session, signals, owner, zap, arrival)
    receipt = Receipt(verdict, reason=reason)
    event = await _keep(session, signals, zap, arrival, receipt)
    return Tried(receipt._replace(event_id=event.id))


async def _try(
    session: AsyncSession, signals: Signals, owner: Actor, zap: Zap, arrival: Arrival
) -> Tried:
    problems = await versions.problems(session, owner, zap.draft)
    if problems:
        said = "The draft cannot be run yet; the event is kept as a sample."
        held = Receipt("held", reason=said)
        event = await _keep(session, signals, zap, arrival._replace(status=422), held)
        return Tried(held._replace(event_id=event.id), tuple(problems))
    event = await _keep(session, signals, zap, arrival, Receipt("accepted"))
    run_id = await testing.begin(session, owner, signals, zap, event)
    return Tried(Receipt("accepted", event.id, run_id))


async def _keep(
    session: AsyncSession, signals: Signals, zap: Zap, arrival: Arrival, receipt: Receipt
) -> Event:
    examined = arrival.examined
    answered = arrival.status if examined is None or not examined.verdict else examined.status
    event = Event(
        project_id=zap.project_id,
        zap_id=zap.id,
        trigger=testing.ENVIRONMENT,
        verdict=receipt.verdict,
        reason=receipt.reason,
        method=arrival.method,
        source_ip=arrival.source_ip,
        content_type=arrival.content_type,
        headers=documents.parse(arrival.headers),
        query=documents.parse(arrival.query),
        body=None if arrival.body is None else documents.parse(arrival.body),
        raw=arrival.raw,
        blob_key=arrival.blob_key,
        size=arrival.size,
        scheme=examined.scheme if examined else None,
        status_code=arrival.refusal_status if arrival.refusal else answered,
        took_ms=arrival.age_ms(),
    )
    session.add(event)
    if receipt.verdict in {"accepted", "held", "filtered"}:
        session.add_all(arrival.files)
    await session.flush()

    async def tell() -> None:
        signals.send({f"zap:{zap.id}", f"project:{zap.project_id}"})

    after_commit(session, tell)
    return event


def _of(hook_id: str) -> Select[Zap]:
    return select(Zap).where(col(Zap.hook_id) == hook_id, col(Zap.deleted_at).is_(None))


def _trigger(zap: Zap) -> str | None:
    trigger = drafts.trigger_of(zap.draft)
    return None if trigger is None else documents.dump(trigger)

"""Deliveries: a notice on its way to one destination, tried until it is taken or given up.

Promises: a delivery has one holder at a time (lease, fence), and whoever settles with an old fence
settles nothing; its webhook-id is the same at every try, so that a receiver knows one that it had
already; no transaction is open while it is sent; a destination that is switched off keeps what it
is owed.
"""

import datetime as dt
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.actions.sdk import retry_after
from flowforge.infra import documents
from flowforge.infra.bulk import bulk
from flowforge.infra.db import Database, after_commit, db_now
from flowforge.infra.runtime import Runtime
from flowforge.infra.vault import Vault, VaultError
from flowforge.models import Delivery, Destination
from flowforge.services import incidents, signing
from flowforge.services.signing import Secrets

# After the first try, the second, …; after the last of them it is given up. 46 hours in all.
WAITS_SECONDS = (5, 30, 120, 600, 3_600, 10_800, 21_600, 43_200, 86_400)
JITTER = 0.1
DEADLINE_SECONDS = 15.0
# More than a try takes, with the writing of what came of it.
LEASE_SECONDS = 60.0
PATIENCE = dt.timedelta(days=3)
MOST_TO_ONE = 5
GONE = 410
LONGEST_ERROR = 300
_SUCCESS = range(200, 300)
_REDIRECT = range(300, 400)


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is to be sent now. ``problem``: why it cannot be, and nothing is sent."""

    id: str
    destination_id: str
    fence: int
    attempts: int
    body: bytes
    url: str = ""
    secrets: Secrets = field(default=Secrets(""), repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a try. ``error`` is empty where it was taken; ``wait`` is what the receiver
    asked for, in seconds.
    """

    status_code: int | None = None
    error: str = ""
    wait: float | None = None


def topic(project_id: str) -> str:
    """What pages hear when a destination of the project or one of its deliveries has changed."""
    return f"destinations:{project_id}"


def wait_after(attempts: int, outcome: Outcome, *, jitter: float = 0.0) -> float | None:
    """Seconds from try number ``attempts`` (1-based) to the next: 5, 30, 120, … or, if that is
    longer, what the receiver asked for. None: that was the last. ``jitter``: -1 to 1.
    """
    if attempts > len(WAITS_SECONDS):
        return None
    planned = WAITS_SECONDS[attempts - 1] * (1 + JITTER * jitter)
    return max(planned, outcome.wait or 0.0)


async def claim(
    database: Database,
    vault: Vault,
    limit: int,
    *,
    spared: Sequence[str] = (),
    lease_seconds: float = LEASE_SECONDS,
) -> list[Parcel]:
    """Lease up to ``limit`` due deliveries, to none of the destinations ``spared``.

    One statement; two that claim at once each see different rows. The try counts from now on.
    """
    names = {f"spared{number}": one for number, one in enumerate(spared)}
    others = f"AND destination_id NOT IN ({', '.join(f':{n}' for n in names)}) " if names else ""
    async with bulk(database) as tx:
        rows = await tx.fetch(
            f"UPDATE delivery SET lease_until = {tx.seconds_from_now('lease')}, "  # noqa: S608 - our own constants
            "fence = fence + 1, attempts = attempts + 1 WHERE id IN ("
            f"SELECT id FROM delivery WHERE due_at <= {tx.now} "
            f"AND (lease_until IS NULL OR lease_until <= {tx.now}) {others}"
            f"ORDER BY due_at, id LIMIT :limit {tx.skip_locked}) "
            "RETURNING id, destination_id, fence, attempts, payload",
            lease=lease_seconds,
            limit=limit,
            **names,
        )
        destinations = await tx.select(
            "SELECT id, url, sealed_secret, sealed_headers FROM destination WHERE id IN :ids",
            sorted({row["destination_id"] for row in rows}),
        )
    by_id = {row["id"]: row for row in destinations}
    return [parcel(vault, row, by_id[row["destination_id"]]) for row in rows]


def parcel(vault: Vault, delivery: Any, destination: Any) -> Parcel:
    """What is to be sent, of the rows of a delivery (its payload as text) and its destination."""
    known: dict[str, Any] = {name: delivery[name] for name in ("id", "fence", "attempts")}
    known |= {"destination_id": destination["id"], "body": delivery["payload"].encode()}
    try:
        return Parcel(
            **known,
            url=destination["url"],
            secrets=signing.opened(vault, destination["id"], destination["sealed_secret"]),
            headers=open_headers(vault, destination["id"], destination["sealed_headers"]),
        )
    except VaultError as problem:
        return Parcel(**known, problem=problem.message)


def seal_headers(vault: Vault, destination_id: str, headers: Mapping[str, str]) -> str | None:
    if not headers:
        return None
    return vault.seal(documents.dump(dict(headers)).encode(), _purpose(destination_id))


def open_headers(vault: Vault, destination_id: str, sealed: str | None) -> dict[str, str]:
    """Raises: VaultError."""
    if sealed is None:
        return {}
    found: dict[str, str] = documents.parse(vault.open(sealed, _purpose(destination_id)))
    return found


def _purpose(destination_id: str) -> str:
    return f"destination:{destination_id}:headers"


async def send(http: httpx.AsyncClient, one: Parcel, now: dt.datetime) -> Outcome:
    """Try once. Whatever goes wrong is the outcome; of the answer only its status is kept."""
    if one.problem:
        return Outcome(error=one.problem)
    headers = {
        **one.headers,
        "Content-Type": "application/json",
        **signing.headers(one.id, one.body, one.secrets, now),
    }
    try:
        answer = await http.request(
            "POST",
            one.url,
            content=one.body,
            headers=headers,
            timeout=DEADLINE_SECONDS,
            follow_redirects=False,
        )
    except (httpx.HTTPError, httpx.InvalidURL) as problem:
        return Outcome(error=_shortened(str(problem) or "The request could not be sent."))
    return judged(answer.status_code, answer.headers)


def judged(status: int, headers: Mapping[str, str]) -> Outcome:
    """2xx is taken, anything else is not."""
    if status in _SUCCESS:
        return Outcome(status)
    if status in _REDIRECT:
        return Outcome(status, "It answered with a redirect. Give the address it leads to.")
    wait = retry_after(headers)
    return Outcome(
        status, f"It answered with status {status}.", wait.total_seconds() if wait else None
    )


def _shortened(text: str) -> str:
    return " ".join(text.split())[:LONGEST_ERROR]


async def settle(session: AsyncSession, running: Runtime, one: Parcel, outcome: Outcome) -> bool:
    """Write what came of a try; False where the delivery is not ``one``'s any more."""
    # The destination first, as everybody does who locks both.
    destination = await session.scalar(
        select(Destination).where(col(Destination.id) == one.destination_id).with_for_update()
    )
    found = (
        await session.execute(
            select(Delivery, db_now())
            .where(col(Delivery.id) == one.id, col(Delivery.fence) == one.fence)
            .with_for_update(of=Delivery)
        )
    ).first()
    if destination is None or found is None:
        return False
    delivery, now = found
    note_try(delivery, outcome, now)
    if not outcome.error:
        destination.failing_since = None
    else:
        jitter = random.uniform(-1, 1)  # noqa: S311 - spread, not a secret
        _plan_next(delivery, outcome, now, jitter)
        destination.failing_since = destination.failing_since or now
        if destination.enabled:
            await _disable_if_hopeless(session, running, destination, outcome, now)
        if not destination.enabled:
            delivery.due_at = None
    tell(session, running, destination.project_id)
    return True


def note_try(delivery: Delivery, outcome: Outcome, now: dt.datetime) -> None:
    """``delivery`` with what came of the try, as if it were the last."""
    delivery.status_code, delivery.error = outcome.status_code, outcome.error or None
    delivery.status = "failed" if outcome.error else "delivered"
    delivery.due_at, delivery.lease_until, delivery.finished_at = None, None, now


def _plan_next(delivery: Delivery, outcome: Outcome, now: dt.datetime, jitter: float) -> None:
    wait = wait_after(delivery.attempts, outcome, jitter=jitter)
    if wait is not None and outcome.status_code != GONE:
        delivery.status, delivery.finished_at = "pending", None
        delivery.due_at = now + dt.timedelta(seconds=wait)


async def _disable_if_hopeless(
    session: AsyncSession,
    running: Runtime,
    destination: Destination,
    outcome: Outcome,
    now: dt.datetime,
) -> None:
    since = destination.failing_since or now
    if outcome.status_code == GONE:
        reason = "It answered 410 Gone: the receiver wants nothing more."
    elif now - since >= PATIENCE:
        reason = f"It took nothing for {PATIENCE.days} days. The last time: {outcome.error}"
    else:
        return
    destination.enabled, destination.disabled_reason = False, reason
    destination.updated_at = now
    await hold(session, destination.id)
    await incidents.mail_admins(session, running, destination)


async def hold(session: AsyncSession, destination_id: str) -> None:
    """What is owed to a destination that is switched off stays owed, and is not due."""
    await _set_due(session, destination_id, None)


async def resume(session: AsyncSession, destination_id: str) -> None:
    """What was held is due again."""
    await _set_due(session, destination_id, func.coalesce(col(Delivery.due_at), db_now()))


async def _set_due(session: AsyncSession, destination_id: str, due_at: Any) -> None:
    await session.flush()
    await session.execute(
        update(Delivery)
        .where(col(Delivery.destination_id) == destination_id, col(Delivery.status) == "pending")
        .values(due_at=due_at)
        .execution_options(synchronize_session=False)
    )


def tell(session: AsyncSession, running: Runtime, project_id: str) -> None:
    """After the commit: pages look again."""

    async def send_news() -> None:
        running.signals.send({topic(project_id)})

    after_commit(session, send_news)

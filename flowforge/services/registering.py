"""Registrations that are due: leased, equipped with the project's secrets, and settled.

Promises: one holder at a time (lease, fence), and whoever settles with an old fence settles nothing;
what was wanted anew meanwhile is looked at once more; that it fails is told of once, as is that it
works again.
"""

import datetime as dt
import random
from typing import Any

from sqlalchemy import exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.infra import documents
from flowforge.infra.bulk import bulk
from flowforge.infra.db import Database, after_commit, db_now
from flowforge.infra.failpoints import reach
from flowforge.infra.runtime import Runtime
from flowforge.infra.vault import Vault, VaultError
from flowforge.models import AppSource, Registration, Zap
from flowforge.services import app_sources, notices, registrations
from flowforge.services.github_hooks import HookRefused
from flowforge.services.hook_keeping import BY_HAND, Held, Means, Outcome

# More than a turn may take.
LEASE_SECONDS = 90.0
RENEW_SECONDS = 86_400.0
FIRST_WAIT_SECONDS = 30.0
LONGEST_WAIT_SECONDS = 3600.0
# One failure is a hiccup of the other side; so many in a row are news.
TOLD_AFTER = 3
# What cannot be removed for two days is left to a person.
MOST_REMOVALS = 48
_COLUMNS = (
    "zap_id, project_id, app, wanted, known, external_id, sealed_token, failures, revision, fence"
)


def wait_after(failures: int, asked: float | None, *, jitter: float = 0.0) -> float:
    """Seconds after failure number ``failures`` in a row (1-based): 30, 60, 120 … up to an hour, or
    what was asked for if that is longer. ``jitter``: -1 to 1, of a tenth.
    """
    planned = min(FIRST_WAIT_SECONDS * 2.0 ** min(failures - 1, 20), LONGEST_WAIT_SECONDS)
    return max(planned * (1 + 0.1 * jitter), asked or 0.0)


async def is_anything_due(session: AsyncSession) -> bool:
    """Looked at without taking a lock."""
    due = select(Registration).where(
        col(Registration.due_at) <= db_now(),
        or_(col(Registration.lease_until).is_(None), col(Registration.lease_until) <= db_now()),
    )
    return bool(await session.scalar(select(exists(due))))


async def claim(
    database: Database, limit: int, *, lease_seconds: float = LEASE_SECONDS
) -> list[Held]:
    """Lease up to ``limit`` that are due. Two that claim at once each see different rows."""
    async with bulk(database) as tx:
        rows = await tx.fetch(
            f"UPDATE registration SET lease_until = {tx.seconds_from_now('lease')}, "  # noqa: S608 - our own constants
            "fence = fence + 1 WHERE zap_id IN ("
            f"SELECT zap_id FROM registration WHERE due_at <= {tx.now} "
            f"AND (lease_until IS NULL OR lease_until <= {tx.now}) "
            f"ORDER BY due_at, zap_id LIMIT :limit {tx.skip_locked}) RETURNING {_COLUMNS}",
            lease=lease_seconds,
            limit=limit,
        )
    return [_held(row) for row in rows]


async def means(session: AsyncSession, running: Runtime, held: Held) -> Means:
    """Raises: HookRefused where a secret cannot be opened."""
    source = await session.scalar(
        select(AppSource).where(
            col(AppSource.project_id) == held.project_id, col(AppSource.app) == held.app
        )
    )
    vault = running.vault
    kept = _kept(held, vault)
    if source is None:
        return Means(kept=kept)
    try:
        secret = app_sources.open_secrets(source, vault)[0]
        token = app_sources.open_token(source, vault)
    except VaultError as problem:
        raise HookRefused(problem.message, lasts=True) from problem
    url = app_sources.url_of(running.settings.effective_public_url, source.id)
    mark = vault.digest("registration", secret)
    return Means(f"{url}?zap={held.zap_id}", secret, mark, token, kept)


async def intend(session: AsyncSession, held: Held, known: dict[str, Any]) -> bool:
    """Write what is about to be made known; False: it is not to be, any more."""
    row = await _ours(session, held)
    if row is None or row.revision != held.revision:
        return False
    row.known, row.external_id = known, None
    return True


async def let_go(session: AsyncSession, held: Held) -> None:
    """Leave it as it is to whoever comes next."""
    row = await _ours(session, held)
    if row is not None:
        row.lease_until = None


async def settle(session: AsyncSession, running: Runtime, held: Held, outcome: Outcome) -> bool:
    """Write what came of a turn; False where it is not ``held``'s any more."""
    row = await _ours(session, held)
    if row is None:
        return False
    now: dt.datetime = (await session.scalars(select(db_now()))).one()
    row.known, row.external_id = outcome.known, outcome.external_id
    row.lease_until, row.updated_at = None, now
    if row.revision != held.revision:
        row.status, row.due_at = "pending", now
    elif outcome.error:
        await _fail(session, row, outcome, now)
    else:
        await _succeed(session, row, now)
    reach("register.before_commit")

    async def send_news() -> None:
        running.signals.send({f"zap:{held.zap_id}"})

    after_commit(session, send_news)
    return True


async def _fail(
    session: AsyncSession, row: Registration, outcome: Outcome, now: dt.datetime
) -> None:
    row.failures += 1
    row.status, row.error = "failed", outcome.error
    jitter = random.uniform(-1, 1)  # noqa: S311 - spread, not a secret
    wait = wait_after(row.failures, outcome.wait, jitter=jitter)
    row.due_at = None if outcome.is_over else now + dt.timedelta(seconds=wait)
    if row.wanted is None and row.failures >= MOST_REMOVALS:
        row.due_at, row.error = None, f"{outcome.error} {BY_HAND}"
    if row.alarmed_at is None and (outcome.lasts or row.failures >= TOLD_AFTER):
        row.alarmed_at = now
        await _note(session, row, "zap.registration_failed")


async def _succeed(session: AsyncSession, row: Registration, now: dt.datetime) -> None:
    row.failures, row.error, row.sealed_token = 0, None, None
    if row.known is None:
        row.status, row.renewed_at, row.due_at = "removed", None, None
    else:
        spread = random.uniform(0.9, 1.1)  # noqa: S311 - spread, not a secret
        row.status, row.renewed_at = "active", now
        row.due_at = now + dt.timedelta(seconds=RENEW_SECONDS * spread)
    if row.alarmed_at is not None:
        row.alarmed_at = None
        await _note(session, row, "zap.registration_recovered")


async def _note(session: AsyncSession, row: Registration, kind: str) -> None:
    zap = (await session.scalars(select(Zap).where(col(Zap.id) == row.zap_id))).one()
    told = {"id": zap.id, "name": zap.name, "version": zap.live_version, "enabled": zap.enabled}
    place = (row.wanted or row.known or {}).get("at")
    about = {
        "app": row.app,
        "at": place,
        "status": row.status,
        "error": row.error,
        "failures": row.failures,
        "next_at": row.due_at.isoformat() if row.due_at else None,
    }
    data = {"zap": told, "registration": about}
    await notices.note(session, row.project_id, kind, data, zap_id=row.zap_id)


async def _ours(session: AsyncSession, held: Held) -> Registration | None:
    found: Registration | None = await session.scalar(
        select(Registration)
        .where(col(Registration.zap_id) == held.zap_id, col(Registration.fence) == held.fence)
        .with_for_update()
    )
    return found


def _kept(held: Held, vault: Vault) -> str:
    """Empty where there is none, or none that can be opened any more."""
    try:
        return vault.open(held.sealed_token or "", registrations.purpose(held.zap_id)).decode()
    except VaultError:
        return ""


def _held(row: Any) -> Held:
    return Held(
        **{name: row[name] for name in _COLUMNS.split(", ") if name not in {"wanted", "known"}},
        wanted=None if row["wanted"] is None else documents.parse(row["wanted"]),
        known=None if row["known"] is None else documents.parse(row["known"]),
    )

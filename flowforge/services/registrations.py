"""What an app is to be told of a zap, and how it stands with it: wanted here, done by a worker.

Promises: what is wanted changes in the transaction that changes the zap, and publishing again what
is the same changes nothing; whatever the app may have been told is remembered until it is taken back.
"""

import datetime as dt
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.engine.triggers import TOLD_APPS, AppSettings, settings_of
from flowforge.errors import Conflict
from flowforge.infra.db import utc_now
from flowforge.infra.vault import Vault
from flowforge.models import Registration, Zap
from flowforge.services.access import Actor, Permission, own, require

NAMES = {"github": "GitHub"}

Status = Literal["pending", "active", "failed", "removed"]


class RegistrationView(BaseModel):
    """How it stands with a zap at the app that is to send it events. ``at``: where, as ``owner/repo``;
    None once nothing is there any more. ``events``: in the app's own words. ``sentence`` says all of
    it in words, ``error`` what went wrong last. ``external_id``: the app's own name for it.
    ``renewed_at``: when it was last found in order; ``due_at``: the next look, None: none is planned.
    """

    model_config = ConfigDict(frozen=True)

    zap_id: str
    app: str
    at: str | None
    events: tuple[str, ...]
    status: Status
    sentence: str
    error: str | None
    failures: int
    external_id: str | None
    renewed_at: dt.datetime | None
    due_at: dt.datetime | None


async def view(session: AsyncSession, actor: Actor, zap_id: str) -> RegistrationView | None:
    """None where no app was ever to be told of the zap."""
    require(actor, Permission.READ)
    zap = await own(session, actor, Zap, zap_id)
    row = await session.scalar(select(Registration).where(col(Registration.zap_id) == zap.id))
    return None if row is None else _view(row)


async def retry(session: AsyncSession, actor: Actor, zap_id: str) -> RegistrationView:
    """Due at once, whatever it waits for.

    Raises: Conflict where there is nothing to be told and nothing to be taken back.
    """
    require(actor, Permission.OPERATE)
    zap = await own(session, actor, Zap, zap_id)
    row = await _locked(session, zap.id)
    if row is None or (row.wanted is None and row.known is None):
        raise Conflict(
            "This zap is registered nowhere. Publish it with an app trigger that says where.",
            code="not_registered",
        )
    _ask(row, "pending" if row.status == "failed" else row.status)
    await session.flush()
    return _view(row)


async def arm(session: AsyncSession, zap: Zap) -> None:
    """Want what ``zap`` (locked by the caller) needs as it is now. What is wanted already stays as
    it is, and so does whoever works on it.
    """
    wanted = _wanted(zap)
    row = await _locked(session, zap.id)
    if row is None:
        if wanted is None:
            return
        row = Registration(zap_id=zap.id, project_id=zap.project_id, app=wanted["app"])
    elif row.wanted == wanted:
        return
    row.wanted = wanted
    if wanted is not None:
        row.app = wanted["app"]
    row.failures, row.error = 0, None
    _ask(row, "pending")
    if wanted is None and row.known is None:
        row.status, row.due_at, row.alarmed_at = "removed", None, None
    session.add(row)
    await session.flush()


async def wake(session: AsyncSession, project_id: str, app: str) -> None:
    """The project's secret or token of ``app`` is another one: look at everything again."""
    await session.execute(
        update(Registration)
        .where(
            col(Registration.project_id) == project_id,
            col(Registration.app) == app,
            or_(col(Registration.wanted).is_not(None), col(Registration.known).is_not(None)),
        )
        .values(due_at=utc_now(), revision=col(Registration.revision) + 1)
        .execution_options(synchronize_session=False)
    )


async def outlive(
    session: AsyncSession, project_id: str, app: str, token: str, vault: Vault
) -> None:
    """The project's secrets of ``app`` are about to go: what is known is taken back with ``token``,
    as long as it still opens that door.
    """
    rows = await session.scalars(
        select(Registration)
        .where(
            col(Registration.project_id) == project_id,
            col(Registration.app) == app,
            or_(col(Registration.wanted).is_not(None), col(Registration.known).is_not(None)),
        )
        .order_by(col(Registration.zap_id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    for row in rows:
        if row.known is not None and token:
            row.sealed_token = vault.seal(token.encode(), purpose(row.zap_id))
        _ask(row, row.status)
    await session.flush()


def purpose(zap_id: str) -> str:
    """What a token that is kept for a registration is sealed for."""
    return f"registration:{zap_id}"


def _wanted(zap: Zap) -> dict[str, Any] | None:
    trigger = zap.trigger or {}
    if zap.deleted_at is not None or not zap.enabled or trigger.get("kind") != "app":
        return None
    try:
        settings = AppSettings.model_validate(settings_of(trigger))
    except ValidationError:
        return None
    if settings.app not in TOLD_APPS or not settings.register_at:
        return None
    return {"app": settings.app, "at": settings.register_at, "events": [settings.event]}


def _ask(row: Registration, status: str) -> None:
    """Whoever has it in hand goes on, and it is looked at once more after that."""
    row.revision += 1
    row.due_at = row.updated_at = utc_now()
    row.status = status


async def _locked(session: AsyncSession, zap_id: str) -> Registration | None:
    found: Registration | None = await session.scalar(
        select(Registration)
        .where(col(Registration.zap_id) == zap_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found


def _view(row: Registration) -> RegistrationView:
    meant = row.wanted or row.known or {}
    return RegistrationView(
        zap_id=row.zap_id,
        app=row.app,
        at=meant.get("at"),
        events=tuple(meant.get("events") or ()),
        status=row.status,
        sentence=_sentence(row, meant),
        error=row.error,
        failures=row.failures,
        external_id=row.external_id,
        renewed_at=row.renewed_at,
        due_at=row.due_at,
    )


def _sentence(row: Registration, meant: dict[str, Any]) -> str:
    name, at = NAMES.get(row.app, row.app), meant.get("at", "")
    if row.status == "removed":
        return f"{name} sends this zap nothing: what was registered there is removed."
    if row.status == "failed":
        return row.error or f"{name} could not be told."
    if row.wanted is None:
        return f"The hook at {at} is about to be removed."
    if row.status == "pending":
        return f"{name} is about to be told at {at}."
    what = ", ".join("every event" if event == "*" else event for event in meant["events"])
    return f"{name} sends this zap what happens at {at}: {what}."

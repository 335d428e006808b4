"""Destinations: the URLs that are told what happens in a project.

Promises: the secret is shown when it is made and never again; the values of headers are shown to
nobody; only whoever manages the project changes where its news go.
"""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.errors import Conflict, Invalid
from flowforge.infra.db import new_id, utc_now
from flowforge.infra.runtime import Runtime
from flowforge.models import Destination
from flowforge.services import deliveries, notices, paging, search, signing
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.paging import Page
from flowforge.services.signing import Secrets

MOST_PER_PROJECT = 50
MOST_HEADERS = 20
LONGEST_NAME = 200
LONGEST_URL = 2000
LONGEST_HEADER = 4000

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
# Ours, or the connection's.
_RESERVED = {
    "connection", "content-encoding", "content-length", "content-type", "expect", "host",
    "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
    "webhook-id", "webhook-signature", "webhook-timestamp",
}  # fmt: skip

Headers = Mapping[str, str | None]


class DestinationView(BaseModel):
    """``header_names``: what is sent along; the values are never shown. ``disabled_reason``: why it
    was switched off by itself; ``failing_since``: since when it has taken nothing.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    url: str
    kinds: list[str]
    header_names: list[str]
    enabled: bool
    disabled_reason: str | None
    failing_since: dt.datetime | None
    created_at: dt.datetime
    updated_at: dt.datetime


class NewDestinationView(DestinationView):
    """With the secret that signs: shown this once."""

    secret: str


async def list_destinations(
    session: AsyncSession,
    actor: Actor,
    *,
    limit: int = paging.DEFAULT_LIMIT,
    cursor: str | None = None,
) -> Page[DestinationView]:
    require(actor, Permission.READ)
    query = select(Destination).where(col(Destination.project_id) == actor.project_id)
    return await paging.page(session, query, Destination.id, limit=limit, cursor=cursor, view=_view)


async def get(session: AsyncSession, actor: Actor, destination_id: str) -> DestinationView:
    require(actor, Permission.READ)
    return _view(await own(session, actor, Destination, destination_id))


async def create(
    session: AsyncSession,
    actor: Actor,
    running: Runtime,
    *,
    name: str,
    url: str,
    kinds: list[str],
    headers: Headers | None = None,
    enabled: bool = True,
) -> NewDestinationView:
    """Raises: Invalid with ``details`` of what is wrong; Conflict ``too_many_destinations``."""
    require(actor, Permission.MANAGE)
    number = await session.scalar(
        select(func.count()).where(col(Destination.project_id) == actor.project_id)
    )
    if (number or 0) >= MOST_PER_PROJECT:
        raise Conflict(
            f"A project has at most {MOST_PER_PROJECT} destinations. Delete one first.",
            code="too_many_destinations",
        )
    destination_id, secret = new_id(), signing.new_secret()
    destination = Destination(
        id=destination_id,
        project_id=actor.project_id,
        name=_name(name),
        url=_url(url),
        kinds=_kinds(kinds),
        sealed_secret=signing.seal(running.vault, destination_id, Secrets(secret)),
        enabled=enabled,
    )
    _set_headers(running, destination, headers or {})
    session.add(destination)
    await session.flush()
    deliveries.tell(session, running, actor.project_id)
    return NewDestinationView(**dict(_view(destination)), secret=secret)


async def change(
    session: AsyncSession,
    actor: Actor,
    running: Runtime,
    destination_id: str,
    *,
    name: str | None = None,
    url: str | None = None,
    kinds: list[str] | None = None,
    headers: Headers | None = None,
    enabled: bool | None = None,
) -> DestinationView:
    """What is None stays. ``headers`` takes the place of all there were; a value of None keeps the
    one that is stored under that name. Switched on, it gets what it is owed.
    """
    require(actor, Permission.MANAGE)
    destination = await _locked(session, actor, destination_id)
    if name is not None:
        destination.name = _name(name)
    if url is not None:
        destination.url = _url(url)
    if kinds is not None:
        destination.kinds = _kinds(kinds)
    if headers is not None:
        _set_headers(running, destination, headers)
    if enabled is not None and enabled != destination.enabled:
        destination.enabled = enabled
        destination.disabled_reason = destination.failing_since = None
        await (deliveries.resume if enabled else deliveries.hold)(session, destination.id)
    await _touched(session, running, destination)
    return _view(destination)


async def rotate(
    session: AsyncSession, actor: Actor, running: Runtime, destination_id: str
) -> NewDestinationView:
    """A new secret. For a day the one before signs as well, beside it."""
    require(actor, Permission.MANAGE)
    destination = await _locked(session, actor, destination_id)
    before = signing.opened(running.vault, destination.id, destination.sealed_secret)
    secrets = before.replaced(utc_now())
    destination.sealed_secret = signing.seal(running.vault, destination.id, secrets)
    await _touched(session, running, destination)
    return NewDestinationView(**dict(_view(destination)), secret=secrets.current)


async def delete(
    session: AsyncSession, actor: Actor, running: Runtime, destination_id: str
) -> None:
    """Take it away, with everything that it is owed."""
    require(actor, Permission.MANAGE)
    await session.delete(await _locked(session, actor, destination_id))
    deliveries.tell(session, running, actor.project_id)


async def _locked(session: AsyncSession, actor: Actor, destination_id: str) -> Destination:
    destination = await own(session, actor, Destination, destination_id)
    await session.refresh(destination, with_for_update=True)
    return destination


async def _touched(session: AsyncSession, running: Runtime, destination: Destination) -> None:
    destination.updated_at = utc_now()
    session.add(destination)
    await session.flush()
    deliveries.tell(session, running, destination.project_id)


def _view(destination: Destination) -> DestinationView:
    return DestinationView(
        id=destination.id,
        name=destination.name,
        url=destination.url,
        kinds=destination.kinds,
        header_names=destination.header_names or [],
        enabled=destination.enabled,
        disabled_reason=destination.disabled_reason,
        failing_since=destination.failing_since,
        created_at=destination.created_at,
        updated_at=destination.updated_at,
    )


def _set_headers(running: Runtime, destination: Destination, given: Headers) -> None:
    stored = {}
    if any(value is None for value in given.values()):
        stored = deliveries.open_headers(running.vault, destination.id, destination.sealed_headers)
    headers = {name: stored.get(name) if value is None else value for name, value in given.items()}
    complete = _headers(headers)
    destination.sealed_headers = deliveries.seal_headers(running.vault, destination.id, complete)
    destination.header_names = sorted(complete)


def _headers(headers: Mapping[str, str | None]) -> dict[str, str]:
    if len(headers) > MOST_HEADERS:
        raise _wrong("headers", f"At most {MOST_HEADERS} headers.")
    checked: dict[str, str] = {}
    for name, value in headers.items():
        path = f"headers.{name[:100]}"
        if not _HEADER_NAME.fullmatch(name):
            raise _wrong(path, "This is no name of a header.")
        if name.lower() in _RESERVED or name.lower() in {other.lower() for other in checked}:
            raise _wrong(path, f"{name} is set by FlowForge itself, or comes twice.")
        if value is None:
            raise _wrong(path, "There is no value yet under this name. Give one.")
        if len(value) > LONGEST_HEADER or not _HEADER_VALUE.fullmatch(value):
            raise _wrong(path, "A value is one line of at most 4000 plain characters.")
        checked[name] = value.strip()
    return checked


def _name(name: str) -> str:
    cleaned = name.strip()
    if not cleaned or len(cleaned) > LONGEST_NAME:
        raise _wrong("name", f"Give it a name of at most {LONGEST_NAME} characters.")
    if not cleaned.isprintable() or search.storable(cleaned) != cleaned:
        raise _wrong("name", "The name may not have control characters.")
    return cleaned


def _url(url: str) -> str:
    cleaned = url.strip()
    sentence = "Give an address such as https://example.com/hooks."
    if len(cleaned) > LONGEST_URL or not cleaned.isprintable() or " " in cleaned:
        raise _wrong("url", sentence)
    try:
        parsed = httpx.URL(cleaned)
    except (httpx.InvalidURL, ValueError):
        raise _wrong("url", sentence) from None
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise _wrong("url", sentence)
    if parsed.userinfo:
        raise _wrong("url", "Put user and password into an Authorization header instead.")
    return cleaned


def _kinds(kinds: list[str]) -> list[str]:
    known = {notices.EVERYTHING, *notices.GROUPS, *notices.KINDS}
    if not kinds:
        raise _wrong("kinds", "Choose at least one kind of event.")
    if unknown := [kind for kind in kinds if kind not in known]:
        raise _wrong("kinds", f"'{unknown[0][:60]}' is none of {', '.join(sorted(known))}.")
    return list(dict.fromkeys(kinds))


def _wrong(path: str, message: str) -> Invalid:
    details: list[dict[str, Any]] = [{"path": path, "message": message}]
    return Invalid(message, details=details)

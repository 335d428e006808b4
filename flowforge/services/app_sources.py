"""Apps that send a project everything to one URL: their secrets, and the tokens to tell them of us.

Promises: secrets and tokens go in and never come out; with other ones, what the app was told of
zaps is looked at again, and without any it is taken back.
"""

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.engine.triggers import MOST_SECRETS, TOLD_APPS, Secret
from flowforge.errors import Invalid, NotFound
from flowforge.infra import runtime
from flowforge.infra.db import new_id, utc_now
from flowforge.infra.vault import Vault, VaultError
from flowforge.models import AppSource
from flowforge.services import registrations
from flowforge.services.access import Actor, Permission, require

_LONGEST_TOKEN = 1000
_TOKEN = re.compile(rf"[!-~]{{0,{_LONGEST_TOKEN}}}")


@dataclass(frozen=True, slots=True)
class App:
    """An app that can send. ``header`` names the event, or else it stands at ``path`` in the body."""

    name: str
    scheme: str
    header: str = ""
    path: tuple[str, ...] = ()

    def event(self, headers: Mapping[str, Any], body: Any) -> str:
        """What happened, in the app's own word; empty where it does not say."""
        found: Any = headers.get(self.header) if self.header else body
        for key in self.path:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found[:100] if isinstance(found, str) else ""


APPS: dict[str, App] = {
    "github": App("GitHub", "github", header="x-github-event"),
    "slack": App("Slack", "slack", path=("event", "type")),
    "stripe": App("Stripe", "stripe", path=("type",)),
}


class AppSourceView(BaseModel):
    """An app and the URL to give it. ``url`` and what follows: None until it has a secret.
    ``takes_token``: whether it can be told by itself where to send; ``has_token``: whether it may be.

    ``unrouted`` events started no zap, ``rejected`` requests proved nothing; ``last_note`` is why
    the last of both, ``last_at`` when.
    """

    model_config = ConfigDict(frozen=True)

    app: str
    name: str
    url: str | None = None
    secrets: int = 0
    takes_token: bool = False
    has_token: bool = False
    unrouted: int = 0
    rejected: int = 0
    last_note: str | None = None
    last_at: dt.datetime | None = None
    updated_at: dt.datetime | None = None


class NewSecrets(BaseModel):
    """``secret``, or ``secrets`` while one takes the other's place: any of them will do, and the
    first is what the app is told. ``token``: with which it is told; None leaves the one there is,
    and "" takes it away. Only a token: the secrets stay.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    secret: Secret = Field(default="", repr=False)
    secrets: Annotated[tuple[Secret, ...], Field(max_length=MOST_SECRETS, repr=False)] = ()
    token: Annotated[str, Field(max_length=_LONGEST_TOKEN)] | None = Field(default=None, repr=False)

    @property
    def all(self) -> list[str]:
        return [each for each in dict.fromkeys((self.secret, *self.secrets)) if each]


async def list_sources(session: AsyncSession, actor: Actor) -> list[AppSourceView]:
    """Every app that can send, those of the project that do with their URL."""
    require(actor, Permission.READ)
    rows = await session.scalars(
        select(AppSource).where(col(AppSource.project_id) == actor.project_id)
    )
    known = {row.app: row for row in rows}
    return [_view(key, known.get(key)) for key in APPS]


async def get_source(session: AsyncSession, actor: Actor, app: str) -> AppSourceView:
    """Raises: NotFound for an app that cannot send."""
    require(actor, Permission.READ)
    _require_known(app)
    return _view(app, await _row(session, actor, app))


async def put_source(
    session: AsyncSession, actor: Actor, app: str, given: NewSecrets
) -> AppSourceView:
    """The app with other secrets, or another token; its URL stays.

    Raises: NotFound; Invalid without a secret, or for a token that cannot be one.
    """
    require(actor, Permission.EDIT)
    _require_known(app)
    if given.token:
        _require_token(app, given.token)
    row = await _row(session, actor, app, locked=True)
    if not given.all and (row is None or given.token is None):
        raise Invalid(
            "Give the secret with which the app signs.",
            details=[{"path": "secret", "message": "must not be empty"}],
        )
    if row is None:
        row = AppSource(id=new_id(), project_id=actor.project_id, app=app)
    row.verify = _sealed(row, given)
    row.updated_at = utc_now()
    session.add(row)
    await session.flush()
    await registrations.wake(session, row.project_id, app)
    return _view(app, row)


async def delete_source(session: AsyncSession, actor: Actor, app: str) -> None:
    """Its URL is dead once this is committed; hooks that its token made are taken back with it.

    Raises: NotFound.
    """
    require(actor, Permission.EDIT)
    _require_known(app)
    row = await _row(session, actor, app, locked=True)
    if row is None:
        raise NotFound("App source not found")
    vault = runtime.current().vault
    await registrations.outlive(session, row.project_id, app, _kept_token(row, vault), vault)
    await session.execute(delete(AppSource).where(col(AppSource.id) == row.id))


async def _row(
    session: AsyncSession, actor: Actor, app: str, *, locked: bool = False
) -> AppSource | None:
    query = select(AppSource).where(
        col(AppSource.project_id) == actor.project_id, col(AppSource.app) == app
    )
    found: AppSource | None = await session.scalar(query.with_for_update() if locked else query)
    return found


def _require_known(app: str) -> None:
    if app not in APPS:
        raise NotFound(f"There is no such app here; these can send: {', '.join(APPS)}.")


def _require_token(app: str, token: str) -> None:
    message = ""
    if app not in TOLD_APPS:
        message = f"{APPS[app].name} takes no token: enter the URL there yourself."
    elif not _TOKEN.fullmatch(token):
        message = "A token has no spaces and no letters beyond ASCII. Copy it again."
    if message:
        raise Invalid(message, details=[{"path": "token", "message": message}])


def _sealed(row: AppSource, given: NewSecrets) -> dict[str, Any]:
    """``row.verify`` with what was given in its place."""
    vault = runtime.current().vault
    found = {"scheme": APPS[row.app].scheme, **(row.verify or {})}
    if given.all:
        found["sealed"] = [vault.seal(each.encode(), _aad(row.id)) for each in given.all]
    if given.token is not None:
        found.pop("token", None)
    if given.token:
        found["token"] = vault.seal(given.token.encode(), _token_aad(row.id))
    return found


def _kept_token(row: AppSource, vault: Vault) -> str:
    """Empty where there is none, or none that can be opened."""
    try:
        return open_token(row, vault)
    except VaultError:
        return ""


def open_secrets(row: AppSource, vault: Vault) -> list[str]:
    """Those with which the app signs, the newest first. Raises: VaultError."""
    return [vault.open(each, _aad(row.id)).decode() for each in row.verify["sealed"]]


def open_token(row: AppSource, vault: Vault) -> str:
    """Empty where there is none. Raises: VaultError."""
    sealed = (row.verify or {}).get("token")
    return vault.open(sealed, _token_aad(row.id)).decode() if sealed else ""


def url_of(base_url: str, source_id: str) -> str:
    """Where the app sends everything."""
    return f"{base_url}/hooks/apps/{source_id}"


def _aad(source_id: str) -> str:
    return f"app_source:{source_id}"


def _token_aad(source_id: str) -> str:
    return f"app_source:{source_id}:token"


def _view(app: str, row: AppSource | None) -> AppSourceView:
    if row is None:
        return AppSourceView(app=app, name=APPS[app].name, takes_token=app in TOLD_APPS)
    base = runtime.current().settings.effective_public_url
    return AppSourceView(
        app=app,
        name=APPS[app].name,
        url=url_of(base, row.id),
        secrets=len(row.verify["sealed"]),
        takes_token=app in TOLD_APPS,
        has_token="token" in row.verify,
        unrouted=row.unrouted,
        rejected=row.rejected,
        last_note=row.last_note,
        last_at=row.last_at,
        updated_at=row.updated_at,
    )

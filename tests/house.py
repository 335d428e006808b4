"""A whole FlowForge inside a test: a fresh database, a real Redis, the API, people in it.

Promise: a house shares nothing with any other; databases are made once and cleaned in between.
"""

import asyncio
import functools
import os
import shutil
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4
from weakref import WeakSet

import asyncpg
import bcrypt
import httpx
import pytest
import sqlmodel
from fastapi import FastAPI
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import create_async_engine
from starlette.types import Receive, Scope, Send

import flowforge.models  # noqa: F401 - registers the tables
from flowforge.api.app import create_app
from flowforge.api.hooks import HookDoor
from flowforge.config import Settings
from flowforge.infra import limits, migrations
from flowforge.infra.db import utc_now
from flowforge.infra.runtime import Runtime, open_runtime
from flowforge.models import User
from flowforge.services import accounts, sessions
from flowforge.services.access import Actor, Role

POSTGRESQL = os.environ.get("TEST_POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432")
REDIS = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")
PUBLIC_URL = "http://localhost:3000"
PASSWORD = "correct horse"
# A machine that stands still for a second is no outage of Redis.
limits.REDIS_TIMEOUT_SECONDS = 10.0
# Cheap, so that a test which is not about passwords does not wait for one.
_CHEAP_HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()


class GivenSettings(Settings):
    """Settings from arguments only: a developer's environment changes no test."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


@dataclass(frozen=True)
class Account:
    """Somebody who is signed in, in a project of their own."""

    email: str
    user_id: int
    project_id: str
    token: str
    actor: Actor

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@dataclass
class Count:
    number: int = 0


_serving: ContextVar[Runtime] = ContextVar("serving")


@functools.cache
def _app() -> FastAPI:
    return create_app(_serving.get)


class Api:
    """The API of one house. ``app``: making its routes takes longer than most tests, so all share one."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime, self.app = runtime, _app()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = _serving.set(self.runtime)
        try:
            await self.app(scope, receive, send)
        finally:
            _serving.reset(token)


@dataclass
class House:
    """``client`` speaks to the API without a network in between."""

    settings: Settings
    runtime: Runtime
    app: Api
    client: httpx.AsyncClient
    people: list[Account] = field(default_factory=list)

    @property
    def db(self) -> Any:
        return self.runtime.db

    async def sign_up(self, email: str = "ada@example.com", name: str = "Ada") -> Account:
        """A verified person with a token, made through the services and without HTTP."""
        async with self.runtime.db.transaction() as session:
            user = await accounts.sign_up(
                session, self.runtime, name=name, email=email, password_hash=_CHEAP_HASH
            )
            user.verified_at = utc_now()
            await session.flush()
            signed_in = await sessions.open_session(session, self.settings, user)
            actor = await sessions.actor_from_token(session, self.settings, signed_in.token)
        assert actor is not None
        account = Account(email, actor.user_id, actor.project_id, signed_in.token, actor)
        self.people.append(account)
        return account

    async def mailbox(self) -> list[dict[str, Any]]:
        """The dev mailbox, newest first."""
        answer = await self.client.get("/api/v1/dev/mailbox")
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()
        return found

    async def user(self, email: str) -> User:
        async with self.runtime.db.reading() as session:
            query = sqlmodel.select(User).where(User.email == email)
            found: User = (await session.execute(query)).scalar_one()
            return found

    @contextmanager
    def counted_statements(self) -> Iterator["Count"]:
        """How many statements the database gets meanwhile."""
        count = Count()

        def seen(*_: Any) -> None:
            count.number += 1

        engine = self.runtime.db.engine.sync_engine
        event.listen(engine, "before_cursor_execute", seen)
        try:
            yield count
        finally:
            event.remove(engine, "before_cursor_execute", seen)

    def as_role(self, account: Account, role: Role) -> Actor:
        return Actor(account.user_id, account.project_id, role, account.actor.session_id)


@asynccontextmanager
async def open_house(database_url: str, data_dir: Path, **changes: Any) -> AsyncIterator[House]:
    """``changes``: settings that differ from the usual ones of a test."""
    prefix = f"test:{uuid4().hex}"
    given: dict[str, Any] = {
        "data_dir": data_dir,
        "database_url": database_url,
        "redis_url": REDIS,
        "redis_prefix": prefix,
        "public_url": PUBLIC_URL,
        "secret_key": "a secret key for tests only, long enough",
        "encryption_key": "an encryption key for tests only, long enough",
        "egress_allow": "127.0.0.0/8,::1/128",
        "auth_rate_limit": "off",
        "hook_rate_limit": "off",
    }
    settings = GivenSettings(**(given | changes))
    async with open_runtime(settings) as runtime:
        app = Api(runtime)
        transport = httpx.ASGITransport(
            app=HookDoor(app, lambda: runtime), client=("127.0.0.1", 40000)
        )
        async with httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL) as client:
            try:
                yield House(settings, runtime, app, client)
            finally:
                await runtime.errands.finish(within_seconds=5)
                if settings.redis_url == REDIS and runtime.redis is not None:
                    await _forget(runtime.redis, prefix)
    await _close_lost()


# Every connection to Redis that this process has made.
_made: WeakSet[AbstractConnection] = WeakSet()
_init = AbstractConnection.__init__


def _noted(self: AbstractConnection, *given: Any, **more: Any) -> None:
    _init(self, *given, **more)
    _made.add(self)


AbstractConnection.__init__ = _noted  # type: ignore[method-assign]


async def _close_lost() -> None:
    """Close what its pool has lost sight of: it would be reported later, at somebody else's test."""
    for connection in list(_made):
        if connection.is_connected:
            with suppress(RedisError, OSError, RuntimeError):
                await connection.disconnect(nowait=True)


async def _forget(redis: Redis, prefix: str) -> None:
    keys = [key async for key in redis.scan_iter(match=f"{prefix}*", count=1000)]
    if keys:
        await redis.delete(*keys)


def made_sqlite(folder: Path) -> Path:
    """A file with all tables, to be copied for each test."""
    template = folder / "template.db"
    _run(_make_tables(f"sqlite+aiosqlite:///{template}"))
    return template


def copied_sqlite(template: Path, folder: Path) -> str:
    target = folder / "flowforge.db"
    shutil.copyfile(template, target)
    return f"sqlite:///{target}"


def made_postgresql(worker: str) -> str:
    """The URL of a database of this process alone."""
    url = bare_postgresql(worker)
    _run(_make_tables(_driver(url)))
    return url


def bare_postgresql(worker: str) -> str:
    """The same without a table."""
    name = f"flowforge_test_{worker}_{os.getpid()}"
    _run(_create_database(name))
    return f"{POSTGRESQL}/{name}"


def drop_postgresql(url: str) -> None:
    _run(_administer([f'DROP DATABASE IF EXISTS "{url.rpartition("/")[2]}" WITH (FORCE)']))


def empty_postgresql(url: str) -> None:
    _run(_empty(url))


async def _empty(url: str) -> None:
    # TRUNCATE makes new files of every table and index: a quarter of a second each time.
    tables = reversed(sqlmodel.SQLModel.metadata.sorted_tables)
    deletes = [f'DELETE FROM "{table.name}"' for table in tables]
    again = [
        f"SELECT setval(pg_get_serial_sequence('\"{table.name}\"', '{column.name}'), 1, false)"
        for table in sqlmodel.SQLModel.metadata.tables.values()
        if (column := table.autoincrement_column) is not None
    ]
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("; ".join(deletes + again))
    finally:
        await connection.close()


def missing(what: str, problem: Exception) -> None:
    """A missing service fails in CI; elsewhere the test is skipped, and says so."""
    sentence = f"{what} is not running ({type(problem).__name__}): this half was NOT tested"
    if os.environ.get("CI"):
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


async def ping_redis() -> None:
    redis = Redis.from_url(REDIS, socket_connect_timeout=2)
    try:
        await redis.exists("anything")
    except RedisError as problem:
        missing("Redis", problem)
    finally:
        await redis.aclose()


def _run(work: Coroutine[Any, Any, None]) -> None:
    """In a thread with a loop of its own: fixtures are set up while the test's loop exists."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


async def _make_tables(url: str) -> None:
    if migrations.head_revision() is not None:
        await migrations.upgrade(url)
        return
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.run_sync(sqlmodel.SQLModel.metadata.create_all)
    await engine.dispose()


async def _create_database(name: str) -> None:
    try:
        await _administer([f'DROP DATABASE IF EXISTS "{name}"', f'CREATE DATABASE "{name}"'])
    except (OSError, OperationalError) as problem:
        missing("PostgreSQL", problem)


async def _administer(statements: list[str]) -> None:
    engine = create_async_engine(_driver(f"{POSTGRESQL}/postgres"), isolation_level="AUTOCOMMIT")
    try:
        async with engine.connect() as connection:
            for stale in await _stale(connection):
                await connection.execute(text(f'DROP DATABASE IF EXISTS "{stale}" WITH (FORCE)'))
            for statement in statements:
                await connection.execute(text(statement))
    finally:
        await engine.dispose()


async def _stale(connection: Any) -> list[str]:
    """Databases whose test process was killed before it could drop them."""
    query = text("SELECT datname FROM pg_database WHERE datname LIKE 'flowforge_test_%'")
    names = [row.datname for row in await connection.execute(query)]
    return [name for name in names if not _is_alive(name.rpartition("_")[2])]


def _is_alive(process_id: str) -> bool:
    try:
        os.kill(int(process_id), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def _driver(url: str) -> str:
    return url.replace("postgresql://", "postgresql+asyncpg://", 1)

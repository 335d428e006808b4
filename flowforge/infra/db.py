"""The database: one ``transaction()`` for every write, SQLite and PostgreSQL alike.

Promises: a transaction commits whole or not at all; callbacks registered with ``after_commit``
run only once the commit is durable; SQLite writers of one process queue up instead of failing.
"""

import asyncio
import datetime as dt
import socket
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import asyncpg
import uuid_utils
from sqlalchemy import DateTime, Dialect, Text, TypeDecorator, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import LoaderCallableStatus
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from flowforge.errors import Unavailable
from flowforge.infra import documents
from flowforge.infra.failpoints import reach

Callback = Callable[[], Awaitable[None]]

_CALLBACKS = "after_commit"
_READING = "flowforge_reading"
SQLITE_BUSY_SECONDS = 15
CHECKOUT_SECONDS = 10
# A process that is frozen in the middle of a transaction would keep its rows from everybody.
LONGEST_IDLE_SECONDS = 10
_IDLED_TOO_LONG = "25P03"
_SESSION = {
    "application_name": "flowforge",
    "idle_in_transaction_session_timeout": str(LONGEST_IDLE_SECONDS * 1000),
}
# One that froze within a statement, with half of its messages sent, is not idle to the server, nor
# does its statement_timeout count while it waits for the rest: only others can send it away.
_END_FROZEN = text(
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE datname = current_database() AND usename = current_user "
    "AND application_name = current_setting('application_name') AND pid <> pg_backend_pid() "
    "AND state = 'active' AND wait_event = 'ClientRead' "
    "AND state_change < clock_timestamp() - make_interval(secs => :seconds)"
)


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def new_id() -> str:
    """A UUIDv7 as text: unique everywhere, and in order of creation."""
    return str(uuid_utils.uuid7())


class UtcDateTime(TypeDecorator[dt.datetime]):
    """An aware UTC time. SQLite drops the zone of a datetime, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("times are aware: this one has no zone")
        return value.astimezone(dt.UTC)

    def process_result_value(
        self, value: dt.datetime | None, dialect: Dialect
    ) -> dt.datetime | None:
        return value.replace(tzinfo=dt.UTC) if value is not None and not value.tzinfo else value


class JsonText(TypeDecorator[Any]):
    """A JSON document as TEXT in both databases.

    Not JSONB: that refuses NUL in strings, reorders keys and costs a parse per write, and no
    query of ours looks inside.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else documents.dump(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else documents.parse(value)

    def compare_values(self, x: Any, y: Any) -> bool:
        # Not ==: Python finds 1, 1.0 and True equal, and such a change would not be written.
        # "Not loaded yet" is an enum that would pass for its number.
        if isinstance(x, LoaderCallableStatus) or isinstance(y, LoaderCallableStatus):
            return False
        return x is y or documents.dump(x) == documents.dump(y)


class db_now(FunctionElement[dt.datetime]):  # noqa: N801 - reads as the SQL function it is
    """The database's own clock: leases must not depend on the clocks of workers."""

    type = UtcDateTime()
    inherit_cache = True


@compiles(db_now, "postgresql")
def _postgres_now(element: db_now, compiler: SQLCompiler, **more: Any) -> str:
    # Not clock_timestamp(): the planner may use an index only for what is stable.
    return "now()"


@compiles(db_now, "sqlite")
def _sqlite_now(element: db_now, compiler: SQLCompiler, **more: Any) -> str:
    # %f is SS.SSS; three zeros more and it compares, as text, with what SQLAlchemy stores.
    return "strftime('%Y-%m-%d %H:%M:%f000', 'now')"


class db_clock(db_now):  # noqa: N801 - reads as the SQL function it is
    """The same clock at this very statement: also after a long wait for a lock."""

    inherit_cache = True


@compiles(db_clock, "postgresql")
def _postgres_clock(element: db_clock, compiler: SQLCompiler, **more: Any) -> str:
    return "clock_timestamp()"


class Database:
    """One engine of one process. ``dialect`` is ``sqlite`` or ``postgresql``."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        is_sqlite = url.startswith("sqlite")
        self.engine = create_async_engine(
            url,
            connect_args={} if is_sqlite else {"server_settings": _SESSION},
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=CHECKOUT_SECONDS,
            pool_pre_ping=False,
            # The message of an error goes to the log; what people stored does not.
            hide_parameters=True,
        )
        self.dialect = self.engine.dialect.name
        self.is_sqlite = self.dialect == "sqlite"
        self._writer = asyncio.Lock()
        self._spares: list[Any] = []
        if self.is_sqlite:
            event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self.engine.sync_engine, "begin", _begin_sqlite)

    async def close(self) -> None:
        while self._spares:
            await self._spares.pop().close(timeout=1)
        await self.engine.dispose()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session that commits at the end; then the ``after_commit`` callbacks run.

        Raises: Unavailable where the database cannot be reached or is busy for too long.
        """
        with _translated():
            async with self.writing(), AsyncSession(self.engine, expire_on_commit=False) as session:
                async with session.begin():
                    yield session
                    reach("transaction.before_commit")
                reach("transaction.after_commit")
                callbacks: list[Callback] = session.info.pop(_CALLBACKS, [])
        for callback in callbacks:
            await callback()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session that never writes: it takes no write lock and rolls back at the end."""
        with _translated():
            reader = self.engine.execution_options(**{_READING: True})
            async with AsyncSession(reader, expire_on_commit=False) as session:
                yield session

    @asynccontextmanager
    async def driver(self) -> AsyncIterator[Any]:
        """A connection of the driver itself, with no transaction begun, for ``bulk``.

        PostgreSQL's are kept here from batch to batch: SQLAlchemy's pool would cost each batch
        as much as a statement does. There are as many as there are batches at once: a handful.
        """
        with _translated():
            if self.is_sqlite:
                async with self.writing(), self.engine.connect() as connection:
                    yield (await connection.get_raw_connection()).driver_connection
            else:
                async with self._spare() as raw:
                    yield raw

    async def end_frozen(self, after_seconds: float = LONGEST_IDLE_SECONDS) -> int:
        """End connections, of any process, that stopped in the middle of a statement; how many."""
        if self.is_sqlite:
            return 0
        async with self.reading() as session:
            return int(await session.scalar(_END_FROZEN, {"seconds": after_seconds}) or 0)

    @asynccontextmanager
    async def _spare(self) -> AsyncIterator[Any]:
        raw = await self._spare_or_new()
        try:
            yield raw
        except BaseException as problem:
            # Whatever state it is in, nobody else shall find out.
            was_lost = raw.is_closed()
            raw.terminate()
            if was_lost and isinstance(problem, Exception):
                raise ConnectionResetError("the server ended the connection") from problem
            raise
        self._spares.append(raw)

    async def _spare_or_new(self) -> Any:
        while self._spares:
            raw = self._spares.pop()
            if not raw.is_closed():
                return raw
        _, arguments = self.engine.dialect.create_connect_args(self.engine.url)
        return await asyncpg.connect(
            **arguments, timeout=CHECKOUT_SECONDS, server_settings=_SESSION
        )

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """SQLite has one writer; waiting in line here is cheaper than its busy loop."""
        if not self.is_sqlite:
            yield
            return
        async with self._writer:
            yield


def after_commit(session: AsyncSession, callback: Callback) -> None:
    """Run ``callback`` once ``session``'s transaction is durable; never if it is rolled back."""
    session.info.setdefault(_CALLBACKS, []).append(callback)


@contextmanager
def _translated() -> Iterator[None]:
    """Turn "the database is away" into the one error that callers answer with 503."""
    try:
        yield
    except Exception as problem:
        if not is_outage(problem):
            raise
        raise Unavailable(
            "The database cannot be reached right now. Nothing was stored; try again shortly.",
            code="database_unavailable",
        ) from problem


def is_outage(problem: BaseException) -> bool:
    """True for connection loss, pool exhaustion, a full disk or a lock held too long."""
    if isinstance(problem, DBAPIError):
        away = isinstance(problem, OperationalError | InterfaceError)
        return away or problem.connection_invalidated or _is_server_outage(problem.orig)
    if type(problem).__module__.startswith("asyncpg"):
        return _is_server_outage(problem)
    # Bare from the drivers: SQLite's own, a name that does not resolve, a server that hangs.
    bare = (sqlite3.OperationalError, ConnectionError, socket.gaierror, TimeoutError)
    return isinstance(problem, bare)


def _is_server_outage(problem: BaseException | None) -> bool:
    # SQLSTATE classes: 08 connection, 53 resources, 57 operator intervention, 58 system error.
    state = getattr(problem, "sqlstate", None) or ""
    if state == _IDLED_TOO_LONG:
        return True
    return state[:2] in {"08", "53", "57", "58"} or isinstance(problem, ConnectionError | OSError)


def _prepare_sqlite(connection: DBAPIConnection, record: object) -> None:
    # The driver's own idea of when to begin is switched off; _begin_sqlite decides.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        f"busy_timeout={SQLITE_BUSY_SECONDS * 1000}",
        "foreign_keys=ON",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Any) -> None:
    # IMMEDIATE: a writer that starts as a reader can lose the race for the lock at any statement.
    reading = connection.get_execution_options().get(_READING)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

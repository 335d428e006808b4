"""Many rows in one statement: the write path of intake and of settling. How: ``statements``.

PostgreSQL gets its own driver and ``unnest`` (one statement, one plan, any number of rows);
SQLite gets ``executemany`` in one immediate transaction. Why not the ORM: ADR 5.
"""

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.ext.asyncio import AsyncSession

from flowforge.infra.db import Database
from flowforge.infra.failpoints import reach
from flowforge.infra.statements import (
    Change,
    Values,
    bound,
    conflict_target,
    insertion,
    names_of,
    statement,
)

# How many values one statement may carry: far below what SQLite allows.
_SQLITE_PARAMETERS = 20_000

Rows = tuple[Table, tuple[str, ...], Sequence[Values]]


class Bulk:
    """An open transaction for whole batches. Rows are tuples in the order of ``columns``.

    Documents are passed as JSON text, times as aware datetimes. ``now`` is the SQL of the
    database's own clock when the transaction began, ``clock`` of this very statement, which may have
    waited for a lock; ``skip_locked`` what makes a sub-select pass over rows that another
    transaction holds; with ``share_unlocked`` rows are only kept from being changed.
    """

    now: str
    clock: str
    skip_locked: str
    share_unlocked: str

    async def insert(self, table: Table, columns: tuple[str, ...], rows: Sequence[Values]) -> None:
        """Insert all rows."""
        await self.insert_all([(table, columns, rows)])

    async def insert_all(self, parts: Sequence[Rows]) -> None:
        """Insert rows of several tables, in one statement where the database can."""
        raise NotImplementedError

    async def insert_new(
        self, table: Table, columns: tuple[str, ...], rows: Sequence[Values], conflict: str
    ) -> set[str]:
        """Insert what does not collide on the index ``conflict``; the ids that went in."""
        raise NotImplementedError

    async def update(
        self, table: Table, key: str, columns: tuple[str, ...], rows: Sequence[Values]
    ) -> None:
        """Set ``columns`` where ``key`` matches; a row is ``(key value, *column values)``."""
        raise NotImplementedError

    async def delete(self, table: Table, key: str, values: Values) -> None:
        raise NotImplementedError

    async def write(self, parts: Sequence[tuple[Change, Sequence[Values]]]) -> None:
        """All parts, in one statement where the database can. No row may be in two of them."""
        raise NotImplementedError

    async def select(
        self, sql: str, ids: Values, *, lock: bool = False, numbers: bool = False
    ) -> list[Any]:
        """Rows of ``sql`` whose ``IN :ids`` holds; ``lock`` keeps them from other writers."""
        raise NotImplementedError

    async def fetch(self, sql: str, **values: Any) -> list[Any]:
        """Rows of a statement with ``:name`` parameters."""
        raise NotImplementedError

    def seconds_from_now(self, parameter: str) -> str:
        """SQL of the moment ``:parameter`` seconds from now by the database's clock."""
        raise NotImplementedError


@asynccontextmanager
async def bulk(database: Database, *, writes_once: bool = False) -> AsyncIterator[Bulk]:
    """One transaction for one batch; commits at the end.

    ``writes_once``: the caller makes at most one writing call, and it is ``insert_all``. Then
    PostgreSQL needs no BEGIN and COMMIT around it: two round trips less to the answer.
    """
    async with database.driver() as raw:
        if database.is_sqlite:
            await raw.execute("BEGIN IMMEDIATE")
            try:
                yield _SqliteBulk(raw)
                await raw.commit()
            except BaseException:
                await raw.rollback()
                raise
        elif writes_once:
            yield _PostgresBulk(raw)
        else:
            async with raw.transaction():
                yield _PostgresBulk(raw)
        reach("bulk.after_commit")


async def within(session: AsyncSession) -> Bulk:
    """The transaction of ``session``, for what is written once for both ways. What the session
    has not flushed yet is flushed.
    """
    await session.flush()
    # Its transaction begins with its first statement: before one, the driver would commit each.
    connection = await session.connection()
    await connection.execute(select(1))
    raw = (await connection.get_raw_connection()).driver_connection
    return _SqliteBulk(raw) if connection.dialect.name == "sqlite" else _PostgresBulk(raw)


@lru_cache(maxsize=256)
def _numbered(sql: str) -> tuple[str, tuple[str, ...]]:
    """``:name`` parameters as ``$1``…, and their names in order."""
    names: list[str] = []
    out: list[str] = []
    # Our own constants only: a colon is either a cast (::) or a parameter.
    parts = sql.replace("::", "\0").split(":")
    for index, part in enumerate(parts):
        if index == 0:
            out.append(part)
            continue
        length = next((i for i, c in enumerate(part) if not (c.isalnum() or c == "_")), len(part))
        name = part[:length]
        if name not in names:
            names.append(name)
        out.append(f"${names.index(name) + 1}{part[length:]}")
    return "".join(out).replace("\0", "::"), tuple(names)


class _PostgresBulk(Bulk):
    # now(), not clock_timestamp(): the planner may use an index only for what is stable.
    now = "now()"
    clock = "clock_timestamp()"
    skip_locked = "FOR UPDATE SKIP LOCKED"
    share_unlocked = "FOR SHARE SKIP LOCKED"

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def insert_all(self, parts: Sequence[Rows]) -> None:
        await self.write([(Change(table, None, columns), rows) for table, columns, rows in parts])

    async def write(self, parts: Sequence[tuple[Change, Sequence[Values]]]) -> None:
        texts: list[str] = []
        parameters: list[Any] = []
        for change, rows in parts:
            if rows:
                text, more = statement(change, rows, len(parameters))
                texts.append(text)
                parameters += more
        if not texts:
            return
        # References between the parts are checked at the end of the whole statement.
        *first, last = texts
        named = ", ".join(f"part{i} AS ({text})" for i, text in enumerate(first))
        await self._connection.execute(f"WITH {named} {last}" if first else last, *parameters)

    async def insert_new(
        self, table: Table, columns: tuple[str, ...], rows: Sequence[Values], conflict: str
    ) -> set[str]:
        if not rows:
            return set()
        varying, parameters = bound(rows)
        found = await self._connection.fetch(
            f"{insertion(table, columns, varying, 0)} "
            f"ON CONFLICT {conflict_target(table, conflict)} DO NOTHING RETURNING id",
            *parameters,
        )
        return {row["id"] for row in found}

    async def update(
        self, table: Table, key: str, columns: tuple[str, ...], rows: Sequence[Values]
    ) -> None:
        await self.write([(Change(table, key, columns), rows)])

    async def delete(self, table: Table, key: str, values: Values) -> None:
        await self.write([(Change(table, key, ()), values)])

    async def select(
        self, sql: str, ids: Values, *, lock: bool = False, numbers: bool = False
    ) -> list[Any]:
        kind = "bigint" if numbers else "text"
        text = sql.replace("IN :ids", f"= ANY($1::{kind}[])") + (" FOR UPDATE" if lock else "")
        return list(await self._connection.fetch(text, list(ids)))

    async def fetch(self, sql: str, **values: Any) -> list[Any]:
        text, names = _numbered(sql)
        return list(await self._connection.fetch(text, *(values[name] for name in names)))

    def seconds_from_now(self, parameter: str) -> str:
        return f"now() + make_interval(secs => :{parameter}::float8)"


class _SqliteBulk(Bulk):
    now = "strftime('%Y-%m-%d %H:%M:%f000', 'now')"
    clock = now
    skip_locked = ""
    share_unlocked = ""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def insert_all(self, parts: Sequence[Rows]) -> None:
        for table, columns, rows in parts:
            if rows:
                await self._connection.executemany(
                    f'INSERT INTO "{table.name}" ({names_of(columns)}) '  # noqa: S608 - our own names
                    f"VALUES ({', '.join('?' * len(columns))})",
                    [_plain(row) for row in rows],
                )

    async def insert_new(
        self, table: Table, columns: tuple[str, ...], rows: Sequence[Values], conflict: str
    ) -> set[str]:
        inserted: set[str] = set()
        most = max(1, _SQLITE_PARAMETERS // len(columns))
        for first in range(0, len(rows), most):
            batch = rows[first : first + most]
            marks = ", ".join([f"({', '.join('?' * len(columns))})"] * len(batch))
            found = await self._all(
                f'INSERT INTO "{table.name}" ({names_of(columns)}) VALUES {marks} '  # noqa: S608 - our own names
                f"ON CONFLICT {conflict_target(table, conflict)} DO NOTHING RETURNING id",
                tuple(value for row in batch for value in _plain(row)),
            )
            inserted |= {row["id"] for row in found}
        return inserted

    async def update(
        self, table: Table, key: str, columns: tuple[str, ...], rows: Sequence[Values]
    ) -> None:
        if rows:
            settings = ", ".join(f'"{name}" = ?' for name in columns)
            await self._connection.executemany(
                f'UPDATE "{table.name}" SET {settings} WHERE "{key}" = ?',  # noqa: S608 - our own names
                [(*_plain(row[1:]), row[0]) for row in rows],
            )

    async def delete(self, table: Table, key: str, values: Values) -> None:
        if values:
            await self._connection.executemany(
                f'DELETE FROM "{table.name}" WHERE "{key}" = ?',  # noqa: S608 - our own names
                [(value,) for value in values],
            )

    async def write(self, parts: Sequence[tuple[Change, Sequence[Values]]]) -> None:
        for change, rows in parts:
            if change.key is None:
                await self.insert(change.table, change.columns, rows)
            elif change.columns:
                await self.update(change.table, change.key, change.columns, rows)
            else:
                await self.delete(change.table, change.key, rows)

    async def select(
        self, sql: str, ids: Values, *, lock: bool = False, numbers: bool = False
    ) -> list[Any]:
        # IMMEDIATE already holds the only write lock, so there is nothing to lock row by row.
        marks = ", ".join("?" * len(ids))
        return await self._all(sql.replace("IN :ids", f"IN ({marks})"), tuple(ids))

    async def fetch(self, sql: str, **values: Any) -> list[Any]:
        plain = {name: _sqlite_value(value) for name, value in values.items()}
        return await self._all(sql, plain)

    def seconds_from_now(self, parameter: str) -> str:
        return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', :{parameter} || ' seconds')"

    async def _all(self, sql: str, parameters: Any) -> list[Any]:
        cursor = await self._connection.execute(sql, parameters)
        names = [column[0] for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in await cursor.fetchall()]
        await cursor.close()
        return rows


def _plain(row: Values) -> tuple[Any, ...]:
    return tuple(_sqlite_value(value) for value in row)


def moment(value: Any) -> dt.datetime:
    """A time column of a fetched row, whichever database it came from."""
    if isinstance(value, str):
        return dt.datetime.fromisoformat(value).replace(tzinfo=dt.UTC)
    assert isinstance(value, dt.datetime)  # noqa: S101 - the other driver's only form
    return value


def _sqlite_value(value: Any) -> Any:
    return _sqlite_moment(value) if isinstance(value, dt.datetime) else value


# The rows of a batch share a few moments, and writing one out is a tenth of the cost of a row.
@lru_cache(maxsize=64)
def _sqlite_moment(value: dt.datetime) -> str:
    """The text that SQLAlchemy's own SQLite DateTime writes."""
    return value.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")

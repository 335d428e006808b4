"""Many rows in one statement: the write path of intake and of settling.

PostgreSQL gets its own driver and ``unnest`` (one statement, one plan, any number of rows);
SQLite gets ``executemany`` in one immediate transaction. Why not the ORM: ADR 5.
"""

import datetime as dt
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Boolean, DateTime, Integer, LargeBinary, Table

from flowforge.infra.db import Database

Values = Sequence[Any]
Rows = tuple[Table, tuple[str, ...], Sequence[Values]]

_POSTGRES_TYPES: tuple[tuple[type, str], ...] = (
    (Boolean, "boolean"),
    (BigInteger, "bigint"),
    (Integer, "integer"),
    (DateTime, "timestamptz"),
    (LargeBinary, "bytea"),
)


class Bulk:
    """An open transaction for whole batches. Rows are tuples in the order of ``columns``.

    Documents are passed as JSON text, times as aware datetimes. ``now`` is the SQL of the
    database's own clock, ``skip_locked`` what makes a sub-select pass over rows that another
    transaction holds.
    """

    now: str
    skip_locked: str

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


class _Source(NamedTuple):
    """Where the rows of a statement come from, as SQL."""

    values: tuple[str, ...]
    table: str


@lru_cache(maxsize=1024)
def _source(
    table: Table, columns: tuple[str, ...], varying: tuple[int, ...], after: int = 0
) -> _Source:
    """Columns at ``varying`` come as arrays, the others as one value for all rows.

    ``after``: how many parameters of the statement are taken already.
    """
    places = {index: place for place, index in enumerate(varying, after + 1)}
    fixed = (index for index in range(len(columns)) if index not in places)
    places |= {index: place for place, index in enumerate(fixed, after + len(varying) + 1)}
    values = tuple(
        f'u."{name}"' if index in varying else f"${places[index]}::{_sql_type(table, name)}"
        for index, name in enumerate(columns)
    )
    arrays = ", ".join(f"${places[i]}::{_sql_type(table, columns[i])}[]" for i in varying)
    names = _names(tuple(columns[index] for index in varying))
    return _Source(values, f" FROM unnest({arrays}) AS u({names})" if varying else "")


def _bound(rows: Sequence[Values], *, always: int = 0) -> tuple[tuple[int, ...], list[Any]]:
    """Which columns vary over ``rows``, and the parameters in the order of ``_source``.

    Most columns of a batch hold one value (the zap, the moment, nulls): sending it once instead
    of an array halves the cost of a row. The first ``always`` columns are sent as arrays.
    """
    columns = list(zip(*rows, strict=True))
    size = len(rows)
    varying = tuple(
        index
        for index, column in enumerate(columns)
        if index < always or column.count(column[0]) != size
    )
    fixed = [column[0] for index, column in enumerate(columns) if index not in varying]
    return varying, [*(columns[index] for index in varying), *fixed]


def _sql_type(table: Table, name: str) -> str:
    kind = table.c[name].type
    kind = getattr(kind, "impl", kind)
    return next((text for cls, text in _POSTGRES_TYPES if isinstance(kind, cls)), "text")


@lru_cache(maxsize=64)
def _conflict_target(table: Table, name: str) -> str:
    index = next(index for index in table.indexes if index.name == name)
    columns = ", ".join(column.name for column in index.columns)
    where = index.dialect_options["postgresql"]["where"]
    return f"({columns}) WHERE {where}" if where is not None else f"({columns})"


@lru_cache(maxsize=1024)
def _insertion(table: Table, columns: tuple[str, ...], varying: tuple[int, ...], after: int) -> str:
    source = _source(table, columns, varying, after)
    return (
        f'INSERT INTO "{table.name}" ({_names(columns)}) '
        f"SELECT {', '.join(source.values)}{source.table}"
    )


class _PostgresBulk(Bulk):
    # now(), not clock_timestamp(): the planner may use an index only for what is stable.
    now = "now()"
    skip_locked = "FOR UPDATE SKIP LOCKED"

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def insert_all(self, parts: Sequence[Rows]) -> None:
        statements: list[str] = []
        parameters: list[Any] = []
        for table, columns, rows in parts:
            if rows:
                varying, more = _bound(rows)
                statements.append(_insertion(table, columns, varying, len(parameters)))
                parameters += more
        if not statements:
            return
        # References between the parts are checked at the end of the whole statement.
        *first, last = statements
        named = ", ".join(f"part{i} AS ({statement})" for i, statement in enumerate(first))
        await self._connection.execute(f"WITH {named} {last}" if first else last, *parameters)

    async def insert_new(
        self, table: Table, columns: tuple[str, ...], rows: Sequence[Values], conflict: str
    ) -> set[str]:
        if not rows:
            return set()
        varying, parameters = _bound(rows)
        found = await self._connection.fetch(
            f"{_insertion(table, columns, varying, 0)} "
            f"ON CONFLICT {_conflict_target(table, conflict)} DO NOTHING RETURNING id",
            *parameters,
        )
        return {row["id"] for row in found}

    async def update(
        self, table: Table, key: str, columns: tuple[str, ...], rows: Sequence[Values]
    ) -> None:
        if rows:
            varying, parameters = _bound(rows, always=1)
            source = _source(table, (key, *columns), varying)
            settings = ", ".join(
                f'"{name}" = {value}'
                for name, value in zip(columns, source.values[1:], strict=True)
            )
            await self._connection.execute(
                f'UPDATE "{table.name}" t SET {settings}{source.table} '  # noqa: S608 - our own names
                f'WHERE t."{key}" = u."{key}"',
                *parameters,
            )

    async def delete(self, table: Table, key: str, values: Values) -> None:
        if values:
            await self._connection.execute(
                f'DELETE FROM "{table.name}" WHERE "{key}" = '  # noqa: S608 - our own names
                f"ANY($1::{_sql_type(table, key)}[])",
                list(values),
            )

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
    skip_locked = ""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def insert_all(self, parts: Sequence[Rows]) -> None:
        for table, columns, rows in parts:
            if rows:
                await self._connection.executemany(
                    f'INSERT INTO "{table.name}" ({_names(columns)}) '  # noqa: S608 - our own names
                    f"VALUES ({', '.join('?' * len(columns))})",
                    [_plain(row) for row in rows],
                )

    async def insert_new(
        self, table: Table, columns: tuple[str, ...], rows: Sequence[Values], conflict: str
    ) -> set[str]:
        inserted = set()
        statement = (
            f'INSERT INTO "{table.name}" ({_names(columns)}) '  # noqa: S608 - our own names
            f"VALUES ({', '.join('?' * len(columns))}) "
            f"ON CONFLICT {_conflict_target(table, conflict)} DO NOTHING RETURNING id"
        )
        for row in rows:
            inserted |= {found["id"] for found in await self._all(statement, _plain(row))}
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


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in columns)


def _plain(row: Values) -> tuple[Any, ...]:
    return tuple(_sqlite_value(value) for value in row)


def moment(value: Any) -> dt.datetime:
    """A time column of a fetched row, whichever database it came from."""
    if isinstance(value, str):
        return dt.datetime.fromisoformat(value).replace(tzinfo=dt.UTC)
    assert isinstance(value, dt.datetime)  # noqa: S101 - the other driver's only form
    return value


def _sqlite_value(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        # The text that SQLAlchemy's own SQLite DateTime writes.
        return value.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return value

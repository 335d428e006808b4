"""SQL for whole batches: one statement and one plan for any number of rows, on PostgreSQL.

Texts are made once for each shape of a batch and kept; what a stranger sent is always a parameter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Boolean, DateTime, Integer, LargeBinary, Table

Values = Sequence[Any]

_POSTGRES_TYPES: tuple[tuple[type, str], ...] = (
    (Boolean, "boolean"),
    (BigInteger, "bigint"),
    (Integer, "integer"),
    (DateTime, "timestamptz"),
    (LargeBinary, "bytea"),
)


# By identity: they are constants, and a batch is sorted by them row by row.
@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """One part of a write: without ``key`` rows are inserted; with it the ``columns`` of those
    whose key comes first are set; without ``columns`` they are deleted.
    """

    table: Table
    key: str | None
    columns: tuple[str, ...]


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
    names = names_of(tuple(columns[index] for index in varying))
    return _Source(values, f" FROM unnest({arrays}) AS u({names})" if varying else "")


def bound(rows: Sequence[Values], *, always: int = 0) -> tuple[tuple[int, ...], list[Any]]:
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
def conflict_target(table: Table, name: str) -> str:
    index = next(index for index in table.indexes if index.name == name)
    columns = ", ".join(column.name for column in index.columns)
    where = index.dialect_options["postgresql"]["where"]
    return f"({columns}) WHERE {where}" if where is not None else f"({columns})"


@lru_cache(maxsize=1024)
def insertion(table: Table, columns: tuple[str, ...], varying: tuple[int, ...], after: int) -> str:
    source = _source(table, columns, varying, after)
    return (
        f'INSERT INTO "{table.name}" ({names_of(columns)}) '
        f"SELECT {', '.join(source.values)}{source.table}"
    )


def statement(change: Change, rows: Sequence[Values], after: int = 0) -> tuple[str, list[Any]]:
    """The SQL of a part and its parameters, of which ``after`` others come first."""
    table, key, columns = change.table, change.key, change.columns
    if key is None:
        varying, parameters = bound(rows)
        return insertion(table, columns, varying, after), parameters
    if not columns:
        return _deletion(table, key, after), [list(rows)]
    varying, parameters = bound(rows, always=1)
    return _update(table, key, columns, varying, after), parameters


@lru_cache(maxsize=1024)
def _update(
    table: Table, key: str, columns: tuple[str, ...], varying: tuple[int, ...], after: int
) -> str:
    source = _source(table, (key, *columns), varying, after)
    settings = ", ".join(
        f'"{name}" = {value}' for name, value in zip(columns, source.values[1:], strict=True)
    )
    return (
        f'UPDATE "{table.name}" t SET {settings}{source.table} '  # noqa: S608 - our own names
        f'WHERE t."{key}" = u."{key}"'
    )


@lru_cache(maxsize=64)
def _deletion(table: Table, key: str, after: int) -> str:
    kind = _sql_type(table, key)
    return f'DELETE FROM "{table.name}" WHERE "{key}" = ANY(${after + 1}::{kind}[])'  # noqa: S608 - our own names


def names_of(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in columns)

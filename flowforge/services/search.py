"""Finding rows by a part of a text, whatever a person types into the box."""

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Boolean, Text, bindparam, or_, type_coerce
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import FunctionElement

from flowforge.errors import Invalid
from flowforge.infra import documents

LONGEST = 200
_ASCII = 0x7F


def contains(column: Any, sought: str) -> ColumnElement[bool]:
    """Rows whose ``column`` has ``sought`` in it, case ignored; wildcards are plain letters."""
    literal = _literal(storable(sought)[:LONGEST])
    return type_coerce(column, Text).ilike(f"%{literal}%", escape="/")


def begins(column: Any, sought: str) -> ColumnElement[bool]:
    """Rows whose ``column`` begins with ``sought``, letter by letter."""
    return type_coerce(column, Text).like(f"{_literal(storable(sought)[:LONGEST])}%", escape="/")


def message_contains(column: Any, sought: str) -> ColumnElement[bool]:
    """The same for the ``message`` of an error that is kept as a document."""
    # In the document's text the sought words stand escaped, somewhere after this key.
    escaped = documents.dump(storable(sought)[:LONGEST])[1:-1]
    return type_coerce(column, Text).ilike(f'%"message":"%{_literal(escaped)}%', escape="/")


def document_contains(column: Any, sought: str) -> ColumnElement[bool]:
    """The same for the text of a document, as it was typed or as JSON spells it."""
    return or_(*(contains(column, each) for each in _spellings(sought)))


def bytes_contain(column: Any, sought: str) -> ColumnElement[bool]:
    """Rows whose bytes have ``sought`` in them, as it was typed or as JSON spells it, the case of
    ASCII letters ignored. No bytes are such that they could not be looked at.
    """
    return or_(*(_bytes_like(column, each) for each in _spellings(sought)))


class _bytes_match(FunctionElement[bool]):  # noqa: N801 - reads as the SQL function it is
    """``(column, pattern in text, the same pattern with bytes beyond ASCII spelled out)``."""

    type = Boolean()
    inherit_cache = True


@compiles(_bytes_match, "postgresql")
def _postgres_match(element: _bytes_match, compiler: SQLCompiler, **more: Any) -> str:
    column, _, pattern = element.clauses
    # Not as UTF-8: one body that is none would fail the query.
    seen = f"encode({compiler.process(column, **more)}, 'escape')"
    return f"{seen} ILIKE {compiler.process(pattern, **more)} ESCAPE '/'"


@compiles(_bytes_match, "sqlite")
def _sqlite_match(element: _bytes_match, compiler: SQLCompiler, **more: Any) -> str:
    column, pattern, _ = element.clauses
    seen = f"CAST({compiler.process(column, **more)} AS TEXT)"
    return f"{seen} LIKE {compiler.process(pattern, **more)} ESCAPE '/'"


def _bytes_like(column: Any, sought: str) -> ColumnElement[bool]:
    patterns = (f"%{_literal(each)}%" for each in (sought, _spelled_out(sought)))
    return _bytes_match(column, *(bindparam(None, each, Text()) for each in patterns))


def _spelled_out(text: str) -> str:
    """As PostgreSQL writes bytes as text: a backslash twice, bytes beyond ASCII in octal."""
    return "".join(
        "\\\\" if byte == ord("\\") else chr(byte) if byte <= _ASCII else f"\\{byte:03o}"
        for byte in text.encode()
    )


def _spellings(sought: str) -> list[str]:
    """What was typed, and how JSON may spell it; each once."""
    typed = storable(sought)[:LONGEST]
    spelled = (json.dumps(typed, ensure_ascii=plain)[1:-1] for plain in (False, True))
    return list(dict.fromkeys((typed, *spelled)))


class unindexed(FunctionElement[str]):  # noqa: N801 - reads as the SQL function it is
    """The column itself, by which SQLite shall not choose its index: it keeps no statistics and takes
    the index of which most columns are named, also where another finds a few rows at once.
    """

    type = Text()
    inherit_cache = True


@compiles(unindexed, "postgresql")
def _postgres_unindexed(element: unindexed, compiler: SQLCompiler, **more: Any) -> str:
    return compiler.process(element.clauses, **more)


@compiles(unindexed, "sqlite")
def _sqlite_unindexed(element: unindexed, compiler: SQLCompiler, **more: Any) -> str:
    return f"+{compiler.process(element.clauses, **more)}"


class code_of(FunctionElement[str]):  # noqa: N801 - reads as the SQL function it is
    """The ``code`` of an error that is kept as a document."""

    type = Text()
    inherit_cache = True


@compiles(code_of, "postgresql")
def _postgres_code(element: code_of, compiler: SQLCompiler, **more: Any) -> str:
    # Not as JSON: one message with a NUL in it would fail the query. The code is written first.
    return f"split_part({compiler.process(element.clauses, **more)}, '\"', 4)"


@compiles(code_of, "sqlite")
def _sqlite_code(element: code_of, compiler: SQLCompiler, **more: Any) -> str:
    return f"json_extract({compiler.process(element.clauses, **more)}, '$.code')"


def words(given: str, known: Sequence[str], field: str) -> list[str]:
    """One or more of ``known``, as a query has them: with commas between them.

    Raises: Invalid for none, or another.
    """
    wanted = [part.strip() for part in given.split(",") if part.strip()]
    if not wanted or set(wanted) - set(known):
        message = f"must be one or more of {', '.join(known)}"
        raise Invalid(f"{field} {message}", details=[{"path": field, "message": message}])
    return wanted


def in_utc(moment: dt.datetime) -> dt.datetime:
    """A time without a zone is taken as UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)


def storable(text: str) -> str:
    """``text`` without what PostgreSQL cannot keep: NUL and halves of surrogate pairs."""
    return text.replace("\0", "").encode(errors="ignore").decode()


def _literal(text: str) -> str:
    return text.replace("/", "//").replace("%", "/%").replace("_", "/_")

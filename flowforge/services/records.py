"""What is on record of a run, read to decide what of it is done again, and what is kept.

Promise: rows are read without the values of actions and code, so that a long run costs little.
"""

import asyncio
import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, case, insert, null, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.actions import REGISTRY
from flowforge.engine import rewind
from flowforge.engine.plan import Plan
from flowforge.engine.protocol import AttemptRecord, ErrorInfo, Path, Started, Stored
from flowforge.infra.db import new_id, utc_now
from flowforge.models import Attempt, Run
from flowforge.services.leftovers import STORE_KEPT

# The errors of attempts that did not end by themselves: the run ended while they were under way.
CUT_SHORT = frozenset({"cancelled", "deadline", "run_timeout", "worker_lost"})
# A little less than the sweep leaves to steps what they noted.
REMEMBERED = STORE_KEPT - dt.timedelta(days=1)
_AT_ONCE = 200
_PERFORMED = ("action", "code")


@dataclass(frozen=True, slots=True)
class Row:
    """An attempt as the engine reads it. ``blob`` is where its output is, if that is large."""

    id: str
    step_id: str
    kind: str
    action: str | None
    blob: str | None
    began_at: dt.datetime
    record: AttemptRecord

    @property
    def has_failed(self) -> bool:
        return self.record.status in {"failed", "unknown"}

    def is_doubtful(self, *, elsewhere: bool) -> bool:
        """Whether nobody knows what it did, and doing it again may do harm.

        What moves money can go on where it was by what it remembers: for a while, and not
        ``elsewhere``, in another run.
        """
        action = REGISTRY.get(self.action) if self.action is not None else None
        if self.record.status != "unknown" or action is None:
            return False
        has_forgotten = elsewhere or self.began_at < utc_now() - REMEMBERED
        return not action.repeatable or (action.moves_money and has_forgotten)


async def of_run(session: AsyncSession, run_id: str) -> list[Row]:
    """The attempts of the run in the order they began. The caller owns the run."""
    found = await session.execute(
        select(
            col(Attempt.id),
            col(Attempt.step_id),
            col(Attempt.kind),
            col(Attempt.action),
            col(Attempt.path),
            col(Attempt.number),
            col(Attempt.status),
            col(Attempt.error),
            col(Attempt.seq),
            col(Attempt.retry_at),
            col(Attempt.started_at),
            col(Attempt.input_blob),
            col(Attempt.input_size),
            col(Attempt.output_blob),
            col(Attempt.output_size),
            _only(col(Attempt.kind) == "loop", Attempt.input).label("input"),
            _only(col(Attempt.kind).not_in(_PERFORMED), Attempt.output).label("output"),
        )
        .where(col(Attempt.run_id) == run_id)
        .order_by(col(Attempt.id))
    )
    return [_row(each) for each in found.all()]


def _only(condition: ColumnElement[bool], column: Any) -> Any:
    return case((condition, col(column)), else_=null())


def _row(found: Any) -> Row:
    error = found.error
    record = AttemptRecord(
        path=found.path,
        number=found.number,
        status=found.status,
        input=_value(found.input, found.input_blob, found.input_size)
        if found.kind == "loop"
        else None,
        output=_value(found.output, found.output_blob, found.output_size),
        error=ErrorInfo(error["code"], error["message"]) if error else None,
        promised=found.retry_at is not None,
        seq=found.seq,
    )
    return Row(
        found.id,
        found.step_id,
        found.kind,
        found.action,
        found.output_blob,
        found.started_at,
        record,
    )


def _value(document: Any, blob: str | None, size: int | None) -> Any:
    return document if blob is None else Stored(blob, size or 0)


def latest(rows: Iterable[Row]) -> dict[Path, Row]:
    """The last attempt of each path."""
    found: dict[Path, Row] = {}
    for row in rows:
        known = found.get(row.record.path)
        if known is None or known.record.number < row.record.number:
            found[row.record.path] = row
    return found


async def casualties(plan: Plan, rows: Sequence[Row]) -> list[Row]:
    """What the run failed at, and what was under way when it ended: with another attempt of each
    it goes on.
    """
    known = {(row.record.path, row.record.number): row for row in rows}
    records = [row.record for row in rows]
    # Thousands of rounds take their time, and others are served meanwhile.
    found = await asyncio.to_thread(rewind.casualties, plan, Started(), records, CUT_SHORT)
    return [known[name] for name in found if name in known]


async def kept(
    before: Plan, plan: Plan, rows: Sequence[Row], path: Path | None, lost: Iterable[Row]
) -> list[tuple[Row, AttemptRecord]]:
    """What a run of ``plan`` that begins at ``path`` has of the rows of a run of ``before``, each as
    it is to be written. ``lost`` are that run's casualties; without a path it begins there.

    Where ``plan`` goes another way before that, it begins where it does.
    """
    known = {(row.record.path, row.record.number): row for row in rows}
    records = [row.record for row in rows if row.step_id in plan.places]
    paths = {row.record.path for row in lost}

    def find() -> list[AttemptRecord]:
        found = rewind.kept(plan, records, path, paths)
        for place in rewind.divergences(before, plan, records) if plan is not before else ():
            found = rewind.kept(plan, found, place)
        return found

    found = await asyncio.to_thread(find)
    return [(known[record.path, record.number], record) for record in found]


async def copy(session: AsyncSession, kept: Sequence[tuple[Row, AttemptRecord]], run: Run) -> None:
    """Give ``run``, which is new, these rows of another run; large values are shared."""
    for first in range(0, len(kept), _AT_ONCE):
        part = {row.id: record for row, record in kept[first : first + _AT_ONCE]}
        found = await session.execute(
            select(Attempt.__table__)  # type: ignore[attr-defined]
            .where(col(Attempt.id).in_(part))
            .order_by(col(Attempt.id))
        )
        copies = [_copy(values._mapping, part[values.id], run.id) for values in found]  # noqa: SLF001 - SQLAlchemy's public name
        await session.execute(insert(Attempt), copies)


def _copy(values: Any, record: AttemptRecord, run_id: str) -> dict[str, Any]:
    copied = {**values, "id": new_id(), "run_id": run_id, "status": record.status}
    copied["retry_at"] = values["retry_at"] if record.promised else None
    if record.status == "running":
        # A block that is open again: what it was closed with is to come once more.
        copied |= {"error": None, "seq": None, "finished_at": None}
        copied["output"] = record.output
    return copied

"""What runs have to write, gathered row by row and written in few statements.

Promise: a row that is opened and ended before anything was written is written once, as it ended.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table

from flowforge.engine.protocol import AttemptStatus, ErrorInfo, FinalStatus
from flowforge.infra import documents, telemetry
from flowforge.infra.bulk import Bulk, Rows
from flowforge.infra.db import new_id, utc_now
from flowforge.infra.statements import Change
from flowforge.models import Attempt, OutboxEntry, Run
from flowforge.services import admission, asking, leases
from flowforge.services.values import NOTHING, Packed

_RUN: Table = Run.__table__  # type: ignore[attr-defined]
_ATTEMPT: Table = Attempt.__table__  # type: ignore[attr-defined]
_OUTBOX: Table = OutboxEntry.__table__  # type: ignore[attr-defined]

_BEGUN = ("id", "run_id", "path", "step_id", "kind", "action", "number", "started_at", "status")
_VALUES = ("input", "input_blob", "input_size", "output", "output_blob", "output_size")
_END = ("error", "seq", "retry_at", "wake_at", "logs", "finished_at")
_BLANK = (None,) * (len(_VALUES) + len(_END))
_CLOSED = ("status", "error", "seq", "retry_at", "finished_at")

_BEGIN = Change(_ATTEMPT, None, _BEGUN)
_RECORD = Change(_ATTEMPT, None, (*_BEGUN, *_VALUES, *_END))
_PERFORM = Change(_ATTEMPT, "id", (*_CLOSED, "input", "output"))
_PERFORM_LARGE = Change(_ATTEMPT, "id", (*_CLOSED, *_VALUES, "logs"))
_CLOSE = Change(_ATTEMPT, "id", _CLOSED)
_CLOSE_WITH = Change(_ATTEMPT, "id", (*_CLOSED, "output", "output_blob", "output_size"))
_START = Change(_RUN, "id", ("status", "started_at", "deadline_at"))
_FINISH = Change(_RUN, "id", ("status", "error", "finished_at"))
_MOVE = Change(_RUN, "id", ("status",))
_REPLY = Change(_RUN, "id", ("reply",))
_RELEASE = Change(_OUTBOX, "run_id", ("due_at", "rank_at", "lease_until"))
_FORGIVE = Change(_OUTBOX, "run_id", ("crashes",))
_DONE = Change(_OUTBOX, "run_id", ())
# What a run mostly writes. No row of one of these is in another, so they make one statement.
_USUAL = (_PERFORM, _BEGIN, _FINISH, _RELEASE, _DONE)
_OTHERS = (_RECORD, _PERFORM_LARGE, _CLOSE, _CLOSE_WITH, _MOVE, _REPLY, _FORGIVE)

_LOST = "The worker performing this attempt died; it may have taken effect or not."


@dataclass(frozen=True, slots=True)
class RunKey:
    """A run that this process holds, under which fence, and who wants to hear of it.

    ``parent_run_id`` waits for its end.
    """

    run_id: str
    fence: int
    zap_id: str
    project_id: str
    parent_run_id: str | None = None

    @property
    def topics(self) -> tuple[str, ...]:
        return (f"run:{self.run_id}", f"zap:{self.zap_id}", f"project:{self.project_id}")


class Writes:
    """What one or more runs have to write.

    ``parents`` are runs that wait for one that has ended, ``gates`` the limits at which there may
    be room, ``expired`` and ``given_up`` questions (by attempt), ``inserted`` rows of other tables,
    ``blobs`` what must be in its place before the rows that name it. ``wakes``: there is work for
    others; ``mails``: mail is due.
    """

    def __init__(self) -> None:
        self.wakes = False
        self.mails = False
        self.now = utc_now()
        self._opened: dict[str, tuple[Any, ...]] = {}
        self._changes: defaultdict[Change, list[Any]] = defaultdict(list)
        self._lists: defaultdict[str, list[Any]] = defaultdict(list)

    @property
    def is_filled(self) -> bool:
        """Whether there is anything to write."""
        return bool(self._opened or self._changes or self._lists)

    @property
    def rows(self) -> int:
        """How many attempts are new."""
        return len(self._opened)

    @property
    def parents(self) -> list[str]:
        return self._lists["parents"]

    @property
    def gates(self) -> list[str]:
        return self._lists["gates"]

    @property
    def expired(self) -> list[str]:
        return self._lists["expired"]

    @property
    def given_up(self) -> list[str]:
        return self._lists["given_up"]

    @property
    def inserted(self) -> list[Rows]:
        return self._lists["inserted"]

    @property
    def blobs(self) -> list[Packed]:
        return self._lists["blobs"]

    @property
    def topics(self) -> list[str]:
        return self._lists["topics"]

    @property
    def ended(self) -> list[str]:
        """The runs that owe nothing any more."""
        return self._changes[_DONE]

    @property
    def ends(self) -> Sequence[tuple[Any, ...]]:
        """How they ended: ``(run id, status, error as JSON, when)``."""
        return self._changes.get(_FINISH, ())

    def open_attempt(
        self,
        run_id: str,
        path: str,
        step_id: str,
        kind: str,
        *,
        number: int,
        action: str | None = None,
        inputs: Packed = NOTHING,
        output: Packed = NOTHING,
        wake_at: dt.datetime | None = None,
    ) -> str:
        """A running attempt; it counts from now on, whatever becomes of its worker."""
        attempt_id = new_id()
        begun = (attempt_id, run_id, path, step_id, kind, action, number, self.now, "running")
        if inputs is NOTHING and output is NOTHING and wake_at is None:
            self._opened[attempt_id] = (*begun, *_BLANK)
            return attempt_id
        self._keep(inputs, output)
        self._opened[attempt_id] = (
            *begun,
            *inputs.columns,
            *output.columns,
            *(None, None, None, wake_at, None, None),
        )
        return attempt_id

    def close_attempt(
        self,
        attempt_id: str,
        status: AttemptStatus,
        *,
        seq: int,
        output: Packed = NOTHING,
        error: ErrorInfo | None = None,
        retry_at: dt.datetime | None = None,
    ) -> None:
        """End a row whose input, if it has one, was written when it was opened; so was what is
        known of its output, if none is given.
        """
        self._keep(output)
        if attempt_id not in self._opened:
            closed = (attempt_id, status, error_text(error), seq, retry_at, self.now)
            if output is NOTHING:
                self._changes[_CLOSE].append(closed)
            else:
                self._changes[_CLOSE_WITH].append((*closed, *output.columns))
            return
        row = self._opened[attempt_id]
        begun, known = row[: len(_BEGUN) - 1], row[len(_BEGUN) : len(_BEGUN) + len(_VALUES)]
        given = known if output is NOTHING else (*known[:3], *output.columns)
        wake_at = row[len(_BEGUN) + len(_VALUES) + 3]
        end = (error_text(error), seq, retry_at, wake_at, None, self.now)
        self._opened[attempt_id] = (*begun, status, *given, *end)

    def close_performed(
        self,
        attempt_id: str,
        status: AttemptStatus,
        *,
        seq: int,
        inputs: Packed,
        output: Packed,
        error: ErrorInfo | None,
        retry_at: dt.datetime | None,
        logs: str | None,
    ) -> None:
        """End a row with what was put in and what came of it."""
        row = (attempt_id, status, error_text(error), seq, retry_at, self.now)
        if logs is None and inputs.blob is None and output.blob is None:
            self._changes[_PERFORM].append((*row, inputs.document, output.document))
        else:
            self._keep(inputs, output)
            self._changes[_PERFORM_LARGE].append((*row, *inputs.columns, *output.columns, logs))

    def _keep(self, *values: Packed) -> None:
        for value in values:
            if value.content is not None:
                self.blobs.append(value)

    def start_run(
        self, run_id: str, status: str, began_at: dt.datetime, deadline_at: dt.datetime
    ) -> None:
        self._changes[_START].append((run_id, status, began_at, deadline_at))

    def move_run(self, run_id: str, status: str) -> None:
        self._changes[_MOVE].append((run_id, status))

    def finish_run(
        self,
        key: RunKey,
        status: FinalStatus,
        error: ErrorInfo | None,
        gates: Sequence[str] = (),
    ) -> None:
        self._changes[_FINISH].append((key.run_id, status, error_text(error), self.now))
        self._changes[_DONE].append(key.run_id)
        if gates:
            self.gates.extend(gates)
        if key.parent_run_id is not None:
            self.parents.append(key.parent_run_id)
        telemetry.count_run(status)

    def release_run(self, run_id: str, due_at: dt.datetime, priority: int = leases.USUAL) -> None:
        """Give the run back: whoever is free at ``due_at`` takes it on."""
        row = (run_id, due_at, leases.rank(due_at, priority), None)
        self._changes[_RELEASE].append(row)

    def abandon_attempts(self, run_id: str) -> None:
        """Nobody will ever know what the open attempts of the run did."""
        self._lists["abandoned"].append(run_id)

    def reply_run(self, run_id: str, reply: str) -> None:
        """The answer of the run, as JSON."""
        self._changes[_REPLY].append((run_id, reply))

    def forgive_crashes(self, run_id: str) -> None:
        """The run was gone on with: whoever died with it in hand did not die of it."""
        self._changes[_FORGIVE].append((run_id, 0))

    def due_as(self, run_id: str, due_at: dt.datetime, rank_at: dt.datetime) -> None:
        """If the run is given back, it is due then, and not when its holder thought."""
        if self._changes[_RELEASE]:
            self._changes[_RELEASE] = [(run_id, due_at, rank_at, None)]
            self.wakes = True

    def add(self, other: "Writes") -> None:
        """Take over what ``other`` has to write."""
        self._opened.update(other._opened)  # noqa: SLF001 - one of us
        for change, rows in other._changes.items():  # noqa: SLF001 - one of us
            self._changes[change] += rows
        for name, values in other._lists.items():  # noqa: SLF001 - one of us
            self._lists[name] += values
        self.wakes |= other.wakes
        self.mails |= other.mails

    async def apply(self, tx: Bulk) -> None:
        """Write all of it. The runs' outbox entries, and those of ``parents``, are locked."""
        width, whole = len(_BEGUN), []
        for row in self._opened.values():
            if row[width:] == _BLANK:
                self._changes[_BEGIN].append(row[:width])
            else:
                whole.append(row)
        changes = self._changes
        # A run may begin and end at once: its row is written twice then, one after the other.
        await tx.write([(_START, changes[_START])])
        await tx.write([(change, changes[change]) for change in _USUAL])
        if whole:
            await tx.write([(_RECORD, whole)])
        for change in _OTHERS:
            if rows := changes[change]:
                await tx.write([(change, rows)])
        if self._lists:
            await self._apply_rare(tx)

    async def _apply_rare(self, tx: Bulk) -> None:
        for table, columns, rows in self.inserted:
            await tx.insert(table, columns, rows)
        await asking.close(tx, self.expired, "expired")
        await asking.close(tx, self.given_up, "given_up")
        if abandoned := self._lists["abandoned"]:
            error = documents.dump({"code": "worker_lost", "message": _LOST})
            await tx.select(
                f"UPDATE attempt SET status = 'unknown', finished_at = {tx.now}, "  # noqa: S608 - our own constants
                f"error = '{error}' WHERE status = 'running' AND run_id IN :ids RETURNING id",
                abandoned,
            )
        if self.parents:
            await bump(tx, self.parents)
        if self.gates:
            await admission.leave(tx, set(self.gates))


async def bump(tx: Bulk, run_ids: Sequence[str]) -> None:
    """Something happened to these runs from outside: they are due, and their holders shall look."""
    await tx.select(
        f"UPDATE outbox SET due_at = {tx.now}, rank_at = {tx.now}, news = news + 1 "  # noqa: S608 - our own constants
        "WHERE run_id IN :ids RETURNING run_id",
        sorted(set(run_ids)),
    )


def error_text(error: ErrorInfo | None) -> str | None:
    """An error as its row holds it."""
    return None if error is None else documents.dump({"code": error.code, "message": error.message})

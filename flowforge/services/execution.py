"""Settlements: what a worker writes about its runs.

Promises: a run is advanced by one worker at a time (lease, fence); whoever writes with an old
fence writes nothing; a step's result, the next step and the outbox change commit together; a
terminal status is written once.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from flowforge.infra.bulk import bulk, moment
from flowforge.infra.db import Database
from flowforge.infra.failpoints import reach
from flowforge.infra.group_commit import GroupCommit
from flowforge.infra.signals import Signals
from flowforge.services import notices
from flowforge.services.writes import RunKey, Writes

__all__ = ["Ledger", "RunKey", "Settled", "Writes"]

LARGEST_BATCH = 64

_LOCKED = (
    "SELECT run_id, fence, news, due_at, rank_at FROM outbox WHERE run_id IN :ids ORDER BY run_id"
)
# Whether anybody hears of an end is asked along with the rest: it costs no round trip.
_LOCKED_ENDING = (
    "SELECT run_id, fence, news, due_at, rank_at, "  # noqa: S608 - our own constants
    f"{notices.listened('outbox')} AS listened FROM outbox WHERE run_id IN :ids ORDER BY run_id"
)


class Settled(NamedTuple):
    """Whether a settlement was written, and how much had happened to the run by then."""

    is_mine: bool
    news: int


class _Member(NamedTuple):
    key: RunKey
    writes: Writes
    news: int


class Ledger:
    """Writes the settlements of one worker process; concurrent ones share commits.

    ``ring_mails`` is called when mail has become due.
    """

    def __init__(
        self,
        database: Database,
        signals: Signals,
        ring_mails: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._signals = signals
        self._ring_mails = ring_mails
        self._group = GroupCommit(self._settle, largest=LARGEST_BATCH)

    async def settle(self, key: RunKey, writes: Writes, news: int = 0) -> Settled:
        """Write, if ``key`` still holds its run. A release becomes due at once where more than
        ``news`` has happened to the run.
        """
        return await self._group.add(_Member(key, writes, news))

    async def _settle(self, batch: list[_Member]) -> Sequence[Settled]:
        all_writes = Writes()
        async with bulk(self._database) as tx:
            # All rows in one order, parents among them: two settlements never wait in a circle.
            locked = {member.key.run_id for member in batch}
            locked.update(parent for member in batch for parent in member.writes.parents)
            ends = any(member.writes.ends for member in batch)
            rows = await tx.select(_LOCKED_ENDING if ends else _LOCKED, sorted(locked), lock=True)
            current = {row["run_id"]: row for row in rows}
            verdicts = [_verdict(member, current.get(member.key.run_id)) for member in batch]
            for member, verdict in zip(batch, verdicts, strict=True):
                if verdict.is_mine:
                    if verdict.news > member.news:
                        # Who brought the news made the run due at once: that must stay.
                        row = current[member.key.run_id]
                        due_at, rank_at = moment(row["due_at"]), moment(row["rank_at"])
                        member.writes.due_as(member.key.run_id, due_at, rank_at)
                    all_writes.add(member.writes)
            await all_writes.apply(tx)
            heard = [end for end in all_writes.ends if current[end[0]]["listened"]]
            await notices.note_ends(tx, heard)
            reach("settle.before_commit")
        reach("settle.after_commit")
        self.tell({topic for member in batch for topic in member.key.topics}, all_writes)
        return verdicts

    def tell(self, topics: set[str], written: Writes) -> None:
        """After the commit: pages, workers and the postman hear of it."""
        wakes = bool(written.parents or written.gates or written.wakes)
        self._signals.send(topics | set(written.topics), wake=wakes)
        if written.mails:
            self._ring_mails()


def _verdict(member: _Member, row: Any) -> Settled:
    if row is None or row["fence"] != member.key.fence:
        return Settled(is_mine=False, news=member.news)
    return Settled(is_mine=True, news=row["news"])

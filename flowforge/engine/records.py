"""What is on record of a run that is being folded: decisions are taken from here."""

from collections.abc import Iterable

from flowforge.engine.plan import prefix_of, rounds_around
from flowforge.engine.protocol import AttemptRecord, Path


class Recorded:
    """The records of a run, found by path. O(records) to make.

    ``is_spent``: nothing that has ended is left to be folded.
    """

    __slots__ = ("first", "is_spent", "latest", "numbers", "rounds")

    def __init__(self, records: Iterable[AttemptRecord]) -> None:
        self.is_spent = False
        self.latest: dict[Path, AttemptRecord] = {}
        self.first: dict[Path, int] = {}
        self.numbers: set[tuple[Path, int]] = set()
        self.rounds: set[str] = set()
        for record in records:
            path, number = record.path, record.number
            self.numbers.add((path, number))
            known = self.latest.get(path)
            if known is None:
                self.first[path] = number
            else:
                self.first[path] = min(self.first[path], number)
            if known is None or known.number < number:
                self.latest[path] = record
            if "/" in path:
                self.rounds.update(rounds_around(prefix_of(path)))

    def number_of_next(self, path: Path) -> int:
        """The number of the attempt that is under way at ``path``, or is to begin there."""
        known = self.latest.get(path)
        if known is None:
            return 1
        return known.number + 1 if is_to_be_done_again(known) else known.number

    def decision(self, path: Path) -> AttemptRecord | None:
        """What was decided about ``path``, unless it is to be decided anew."""
        known = self.latest.get(path)
        return None if known is None or is_to_be_done_again(known) else known


def is_to_be_done_again(record: AttemptRecord) -> bool:
    """Whether another attempt follows this one."""
    return record.promised and record.status != "running"

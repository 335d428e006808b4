"""Counts of runs in little room: how they ended by quarter hour, and how long they took. Pure.

A day of UTC has 96 quarter hours, and every zone's midnight is the beginning of one. Counts are kept
as sums up to the end of each, so those of any part of a day are one subtraction. Lengths of time
are kept to two and a half digits: what is said of them is off by 2 % at most.
"""

import datetime as dt
import math
import struct
from collections.abc import Iterable, Mapping

ENDED = ("succeeded", "failed", "timed_out", "cancelled")
SLOT = dt.timedelta(minutes=15)
SLOT_SECONDS = 900
SLOTS = 96
_RECORD = struct.Struct(">4I")
RECORD_BYTES = _RECORD.size
# Below it every millisecond has its own place; above, so many in each power of ten.
FINE = 250
SCALES: tuple[int, ...] = tuple(10**power for power in range(1, 10))

Counts = tuple[int, int, int, int]
NOTHING: Counts = (0, 0, 0, 0)


def slot_of(moment: dt.datetime) -> int:
    """The quarter hour it lies in, counted from 1970."""
    return math.floor(moment.timestamp() / SLOT_SECONDS)


def begin_of(slot: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(slot * SLOT_SECONDS, dt.UTC)


def packed(counts: Mapping[int, Mapping[str, int]]) -> bytes:
    """``counts``: by quarter hour of the day (0 to 95), by how they ended."""
    sums = [0] * len(ENDED)
    found = bytearray()
    for slot in range(SLOTS):
        for place, status in enumerate(ENDED):
            sums[place] += counts.get(slot, {}).get(status, 0)
        found += _RECORD.pack(*sums)
    return bytes(found)


def place_in(slots: int) -> int:
    """Where in what was packed the sum of the first ``slots`` quarter hours is: the number of its
    first byte, from 1 as SQL counts.
    """
    return (slots - 1) * RECORD_BYTES + 1


def read(record: bytes) -> Counts:
    """One sum of a packed day."""
    first, second, third, fourth = _RECORD.unpack(record)
    return first, second, third, fourth


def less(counts: Counts, others: Counts) -> Counts:
    return (
        counts[0] - others[0],
        counts[1] - others[1],
        counts[2] - others[2],
        counts[3] - others[3],
    )


def rounded(milliseconds: int) -> int:
    """The place of a length of time: the shortest that is kept with it."""
    if milliseconds < FINE:
        return max(0, milliseconds)
    scale = next((each for each in SCALES if milliseconds < FINE * each), SCALES[-1])
    return milliseconds // scale * scale


def percentile(durations: Mapping[int, int], share: float) -> int | None:
    """The length, in ms, that ``share`` of all do not exceed; None where there are none."""
    total = sum(durations.values())
    if not total:
        return None
    wanted = max(1, math.ceil(total * share))
    seen = 0
    for place in sorted(durations):
        seen += durations[place]
        if seen >= wanted:
            return _middle(place)
    raise AssertionError("the parts are less than their sum")


def _middle(place: int) -> int:
    if place < FINE:
        return place
    scale = next((each for each in SCALES if place < FINE * each), SCALES[-1])
    return place + scale // 2


def merged(parts: Iterable[Mapping[str, int]]) -> dict[int, int]:
    """The same lengths of several, out of what was stored of each."""
    found: dict[str, int] = {}
    # As text: a month of a hundred zaps has hundreds of thousands, and few that differ.
    for part in parts:
        for place, number in part.items():
            found[place] = found.get(place, 0) + number
    return {int(place): number for place, number in found.items()}

"""Moments between a draft and the browser's picker, which knows no zone: always told with one. Pure."""

import datetime as dt
from typing import Any

from flowforge.engine.conditions import read_date
from flowforge.errors import Invalid

FARTHEST_MINUTES = 18 * 60


def local_text(value: Any) -> str:
    """A moment as a picker wants it, by the clock of its own zone; empty for what is no moment."""
    moment = _moment(value)
    if moment is None:
        return ""
    return moment.replace(tzinfo=None).isoformat(timespec="seconds" if moment.second else "minutes")


def in_words(value: Any) -> str:
    """The moment with its zone, and in UTC where that is another one."""
    moment = _moment(value)
    if moment is None:
        return ""
    offset = moment.utcoffset() or dt.timedelta()
    if not offset:
        return f"{moment:%a %d %b %Y, %H:%M} UTC"
    utc = moment.astimezone(dt.UTC)
    return f"{moment:%a %d %b %Y, %H:%M} UTC{_signed(offset)}, that is {utc:%d %b, %H:%M} UTC"


def with_zone(text: str, minutes: int) -> str:
    """What was picked, ``minutes`` east of UTC, as ISO 8601; empty for nothing.

    Raises: Invalid for what is no moment.
    """
    if not text.strip():
        return ""
    try:
        picked = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        raise Invalid("This is no date with a time. Pick one, or write it as ISO 8601.") from None
    offset = max(-FARTHEST_MINUTES, min(minutes, FARTHEST_MINUTES))
    zone = dt.timezone(dt.timedelta(minutes=offset))
    return picked.replace(tzinfo=zone).isoformat(timespec="seconds")


def _moment(value: Any) -> dt.datetime | None:
    """With the zone that it was written in; what has none is UTC."""
    moment = read_date(value)
    if moment is None or not isinstance(value, str):
        return moment
    try:
        written = dt.datetime.fromisoformat(value.strip())
    except ValueError:
        return moment
    return written if written.tzinfo else written.replace(tzinfo=dt.UTC)


def _signed(offset: dt.timedelta) -> str:
    minutes = int(offset.total_seconds() // 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"

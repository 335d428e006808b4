"""Times as others write them."""

import datetime as dt
from email.utils import parsedate_to_datetime


def moment_of(text: str) -> dt.datetime | None:
    """The time that RFC 822 or ISO 8601 text says; None where it says none."""
    if not text or len(text) > 100:  # noqa: PLR2004 - no time is so long
        return None
    try:
        found = (
            dt.datetime.fromisoformat(text) if text[:4].isdigit() else parsedate_to_datetime(text)
        )
        found = found if found.tzinfo else found.replace(tzinfo=dt.UTC)
        return found.astimezone(dt.UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None

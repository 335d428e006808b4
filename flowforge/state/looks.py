"""How a poll stands, as its page shows it."""

from dataclasses import dataclass

from flowforge.services.poll_views import PollWords
from flowforge.state import shown


@dataclass(frozen=True)
class Poll:
    """What a poll looks at and how it stands. ``failures``: in a row, in words; ``due_at`` is empty
    while it is switched off.
    """

    is_there: bool = False
    name: str = ""
    sentence: str = ""
    due_at: str = ""
    last_at: str = ""
    failures: str = ""
    error: str = ""
    is_first: bool = False


def poll_of(words: PollWords | None) -> Poll:
    if words is None:
        return Poll()
    stands = words.state
    failures = stands.failures if stands else 0
    return Poll(
        is_there=True,
        name=shown.line(words.name),
        sentence=shown.line(words.sentence),
        due_at=shown.moment(stands.due_at) if stands else "",
        last_at=shown.moment(stands.last_at) if stands else "",
        failures="" if not failures else "look" if failures == 1 else f"{failures} looks",
        error=shown.line(stands.error or "") if stands else "",
        is_first=stands is None or not stands.has_position,
    )

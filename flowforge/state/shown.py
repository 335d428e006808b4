"""How values become what a tab shows: JSON as inert text, lengths of time, counts in words.

Promise: no text is so long that it slows a tab down, none can rearrange what stands around it, and
nothing that is named like a secret is in any.
"""

import datetime as dt
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from flowforge.infra.redaction import redact
from flowforge.services.change_words import ChangeLine
from flowforge.services.zap_views import ZapSummary

# Some 250 lines: little enough to send again with each change.
BEGINNING = 10_000
# What is sent once, and is nowhere else to be had.
MOST = 1_000_000
_SECOND_MS = 1000
_MINUTE_MS = 60 * _SECOND_MS
_HOUR_MS = 60 * _MINUTE_MS
_KILO = 1024

# Direction marks turn the text around them and control characters hide: JSON can spell both out.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)


@dataclass(frozen=True)
class Shown:
    """A JSON value as text. ``is_cut``: this is its beginning, or nothing of it where there is a
    ``url`` that gives all of it; ``is_there``: it is not null.
    """

    text: str = ""
    size: str = ""
    bytes: int = 0
    is_cut: bool = False
    is_there: bool = False
    url: str = ""


NOTHING = Shown()


def shown(value: Any, most: int = BEGINNING, url: str = "") -> Shown:
    """``value`` as indented JSON, secrets taken out, at most ``most`` characters of it. ``url``:
    where all of it can be had; what is longer is left to it.
    """
    if value is None:
        return NOTHING
    text = json.dumps(redact(value), indent=2, ensure_ascii=False)
    is_cut = len(text) > most
    count = len(text.encode(errors="replace"))
    return Shown(
        text="" if is_cut and url else line(text[:most]),
        size=size(count),
        bytes=count,
        is_cut=is_cut,
        is_there=True,
        url=url,
    )


def elsewhere(bytes_of_json: int, url: str) -> Shown:
    """A value that is stored beside the database."""
    return Shown(size=size(bytes_of_json), bytes=bytes_of_json, is_cut=True, is_there=True, url=url)


def line(text: str) -> str:
    """``text`` with everything that is not seen spelled out by its number, as JSON can do it."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def size(count: int) -> str:
    """``count`` bytes for people: 512 B, 1.4 kB, 2 MB."""
    if count < _KILO:
        return f"{count} B"
    scaled, unit = (count / _KILO, "kB") if count < _KILO**2 else (count / _KILO**2, "MB")
    return f"{scaled:.1f}".removesuffix(".0") + f" {unit}"


def duration(milliseconds: int | None) -> str:
    """A length of time in its two largest units: 84 ms, 1.2 s, 3 min 4 s, 2 h 5 min."""
    if milliseconds is None:
        return ""
    if milliseconds < _SECOND_MS:
        return f"{milliseconds} ms"
    if milliseconds < _MINUTE_MS:
        return f"{milliseconds // 100 / 10:g} s"
    if milliseconds < _HOUR_MS:
        minutes, rest = divmod(milliseconds, _MINUTE_MS)
        return f"{minutes} min {rest // _SECOND_MS} s"
    hours, rest = divmod(milliseconds, _HOUR_MS)
    return f"{hours} h {rest // _MINUTE_MS} min"


def moment(at: dt.datetime | None) -> str:
    """ISO text, from which the browser makes the local and the relative time."""
    return at.isoformat() if at else ""


def counted(number: int, noun: str) -> str:
    """1 action, 3 actions, no actions."""
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def short(row_id: str) -> str:
    """The end of an id: its beginning is the time, alike for neighbours."""
    return row_id[-8:]


def form_url(zap: ZapSummary) -> str:
    """The page that fires ``zap``, whose trigger is a form."""
    return zap.hook_url_v1.replace("/api/v1/webhooks/", "/forms/")


def changes(lines: Iterable[ChangeLine]) -> list[ChangeLine]:
    """What differs, as inert text."""
    return [
        replace(one, where=line(one.where), before=line(one.before), after=line(one.after))
        for one in lines
    ]


def message(error: dict[str, Any] | None) -> str:
    """What an attempt or a run says went wrong; empty where nothing did."""
    return line(str(error.get("message", ""))) if error else ""

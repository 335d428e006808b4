"""What may stand for a zap's trigger while it is built, as the builder's tab shows it."""

from dataclasses import dataclass

import reflex as rx

from flowforge.services import workbench
from flowforge.state import editor, shown


@dataclass(frozen=True)
class RequestLine:
    """One of the last events: what it was in a word, the beginning of its body."""

    id: str
    word: str
    at: str
    size: str
    preview: str
    verdict: str
    is_sample: bool


class Requests(rx.State):
    """``sample``: newest, event or data; ``data``: what is written by hand, as JSON. ``zap`` is
    whose they are.
    """

    zap: str = ""
    lines: list[RequestLine] = []  # noqa: RUF012 - Reflex copies defaults
    sample: str = "newest"
    data: str = ""
    error: str = ""
    version: int = 0


def show(requests: Requests, zap_id: str, found: workbench.Requests) -> None:
    """Draw what was found of the zap."""
    requests.zap, requests.error = zap_id, ""
    requests.lines = [
        RequestLine(
            id=one.id,
            word=one.method or one.trigger,
            at=shown.moment(one.received_at),
            size=shown.size(one.size),
            preview=shown.line(one.preview),
            verdict=one.verdict,
            is_sample=one.is_sample,
        )
        for one in found.lines
    ]
    is_event = any(one.is_sample for one in requests.lines)
    requests.sample = "data" if found.is_by_hand else "event" if is_event else "newest"
    requests.data = shown.line(editor.text_of(found.data)) if found.is_by_hand else ""

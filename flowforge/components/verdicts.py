"""How verdicts and the stations of an event's way look: a colour, a shape and a word."""

from typing import Any

import reflex as rx

_VERDICTS = {
    "accepted": "Accepted",
    "duplicate": "Duplicate",
    "rejected": "Rejected",
    "held": "Held",
    "filtered": "Filtered",
}
_STATIONS = {
    "done": "Done",
    "failed": "Failed",
    "stopped": "Ended here",
    "skipped": "Without proof",
    "going": "Going on",
    "ahead": "Not reached",
}


def verdict(value: Any, testid: str) -> rx.Component:
    return rx.el.span(
        rx.match(value, *_VERDICTS.items(), value),
        class_name=f"status is-{value}",
        data_testid=testid,
        data_verdict=value,
    )


def station(value: Any) -> rx.Component:
    """What became of the event there."""
    return rx.el.span(
        rx.match(value, *_STATIONS.items(), value),
        class_name=f"status at-{value}",
        data_testid="station-status",
        data_status=value,
    )

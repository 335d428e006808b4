"""How things look that are only read: statuses, icons, documents, waiting, nothing, and errors."""

from typing import Any

import reflex as rx

from flowforge.components import controls, elements

WORDS = {
    "queued": "Queued",
    "running": "Running",
    "waiting": "Waiting",
    "succeeded": "Succeeded",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "timed_out": "Timed out",
    "unknown": "Unknown",
    "skipped": "Skipped",
}


def status(value: Any, testid: Any = "status") -> rx.Component:
    """A status as colour, shape and word."""
    return rx.el.span(
        status_word(value),
        class_name=f"status {value}",
        data_testid=testid,
        data_status=value,
    )


def status_word(value: Any) -> Any:
    return rx.match(value, *WORDS.items(), value)


def tile(icon: Any, look: str = "") -> rx.Component:
    """The picture of a trigger or action; a dashed one while none is chosen."""
    return rx.cond(
        icon,
        rx.el.span(rx.el.img(src=icon, alt=""), class_name=f"tile {look}"),
        rx.el.span(controls.icon("plus", 14), class_name=f"tile empty {look}"),
    )


def address(url: Any, testid: Any, label: str = "Copy the webhook URL") -> rx.Component:
    """A URL in one line, with a button that copies all of it."""
    return rx.el.div(
        rx.el.code(rx.el.bdi(url, dir="ltr"), class_name="truncate", title=url, data_testid=testid),
        elements.copy(url, label, f"copy-{testid}"),
        class_name="address",
    )


def command(text: Any, testid: str = "curl") -> rx.Component:
    """A line for the terminal."""
    return rx.el.div(
        rx.el.code(text, data_testid=testid),
        elements.copy(text, "Copy the command", f"copy-{testid}"),
        class_name="command",
    )


def notice(*content: Any, kind: str = "", glyph: str = "info", **props: Any) -> rx.Component:
    """``kind``: bad, warn, ok or nothing."""
    return rx.el.div(
        controls.icon(glyph), rx.el.div(*content), class_name=f"notice {kind}", **props
    )


def advice(words: Any) -> rx.Component:
    """What to do about the failure above it; nothing where there is no advice."""
    return rx.cond(words != "", rx.el.span(words, class_name="advice", data_testid="advice"))


def problem(message: Any, testid: str, *more: Any) -> rx.Component:
    """What went wrong, where it went wrong."""
    return notice(
        message, *more, kind="bad", glyph="circle-alert", role="alert", data_testid=testid
    )


def empty(
    glyph: str, title: str, text: Any, *more: Any, testid: str, is_page: bool = False
) -> rx.Component:
    """A list that has nothing yet, and how to change that; ``is_page``: there is nothing else."""
    return rx.el.div(
        rx.el.span(controls.icon(glyph, 26), class_name="art"),
        rx.el.h1(title) if is_page else rx.el.h2(title),
        rx.el.p(text),
        *more,
        class_name="empty",
        data_testid=testid,
    )


def failed(text: str, again: Any, testid: str) -> rx.Component:
    """A list that could not be read."""
    return rx.el.div(
        rx.el.p(text, role="alert"),
        controls.button(
            controls.icon("rotate-cw"), "Try again", testid=f"{testid}-retry", on_click=again
        ),
        class_name="empty",
        data_testid=testid,
    )


def skeletons(count: int, height: str = "44px") -> rx.Component:
    """Where rows are about to appear."""
    bars = [
        rx.el.div(class_name="skeleton", style={"height": height, "width": f"{100 - 4 * (n % 3)}%"})
        for n in range(count)
    ]
    return rx.el.div(
        rx.el.span("Loading…", class_name="sr-only"),
        *bars,
        class_name="stack",
        style={"padding": "20px"},
        aria_busy="true",
        data_testid="loading",
    )


def document(title: str, shown: Any, testid: Any) -> rx.Component:
    """Text as it came, in JSON's colours, or the beginning of it."""
    return rx.el.section(
        rx.el.header(
            rx.el.span(title),
            rx.el.span(shown.size, class_name="size"),
            rx.el.span(class_name="spacer"),
            rx.cond(
                shown.text, elements.copy(shown.text, f"Copy {title.lower()}", f"{testid}-copy")
            ),
        ),
        rx.cond(shown.text, elements.json(shown.text, title)),
        rx.cond(shown.is_cut, rx.el.footer(rx.el.span("This is the beginning."))),
        class_name="json-box",
        data_testid=testid,
    )

"""The frame of a list that moves by itself: loading, failed, missing, nothing, rows, and more of them."""

from typing import Any

import reflex as rx

from flowforge.components import controls, display
from flowforge.state.listing import MOST_ROWS


def live(state: Any, what: str) -> rx.Component:
    return rx.cond(
        state.stage == "ready",
        rx.el.span("Live", class_name="live", title=f"New {what} appear by themselves"),
    )


def card(
    state: Any, testid: str, label: str, *, rows: Any, nothing: Any, missing: Any, failed: str
) -> rx.Component:
    """``state``: one that ``state/listing.py`` fills."""
    return rx.el.section(
        rx.match(
            state.stage,
            ("loading", display.skeletons(6)),
            ("failed", display.failed(failed, state.follow, f"{testid}-failed")),
            ("missing", missing),
            rx.cond(state.rows, rows, nothing),
        ),
        class_name="card",
        aria_label=label,
        data_testid=testid,
        data_stage=state.stage,
    )


def more(state: Any, testid: str, *, is_search: Any) -> rx.Component:
    """What follows the rows: a button, or why there is none."""
    return rx.fragment(
        rx.cond(
            state.has_more,
            rx.el.div(
                controls.button(
                    rx.cond(is_search, "Search further back", "Load more"),
                    testid=f"{testid}-more",
                    on_click=state.load_more,
                ),
                class_name="more",
            ),
        ),
        rx.cond(
            state.is_long,
            rx.el.p(
                f"These are the newest {MOST_ROWS}. Search or filter to find older ones.",
                class_name="muted small more",
                data_testid=f"{testid}-long",
            ),
        ),
    )


def zap_not_found(to_all: str, href: str, testid: str, to_testid: str) -> rx.Component:
    return display.empty(
        "search-x",
        "Zap not found",
        "It does not exist, or it belongs to somebody else.",
        controls.link_button(to_all, href=href, testid=to_testid),
        testid=testid,
    )

"""How a zap did in the last seven days: a small drawing, and what went wrong last."""

from typing import Any

import reflex as rx

from flowforge.components import controls
from flowforge.state.sparkline import HEIGHT, WIDTH


def line(zap: Any) -> rx.Component:
    """``zap.week`` as bars with words for screen readers; the newest failure leads to its run."""
    return rx.cond(
        zap.week.words != "",
        rx.el.div(
            rx.el.svg(
                rx.el.svg.path(d=zap.week.good, class_name="good"),
                rx.el.svg.path(d=zap.week.bad, class_name="bad"),
                view_box=f"0 0 {WIDTH} {HEIGHT}",
                width=WIDTH,
                height=HEIGHT,
                role="img",
                aria_label=zap.week.words,
                class_name="week",
                data_testid="week",
            ),
            rx.cond(
                zap.rate != "",
                rx.el.span(zap.rate, class_name="sub", title=zap.week.words),
            ),
            rx.cond(
                zap.week.error_path != "",
                controls.link(
                    controls.icon("circle-alert", 13),
                    rx.el.bdi(zap.week.error, title=zap.week.error),
                    href=zap.week.error_path,
                    testid="last-error",
                    look="last-error",
                ),
            ),
            class_name="week-line",
        ),
    )

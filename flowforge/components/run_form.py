"""The dialog that asks for what a run by hand needs before it begins."""

from typing import Any

import reflex as rx

from flowforge.components import controls
from flowforge.state.trigger import PREFIX, RUN, Trigger


def dialog() -> rx.Component:
    return controls.dialog(
        RUN,
        "Run with",
        rx.el.div(
            rx.foreach(Trigger.wanted, _asked),
            class_name="panel-fields",
            key=f"asked-{Trigger.version}",
        ),
        controls.dialog_end(
            RUN, controls.button("Run", kind="primary", testid="run-submit", type="submit")
        ),
        on_submit=Trigger.run_with,
    )


def _asked(one: Any) -> rx.Component:
    name = f"{PREFIX}{one.name}"
    shared: dict[str, Any] = {
        "id": name,
        "name": name,
        "class_name": "input",
        "aria_invalid": rx.cond(one.error != "", "true", "false"),
        "aria_describedby": f"{name}-note",
        "data_testid": name,
    }

    def text(kind: str, **props: Any) -> rx.Component:
        return rx.el.input(
            type=kind, default_value=one.given, auto_complete="off", **shared, **props
        )

    return rx.el.div(
        rx.el.label(
            one.label,
            rx.cond(
                one.is_required,
                rx.el.span("*", class_name="needed", title="Required"),
                rx.el.span("optional", class_name="optional"),
            ),
            html_for=name,
        ),
        rx.match(
            one.kind,
            ("long_text", rx.el.textarea(default_value=one.given, rows="4", **shared)),
            ("number", text("text", input_mode="decimal")),
            ("email", text("text", input_mode="email")),
            ("date", text("date")),
            (
                "yes_no",
                rx.el.select(
                    rx.el.option("No", value="no"),
                    rx.el.option("Yes", value="yes"),
                    default_value=rx.cond(one.given == "yes", "yes", "no"),
                    **shared,
                ),
            ),
            (
                "choice",
                rx.el.select(
                    rx.el.option("Choose…", value=""),
                    rx.foreach(one.options, lambda each: rx.el.option(each, value=each)),
                    default_value=one.given,
                    **shared,
                ),
            ),
            text("text"),
        ),
        rx.el.div(
            rx.cond(
                one.error != "",
                controls.wrong(one.error, f"error-{name}"),
                rx.cond(one.help != "", rx.el.span(one.help, class_name="hint")),
            ),
            id=f"{name}-note",
        ),
        class_name=rx.cond(one.error != "", "field is-wrong", "field"),
    )

"""The dialog in which a step, or the whole draft, is edited as JSON."""

import reflex as rx

from flowforge.components import controls
from flowforge.state.rewriting import DIALOG, Rewriting


def dialog() -> rx.Component:
    return controls.dialog(
        DIALOG,
        rx.cond(
            Rewriting.card,
            rx.fragment("“", rx.el.bdi(Rewriting.title), "” as JSON"),
            "The whole draft as JSON",
        ),
        rx.el.p(
            "Secrets are shown as **REDACTED** and kept as they are where you leave that.",
            class_name="muted small",
        ),
        rx.el.div(
            rx.el.label("JSON", html_for="json-text", class_name="sr-only"),
            rx.el.textarea(
                id="json-text",
                name="text",
                class_name="input code tall",
                default_value=Rewriting.text,
                key=f"json-{Rewriting.version}",
                spell_check=False,
                rows="18",
                aria_invalid=rx.cond(Rewriting.error, "true", "false"),
                aria_describedby="json-note",
                data_testid="json-text",
            ),
            rx.el.div(
                rx.cond(Rewriting.error, controls.wrong(Rewriting.error, "json-error")),
                id="json-note",
            ),
            class_name="field",
        ),
        controls.dialog_end(
            DIALOG,
            controls.button("Save", kind="primary", testid="json-save", type="submit"),
        ),
        on_submit=Rewriting.save,
        class_name="wide",
    )

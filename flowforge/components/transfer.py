"""The dialog that takes a zap in: from a file, or from what is pasted."""

import json

import reflex as rx

from flowforge.components import controls, display
from flowforge.state.transfer import IMPORT, LARGEST, Problem, Transfer

FILE, TEXT = "import_file", "import_text"
# Read here, so that it can be looked at before it is sent; too large a one is said at once.
_READ = f"""
(() => {{
  const file = document.getElementById({json.dumps(FILE)}).files[0];
  const text = document.getElementById({json.dumps(TEXT)});
  if (!file) return;
  if (file.size > {LARGEST}) {{
    text.value = "";
    text.setCustomValidity("This file is larger than 900 KB. Send it to the API instead.");
    text.reportValidity();
    return;
  }}
  text.setCustomValidity("");
  file.text().then((read) => {{ text.value = read; text.focus(); }});
}})()
"""


def opener() -> rx.Component:
    return controls.button("Import", testid="import", on_click=Transfer.ask)


def dialog() -> rx.Component:
    return controls.dialog(
        IMPORT,
        "Import a zap",
        rx.el.div(
            rx.el.label("A file that was exported", html_for=FILE),
            rx.el.input(
                type="file",
                id=FILE,
                accept=".json,application/json",
                class_name="input",
                key=f"file-{Transfer.drawn}",
                on_change=rx.call_script(_READ),
                data_testid="import-file",
            ),
            class_name="field",
        ),
        rx.el.div(
            rx.el.label("Or its text", html_for=TEXT),
            rx.el.textarea(
                id=TEXT,
                name=TEXT,
                rows="8",
                max_length=LARGEST,
                required=True,
                spell_check=False,
                class_name="input mono",
                placeholder='{"name": "Orders", "definition": {…}, "schema_version": 2}',
                key=f"text-{Transfer.drawn}",
                custom_attrs={
                    "data-first": "",
                    "onInput": rx.Var("(event) => event.target.setCustomValidity('')"),
                },
                data_testid="import-text",
            ),
            class_name="field",
        ),
        rx.cond(
            Transfer.problem != "",
            display.problem(
                Transfer.problem,
                "import-problem",
                rx.el.ul(rx.foreach(Transfer.problems, _problem), class_name="import-problems"),
            ),
        ),
        rx.el.p(
            "It is switched off, and nothing is performed. Secrets and connections are no part of "
            "a file.",
            class_name="muted small",
        ),
        controls.dialog_end(
            IMPORT,
            controls.button("Import", kind="primary", type="submit", testid="import-confirm"),
        ),
        on_submit=Transfer.take_in,
    )


def _problem(one: rx.vars.ObjectVar[Problem]) -> rx.Component:
    return rx.el.li(
        rx.cond(one.path != "", rx.el.code(rx.el.bdi(one.path))), " ", rx.el.bdi(one.message)
    )

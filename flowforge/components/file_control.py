"""The control for files: a web address, an expression, or an upload by button or by dropping it here.

assets/files.js sends uploads to the API, shows how far they are, and hands over what came of them.
"""

from typing import Any

import reflex as rx

from flowforge.components import controls
from flowforge.components.field_parts import id_of
from flowforge.components.saving import saves
from flowforge.services import file_rows, files
from flowforge.state.attaching import Attaching
from flowforge.state.builder import Builder
from flowforge.state.filling import Filling

_LIMIT = f"at most {files.LARGEST_UPLOAD // 1024 // 1024} MB"


def control(field: Any, *, several: bool) -> rx.Component:
    """The files that there are, and room for one more."""
    return rx.el.div(
        rx.foreach(field.rows, lambda row: _line(field, row)),
        _more(field, several=several)
        if several
        else rx.cond(field.rows.length() == 0, _more(field, several=several), rx.fragment()),
        class_name="items files",
        id=id_of(field),
        role="group",
        aria_label=field.label,
        custom_attrs={
            "data-upload": field.name,
            "data-card": Builder.form.card,
            "data-zap": Builder.zap,
            "data-most-bytes": str(files.LARGEST_UPLOAD),
        },
    )


def answer() -> rx.Component:
    """Once on a page: what files.js writes here is a file that was uploaded."""
    return rx.el.input(
        id="upload-answer",
        type="text",
        hidden=True,
        tab_index=-1,
        aria_hidden="true",
        default_value="",
        on_change=Attaching.attach,
    )


def _line(field: Any, row: Any) -> rx.Component:
    cell = row.cells[0]
    return rx.el.div(
        rx.cond(
            cell.widget == "stored",
            rx.el.div(
                controls.icon("file", 15),
                rx.el.bdi(cell.label, class_name="truncate", title=cell.label),
                rx.el.span(cell.value, class_name="file-size"),
                class_name="file-face",
                data_testid=f"file-{field.name}-{row.place}",
            ),
            rx.el.input(
                type="text",
                class_name="input",
                default_value=cell.value,
                aria_label=f"{field.label} {row.place + 1}",
                auto_complete="off",
                spell_check=False,
                custom_attrs={"data-takes-data": ""},
                data_testid=f"item-{field.name}-{row.place}",
                **saves(
                    lambda text: Filling.fill_item(
                        Builder.form.card, field.name, row.place, "", text
                    )
                ),
            ),
        ),
        controls.icon_button(
            "x",
            rx.cond(cell.widget == "stored", f"Remove {cell.label}", "Remove this line"),
            kind="quiet small",
            testid=f"drop-{field.name}-{row.place}",
            on_click=Filling.drop_item(Builder.form.card, field.name, row.place),
        ),
        class_name="item-row",
        key=f"file-{row.place}-{cell.widget}-{cell.label}",
    )


def _more(field: Any, *, several: bool) -> rx.Component:
    return rx.el.div(
        rx.el.input(
            type="text",
            class_name="input",
            default_value="",
            placeholder="https://… or {{ trigger.body.attachment }}",
            aria_label=f"URL or expression for {field.label}",
            auto_complete="off",
            spell_check=False,
            custom_attrs={"data-takes-data": "", "data-ends-line": ""},
            data_testid=f"input-{field.name}",
            # Once it is left: a line that is saved while somebody types in it would move away.
            on_blur=lambda text: Filling.fill_item(
                Builder.form.card, field.name, file_rows.MOST_LINES, "", text
            ),
            key=f"more-{field.rows.length()}",
        ),
        rx.el.div(
            rx.el.label(
                controls.icon("upload", 14),
                "Upload",
                rx.el.input(
                    type="file",
                    multiple=several,
                    class_name="sr-only",
                    aria_label=f"Upload for {field.label}",
                    data_testid=f"upload-{field.name}",
                ),
                class_name="btn small",
            ),
            rx.el.span(f"or drop it here, {_LIMIT}", class_name="hint"),
            class_name="row wrap",
        ),
        rx.el.div(class_name="file-ways", role="status", custom_attrs={"data-ways": ""}),
        class_name="file-more",
    )

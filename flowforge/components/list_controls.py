"""Controls for several values: names with values, lists of texts, and lists of small forms."""

from typing import Any

import reflex as rx

from flowforge.components import controls
from flowforge.components.field_parts import id_of
from flowforge.components.saving import Change, saves
from flowforge.state.builder import Builder
from flowforge.state.filling import Filling


def pairs(field: Any) -> rx.Component:
    """Names and values, and always one empty line to go on with."""
    return rx.el.div(
        rx.foreach(
            field.pairs, lambda pair, place: _pair(field, pair.name, pair.value, place, pair)
        ),
        _pair(field, "", "", field.pairs.length(), None),
        class_name="pairs",
        id=id_of(field),
        role="group",
        aria_label=field.label,
    )


def _pair(field: Any, name: Any, value: Any, place: Any, stored: Any) -> rx.Component:
    def save(part: str) -> Change:
        return lambda text: Filling.fill_pair(Builder.form.card, field.name, place, part, text)

    remove: rx.Component = rx.el.span(class_name="pair-end")
    if stored is not None:
        remove = controls.icon_button(
            "x",
            "Remove this line",
            kind="quiet small",
            testid=f"drop-{field.name}-{place}",
            on_click=Filling.drop_pair(Builder.form.card, field.name, place),
        )
    return rx.el.div(
        rx.el.input(
            type="text",
            class_name="input",
            default_value=name,
            placeholder="Name" if stored is not None else "Add a name…",
            aria_label="Name",
            auto_complete="off",
            data_testid=f"name-{field.name}-{place}",
            **saves(save("name")),
        ),
        rx.el.input(
            type="text",
            class_name="input",
            default_value=value,
            placeholder="Value",
            aria_label="Value",
            auto_complete="off",
            custom_attrs={"data-takes-data": ""},
            data_testid=f"value-{field.name}-{place}",
            **saves(save("value")),
        ),
        remove,
        class_name="pair",
        key=f"pair-{place}",
    )


def texts(field: Any) -> rx.Component:
    """One text a line, and always an empty one to go on with."""
    return rx.el.div(
        rx.foreach(field.rows, lambda row: _text(field, row.cells[0].value, row.place, row)),
        _text(field, "", field.rows.length(), None),
        class_name="items",
        id=id_of(field),
        role="group",
        aria_label=field.label,
    )


def _text(field: Any, value: Any, place: Any, row: Any) -> rx.Component:
    return rx.el.div(
        rx.el.input(
            type="text",
            class_name="input",
            default_value=value,
            placeholder=field.placeholder if row is not None else "Add one…",
            aria_label=f"{field.label} {place + 1}",
            auto_complete="off",
            custom_attrs={"data-takes-data": ""},
            data_testid=f"item-{field.name}-{place}",
            **saves(lambda text: Filling.fill_item(Builder.form.card, field.name, place, "", text)),
        ),
        _moves(field, row) if row is not None else rx.el.span(class_name="moves-room"),
        class_name="item-row",
        key=f"item-{place}",
    )


def rows(field: Any) -> rx.Component:
    """A small form for each item."""
    return rx.el.div(
        rx.foreach(field.rows, lambda row: _row(field, row)),
        rx.el.div(
            controls.button(
                controls.icon("plus", 14),
                "Add one",
                kind="small",
                testid=f"add-{field.name}",
                on_click=Filling.add_item(Builder.form.card, field.name),
            ),
            class_name="row",
        ),
        class_name="stack",
        id=id_of(field),
        role="group",
        aria_label=field.label,
    )


def _row(field: Any, row: Any) -> rx.Component:
    return rx.el.fieldset(
        rx.el.legend(f"{field.label} {row.place + 1}", class_name="sr-only"),
        rx.el.div(
            rx.foreach(row.cells, lambda cell: _cell(field, row, cell)), class_name="row-cells"
        ),
        _moves(field, row),
        class_name="row-form",
        key=f"row-{row.place}",
    )


def _cell(field: Any, row: Any, cell: Any) -> rx.Component:
    def save(text: Any) -> Any:
        return Filling.fill_item(Builder.form.card, field.name, row.place, cell.name, text)

    at = f"{field.name}-{row.place}-{cell.name}"
    shared: dict[str, Any] = {"id": f"cell-{at}", "data_testid": f"cell-{at}"}
    takes_data = {"data-takes-data": ""}
    return rx.el.div(
        rx.el.label(cell.label, html_for=f"cell-{at}"),
        rx.match(
            cell.widget,
            (
                "textarea",
                rx.el.textarea(
                    class_name="input",
                    default_value=cell.value,
                    placeholder=cell.placeholder,
                    custom_attrs=takes_data,
                    **shared,
                    **saves(save),
                ),
            ),
            (
                "select",
                rx.el.select(
                    rx.foreach(cell.options, lambda one: rx.el.option(one.label, value=one.value)),
                    class_name="input",
                    default_value=cell.value,
                    on_change=save,
                    **shared,
                ),
            ),
            rx.el.input(
                type="text",
                class_name="input",
                default_value=cell.value,
                placeholder=cell.placeholder,
                auto_complete="off",
                custom_attrs=takes_data,
                **shared,
                **saves(save),
            ),
        ),
        class_name="field",
        key=cell.name,
    )


def _moves(field: Any, row: Any) -> rx.Component:
    def move(glyph: str, label: str, by: int, disabled: Any) -> rx.Component:
        return controls.icon_button(
            glyph,
            label,
            kind="quiet small",
            testid=f"{'up' if by < 0 else 'down'}-{field.name}-{row.place}",
            disabled=disabled,
            on_click=Filling.move_item(Builder.form.card, field.name, row.place, by),
        )

    return rx.el.div(
        move("arrow-up", "Move up", -1, row.is_first),
        move("arrow-down", "Move down", 1, row.is_last),
        controls.icon_button(
            "x",
            "Remove this one",
            kind="quiet small",
            testid=f"drop-{field.name}-{row.place}",
            on_click=Filling.drop_item(Builder.form.card, field.name, row.place),
        ),
        class_name="moves",
    )

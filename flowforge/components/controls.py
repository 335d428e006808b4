"""Buttons, fields, menus and dialogs: one look, one keyboard behaviour, a test id on each."""

import json
from typing import Any

import reflex as rx
from reflex_components_core.el.elements.other import Dialog
from reflex_components_core.react_router.dom import ReactRouterLink

ICON_SIZE = 16


class _Dialog(Dialog):
    # However it is closed: by a button, Escape, or a click beside it.
    on_close: rx.EventHandler[rx.event.no_args_event_spec]  # type: ignore[type-arg,valid-type]


def icon(name: str, size: int = ICON_SIZE) -> rx.Component:
    """A line icon, of no meaning to screen readers: the words beside it have that."""
    return rx.icon(name, size=size, stroke_width=1.9, aria_hidden="true")


def button(*content: Any, testid: Any, kind: str = "", **props: Any) -> rx.Component:
    """``kind``: primary, danger, quiet, small, large, icon, wide; several, separated by spaces."""
    props.setdefault("type", "button")
    return rx.el.button(*content, class_name=f"btn {kind}", data_testid=testid, **props)


def icon_button(name: str, label: Any, *, testid: Any, kind: str = "quiet", **props: Any) -> Any:
    """A button without words: ``label`` is for screen readers and on hover."""
    return button(
        icon(name),
        kind=f"{kind} icon",
        testid=testid,
        aria_label=label,
        title=label,
        **props,
    )


def link_button(*content: Any, href: Any, testid: Any, kind: str = "") -> rx.Component:
    return _link(content, href, testid, f"btn {kind}")


def link(*content: Any, href: Any, testid: Any, look: str = "", **props: Any) -> rx.Component:
    """A way to another page of ours, without loading it anew."""
    return _link(content, href, testid, look, **props)


def wrong(message: Any, testid: Any) -> rx.Component:
    """The error of a field; announced when it appears."""
    return rx.el.p(
        icon("circle-alert", 15),
        rx.el.span(message),
        class_name="wrong",
        role="alert",
        data_testid=testid,
    )


def field(name: str, label: str, *, error: Any, hint: str = "", **props: Any) -> rx.Component:
    """A labelled input of an account form; ``name`` is what the API calls it."""
    end = props.pop("end", None)
    look = props.pop("class_name", "input")
    control = rx.el.input(
        id=name,
        name=name,
        class_name=look,
        data_testid=f"input-{name}",
        aria_invalid=rx.cond(error, "true", "false"),
        aria_describedby=f"{name}-note",
        **props,
    )
    note = rx.el.span(hint, class_name="hint") if hint else rx.fragment()
    return rx.el.div(
        rx.el.label(label, html_for=name),
        rx.el.div(control, rx.el.div(end, class_name="end"), class_name="with-end")
        if end
        else control,
        rx.el.div(rx.cond(error, wrong(error, f"error-{name}"), note), id=f"{name}-note"),
        class_name=rx.cond(error, "field is-wrong", "field"),
    )


def password(name: str, label: str, *, error: Any, hint: str = "", complete: str) -> rx.Component:
    """A password that its owner may look at."""
    reveal = icon_button(
        "eye",
        "Show or hide the password",
        testid=f"reveal-{name}",
        on_click=rx.call_script(f"flowforge.reveal({json.dumps(name)})"),
    )
    return field(
        name,
        label,
        error=error,
        hint=hint,
        type="password",
        auto_complete=complete,
        required=True,
        end=reveal,
    )


def switch(is_on: Any, label: Any, *, testid: Any, **props: Any) -> rx.Component:
    return rx.el.input(
        type="checkbox",
        role="switch",
        class_name="switch",
        checked=is_on,
        aria_label=label,
        title=label,
        data_testid=testid,
        **props,
    )


def menu(menu_id: Any, opener: Any, *items: Any, label: Any, look: str, testid: Any) -> Any:
    """A button and the list that it opens; Escape or a click elsewhere closes it."""
    return rx.fragment(
        rx.el.button(
            opener,
            type="button",
            class_name=look,
            aria_label=label,
            title=label,
            aria_haspopup="menu",
            data_testid=testid,
            custom_attrs={"popoverTarget": menu_id},
        ),
        rx.el.div(*items, id=menu_id, class_name="menu", custom_attrs={"popover": "auto"}),
    )


def menu_item(
    menu_id: Any, glyph: str, label: Any, *, testid: Any, look: str = "", **props: Any
) -> rx.Component:
    """``href`` in ``props`` makes it a link."""
    content = (icon(glyph), rx.el.span(label))
    if "href" in props:
        return _link(content, props["href"], testid, f"menu-item {look}")
    return rx.el.button(
        *content,
        type="button",
        class_name=f"menu-item {look}",
        data_testid=testid,
        custom_attrs={"popoverTarget": menu_id, "popoverTargetAction": "hide"},
        **props,
    )


def dialog(dialog_id: str, title: Any, *content: Any, **props: Any) -> rx.Component:
    """A modal dialog; ``open_dialog`` opens it. With ``on_submit`` its content is a form;
    ``on_close`` hears of its end, however it ends.
    """
    heading = rx.el.h2(title, id=f"{dialog_id}-title")
    submits = props.pop("on_submit", None)
    inner = (
        rx.el.form(heading, *content, on_submit=submits)
        if submits
        else rx.el.div(heading, *content, class_name="inner")
    )
    return _Dialog.create(
        inner, id=dialog_id, aria_labelledby=f"{dialog_id}-title", data_testid=dialog_id, **props
    )


def open_dialog(dialog_id: str) -> Any:
    return rx.call_script(f"flowforge.open({json.dumps(dialog_id)})")


def close_dialog(dialog_id: str) -> Any:
    return rx.call_script(f"flowforge.close({json.dumps(dialog_id)})")


def dialog_end(dialog_id: str, *buttons: Any) -> rx.Component:
    """The last line of a dialog: a way out, then what it is about."""
    cancel = button(
        "Cancel", testid=f"{dialog_id}-cancel", on_click=close_dialog(dialog_id), kind="quiet"
    )
    return rx.el.div(cancel, *buttons, class_name="dialog-end")


def _link(content: Any, href: Any, testid: Any, look: Any, **props: Any) -> rx.Component:
    # Radix' link would bring its own look; this is React Router's alone.
    return ReactRouterLink.create(*content, to=href, class_name=look, data_testid=testid, **props)

"""My Zaps: every zap in one line, with what a person needs most often one click away."""

from typing import Any

import reflex as rx

from flowforge.components import (
    controls,
    display,
    elements,
    first_steps,
    folders,
    shell,
    step_icons,
    transfer,
    week,
)
from flowforge.state.dashboard import MOST_ROWS, Dashboard
from flowforge.state.filing import Filing
from flowforge.state.transfer import Transfer

PATH = "/dashboard"
RENAME, ROTATE, DELETE = "rename-zap", "rotate-zap", "delete-zap"


def page() -> rx.Component:
    return shell.page(
        shell.heading(
            "My Zaps", None, _search(), transfer.opener(), _templates(), _create("Create")
        ),
        rx.match(
            Dashboard.stage,
            ("ready", rx.fragment(first_steps.card(*_beginnings()), _filters(), _ready())),
            (
                "failed",
                rx.el.div(
                    display.failed("Failed to load your zaps", Dashboard.follow, "zaps-failed"),
                    class_name="card",
                ),
            ),
            rx.el.div(display.skeletons(5), class_name="card"),
        ),
        _rename_dialog(),
        _rotate_dialog(),
        _delete_dialog(),
        folders.dialogs(),
        transfer.dialog(),
        here=PATH,
    )


def _create(text: str, testid: str = "create-zap") -> rx.Component:
    return controls.button(
        controls.icon("plus"), text, kind="primary", testid=testid, on_click=Dashboard.create
    )


def _templates() -> rx.Component:
    return controls.link_button("Templates", href="/templates", testid="open-templates")


def _search() -> rx.Component:
    return rx.cond(
        _has_any(),
        rx.el.div(
            controls.icon("search"),
            rx.el.input(
                type="search",
                class_name="input",
                placeholder="Search by name",
                aria_label="Search your zaps by name",
                key=f"search-{Dashboard.drawn}",
                default_value=Dashboard.sought,
                on_change=Dashboard.search.debounce(250),
                data_testid="search-zaps",
            ),
            class_name="search",
        ),
    )


def _has_any() -> Any:
    """Whether there is anything to look through, though it may not be what is looked for."""
    return rx.cond(Dashboard.lines, True, _is_narrowed())


def _is_narrowed() -> Any:
    return (Dashboard.sought != "") | (Dashboard.folder != "") | (Dashboard.tag != "")


def _filters() -> rx.Component:
    return rx.cond(rx.cond(Dashboard.folders, True, _has_any()), folders.bar())


def _ready() -> rx.Component:
    return rx.cond(
        Dashboard.lines,
        rx.fragment(
            rx.el.div(_table(), class_name="card zaps"),
            rx.cond(
                Dashboard.has_more,
                rx.el.div(
                    controls.button("Load more", testid="more-zaps", on_click=Dashboard.load_more),
                    class_name="list-end",
                ),
            ),
            rx.cond(
                Dashboard.is_long,
                rx.el.p(
                    f"These are the newest {MOST_ROWS}. Search by name to find older ones.",
                    class_name="list-end muted",
                ),
            ),
        ),
        rx.el.div(
            rx.cond(
                _is_narrowed(),
                display.empty(
                    "search-x",
                    "No zap fits",
                    "Try a shorter part of the name, another folder, or no tag.",
                    testid="nothing-found",
                ),
                _nothing_yet(),
            ),
            class_name="card",
        ),
    )


def _nothing_yet() -> rx.Component:
    return rx.cond(
        Dashboard.first.is_shown,
        display.empty(
            "zap",
            "No zaps yet",
            "A zap has one webhook URL. Each request to it starts a run through its steps.",
            testid="no-zaps",
        ),
        display.empty(
            "zap",
            "Create your first zap",
            (
                "A zap has one webhook URL. Each request to it starts a run, and a run goes "
                "through your steps one by one. This is how a request will look:"
            ),
            display.command(Dashboard.curl),
            rx.el.div(*_beginnings(), class_name="row wrap"),
            testid="no-zaps",
        ),
    )


def _beginnings() -> tuple[rx.Component, ...]:
    return (
        _create("Create your first zap", "create-first-zap"),
        controls.link_button("Use a template", href="/templates", testid="begin-with-template"),
    )


def _table() -> rx.Component:
    heads = ("Name", "ID", "Created At", "Webhook URL", "Last run")
    return rx.el.table(
        rx.el.thead(
            rx.el.tr(
                *(rx.el.th(head, scope="col", class_name=_column(head)) for head in heads),
                rx.el.th(rx.el.span("On or off", class_name="sr-only"), scope="col"),
                rx.el.th("Runs", scope="col", class_name="col-end"),
            )
        ),
        rx.el.tbody(rx.foreach(Dashboard.lines, _row)),
        class_name="zap-table",
        data_testid="zaps",
    )


def _column(head: str) -> str:
    return f"col-{head.split(maxsplit=1)[0].lower()}"


def _row(zap: Any) -> rx.Component:
    return rx.el.tr(
        rx.el.td(_name(zap), class_name="col-name"),
        rx.el.td(
            rx.el.span(
                rx.el.code(zap.short, title=zap.id),
                elements.copy(zap.id, "Copy the id", "copy-id"),
                class_name="id-cell",
            ),
            class_name="col-id",
        ),
        rx.el.td(elements.day(zap.created_at), class_name="col-created muted nowrap"),
        rx.el.td(_trigger(zap), class_name="col-webhook"),
        rx.el.td(_last_run(zap), class_name="col-last"),
        rx.el.td(
            controls.switch(
                zap.enabled,
                rx.cond(zap.enabled, "Switch off", "Switch on"),
                testid="switch-zap",
                on_change=lambda is_on: Dashboard.switch(zap.id, is_on),
            ),
            class_name="col-on",
        ),
        rx.el.td(
            rx.el.div(
                controls.link_button(
                    "View Runs", href=zap.runs_path, testid="view-runs", kind="small"
                ),
                _menu(zap),
                class_name="row",
            ),
            class_name="col-end",
        ),
        class_name="lit",
        key=zap.id,
        data_testid="zap-row",
    )


def _name(zap: Any) -> rx.Component:
    return rx.el.div(
        rx.el.div(
            controls.link(rx.el.span(zap.name, title=zap.name), href=zap.path, testid="zap-name"),
            rx.el.span(zap.state, class_name="sub", data_testid="zap-state"),
            folders.tags(zap),
            class_name="called",
        ),
        rx.el.div(rx.foreach(zap.chain, _picture), _more(zap), class_name="chain"),
        class_name="zap-name",
    )


def _trigger(zap: Any) -> rx.Component:
    """Where to send, for what is sent; in words, what else is waited for; and what is wrong."""
    return rx.fragment(
        rx.cond(
            zap.webhook_url != "",
            display.address(zap.webhook_url, "webhook-url"),
            rx.cond(
                zap.form_url != "",
                display.address(zap.form_url, "form-url", "Copy the form's address"),
                rx.el.span(zap.tells, class_name="tells", title=zap.tells),
            ),
        ),
        rx.cond(
            zap.trouble != "",
            controls.link(
                controls.icon("triangle-alert", 13),
                rx.el.span(zap.trouble, title=zap.trouble),
                href=zap.trouble_path,
                testid="zap-trouble",
                look="trouble",
            ),
        ),
    )


def _picture(picture: Any) -> rx.Component:
    return rx.el.span(step_icons.card_icon(picture.kind, picture.icon, "small"), title=picture.name)


def _more(zap: Any) -> rx.Component:
    return rx.cond(zap.more != "", rx.el.span(zap.more, class_name="rest"))


def _last_run(zap: Any) -> rx.Component:
    return rx.cond(
        zap.last_path != "",
        rx.el.div(
            controls.link(
                rx.el.span(class_name=f"dot {zap.last_status}"),
                rx.el.span(display.status_word(zap.last_status), class_name="sr-only"),
                elements.when(zap.last_at),
                href=zap.last_path,
                testid="last-run",
                look="last-run",
            ),
            week.line(zap),
        ),
        rx.el.span("No runs yet", class_name="muted nowrap"),
    )


def _menu(zap: Any) -> rx.Component:
    menu_id = f"zap-menu-{zap.id}"

    def asks(dialog_id: str) -> list[Any]:
        return [Dashboard.ask(zap.id), controls.open_dialog(dialog_id)]

    def item(glyph: str, label: str, testid: str, on_click: Any, look: str = "") -> rx.Component:
        return controls.menu_item(
            menu_id, glyph, label, testid=testid, look=look, on_click=on_click
        )

    return controls.menu(
        menu_id,
        controls.icon("ellipsis"),
        item("pencil", "Rename", "rename", asks(RENAME)),
        item("folder-input", "Folder and tags", "file", Filing.ask_file(zap.id)),
        item("copy", "Duplicate", "duplicate", Dashboard.duplicate(zap.id)),
        item("download", "Export", "export", Transfer.take_out(zap.id)),
        item("link", "New webhook URL", "rotate", asks(ROTATE)),
        rx.el.div(class_name="menu-line"),
        item("trash-2", "Delete", "delete", asks(DELETE), "danger"),
        label="More actions",
        look="btn quiet icon small",
        testid="zap-menu",
    )


def _rename_dialog() -> rx.Component:
    return controls.dialog(
        RENAME,
        "Rename the zap",
        controls.field(
            "new_name",
            "Name",
            error=Dashboard.name_error,
            default_value=Dashboard.asked.name,
            key=Dashboard.asked.id,
            max_length=200,
            auto_complete="off",
            custom_attrs={"data-first": ""},
        ),
        controls.dialog_end(
            RENAME,
            controls.button("Rename", kind="primary", type="submit", testid="rename-confirm"),
        ),
        on_submit=Dashboard.rename,
    )


def _rotate_dialog() -> rx.Component:
    return controls.dialog(
        ROTATE,
        "Make a new webhook URL?",
        _about(
            " gets a new URL, and the old one answers no more. Whoever posts to it has to be told."
        ),
        controls.dialog_end(
            ROTATE,
            controls.button(
                "Make a new URL",
                kind="primary",
                testid="rotate-confirm",
                on_click=Dashboard.rotate,
            ),
        ),
    )


def _delete_dialog() -> rx.Component:
    return controls.dialog(
        DELETE,
        "Delete this zap?",
        _about(
            " is deleted for good: its URL answers no more, and runs that have not begun are "
            "cancelled."
        ),
        controls.dialog_end(
            DELETE,
            controls.button(
                "Delete", kind="danger", testid="delete-confirm", on_click=Dashboard.delete
            ),
        ),
    )


def _about(text: str) -> rx.Component:
    return rx.el.p(rx.el.strong(Dashboard.asked.name), text, class_name="about")

"""Folders and tags above the list of zaps, and the dialogs that keep them."""

from typing import Any

import reflex as rx

from flowforge.components import controls
from flowforge.state.dashboard import Dashboard
from flowforge.state.filing import DELETE, FILE, NAME, Filing

MENU = "folder-menu"


def bar() -> rx.Component:
    """What is looked at: a folder, and perhaps a tag."""
    return rx.el.div(
        rx.el.select(
            rx.el.option("All zaps", value=""),
            rx.foreach(
                Dashboard.folders,
                lambda folder: rx.el.option(folder.text, value=folder.id),
            ),
            rx.el.option("Uncategorised", value="none"),
            value=Dashboard.folder,
            on_change=Dashboard.choose_folder,
            class_name="input",
            aria_label="Folder",
            data_testid="folder",
        ),
        controls.menu(
            MENU,
            controls.icon("folder-cog"),
            controls.menu_item(
                MENU, "folder-plus", "New folder", testid="new-folder", on_click=Filing.ask_new
            ),
            rx.cond(
                (Dashboard.folder != "") & (Dashboard.folder != "none"),
                rx.fragment(
                    controls.menu_item(
                        MENU,
                        "pencil",
                        "Rename this folder",
                        testid="rename-folder",
                        on_click=Filing.ask_name,
                    ),
                    controls.menu_item(
                        MENU,
                        "trash-2",
                        "Delete this folder",
                        testid="ask-delete-folder",
                        look="danger",
                        on_click=Filing.ask_delete,
                    ),
                ),
            ),
            label="Folders",
            look="btn quiet icon",
            testid="folder-menu",
        ),
        rx.cond(
            Dashboard.tag != "",
            rx.el.button(
                controls.icon("tag", 13),
                rx.el.bdi(Dashboard.tag),
                controls.icon("x", 13),
                type="button",
                class_name="chip",
                aria_label=f"Show zaps without the tag {Dashboard.tag} as well",
                aria_pressed="true",
                on_click=Dashboard.choose_tag(""),
                data_testid="tag-chosen",
            ),
        ),
        class_name="zap-filters",
    )


def tags(zap: Any) -> rx.Component:
    """The words on a zap; each shows all that have it."""
    return rx.cond(
        zap.tags,
        rx.el.div(
            rx.foreach(
                zap.tags,
                lambda word: rx.el.button(
                    rx.el.bdi(word),
                    type="button",
                    class_name="tag",
                    title="Show the zaps with this tag",
                    on_click=Dashboard.choose_tag(word),
                    data_testid="tag",
                ),
            ),
            class_name="zap-tags",
        ),
    )


def dialogs() -> rx.Component:
    return rx.fragment(_file(), _name(), _delete())


def _file() -> rx.Component:
    return controls.dialog(
        FILE,
        rx.fragment("Folder and tags of ", rx.el.bdi(Dashboard.asked.name)),
        rx.el.div(
            rx.el.label("Folder", html_for="zap_folder"),
            rx.el.select(
                rx.el.option("Uncategorised", value=""),
                rx.foreach(
                    Dashboard.folders,
                    lambda folder: rx.el.option(folder.name, value=folder.id),
                ),
                id="zap_folder",
                name="zap_folder",
                class_name="input",
                default_value=Dashboard.asked.folder_id,
                key=f"folder-{Filing.drawn}",
                data_testid="zap-folder",
            ),
            class_name="field",
        ),
        controls.field(
            "zap_tags",
            "Tags",
            error=Filing.problem,
            hint="With commas between them, such as: shop, mail",
            default_value=Dashboard.asked.words,
            key=f"tags-{Filing.drawn}",
            auto_complete="off",
        ),
        controls.dialog_end(
            FILE,
            controls.button("Save", kind="primary", type="submit", testid="file-confirm"),
        ),
        on_submit=Filing.file,
    )


def _name() -> rx.Component:
    return controls.dialog(
        NAME,
        rx.cond(Filing.asked.id != "", "Rename the folder", "New folder"),
        controls.field(
            "folder_name",
            "Name",
            error=Filing.problem,
            default_value=Filing.asked.name,
            key=f"name-{Filing.drawn}",
            auto_complete="off",
            custom_attrs={"data-first": ""},
        ),
        controls.dialog_end(
            NAME,
            controls.button("Save", kind="primary", type="submit", testid="folder-confirm"),
        ),
        on_submit=Filing.name,
    )


def _delete() -> rx.Component:
    return controls.dialog(
        DELETE,
        "Delete this folder?",
        rx.el.p(
            rx.el.strong(Filing.asked.name),
            " goes. The zaps in it stay, and are uncategorised.",
            class_name="about",
        ),
        controls.dialog_end(
            DELETE,
            controls.button(
                "Delete", kind="danger", testid="folder-delete", on_click=Filing.delete
            ),
        ),
    )

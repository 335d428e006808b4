"""A box to type in and the list that it narrows: a combobox that arrows, Enter and a finger walk.

Which line is the active one, the browser decides (assets/palette.js); the server says which there
are, and for which text.
"""

from typing import Any

import reflex as rx


def box(
    of: str,
    *,
    label: str,
    placeholder: str,
    on_change: Any,
    testid: str,
    key: Any,
    pastes: Any = "",
) -> rx.Component:
    """``of``: the id of the list. ``pastes``: the id of the area that takes what is pasted here and
    looks like steps; empty for none.
    """
    return rx.el.input(
        type="text",
        role="combobox",
        class_name="input",
        placeholder=placeholder,
        aria_label=label,
        aria_expanded="true",
        aria_controls=of,
        aria_autocomplete="list",
        auto_complete="off",
        auto_correct="off",
        spell_check=False,
        max_length=1000,
        key=key,
        on_change=on_change,
        custom_attrs={"data-first": "", "data-finder": "", "data-pastes": pastes},
        data_testid=testid,
    )


def options(of: str, *lines: Any, label: str, query: Any, look: str) -> rx.Component:
    """``query``: the text that the lines are for."""
    return rx.el.div(
        *lines,
        id=of,
        role="listbox",
        aria_label=label,
        class_name=look,
        custom_attrs={"data-query": query},
    )


def head(title: Any) -> rx.Component:
    """The title of the group that begins here."""
    return rx.el.div(title, class_name="finder-head", role="presentation")

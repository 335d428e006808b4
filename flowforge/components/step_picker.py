"""The dialog that asks what a step should do, or what starts the zap."""

from typing import Any

import reflex as rx

from flowforge.components import controls, finder, step_icons
from flowforge.state.arranging import PICKER, Arranging
from flowforge.state.builder import TRIGGER, Builder
from flowforge.state.pasting import TEXT, Pasting

LIST = "picker-list"


def dialog() -> rx.Component:
    """Type a few letters, choose by arrows, press Enter; or paste what somebody else made."""
    return controls.dialog(
        PICKER,
        rx.cond(
            Arranging.picker_for == TRIGGER, "What starts this zap?", "What should happen next?"
        ),
        _search(),
        finder.options(
            LIST,
            rx.foreach(Arranging.choices, _choice),
            label="Apps and actions",
            query=Arranging.picker_query,
            look="pick-list",
        ),
        rx.cond(
            Arranging.choices,
            rx.fragment(),
            rx.el.p(
                "Nothing fits. Try “email”, “slack” or “http”.",
                class_name="muted none",
                role="status",
                data_testid="no-choices",
            ),
        ),
        rx.cond(Arranging.picker_for == "", _paste()),
        controls.dialog_end(PICKER),
    )


def _search() -> rx.Component:
    return rx.el.div(
        controls.icon("search"),
        finder.box(
            LIST,
            label="Search apps and actions",
            placeholder="Search apps and actions, or paste a cURL line",
            on_change=lambda text: Arranging.search(text).debounce(120),
            testid="picker-search",
            key=f"{Arranging.picker_for}-{Arranging.picker_step}-{Arranging.picker_branch}-{Arranging.picker_at}-{Builder.version}",
            pastes=rx.cond(Arranging.picker_for == "", TEXT, ""),
        ),
        class_name="search wide",
    )


def _choice(choice: Any, number: Any) -> rx.Component:
    return rx.fragment(
        rx.cond(choice.head != "", finder.head(choice.head)),
        rx.el.button(
            step_icons.card_icon(choice.key, choice.icon),
            rx.el.span(
                rx.el.strong(choice.name),
                rx.el.span(choice.summary, class_name="what"),
            ),
            type="button",
            role="option",
            id=f"pick-{number}",
            aria_selected="false",
            class_name="pick",
            # Closed at once: what is typed next belongs to the form, not to the search above it.
            on_click=[controls.close_dialog(PICKER), Arranging.pick(choice.key)],
            data_testid=f"pick-{choice.key}",
            data_picks="",
        ),
        # What was picked last goes up: a button must not become another one under the pointer.
        key=choice.key,
    )


def _paste() -> rx.Component:
    return rx.el.details(
        rx.el.summary(
            controls.icon("clipboard-paste"),
            "Paste a cURL line or steps",
            data_testid="open-paste",
        ),
        rx.el.form(
            rx.el.label("A cURL line, steps that were copied, or the file of a zap", html_for=TEXT),
            rx.el.textarea(
                id=TEXT,
                name=TEXT,
                rows="6",
                required=True,
                spell_check=False,
                class_name="input mono",
                placeholder="curl https://example.com/orders -d '{\"id\": 7}'",
                aria_describedby="clipping-note",
                key=f"clipping-{Pasting.drawn}",
                data_testid="paste-text",
            ),
            rx.el.div(
                rx.cond(Pasting.refusal != "", controls.wrong(Pasting.refusal, "paste-refusal")),
                id="clipping-note",
                class_name="field is-wrong",
            ),
            controls.button("Add", kind="primary", type="submit", testid="paste-confirm"),
            on_submit=Pasting.paste,
        ),
        class_name="paste",
        key=f"paste-{Pasting.drawn}-{Arranging.picker_step}-{Arranging.picker_branch}-{Arranging.picker_at}",
    )

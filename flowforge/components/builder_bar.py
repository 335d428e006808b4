"""The builder's bar: the zap's name, what is saved and live, what keeps the draft from going live,
and what may be done with the whole zap.
"""

from typing import Any

import reflex as rx

from flowforge.components import controls, draft_changes, elements, hints, together
from flowforge.state.arranging import Arranging
from flowforge.state.builder import Builder
from flowforge.state.history import History
from flowforge.state.publishing import Publishing
from flowforge.state.readiness import Readiness
from flowforge.state.rewriting import Rewriting
from flowforge.state.trial import Trial

PROBLEMS = "problem-list"
MORE = "zap-more-menu"


def bar() -> rx.Component:
    return rx.el.div(
        rx.el.h1(Builder.name, class_name="sr-only"),
        controls.link(
            rx.el.span("Back to My Zaps", class_name="sr-only"),
            controls.icon("arrow-left", 18),
            href="/dashboard",
            testid="back",
            look="btn quiet icon",
        ),
        rx.el.div(
            rx.el.input(
                class_name="title",
                default_value=Builder.name,
                key=f"name-{Builder.zap}-{Builder.version}",
                aria_label="Name of the zap",
                max_length=200,
                spell_check=False,
                on_blur=Builder.rename,
                data_testid="zap-name",
            ),
            _draft_line(),
            class_name="bar-words",
            custom_attrs={"data-autosave": ""},
        ),
        rx.el.span(class_name="spacer"),
        together.visitors(),
        _back_and_forth(),
        rx.el.label(
            rx.el.span(rx.cond(Builder.enabled, "On", "Off"), data_testid="switch-word"),
            controls.switch(
                Builder.enabled,
                rx.cond(
                    Builder.live_version == 0,
                    "Publish the zap first",
                    rx.cond(Builder.enabled, "Switch the zap off", "Switch the zap on"),
                ),
                testid="zap-switch",
                disabled=Builder.live_version == 0,
                on_change=Builder.switch,
            ),
            class_name="on-off",
        ),
        controls.link_button(
            controls.icon("history"),
            rx.el.span("Runs", class_name="only-wide-word"),
            href=f"/zaps/{Builder.zap}/runs",
            testid="to-runs",
        ),
        controls.button(
            controls.icon("flask-conical"),
            rx.el.span("Run test", class_name="only-wide-word"),
            kind="only-wide",
            testid="run-test",
            disabled=Builder.has_empty,
            aria_label="Run test of this draft",
            title="Run this draft once with the last request; it counts in no figure",
            on_click=Trial.run_draft,
        ),
        _more(),
        rx.el.button(
            controls.icon("rocket"),
            "Publish",
            type="button",
            class_name=rx.cond(Builder.has_changes, "btn primary", "btn"),
            disabled=Builder.has_empty,
            title=rx.cond(
                Builder.has_empty,
                "Every card needs an action first",
                rx.cond(
                    Builder.has_changes,
                    "Make this draft the live version",
                    "The draft is live as it is",
                ),
            ),
            on_click=Builder.publish,
            data_testid="publish",
        ),
        class_name="builder-bar",
        data_testid="publish-bar",
    )


def _back_and_forth() -> rx.Component:
    """Both are always there: what comes and goes would move what stands beside it."""
    return rx.el.div(
        _way("undo", Builder.undo_what, Arranging.undo, "Control+Z"),
        _way("redo", Builder.redo_what, Arranging.redo, "Control+Shift+Z"),
        class_name="back-and-forth",
    )


def _way(way: str, what: Any, event: Any, keys: str) -> rx.Component:
    """``way``: "undo" or "redo"."""
    return controls.icon_button(
        f"{way}-2",
        rx.cond(what == "", f"Nothing to {way}", f"{way.capitalize()}: {what}"),
        testid=way,
        disabled=what == "",
        on_click=event,
        custom_attrs={"aria-keyshortcuts": keys, "data-way": way},
    )


def _more() -> rx.Component:
    return controls.menu(
        MORE,
        controls.icon("ellipsis", 17),
        controls.menu_item(
            MORE,
            "flask-conical",
            "Run a test of the draft",
            testid="menu-test",
            disabled=Builder.has_empty,
            on_click=Trial.run_draft,
        ),
        controls.menu_item(
            MORE,
            "message-square-text",
            "Publish with a note…",
            testid="publish-note",
            disabled=Builder.has_empty,
            on_click=Publishing.open,
        ),
        controls.menu_item(
            MORE, "history", "Versions", testid="open-versions", on_click=History.open
        ),
        controls.menu_item(
            MORE,
            "calendar-clock",
            rx.cond(Builder.trigger_kind == "poll", "Looks", "Schedule"),
            testid="to-schedule",
            href=f"/zaps/{Builder.zap}/schedule",
        ),
        controls.menu_item(
            MORE, "braces", "Edit all as JSON", testid="edit-all", on_click=Rewriting.open("")
        ),
        label="More about this zap",
        look="btn quiet icon",
        testid="zap-more",
    )


def _draft_line() -> rx.Component:
    return rx.el.div(
        elements.saved(Builder.saves, Builder.save_state),
        _dot(),
        rx.cond(
            Readiness.change_count > 0,
            draft_changes.opener(),
            rx.el.span(
                rx.cond(
                    Builder.has_changes,
                    rx.cond(Builder.live_version == 0, "Draft", _changed()),
                    "Draft: no changes",
                ),
                data_testid="draft-state",
            ),
        ),
        _dot(),
        rx.cond(
            Builder.live_version == 0,
            rx.el.span("never published", data_testid="live-version"),
            rx.el.span(f"live: v{Builder.live_version}", data_testid="live-version"),
        ),
        rx.cond(Builder.problem_count > 0, rx.fragment(_dot(), _problems())),
        rx.cond(Readiness.hints, rx.fragment(_dot(), hints.menu())),
        class_name="draft-line",
    )


def _changed() -> Any:
    """Of a draft without a change that can be told: is that so, or is nothing known yet?"""
    is_known = Readiness.shows == Builder.shows
    return rx.cond(is_known, "Draft: written otherwise", "Draft: changed")


def _dot() -> rx.Component:
    return rx.el.span("·", class_name="sep", aria_hidden="true")


def _problems() -> rx.Component:
    count = Builder.problem_count
    words = rx.cond(count == 1, "1 to finish", f"{count} to finish")
    return controls.menu(
        PROBLEMS,
        rx.fragment(
            controls.icon("triangle-alert", 13),
            rx.el.span(words),
        ),
        rx.el.div("Before this can go live", class_name="menu-title"),
        rx.foreach(Builder.problems, _problem),
        label=f"{words}: what keeps this draft from going live",
        look="problems-opener",
        testid="problems",
    )


def _problem(problem: Any) -> rx.Component:
    return rx.el.button(
        controls.icon("circle-alert", 15),
        rx.el.span(
            rx.el.strong(problem.where),
            rx.el.span(problem.message),
        ),
        type="button",
        class_name="problem menu-item",
        custom_attrs={"popoverTarget": PROBLEMS, "popoverTargetAction": "hide"},
        on_click=rx.cond(
            problem.card == "",
            Arranging.open_picker(0, "", "", 0),
            Builder.choose_problem(problem.card, problem.field),
        ),
        data_testid="problem",
    )

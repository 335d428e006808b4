"""Several tabs or people on one draft: who is here, what they did, and the choice where two changes
met.
"""

import reflex as rx

from flowforge.components import controls, display, draft_changes, elements
from flowforge.state.builder import Builder
from flowforge.state.clash import DIALOG, Clash
from flowforge.state.company import Company
from flowforge.state.together import Together


def visitors() -> rx.Component:
    """A badge for each person who has the zap open besides."""
    return rx.el.div(
        rx.foreach(Company.visitors, _visitor),
        rx.cond(Company.more > 0, rx.el.span(f"+{Company.more}", class_name="visitor")),
        class_name="visitors",
        role="group",
        aria_label="Also here",
        data_testid="visitors",
    )


def news() -> rx.Component:
    """Somebody changed the open step. It is shown by itself, unless somebody types in it."""
    return rx.cond(
        Company.news > 0,
        elements.news(
            display.notice(
                rx.el.div(
                    rx.el.span(Company.who, " changed this step ", elements.when(Company.at), "."),
                    controls.button(
                        "Show it", kind="small", testid="show-news", on_click=Together.show_news
                    ),
                    class_name="row wrap gap-3",
                ),
                glyph="refresh-cw",
                role="status",
                data_testid="news",
            ),
            Company.news,
        ),
        rx.fragment(),
    )


def banner() -> rx.Component:
    """The last change is not saved; the dialog opens by itself and can be opened again."""
    return rx.cond(
        Builder.save_state == "stale",
        rx.el.div(
            elements.opens(DIALOG),
            display.notice(
                rx.el.div(
                    rx.el.span(
                        rx.cond(
                            Clash.is_me,
                            "You changed this zap in another tab ",
                            f"{Clash.who} changed this zap ",
                        ),
                        elements.when(Clash.at),
                        ", so your last change is not saved yet.",
                    ),
                    controls.button(
                        "Compare and decide",
                        kind="small",
                        testid="decide",
                        on_click=controls.open_dialog(DIALOG),
                    ),
                    class_name="row wrap gap-3",
                ),
                kind="warn",
                glyph="triangle-alert",
                role="alert",
                data_testid="stale",
            ),
            class_name="stale",
        ),
        rx.fragment(),
    )


def dialog() -> rx.Component:
    return controls.dialog(
        DIALOG,
        rx.el.span("Two changes at once", tab_index=-1, custom_attrs={"data-first": ""}),
        rx.el.div(
            _column(
                rx.el.h3(
                    rx.cond(Clash.is_me, "You, in another tab", Clash.who),
                    " · ",
                    elements.when(Clash.at),
                ),
                rx.cond(
                    ~Clash.is_known,
                    rx.el.p(
                        "What exactly was changed is not known any more.", class_name="muted small"
                    ),
                    rx.cond(
                        Clash.theirs,
                        draft_changes.table(Clash.theirs),
                        rx.el.p("Nothing that counts.", class_name="muted small"),
                    ),
                ),
                testid="theirs",
            ),
            _column(
                rx.el.h3("What you wanted"),
                rx.cond(
                    Clash.mine,
                    draft_changes.table(Clash.mine),
                    rx.el.p("The draft has it already.", class_name="muted small"),
                ),
                testid="mine",
            ),
            class_name="clash",
        ),
        rx.cond(Clash.problem != "", controls.wrong(Clash.problem, "clash-problem")),
        rx.el.div(
            controls.button(
                "Take theirs, let mine go",
                kind="quiet",
                testid="take-theirs",
                on_click=Together.take_theirs,
            ),
            rx.el.span(class_name="spacer"),
            controls.button(
                "Apply mine on top",
                kind="primary",
                testid="apply-mine",
                disabled=Clash.problem != "",
                on_click=Together.apply_mine,
            ),
            class_name="dialog-end",
        ),
        class_name="wide clash-dialog",
    )


def _column(*content: rx.Component, testid: str) -> rx.Component:
    return rx.el.section(*content, data_testid=testid)


def _visitor(visitor: rx.vars.ObjectVar) -> rx.Component:  # type: ignore[type-arg]
    return rx.el.span(
        visitor.initials,
        class_name="visitor",
        role="img",
        title=visitor.says,
        aria_label=visitor.says,
        data_testid="visitor",
    )

"""Event destinations: who is told what happens, whether it arrives, and what to do where not."""

from typing import Any

import reflex as rx

from flowforge.components import controls, destination_dialogs, display, elements, shell
from flowforge.state.destinations import DELETE, EVERYTHING, ROTATE, Destinations, Line, Sent

PATH = "/destinations"
TITLE = "Event destinations"
_STATES = {"on": ("succeeded", "On"), "failing": ("failed", "Failing"), "off": ("cancelled", "Off")}


def page() -> rx.Component:
    return shell.page(
        shell.heading(
            TITLE,
            "URLs that are told what happens in your project, signed, and again until they take it.",
            _new("New destination"),
        ),
        rx.match(
            Destinations.stage,
            ("ready", rx.cond(Destinations.lines, _list(), _nothing())),
            (
                "failed",
                rx.el.div(
                    display.failed(
                        "Failed to load the destinations",
                        Destinations.follow,
                        "destinations-failed",
                    ),
                    class_name="card",
                ),
            ),
            rx.el.div(display.skeletons(3, "64px"), class_name="card"),
        ),
        destination_dialogs.form(),
        destination_dialogs.secret(),
        destination_dialogs.rotate(),
        destination_dialogs.delete(),
    )


def _new(text: str, testid: str = "new-destination") -> rx.Component:
    return controls.button(
        controls.icon("plus"), text, kind="primary", testid=testid, on_click=Destinations.ask_new
    )


def _nothing() -> rx.Component:
    return rx.el.div(
        display.empty(
            "megaphone",
            "Nobody is told yet",
            (
                "A destination is a URL of yours that gets a signed request when a run fails, a zap "
                "is published or somebody signs in."
            ),
            _new("Make a destination", "first-destination"),
            testid="no-destinations",
        ),
        class_name="card",
    )


def _list() -> rx.Component:
    return rx.el.ul(
        rx.foreach(Destinations.lines, _item),
        class_name="destinations",
        aria_label=TITLE,
        data_testid="destinations",
    )


def _item(one: rx.vars.ObjectVar[Line]) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.div(
                rx.el.div(
                    rx.el.h2(rx.el.bdi(one.name), class_name="truncate"),
                    _state(one),
                    class_name="row",
                ),
                rx.el.code(rx.el.bdi(one.url, dir="ltr"), class_name="truncate", title=one.url),
                rx.el.div(
                    rx.foreach(
                        one.kinds,
                        lambda kind: rx.el.span(
                            rx.cond(kind == EVERYTHING, "Everything", kind), class_name="kind"
                        ),
                    ),
                    class_name="kinds",
                ),
                class_name="which",
            ),
            _tools(one),
            class_name="destination-head",
        ),
        _trouble(one),
        _test_result(one),
        rx.cond(Destinations.opened == one.id, _deliveries()),
        class_name="card",
        key=one.id,
        data_testid="destination",
        data_destination=one.id,
    )


def _state(one: Any) -> rx.Component:
    return rx.match(
        one.state,
        *(
            (
                state,
                rx.el.span(
                    word,
                    class_name=f"status {look}",
                    data_testid="destination-state",
                    data_status=state,
                ),
            )
            for state, (look, word) in _STATES.items()
        ),
        rx.fragment(),
    )


def _tools(one: Any) -> rx.Component:
    menu_id = f"destination-menu-{one.id}"
    return rx.el.div(
        controls.switch(
            one.enabled,
            rx.cond(one.enabled, "Switch off", "Switch on"),
            testid="switch-destination",
            on_change=lambda is_on: Destinations.switch(one.id, is_on),
        ),
        controls.button(
            rx.cond(Destinations.testing == one.id, "Sending…", "Send a test"),
            kind="small",
            testid="test-destination",
            disabled=Destinations.testing != "",
            on_click=Destinations.test(one.id),
        ),
        controls.button(
            "Deliveries",
            rx.icon("chevron-right", size=15, class_name="chev", aria_hidden="true"),
            kind="small",
            testid="show-deliveries",
            aria_expanded=rx.cond(Destinations.opened == one.id, "true", "false"),
            on_click=Destinations.toggle(one.id),
        ),
        controls.menu(
            menu_id,
            controls.icon("ellipsis"),
            controls.menu_item(
                menu_id,
                "pencil",
                "Change",
                testid="change-destination",
                on_click=Destinations.ask_change(one.id),
            ),
            _asking(menu_id, one, "key-round", "New secret", ROTATE),
            rx.el.div(class_name="menu-line"),
            _asking(menu_id, one, "trash-2", "Delete", DELETE, look="danger"),
            label="More actions",
            look="btn quiet icon small",
            testid="destination-menu",
        ),
        class_name="tools",
    )


def _asking(
    menu_id: Any, one: Any, glyph: str, label: str, dialog_id: str, *, look: str = ""
) -> rx.Component:
    return controls.menu_item(
        menu_id,
        glyph,
        label,
        testid=f"ask-{dialog_id}",
        look=look,
        on_click=[Destinations.ask(one.id), controls.open_dialog(dialog_id)],
    )


def _trouble(one: Any) -> rx.Component:
    return rx.cond(
        one.reason,
        display.notice(
            rx.el.strong("Switched off by itself. "),
            rx.el.bdi(one.reason),
            " What it is owed is kept. ",
            controls.button(
                "Switch it on again",
                kind="small",
                testid="enable-again",
                on_click=Destinations.switch(one.id, True),
            ),
            kind="bad",
            glyph="circle-alert",
            role="alert",
            data_testid="destination-disabled",
        ),
        rx.cond(
            one.state == "failing",
            display.notice(
                "It takes nothing. The first delivery that failed was tried ",
                elements.when(one.since),
                ". After three days of that it is switched off, and you get a mail.",
                kind="warn",
                glyph="triangle-alert",
                data_testid="destination-failing",
            ),
        ),
    )


def _test_result(one: Any) -> rx.Component:
    tested = Destinations.tested
    return rx.cond(
        tested.id == one.id,
        rx.cond(
            tested.is_taken,
            display.notice(
                tested.words, kind="ok", glyph="check", role="status", data_testid="test-result"
            ),
            display.notice(
                rx.el.bdi(tested.words),
                kind="bad",
                glyph="circle-alert",
                role="status",
                data_testid="test-result",
            ),
        ),
    )


def _deliveries() -> rx.Component:
    return rx.el.div(
        rx.cond(
            Destinations.sent,
            rx.fragment(
                rx.el.ul(
                    rx.foreach(Destinations.sent, _delivery),
                    aria_label="Deliveries",
                    data_testid="deliveries",
                ),
                rx.cond(
                    Destinations.has_more,
                    controls.button(
                        "Load more",
                        kind="small",
                        testid="more-deliveries",
                        on_click=Destinations.load_more,
                    ),
                ),
            ),
            rx.el.p(
                "Nothing was sent yet. Send a test, or wait for something to happen.",
                class_name="muted small",
                data_testid="no-deliveries",
            ),
        ),
        class_name="deliveries",
    )


def _delivery(one: rx.vars.ObjectVar[Sent]) -> rx.Component:
    return rx.el.li(
        rx.el.div(
            rx.el.span(
                one.word,
                class_name=f"status {one.look}",
                data_testid="delivery-status",
                data_status=one.look,
            ),
            rx.el.code(one.kind, class_name="truncate"),
            rx.el.span(one.answer, class_name="num", title="Status of the last answer"),
            rx.el.span(one.attempts, class_name="muted nowrap"),
            rx.cond(one.next_at, elements.countdown(one.next_at), elements.when(one.at)),
            rx.el.div(
                controls.icon_button(
                    "rotate-cw",
                    "Send it again",
                    testid="retry-delivery",
                    kind="quiet small",
                    on_click=Destinations.retry(one.id),
                ),
                controls.icon_button(
                    "braces",
                    "Show what was sent",
                    testid="show-payload",
                    kind="quiet small",
                    aria_expanded=rx.cond(Destinations.looked_into == one.id, "true", "false"),
                    on_click=Destinations.look_into(one.id),
                ),
                class_name="row end",
            ),
            class_name="delivery-row",
        ),
        rx.cond(one.error, rx.el.p(rx.el.bdi(one.error), class_name="delivery-error small")),
        rx.cond(
            Destinations.looked_into == one.id,
            display.document("Payload", one.body, "delivery-payload"),
        ),
        key=one.id,
        data_testid="delivery",
    )

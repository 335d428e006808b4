"""What may be done with a run that has ended: the buttons, and the dialogs that ask first."""

import reflex as rx

from flowforge.components import controls, display
from flowforge.state.again import RETRY, RETRY_FROM, Again
from flowforge.state.run import Run


def buttons() -> rx.Component:
    return rx.fragment(
        controls.button(
            controls.icon("copy-plus", 15),
            "Replay",
            testid="run-replay",
            title="A new run of the live version with the same event",
            on_click=Again.replay,
        ),
        rx.cond(
            Run.head.may_retry,
            controls.button(
                controls.icon("rotate-ccw", 15),
                "Retry",
                kind="primary",
                testid="run-retry",
                on_click=Again.ask,
            ),
        ),
    )


def dialogs() -> rx.Component:
    return rx.fragment(_retry(), _retry_from())


def _retry() -> rx.Component:
    return controls.dialog(
        RETRY,
        "Retry this run?",
        rx.el.p("It goes on where it failed. Steps that have succeeded are not done again."),
        rx.el.div(
            rx.el.label("Version", html_for="retry-version"),
            rx.el.select(
                rx.el.option("The one it ran with", value="same"),
                rx.el.option("The live one, as a new run", value="live"),
                id="retry-version",
                name="version",
                class_name="input",
                key=f"version-{Again.version}",
                data_testid="retry-version",
            ),
            class_name="field",
        ),
        _refusal(RETRY),
        controls.dialog_end(RETRY, _go("Retry", "run-retry-yes")),
        on_submit=Again.retry,
    )


def _retry_from() -> rx.Component:
    start = Again.start
    return controls.dialog(
        RETRY_FROM,
        rx.fragment("Retry from “", rx.el.bdi(start.name), "”?"),
        rx.el.p("A new run keeps what came before this step and does the rest again."),
        rx.cond(
            start.inputs,
            rx.el.div(
                rx.el.label("What the step gets", html_for="retry-inputs"),
                rx.el.textarea(
                    id="retry-inputs",
                    name="inputs",
                    class_name="input code",
                    default_value=start.inputs,
                    key=f"inputs-{Again.version}",
                    rows="12",
                    spell_check=False,
                    data_testid="retry-inputs",
                ),
                rx.el.span("Change it if you like; it is not rendered again.", class_name="hint"),
                class_name="field",
            ),
        ),
        _refusal(RETRY_FROM),
        controls.dialog_end(RETRY_FROM, _go("Retry from here", "retry-from-yes")),
        on_submit=Again.retry,
    )


def _refusal(dialog: str) -> rx.Component:
    """Why it did not go on; what is doubtful is asked about once more."""
    return rx.cond(
        Again.dialog == dialog,
        rx.fragment(
            rx.cond(Again.error, display.problem(Again.error, "retry-error")),
            rx.cond(
                Again.doubt,
                display.notice(
                    Again.doubt,
                    kind="warn",
                    glyph="triangle-alert",
                    role="alert",
                    data_testid="retry-doubt",
                ),
            ),
        ),
    )


def _go(words: str, testid: str) -> rx.Component:
    return controls.button(
        rx.cond(Again.doubt, "I have looked: go on", words),
        kind="primary",
        testid=testid,
        type="submit",
    )

"""Every event handler of every state is a public RPC: each says who may call it."""

from collections.abc import Iterator

import pytest
import reflex as rx

import flowforge.pages  # noqa: F401 - brings all states
from flowforge.services.access import Permission
from flowforge.state.doors import DECLARED, PUBLIC

# What anybody on the internet may call. It grows by a decision, never by accident.
OPEN_TO_ALL = {
    "Apps": {"ask_remove", "ask_secret", "begin", "forget"},
    "Arranging": {"open_picker", "search"},
    "Branches": {"ask_name"},
    "Builder": {"close_panel"},
    "Bulk": {"forget"},
    "Changes": {"ask"},
    "Dashboard": {"ask", "begin"},
    "Destinations": {"ask", "ask_change", "ask_new", "begin", "forget", "look_into"},
    "Filing": {"ask_delete", "ask_file", "ask_name", "ask_new"},
    "Forms": {
        "begin", "begin_reset", "begin_sign_in", "begin_verify", "forgot", "forgotten", "resend",
        "resend_to", "resent", "reset_password", "sign_in", "sign_up", "signed_in", "signed_up",
        "verified", "verify", "was_reset",
    },
    "History": {"ask", "to_list", "write_note"},
    "InboxBulk": {"forget"},
    "Mailbox": {"look", "read"},
    "Run": {"note_comment"},
    "Session": {"leave", "recognise"},
    "Templates": {"ask"},
    "Transfer": {"ask"},
}  # fmt: skip


def states() -> Iterator[type[rx.State]]:
    waiting: list[type[rx.State]] = [rx.State]
    while waiting:
        state = waiting.pop()
        waiting += state.__subclasses__()
        # What is mixed in is nobody's state: it is looked at in each of those that have it.
        if state.__module__.startswith("flowforge.") and not state._mixin:
            yield state


HANDLERS = [
    pytest.param(state, name, id=f"{state.__name__}.{name}")
    for state in sorted(states(), key=lambda state: state.__name__)
    for name, handler in state.event_handlers.items()
    if handler.fn.__module__.startswith("flowforge.")
]


@pytest.mark.parametrize(("state", "name"), HANDLERS)
def test_a_handler_says_who_may_call_it(state: type[rx.State], name: str) -> None:
    declared = getattr(state.event_handlers[name].fn, DECLARED, None)
    if name in OPEN_TO_ALL.get(state.__name__, set()):
        assert declared == PUBLIC
    else:
        assert isinstance(declared, Permission), f"declared {declared!r}: see state/doors.py"


def test_nobody_can_set_a_var_from_outside() -> None:
    """Reflex can make a setter for each var; ours are set by our handlers alone."""
    setters = [
        f"{state.__name__}.{name}"
        for state in states()
        for name in state.event_handlers
        if name.startswith("set_") and name.removeprefix("set_") in state.vars
    ]
    assert setters == []


def test_no_handler_takes_its_caller_from_the_browser() -> None:
    for parameter in HANDLERS:
        state, name = parameter.values
        assert isinstance(state, type)
        handler = state.event_handlers[str(name)]  # type: ignore[attr-defined]
        assert "caller" not in handler.fn.__annotations__

"""A tab of somebody, without a browser: a state at an address, and its handlers called."""

from typing import Any

import reflex as rx
from reflex.istate.data import HeaderData, ReflexURL, URLData

from flowforge.services import sessions
from tests.house import Account


def tab(state: type[rx.State], account: Account, path: str) -> Any:
    """``state`` in a new tab of ``account`` at ``path``."""
    root = rx.State(_reflex_internal_init=True)  # type: ignore[call-arg]
    root.rx_router_headers = HeaderData.from_router_data(
        {"headers": {"cookie": f"{sessions.COOKIE}={account.token}"}}
    )
    root.rx_router_url = URLData.from_url(ReflexURL(f"http://localhost:3000{path}"))
    return root.get_substate(state.get_full_name().split("."))


async def call(opened: Any, handler: str, *arguments: Any) -> str:
    """The events that the browser is sent, as text."""
    return str(await type(opened).event_handlers[handler].fn(opened, *arguments))


def beside(opened: Any, state: type[rx.State]) -> Any:
    """``state`` in the same tab."""
    return opened._get_root_state().get_substate(state.get_full_name().split("."))

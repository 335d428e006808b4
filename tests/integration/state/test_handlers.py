"""The door of every event handler, tried: nobody and strangers get nothing and change nothing."""

import inspect
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, get_type_hints

import pytest
import reflex as rx
from reflex.istate.data import HeaderData, ReflexURL, URLData

import flowforge.pages  # noqa: F401 - brings all states
from flowforge.services import sessions, zaps
from flowforge.services.access import Permission
from flowforge.services.zap_views import ZapView
from flowforge.state.doors import DECLARED
from tests.house import Account, House
from tests.zapping import hook, published

HERE = "http://localhost:3000/zaps/{}?tab=1"


def guarded() -> Iterator[Any]:
    """All handlers that need somebody, but those in the background, which need a socket."""
    waiting: list[type[rx.State]] = [rx.State]
    while waiting:
        state = waiting.pop()
        waiting += state.__subclasses__()
        if state._mixin:
            continue  # nobody's: tried in each state that has it
        for name, handler in state.event_handlers.items():
            declared = getattr(handler.fn, DECLARED, None)
            if isinstance(declared, Permission) and not handler.is_background:
                yield pytest.param(state, name, id=f"{state.__name__}.{name}")


def opened(state: type[rx.State], *, zap_id: str, token: str = "") -> Any:
    """``state`` in a tab at the builder of ``zap_id``, with that zap in each of its own ids."""
    root = rx.State(_reflex_internal_init=True)  # type: ignore[call-arg]
    cookie = f"{sessions.COOKIE}={token}" if token else ""
    root.rx_router_headers = HeaderData.from_router_data({"headers": {"cookie": cookie}})
    root.rx_router_url = URLData.from_url(ReflexURL(HERE.format(zap_id)))
    tab = root.get_substate(state.get_full_name().split("."))
    for name in {"zap", "run_id", "asked"} & set(state.vars):
        former = getattr(tab, name)
        if isinstance(former, str):
            setattr(tab, name, zap_id)
        elif hasattr(former, "id"):  # a template that is asked about has none
            setattr(tab, name, replace(former, id=zap_id))
    return tab


def arguments(handler: Any, zap_id: str) -> list[Any]:
    """What a stranger would send: the id wherever a text goes."""
    samples: dict[Any, Any] = {str: zap_id, int: 0, bool: True}
    hints = get_type_hints(handler)
    names = list(inspect.signature(handler).parameters)[1:]
    return [samples.get(hints[name], {"name": "Taken"}) for name in names]


async def called(tab: Any, name: str, zap_id: str) -> str:
    """The events that the browser is sent, as text."""
    handler = type(tab).event_handlers[name].fn
    return str(await handler(tab, *arguments(handler, zap_id)))


@pytest.mark.parametrize(("state", "name"), list(guarded()))
async def test_nobody_is_sent_to_sign_in(house: House, state: type[rx.State], name: str) -> None:
    with house.counted_statements() as count:
        answer = await called(opened(state, zap_id="01a"), name, "01a")
    assert "/signin?next=%2Fzaps%2F01a%3Ftab%3D1" in answer
    assert count.number <= 1, "somebody unknown made the database work"


@pytest.mark.parametrize(("state", "name"), list(guarded()))
async def test_a_stranger_changes_nothing_of_a_zap(
    house: House, state: type[rx.State], name: str
) -> None:
    ada, eve = await house.sign_up(), await house.sign_up("eve@example.com", "Eve")
    zap = await published(house, ada, hook("post", "http://127.0.0.1:9/"))
    tab = opened(state, zap_id=zap.id, token=eve.token)
    await called(tab, name, zap.id)
    assert await read(house, ada, zap.id) == zap
    assert zap.name not in str(tab.dict()), "a stranger's tab shows it"
    assert zap.webhook_url not in str(tab.dict())


async def read(house: House, account: Account, zap_id: str) -> ZapView:
    async with house.db.reading() as session:
        return await zaps.get(session, account.actor, zap_id)

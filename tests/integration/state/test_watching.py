"""A failed run of which zaps: chosen by name, and only among those of the project."""

from typing import Any

from flowforge.services import versions, watching, zaps
from flowforge.services.watching import MOST_OFFERED
from flowforge.services.zap_views import ZapView
from flowforge.state.builder import Builder
from flowforge.state.trigger import Trigger
from flowforge.state.watching import Watching
from tests.house import Account, House
from tests.integration.state.tabs import beside, call, tab
from tests.zapping import published

STOP = {"id": "end", "kind": "stop"}


async def named(house: House, owner: Account, name: str) -> ZapView:
    async with house.db.transaction() as session:
        return await zaps.create(session, owner.actor, name=name)


async def watcher(house: House, owner: Account, *zap_ids: str) -> ZapView:
    trigger = {"kind": "error", "settings": {"zap_ids": list(zap_ids)}}
    return await published(house, owner, STOP, trigger=trigger)


async def opened(house: House, owner: Account, zap: ZapView) -> Any:
    """The panel of the trigger in the builder of ``zap``."""
    path = f"/zaps/{zap.id}"
    builder = tab(Builder, owner, path)
    await call(builder, "open")
    return beside(builder, Watching)


async def tick(panel: Any, zap_id: str, is_chosen: bool) -> str:
    return await call(beside(panel, Trigger), "watch", zap_id, is_chosen)


async def waited_for(house: House, owner: Account, zap: ZapView) -> Any:
    async with house.db.reading() as session:
        found = await zaps.get(session, owner.actor, zap.id)
    return found.definition["trigger"]["settings"].get("zap_ids")


async def test_zaps_are_offered_by_name_and_ticked(house: House) -> None:
    ada = await house.sign_up()
    orders, bills = await named(house, ada, "Orders"), await named(house, ada, "Bills")
    zap = await watcher(house, ada)
    panel = await opened(house, ada, zap)
    assert [line.name for line in panel.lines] == ["Bills", "Orders"]
    assert panel.chosen == 0
    await tick(panel, orders.id, True)
    assert [(line.name, line.is_chosen) for line in panel.lines] == [
        ("Orders", True),
        ("Bills", False),
    ]
    await tick(panel, bills.id, True)
    assert await waited_for(house, ada, zap) == [orders.id, bills.id]
    await tick(panel, orders.id, False)
    assert await waited_for(house, ada, zap) == [bills.id]
    async with house.db.transaction() as session:
        await versions.publish(session, ada.actor, zap.id)
    await call(beside(panel, Trigger), "watch_all")
    assert await waited_for(house, ada, zap) is None


async def test_what_is_chosen_stays_in_sight(house: House) -> None:
    ada = await house.sign_up()
    gone, orders = await named(house, ada, "Gone"), await named(house, ada, "Orders")
    async with house.db.transaction() as session:
        await zaps.delete(session, ada.actor, gone.id)
    zap = await watcher(house, ada, gone.id, orders.id, "no\0id")
    panel = await opened(house, ada, zap)
    await call(panel, "search", "nothing has this")
    assert [(line.name, line.is_gone) for line in panel.lines] == [
        ("Orders", False),
        (gone.id, True),
        ("no\\u0000id", True),
    ]
    await tick(panel, gone.id, False)
    assert gone.id not in await waited_for(house, ada, zap)


async def test_of_many_zaps_one_is_found_by_its_name(house: House) -> None:
    ada = await house.sign_up()
    for number in range(MOST_OFFERED + 1):
        await named(house, ada, f"Zap {number:03}")
    panel = await opened(house, ada, await watcher(house, ada))
    assert (len(panel.lines), panel.has_more, panel.is_many) == (MOST_OFFERED, True, True)
    await call(panel, "search", f"{MOST_OFFERED}")
    assert [line.name for line in panel.lines] == [f"Zap {MOST_OFFERED:03}"]


async def test_a_zap_of_somebody_else_is_neither_offered_nor_chosen(house: House) -> None:
    ada, eve = await house.sign_up(), await house.sign_up("eve@example.com")
    hers = await named(house, eve, "Secret plans")
    zap = await watcher(house, ada)
    panel = await opened(house, ada, zap)
    assert panel.lines == []
    assert "not found" in await tick(panel, hers.id, True)
    assert await waited_for(house, ada, zap) in (None, [])
    await watcher(house, ada, hers.id)
    async with house.db.reading() as session:
        offered = await watching.offer(session, ada.actor, zap.id)
    assert "Secret plans" not in str(offered)

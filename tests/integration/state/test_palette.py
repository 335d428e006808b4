"""The palette: what it finds, for whom, and what choosing a line does."""

from dataclasses import replace
from typing import Any

import pytest

from flowforge.services import drafts, palette, runs, zaps
from flowforge.services.palette import MOST_LINES, Line
from flowforge.services.run_filters import RunFilter
from flowforge.services.zap_views import ZapView
from flowforge.state.builder import Builder
from flowforge.state.palette import Palette
from flowforge.state.recents import Recents
from tests.house import Account, House
from tests.integration.state.tabs import beside, call, tab
from tests.zapping import path_of, published

MAIL = {"id": "tell", "kind": "action", "action": "email", "name": "Tell the boss", "inputs": {}}


async def _zap(house: House, who: Account, name: str, *steps: dict[str, Any]) -> ZapView:
    async with house.db.transaction() as session:
        return await zaps.create(
            session, who.actor, name=name, definition=drafts.empty() | {"steps": list(steps)}
        )


async def _found(house: House, who: Account, query: str) -> list[Line]:
    async with house.db.reading() as session:
        return await palette.find(session, who.actor, query)


async def _keys(opened: Any, query: str) -> list[str]:
    await call(opened, "find", query)
    return [line.key for line in opened.lines]


async def test_a_zap_is_found_by_words_of_its_name_in_any_order_and_by_its_id(
    house: House,
) -> None:
    ada = await house.sign_up()
    orders = await _zap(house, ada, "Orders to the CRM")
    await _zap(house, ada, "Refunds 100%")
    for query in ("orders", "crm ord", orders.id, orders.id[-8:].upper()):
        assert f"zap:{orders.id}" == (await _found(house, ada, query))[0].key
    (refunds,) = await _found(house, ada, "100%")
    assert refunds.title == "Refunds 100%"
    assert await _found(house, ada, "no such thing") == []


async def test_nothing_of_another_project_or_deleted_is_found(house: House) -> None:
    ada, eve = await house.sign_up(), await house.sign_up("eve@example.com")
    gone, kept = await _zap(house, ada, "Gone plan"), await _zap(house, ada, "Kept plan")
    async with house.db.transaction() as session:
        await zaps.delete(session, ada.actor, gone.id)
    assert [line.title for line in await _found(house, ada, "plan")] == ["Kept plan"]
    for query in ("plan", kept.id):
        assert await _found(house, eve, query) == []
    async with house.db.reading() as session:
        recent = [f"zap:{gone.id}", f"zap:{kept.id}", "zap:\x00", "page:/runs"]
        mine = await palette.find(session, ada.actor, "", recent=recent)
        hers = await palette.find(session, eve.actor, "", recent=recent)
    assert [line.title for line in mine[:2]] == ["Kept plan", "Runs"]
    assert hers[0] == replace(mine[1], head="Recent")


async def test_runs_and_events_are_found_by_whole_ids_and_by_what_pages_show_of_them(
    house: House,
) -> None:
    ada, eve = await house.sign_up(), await house.sign_up("eve@example.com")
    zap = await published(house, ada, {"id": "end", "kind": "stop"})
    await house.client.post(path_of(zap), json={})
    async with house.db.reading() as session:
        (run,) = (await runs.list_runs(session, ada.actor, RunFilter())).data
    for query in (run.id, run.id[-8:], run.id[:13]):
        assert f"run:{run.id}" in {line.key for line in await _found(house, ada, query)}
        assert not [line for line in await _found(house, eve, query) if line.key.startswith("run:")]
    found = await _found(house, ada, run.event_id)
    assert {line.key for line in found} == {f"run:{run.id}", f"event:{run.event_id}"}


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("runs", "page:/runs"),
        ("dark", "do:dark"),
        ("logout", "do:sign-out"),
        ("new", "do:create"),
        ("history", "page:/runs"),
        ("gallery", "page:/templates"),
        ("crt", "do:create"),
    ],
)
async def test_pages_and_commands_are_found_by_other_words_too(
    house: House, query: str, key: str
) -> None:
    ada = await house.sign_up()
    assert (await _found(house, ada, query))[0].key == key


async def test_however_much_there_is_the_list_is_short(house: House) -> None:
    ada = await house.sign_up()
    for number in range(30):
        await _zap(house, ada, f"Export {number}")
    for query in ("", "e", "export"):
        assert 0 < len(await _found(house, ada, query)) <= MOST_LINES


async def test_in_a_builder_its_steps_and_buttons_are_offered_and_nowhere_else(
    house: House,
) -> None:
    ada = await house.sign_up()
    zap = await _zap(house, ada, "Orders", MAIL)
    page = tab(Builder, ada, f"/zaps/{zap.id}")
    await call(page, "open")
    opened = beside(page, Palette)
    assert "bench:publish" in await _keys(opened, "")
    assert (await _keys(opened, "boss"))[0] == "step:tell"
    assert (await _keys(opened, "tell"))[0] == "step:tell"
    assert "bench:undo" not in await _keys(opened, "undo")
    elsewhere = tab(Palette, ada, "/runs")
    assert not [key for key in await _keys(elsewhere, "tell") if key.startswith(("step:", "add:"))]


async def test_a_step_is_added_behind_the_chosen_one_by_another_word_for_it(house: House) -> None:
    ada = await house.sign_up()
    zap = await _zap(house, ada, "Orders", MAIL, {"id": "end", "kind": "stop"})
    page = tab(Builder, ada, f"/zaps/{zap.id}")
    await call(page, "open")
    await call(page, "choose_card", "tell")
    opened = beside(page, Palette)
    assert (await _keys(opened, "switch"))[0] == "add:router"
    assert "add" in await call(opened, "take", "add:router")
    await call(opened, "add", "router")
    async with house.db.reading() as session:
        stored = (await zaps.get(session, ada.actor, zap.id)).definition
    assert [step["id"] for step in stored["steps"]] == ["tell", "router", "end"]
    assert page.chosen == "router"


async def test_only_what_was_offered_is_done_and_what_was_chosen_comes_first(
    house: House,
) -> None:
    ada = await house.sign_up()
    zap = await _zap(house, ada, "Orders")
    opened = tab(Palette, ada, "/dashboard")
    assert await call(opened, "take", "page:https://evil.example") == "None"
    await _keys(opened, "orders")
    assert f"/zaps/{zap.id}" in await call(opened, "take", f"zap:{zap.id}")
    await _keys(opened, "dark")
    assert "theme-dark" in await call(opened, "take", "do:dark")
    assert (await _keys(opened, ""))[:2] == ["do:dark", f"zap:{zap.id}"]
    beside(opened, Recents).lines = "\n".join(["x" * 500, *("page:/runs",) * 40])
    assert (await _keys(opened, ""))[0] == "page:/runs"


@pytest.mark.parametrize("key", [each.line.key for each in palette.COMMANDS])
async def test_every_command_does_something(house: House, key: str) -> None:
    ada = await house.sign_up()
    opened = tab(Palette, ada, "/dashboard")
    opened.lines = [Line(key, "x")]
    assert "EventSpec" in await call(opened, "take", key)

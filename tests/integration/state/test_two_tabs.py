"""Two tabs on one draft: the slower one loses nothing, and both know of each other."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from flowforge.infra.presence import Guest, Presence
from flowforge.services import clashes, editing, undoing, workbench, zaps
from flowforge.services.zap_views import ZapView
from flowforge.state import clash
from flowforge.state.arranging import Arranging
from flowforge.state.builder import Builder
from flowforge.state.clash import Clash
from flowforge.state.filling import Filling
from flowforge.state.together import Together
from tests.house import Account, House
from tests.integration.state.tabs import beside, call, tab
from tests.zapping import hook, published


@pytest.fixture(autouse=True)
async def _undecided() -> AsyncIterator[None]:
    yield
    clash._kept.clear()


async def at(house: House, ada: Account, zap: ZapView) -> Any:
    """A builder that has looked at ``zap``, at its step ``post``."""
    builder = tab(Builder, ada, f"/zaps/{zap.id}")
    builder.zap = zap.id
    await call(builder, "choose_card", "post")
    return builder


async def created(house: House, ada: Account, *steps: dict[str, Any]) -> ZapView:
    definition = {"trigger": {"kind": "webhook"}, "steps": list(steps)}
    async with house.db.transaction() as session:
        return await zaps.create(session, ada.actor, name="Orders", definition=definition)


async def change(house: House, who: Account, zap: ZapView, gesture: Any) -> None:
    async with house.db.transaction() as session:
        now = await zaps.get(session, who.actor, zap.id)
        await workbench.edit(session, who.actor, zap.id, now.draft_revision, gesture)


async def stored(house: House, ada: Account, zap: ZapView) -> dict[str, Any]:
    async with house.db.reading() as session:
        return (await zaps.get(session, ada.actor, zap.id)).definition


def says(name: str, text: str) -> Any:
    return lambda draft: editing.set_input(draft, "post", name, text)


async def test_mine_goes_on_top_of_theirs(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, hook("post", "http://127.0.0.1:9/"))
    builder = await at(house, ada, zap)
    await change(house, ada, zap, says("method", "PUT"))
    await call(beside(builder, Filling), "fill", "post", "url", "http://127.0.0.1:9/mine")
    assert builder.save_state == "stale"
    state = beside(builder, Clash)
    assert [(one.where, one.after) for one in state.theirs] == [("HTTP Webhook · Method", "PUT")]
    assert [(one.where, one.after) for one in state.mine] == [
        ("HTTP Webhook · URL", "http://127.0.0.1:9/mine")
    ]
    assert (state.who, state.is_me, state.problem) == ("Ada", True, "")
    await call(beside(builder, Together), "apply_mine")
    inputs = (await stored(house, ada, zap))["steps"][0]["inputs"]
    assert (inputs["url"], inputs["method"]) == ("http://127.0.0.1:9/mine", "PUT")
    assert (builder.save_state, state.mine) == ("saved", [])


async def test_all_that_was_typed_while_nobody_had_decided_is_kept(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, hook("post", "http://127.0.0.1:9/"))
    builder = await at(house, ada, zap)
    await change(house, ada, zap, says("method", "PUT"))
    await call(beside(builder, Filling), "fill", "post", "url", "http://127.0.0.1:9/mine")
    await call(beside(builder, Filling), "fill", "post", "body", '{"a": 1}')
    assert len(beside(builder, Clash).mine) == 2
    await call(beside(builder, Together), "apply_mine")
    inputs = (await stored(house, ada, zap))["steps"][0]["inputs"]
    assert (inputs["url"], inputs["body"]) == ("http://127.0.0.1:9/mine", {"a": 1})


async def test_a_change_of_a_step_that_is_gone_is_said_and_still_shown(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, hook("post", "http://127.0.0.1:9/"))
    builder = await at(house, ada, zap)
    await change(house, ada, zap, lambda draft: editing.remove(draft, "post"))
    await call(beside(builder, Filling), "fill", "post", "url", "http://127.0.0.1:9/mine")
    state = beside(builder, Clash)
    assert "This step is gone" in state.problem
    assert state.mine[0].after == "http://127.0.0.1:9/mine"
    await call(beside(builder, Together), "apply_mine")
    assert (await stored(house, ada, zap))["steps"] == []
    assert builder.save_state == "stale"
    await call(beside(builder, Together), "take_theirs")
    assert builder.save_state == "saved"
    assert [line.card.id for line in builder.lines if line.what == "card"] == ["trigger"]


async def test_theirs_instead_of_mine_lets_mine_go(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, hook("post", "http://127.0.0.1:9/"))
    builder = await at(house, ada, zap)
    await change(house, ada, zap, says("url", "http://127.0.0.1:9/theirs"))
    await call(beside(builder, Filling), "fill", "post", "url", "http://127.0.0.1:9/mine")
    await call(beside(builder, Together), "take_theirs")
    await call(beside(builder, Filling), "fill", "post", "method", "PUT")
    inputs = (await stored(house, ada, zap))["steps"][0]["inputs"]
    assert (inputs["url"], inputs["method"]) == ("http://127.0.0.1:9/theirs", "PUT")


async def test_a_secret_that_could_not_be_saved_is_in_no_tab(house: House) -> None:
    ada = await house.sign_up()
    slack = {"id": "post", "kind": "action", "action": "slack", "inputs": {"message": "hi"}}
    zap = await created(house, ada, slack)
    builder = await at(house, ada, zap)
    await change(house, ada, zap, says("message", "ho"))
    secret = "https://hooks.slack.com/services/T0/B0/never-to-be-seen"
    await call(beside(builder, Filling), "fill_secret", "post", "webhookUrl", secret)
    assert builder.save_state == "stale"
    assert "never-to-be-seen" not in str(builder._get_root_state().dict())
    await call(beside(builder, Together), "apply_mine")
    assert (await stored(house, ada, zap))["steps"][0]["inputs"]["webhookUrl"] == secret


async def test_after_a_restart_what_was_wanted_is_said_to_be_done_again(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, hook("post", "http://127.0.0.1:9/"))
    builder = await at(house, ada, zap)
    await change(house, ada, zap, says("method", "PUT"))
    await call(beside(builder, Filling), "fill", "post", "url", "http://127.0.0.1:9/mine")
    clash._kept.clear()
    await call(beside(builder, Together), "apply_mine")
    assert "done again by hand" in beside(builder, Clash).problem


async def test_undo_of_a_stale_tab_undoes_nothing_and_shows_the_newest(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, hook("post", "http://127.0.0.1:9/"))
    builder = await at(house, ada, zap)
    await change(house, ada, zap, says("method", "PUT"))
    answer = await call(beside(builder, Arranging), "undo")
    assert "changed somewhere else" in answer
    assert (await stored(house, ada, zap))["steps"][0]["inputs"]["method"] == "PUT"
    assert builder.undo_what == "change Method of “HTTP Webhook”"


async def test_what_another_undid_is_told_as_their_change(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, hook("post", "http://127.0.0.1:9/"))
    await change(house, ada, zap, says("method", "PUT"))
    builder = await at(house, ada, zap)
    async with house.db.transaction() as session:
        await undoing.undo(session, ada.actor, zap.id)
    await call(beside(builder, Filling), "fill", "post", "url", "http://127.0.0.1:9/mine")
    (line,) = beside(builder, Clash).theirs
    assert (line.where, line.before) == ("HTTP Webhook · Method", "PUT")


async def test_only_a_step_that_somebody_changed_counts_as_touched(house: House) -> None:
    ada = await house.sign_up()
    steps = [hook(name, "http://127.0.0.1:9/") for name in ("post", "other")]
    zap = await published(house, ada, *steps)
    async with house.db.reading() as session:
        seen = (await zaps.get(session, ada.actor, zap.id)).draft_revision
    await change(house, ada, zap, says("method", "PUT"))
    async with house.db.reading() as session:
        found = [
            await clashes.touched(session, ada.actor, zap.id, seen, card)
            for card in ("post", "other", "trigger")
        ]
        unknown = await clashes.touched(session, ada.actor, zap.id, seen - 1, "other")
    assert (found, unknown) == ([True, False, False], True)


@pytest.mark.parametrize("shares", [True, False])
async def test_pages_know_of_each_other_until_they_leave(house: House, shares: bool) -> None:
    redis = house.runtime.redis if shares else None
    mine = Presence(redis, "here")
    theirs = Presence(redis, "here") if shares else mine
    ada, grace = Guest("a", 1, "Ada"), Guest("b", 2, "Grace")
    assert await mine.say("zap", ada) == ([ada], True)
    assert await theirs.say("zap", grace) == ([ada, grace], True)
    assert await mine.say("zap", ada) == ([ada, grace], False)
    assert await mine.say("another", ada) == ([ada], True)
    await theirs.leave("zap", "b")
    assert await mine.say("zap", ada) == ([ada], False)
    await mine.leave("zap", "a")
    await mine.leave("another", "a")


async def test_a_connection_that_is_back_redraws_no_field_and_shows_all_around(
    house: House,
) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, hook("post", "http://127.0.0.1:9/"))
    builder = tab(Builder, ada, f"/zaps/{zap.id}")
    together = beside(builder, Together)
    await call(together, "arrive")
    assert (builder.stage, builder.zap) == ("ready", zap.id)
    drawn = builder.version
    async with house.db.transaction() as session:
        await zaps.set_enabled(session, ada.actor, zap.id, enabled=False)
    await call(together, "arrive")
    assert (builder.version, builder.enabled) == (drawn, False)
    await change(house, ada, zap, says("method", "PUT"))
    revision = builder._revision
    await call(together, "arrive")
    # What others did comes as news: it may concern the very field that somebody is in.
    assert (builder.version, builder._revision) == (drawn, revision)

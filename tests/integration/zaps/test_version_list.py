"""Versions as people read them: by whom, why, how they ran, and two side by side."""

from typing import Any

import pytest

from flowforge.errors import Forbidden, Invalid, NotFound
from flowforge.services import hinting, unpublished, version_list, versions, zaps
from flowforge.services.access import Role
from flowforge.services.zap_views import ZapView
from tests.house import Account, House
from tests.zapping import hook, published

URL = "http://127.0.0.1:9/"


async def saved(house: House, who: Account, zap: ZapView, *steps: dict[str, Any]) -> None:
    async with house.db.transaction() as session:
        now = await zaps.get(session, who.actor, zap.id)
        await zaps.save_draft(
            session,
            who.actor,
            zap.id,
            revision=now.draft_revision,
            definition=now.definition | {"steps": list(steps)},
        )


async def publish(house: House, who: Account, zap: ZapView, note: str = "") -> None:
    async with house.db.transaction() as session:
        await versions.publish(session, who.actor, zap.id, note=note)


async def test_a_version_says_who_made_it_and_why(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, hook("post", URL))
    await saved(house, ada, zap, hook("post", URL, name="New"))
    await publish(house, ada, zap, "  The new name ")
    async with house.db.reading() as session:
        page = await version_list.page(session, ada.actor, zap.id)
    assert [(one.number, one.by, one.note, one.is_live) for one in page.lines] == [
        (2, "Ada", "The new name", True),
        (1, "Ada", "", False),
    ]
    assert (page.has_more, page.green) == (False, 0)


async def test_a_note_that_is_too_long_publishes_nothing(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, hook("post", URL))
    await saved(house, ada, zap, hook("post", URL, name="New"))
    with pytest.raises(Invalid, match="The note may have at most 500"):
        await publish(house, ada, zap, "x" * 501)
    async with house.db.reading() as session:
        assert (await zaps.get(session, ada.actor, zap.id)).live_version == 1


async def test_a_note_is_written_later_changed_and_taken_away(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, hook("post", URL))
    async with house.db.transaction() as session:
        assert (await versions.annotate(session, ada.actor, zap.id, 1, " one ")).note == "one"
        assert (await versions.annotate(session, ada.actor, zap.id, 1, " ")).note is None
        viewer = house.as_role(ada, Role.VIEWER)
        with pytest.raises(Forbidden):
            await versions.annotate(session, viewer, zap.id, 1, "no")
        with pytest.raises(NotFound):
            await versions.annotate(session, ada.actor, zap.id, 7, "no")


async def test_hundreds_of_versions_come_in_pages_without_their_definitions(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, hook("post", URL))
    for number in range(version_list.PER_PAGE + 1):
        await saved(house, ada, zap, hook("post", URL, name=f"{number}"))
        await publish(house, ada, zap)
    async with house.db.reading() as session:
        with house.counted_statements() as count:
            first = await version_list.page(session, ada.actor, zap.id)
        last = first.lines[-1].number
        second = await version_list.page(session, ada.actor, zap.id, last)
    assert count.number <= 5
    assert (len(first.lines), first.has_more) == (version_list.PER_PAGE, True)
    assert [one.number for one in second.lines] == [2, 1]
    assert not second.has_more


async def test_two_are_shown_side_by_side_and_a_stranger_sees_none(house: House) -> None:
    ada, eve = await house.sign_up(), await house.sign_up("eve@example.com", "Eve")
    zap = await published(house, ada, hook("post", URL))
    await saved(house, ada, zap, hook("post", f"{URL}new"))
    async with house.db.reading() as session:
        found = await version_list.side_by_side(session, ada.actor, zap.id, "1", "draft")
        (line,) = found.changes.lines
        assert (line.before, line.after) == (URL, f"{URL}new")
        same = await version_list.side_by_side(session, ada.actor, zap.id, "1", "1")
        assert same.changes.lines == []
        for call in (
            version_list.page(session, eve.actor, zap.id),
            version_list.side_by_side(session, eve.actor, zap.id, "1", "draft"),
            unpublished.changes(session, eve.actor, zap.id),
            hinting.hints(session, eve.actor, zap.id, {}),
        ):
            with pytest.raises(NotFound):
                await call


async def test_discarding_goes_back_to_what_is_live_and_can_be_undone(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, hook("post", URL))
    await saved(house, ada, zap)
    async with house.db.transaction() as session:
        assert (await unpublished.changes(session, ada.actor, zap.id)).count == 1
        after = await unpublished.discard(session, ada.actor, zap.id)
        assert not after.has_draft_changes
        assert (await unpublished.changes(session, ada.actor, zap.id)).count == 0
        assert await unpublished.count(session, after) == 0


async def test_a_hint_is_told_until_it_is_put_away_or_was_published_with(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, hook("post", URL))
    stop = {"id": "halt", "kind": "stop"}
    await saved(house, ada, zap, stop, hook("post", URL))
    async with house.db.transaction() as session:
        now = await zaps.get(session, ada.actor, zap.id)
        (new,) = await hinting.unread(session, ada.actor, zap.id, now.definition)
        assert new.path == "steps.post"
        await hinting.toggle(session, ada.actor, zap.id, new.key)
        assert await hinting.unread(session, ada.actor, zap.id, now.definition) == []
        await hinting.toggle(session, ada.actor, zap.id, new.key)
        assert len(await hinting.unread(session, ada.actor, zap.id, now.definition)) == 1
        await versions.publish(session, ada.actor, zap.id)
        assert await hinting.unread(session, ada.actor, zap.id, now.definition) == []
        viewer = house.as_role(ada, Role.VIEWER)
        with pytest.raises(Forbidden):
            await hinting.toggle(session, viewer, zap.id, new.key)


async def test_a_sub_zap_that_is_off_and_a_field_nobody_sent_are_hinted_at(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, hook("post", URL))
    async with house.db.transaction() as session:
        off = await zaps.create(session, ada.actor, name="Off")
        await hook_with(session, ada, zap, off)
        now = await zaps.get(session, ada.actor, zap.id)
        found = await hinting.hints(session, ada.actor, zap.id, now.definition)
    assert [hint.path for hint in found if not hint.is_soft] == ["steps.call.zap_id"]


async def hook_with(session: Any, ada: Account, zap: ZapView, other: ZapView) -> None:
    call = {"id": "call", "kind": "zap", "zap_id": other.id}
    now = await zaps.get(session, ada.actor, zap.id)
    await zaps.save_draft(
        session,
        ada.actor,
        zap.id,
        revision=now.draft_revision,
        definition=now.definition | {"steps": [call]},
    )

"""Undo and redo: every way to save a draft is a gesture, and each has a way back."""

from typing import Any

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from flowforge.errors import Conflict, Forbidden, NotFound
from flowforge.infra.db import utc_now
from flowforge.models import Snapshot
from flowforge.services import (
    editing,
    snapshots,
    transfer,
    undoing,
    versions,
    workbench,
    zap_views,
    zaps,
)
from flowforge.services.access import Role
from flowforge.services.snapshots import Offered
from flowforge.services.zap_views import ZapView
from tests.house import Account, House
from tests.zapping import hook, published

SECRET = "never-to-be-seen"


async def made(house: House, ada: Account, *steps: dict[str, Any]) -> ZapView:
    definition = {"trigger": {"kind": "webhook", "settings": {}}, "steps": list(steps)}
    async with house.db.transaction() as session:
        return await zaps.create(session, ada.actor, name="Orders", definition=definition)


async def saved(house: House, ada: Account, zap: ZapView, **change: Any) -> ZapView:
    async with house.db.transaction() as session:
        now = await zaps.get(session, ada.actor, zap.id)
        return await zaps.save_draft(
            session,
            ada.actor,
            zap.id,
            revision=now.draft_revision,
            definition=now.definition | change,
        )


async def typed(house: House, ada: Account, zap: ZapView, name: str, text: str) -> None:
    async with house.db.transaction() as session:
        now = await zaps.get(session, ada.actor, zap.id)
        await workbench.edit(
            session,
            ada.actor,
            zap.id,
            now.draft_revision,
            lambda draft: editing.set_input(draft, "post", name, text),
        )


async def undo(house: House, ada: Account, zap: ZapView, revision: int | None = None) -> ZapView:
    async with house.db.transaction() as session:
        after = await undoing.undo(session, ada.actor, zap.id, revision)
        return await zap_views.view(session, after)


async def redo(house: House, ada: Account, zap: ZapView) -> ZapView:
    async with house.db.transaction() as session:
        after = await undoing.redo(session, ada.actor, zap.id)
        return await zap_views.view(session, after)


async def offered(house: House, zap: ZapView) -> Offered:
    async with house.db.reading() as session:
        return await snapshots.offered(session, zap.id)


async def count(house: House, zap: ZapView) -> int:
    async with house.db.reading() as session:
        query = select(func.count()).where(col(Snapshot.zap_id) == zap.id)
        return int(await session.scalar(query) or 0)


async def test_what_was_done_is_undone_and_done_again_step_by_step(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    one = await saved(house, ada, zap, steps=[hook("one", "https://example.com/")])
    two = await saved(house, ada, zap, steps=[])
    assert await offered(house, zap) == Offered(undo="delete “HTTP Webhook”")
    assert (await undo(house, ada, zap)).definition == one.definition
    assert await offered(house, zap) == Offered("add “HTTP Webhook”", "delete “HTTP Webhook”")
    back = await undo(house, ada, zap)
    assert back.definition == zap.definition
    assert back.draft_revision == two.draft_revision + 2
    assert (await redo(house, ada, zap)).definition == one.definition
    assert (await redo(house, ada, zap)).definition == two.definition
    with pytest.raises(Conflict) as refused:
        await redo(house, ada, zap)
    assert refused.value.code == "nothing_to_redo"


async def test_a_new_zap_has_nothing_to_undo(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada, hook("post", "https://example.com/"))
    with pytest.raises(Conflict) as refused:
        await undo(house, ada, zap)
    assert refused.value.code == "nothing_to_undo"
    async with house.db.transaction() as session:
        file = await transfer.export(session, ada.actor, zap.id)
        imported = await transfer.import_zap(session, ada.actor, **file)
    assert await offered(house, imported) == Offered()


async def test_a_new_gesture_ends_what_was_undone(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    await saved(house, ada, zap, steps=[hook("one", "https://example.com/")])
    await undo(house, ada, zap)
    await saved(house, ada, zap, notes="Ledger")
    assert await offered(house, zap) == Offered(undo="change the notes")
    assert (await undo(house, ada, zap)).definition == zap.definition


async def test_saving_the_same_again_is_no_gesture(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    await saved(house, ada, zap)
    assert await count(house, zap) == 0


async def test_a_restored_version_can_be_undone_and_publishing_takes_nothing_away(
    house: House,
) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, hook("post", "https://example.com/"))
    changed = await saved(house, ada, zap, steps=[{"id": "end", "kind": "stop"}])
    async with house.db.transaction() as session:
        await versions.publish(session, ada.actor, zap.id)
        await versions.restore(session, ada.actor, zap.id, 1)
    assert await offered(house, zap) == Offered(undo="restore version 1")
    assert (await undo(house, ada, zap)).definition == changed.definition
    back = await undo(house, ada, zap)
    assert back.definition == zap.definition
    assert back.live_version == 2


async def test_a_stale_tab_undoes_nothing(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    after = await saved(house, ada, zap, notes="one")
    with pytest.raises(Conflict) as refused:
        await undo(house, ada, zap, zap.draft_revision)
    assert refused.value.code == "stale_revision"
    assert (await undo(house, ada, zap, after.draft_revision)).definition == zap.definition


async def test_typing_on_in_a_field_is_one_gesture_and_another_field_is_the_next(
    house: House,
) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada, hook("post", "https://example.com/"))
    for text in ("https://a", "https://ab", "https://abc"):
        await typed(house, ada, zap, "url", text)
    await typed(house, ada, zap, "body", "x")
    assert await count(house, zap) == 2
    await undo(house, ada, zap)
    assert await offered(house, zap) == Offered(
        "change URL of “HTTP Webhook”", "change Body of “HTTP Webhook”"
    )
    assert (await undo(house, ada, zap)).definition == zap.definition


async def test_a_field_that_is_typed_in_again_later_is_a_gesture_of_its_own(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada, hook("post", "https://example.com/"))
    await typed(house, ada, zap, "url", "https://a")
    async with house.db.transaction() as session:
        last = await snapshots.newest(session, zap.id)
        assert last is not None
        last.created_at = utc_now() - snapshots.PAUSE
        session.add(last)
    await typed(house, ada, zap, "url", "https://ab")
    assert await count(house, zap) == 2


async def test_the_oldest_gestures_are_forgotten(house: House, monkeypatch: Any) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    monkeypatch.setattr(snapshots, "MOST", 3)
    for number in range(6):
        await saved(house, ada, zap, notes=f"note {number}")
    assert await count(house, zap) == 3
    for _ in range(3):
        back = await undo(house, ada, zap)
    assert back.definition["notes"] == "note 2"
    with pytest.raises(Conflict):
        await undo(house, ada, zap)


async def test_large_drafts_leave_fewer_gestures_but_always_the_last(
    house: House, monkeypatch: Any
) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    monkeypatch.setattr(snapshots, "MOST_BYTES", 5_000)
    for number in range(4):
        await saved(house, ada, zap, notes=str(number) * 2_000)
    assert await count(house, zap) == 2
    await saved(house, ada, zap, notes="x" * 20_000)
    await saved(house, ada, zap, notes="short")
    assert await count(house, zap) == 1
    assert (await undo(house, ada, zap)).definition["notes"] == "x" * 20_000


async def test_secrets_of_a_trigger_are_sealed_in_snapshots(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    verify = {"scheme": "hmac", "secret": SECRET}
    trigger = {"kind": "webhook", "settings": {"verify": verify}}
    with_secret = await saved(house, ada, zap, trigger=trigger)
    await saved(house, ada, zap, trigger={"kind": "manual", "settings": {}})
    async with house.db.reading() as session:
        rows = list(await session.scalars(select(Snapshot)))
    assert rows
    assert not any(SECRET in str(row.definition) + row.what + row.field for row in rows)
    assert (await undo(house, ada, zap)).definition == with_secret.definition


async def test_a_deleted_zap_leaves_no_snapshot(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada)
    await saved(house, ada, zap, notes="one")
    async with house.db.transaction() as session:
        await zaps.delete(session, ada.actor, zap.id)
    assert await count(house, zap) == 0


async def test_strangers_and_those_who_may_not_edit_undo_nothing(house: House) -> None:
    ada, eve = await house.sign_up(), await house.sign_up("eve@example.com", "Eve")
    zap = await made(house, ada)
    await saved(house, ada, zap, notes="one")
    async with house.db.transaction() as session:
        with pytest.raises(NotFound):
            await undoing.undo(session, eve.actor, zap.id)
        with pytest.raises(Forbidden):
            await undoing.undo(session, house.as_role(ada, Role.OPERATOR), zap.id)


async def test_undo_and_redo_over_http(house: House) -> None:
    ada, eve = await house.sign_up(), await house.sign_up("eve@example.com", "Eve")
    zap = await made(house, ada)
    url = f"/api/v1/zaps/{zap.id}"

    async def post(what: str, account: Account, **body: Any) -> Any:
        return await house.client.post(f"{url}/{what}", headers=account.headers, **body)

    put = await house.client.put(
        f"{url}/draft",
        json={"revision": zap.draft_revision, "definition": zap.definition | {"notes": "one"}},
        headers=ada.headers,
    )
    assert put.status_code == 200
    stale = await post("undo", ada, json={"revision": zap.draft_revision})
    assert (stale.status_code, stale.json()["error"]["code"]) == (409, "stale_revision")
    wrong = await post("undo", ada, json={"revision": "x"})
    assert wrong.status_code == 422
    assert (await post("undo", eve)).status_code == 404
    assert (await post("undo", ada)).status_code == 204
    assert "notes" not in (await house.client.get(f"{url}/draft", headers=ada.headers)).text
    again = await post("undo", ada)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "nothing_to_undo")
    assert (await post("redo", ada, json={"revision": zap.draft_revision + 2})).status_code == 204
    last = await post("redo", ada)
    assert (last.status_code, last.json()["error"]["code"]) == (409, "nothing_to_redo")

"""The canvas's gestures in a tab: each is one, for whoever may, on what is theirs."""

import json
from typing import Any

from flowforge.services import drafts, snapshots, zaps
from flowforge.services.zap_views import ZapView
from flowforge.state.arranging import Arranging
from flowforge.state.builder import Builder
from flowforge.state.gestures import Gestures
from flowforge.state.notes import Notes
from tests.house import Account, House
from tests.integration.state.tabs import beside, call, tab

INSIDE = {"id": "inner", "kind": "stop"}
ROUND = {"id": "each", "kind": "loop", "over": [], "steps": [INSIDE]}
FIRST = {"id": "first", "kind": "delay", "seconds": 5}
LAST = {"id": "last", "kind": "stop"}


async def opened(
    house: House, owner: Account, *steps: dict[str, Any], **more: Any
) -> tuple[Any, ZapView]:
    """The builder of a new zap with these steps."""
    definition = {"trigger": {"kind": "webhook"}, "steps": list(steps)} | more
    async with house.db.transaction() as session:
        zap = await zaps.create(session, owner.actor, name="Orders", definition=definition)
    builder = tab(Builder, owner, f"/zaps/{zap.id}")
    await call(builder, "open")
    return builder, zap


async def draft_of(house: House, owner: Account, zap: ZapView) -> dict[str, Any]:
    async with house.db.reading() as session:
        found = await zaps.get(session, owner.actor, zap.id)
    return found.definition


async def ids_of(house: House, owner: Account, zap: ZapView) -> list[str]:
    return [step["id"] for step in drafts.all_steps(await draft_of(house, owner, zap))]


async def to_undo(house: House, zap: ZapView) -> str:
    async with house.db.reading() as session:
        return (await snapshots.offered(session, zap.id)).undo


async def test_several_steps_go_by_one_gesture_that_one_undo_takes_back(house: House) -> None:
    ada = await house.sign_up()
    builder, zap = await opened(house, ada, FIRST, ROUND, LAST)
    said = await call(beside(builder, Gestures), "remove", ["inner", "each", "first"])
    assert "2 steps are deleted." in said
    assert await ids_of(house, ada, zap) == ["last"]
    assert await to_undo(house, zap) == "delete 2 steps"
    assert builder.chosen == "trigger"
    await call(beside(builder, Arranging), "undo")
    assert await ids_of(house, ada, zap) == ["first", "each", "inner", "last"]
    assert await to_undo(house, zap) == ""


async def test_steps_are_dropped_skipped_and_duplicated(house: House) -> None:
    ada = await house.sign_up()
    builder, zap = await opened(house, ada, FIRST, ROUND, LAST)
    gestures = beside(builder, Gestures)
    await call(gestures, "drop", ["first", "last"], "each", 0, 0)
    assert await ids_of(house, ada, zap) == ["each", "first", "last", "inner"]
    said = await call(gestures, "drop", ["each"], "each", 0, 0)
    assert "into itself" in said
    await call(gestures, "skip", ["first", "inner"], True)
    skipped = [
        step["id"] for step in drafts.all_steps(await draft_of(house, ada, zap)) if step.get("skip")
    ]
    assert skipped == ["first", "inner"]
    await call(gestures, "duplicate", ["first", "inner"])
    assert gestures.made == ["delay", "stop"]
    assert await ids_of(house, ada, zap) == ["each", "first", "last", "inner", "delay", "stop"]
    assert await to_undo(house, zap) == "add 2 steps"


async def test_what_is_copied_can_be_pasted_into_another_zap_without_its_secrets(
    house: House,
) -> None:
    ada = await house.sign_up()
    slack = {
        "id": "tell",
        "kind": "action",
        "action": "slack",
        "inputs": {"webhookUrl": "https://hooks.slack.com/services/T0/B0/never", "message": "Hi"},
    }
    builder, _ = await opened(house, ada, FIRST, slack)
    gestures = beside(builder, Gestures)
    await call(gestures, "copy_steps", ["tell", "first"])
    assert (gestures.clip.count, gestures.clip.number) == (2, 1)
    assert "never" not in gestures.clip.text
    assert [step["id"] for step in json.loads(gestures.clip.text)["steps"]] == ["first", "tell"]
    other, zap = await opened(house, ada, ROUND)
    await call(beside(other, Gestures), "paste", gestures.clip.text, "each", 0, 1)
    assert await ids_of(house, ada, zap) == ["each", "inner", "delay", "slack"]
    said = await call(beside(other, Gestures), "paste", "good morning", "", 0, 0)
    assert "no steps in this text" in said


async def test_what_is_cut_is_kept_for_the_clipboard(house: House) -> None:
    ada = await house.sign_up()
    builder, zap = await opened(house, ada, FIRST, LAST)
    gestures = beside(builder, Gestures)
    await call(gestures, "cut", ["first"])
    assert '"delay"' in gestures.clip.text
    assert await ids_of(house, ada, zap) == ["last"]


async def test_a_step_that_another_tab_took_away_changes_nothing(house: House) -> None:
    ada = await house.sign_up()
    builder, zap = await opened(house, ada, FIRST, LAST)
    gestures = beside(builder, Gestures)
    for handler, arguments in (
        ("remove", (["first", "nobody"],)),
        ("cut", (["first", "nobody"],)),
        ("duplicate", (["nobody"],)),
        ("drop", (["first"], "nobody", 0, 0)),
        ("copy_steps", ([],)),
    ):
        assert "gone" in await call(gestures, handler, *arguments)
    assert await ids_of(house, ada, zap) == ["first", "last"]
    assert await to_undo(house, zap) == ""


async def test_nobody_handles_the_steps_of_a_stranger(house: House) -> None:
    ada, eve = await house.sign_up(), await house.sign_up("eve@example.com")
    _, zap = await opened(house, ada, FIRST, LAST, notes="mind the gap")
    strange = tab(Builder, eve, f"/zaps/{zap.id}")
    strange.zap = zap.id
    for handler, arguments in (
        ("remove", (["first"],)),
        ("copy_steps", (["first"],)),
        ("paste", ('{"kind": "stop"}', "", 0, 0)),
    ):
        said = await call(beside(strange, Gestures), handler, *arguments)
        assert "not found" in said.lower() or "no zap" in said.lower()
    await call(beside(strange, Notes), "write", "note_1", "mine")
    assert beside(strange, Gestures).clip.text == ""
    assert (await draft_of(house, ada, zap))["notes"] == "mind the gap"


async def test_notes_are_drawn_and_each_change_of_one_is_a_gesture(house: House) -> None:
    ada = await house.sign_up()
    builder, zap = await opened(house, ada, LAST, notes="mind the gap")
    assert [note.text for note in builder.notes] == ["mind the gap"]
    notes = beside(builder, Notes)
    await call(notes, "add", 10.0, 20.0)
    assert notes.made == "note_2"
    await call(notes, "write", "note_2", "Ask Ada.")
    await call(notes, "paint", "note_2", "pink")
    await call(notes, "place", "note_2", {"x": 1.5, "width": 10_000})
    await call(notes, "remove", "note_1")
    (note,) = builder.notes
    assert (note.text, note.color, note.x, note.width) == ("Ask Ada.", "pink", 2, 2_000)
    said = await call(notes, "place", "note_2", {"x": "far"})
    assert "numbers" in said
    assert await to_undo(house, zap) == "delete a note"
    for _ in range(5):
        await call(beside(builder, Arranging), "undo")
    assert (await draft_of(house, ada, zap))["notes"] == "mind the gap"

"""Steps pasted in the builder: one gesture, at the place that was asked for, or words why not."""

import json
from typing import Any

from flowforge.services import clippings, zaps
from flowforge.services.zap_views import ZapView
from flowforge.state.arranging import Arranging
from flowforge.state.builder import Builder
from flowforge.state.pasting import Pasting
from tests.house import Account, House
from tests.integration.state.tabs import beside, call, tab

LOOP = {"id": "each", "kind": "loop", "over": "{{ trigger.body.items }}", "steps": []}
LINE = "curl https://example.com/orders -H 'Authorization: Bearer abc' -d '{\"a\": 1}'"


async def _zap(house: House, who: Account, *steps: dict[str, Any]) -> ZapView:
    async with house.db.transaction() as session:
        return await zaps.create(
            session, who.actor, name="Z", definition={"trigger": None, "steps": list(steps)}
        )


async def _opened(zap: ZapView, who: Account, at: int = 0, step: str = "") -> Any:
    page = tab(Builder, who, f"/zaps/{zap.id}")
    await call(page, "open")
    await call(beside(page, Arranging), "open_picker", at, "", step, 0)
    return page


async def _steps(house: House, who: Account, zap: ZapView) -> list[dict[str, Any]]:
    async with house.db.reading() as session:
        steps: list[dict[str, Any]] = (await zaps.get(session, who.actor, zap.id)).definition[
            "steps"
        ]
        return steps


async def test_a_curl_line_becomes_a_step_in_the_list_that_was_asked_for(house: House) -> None:
    ada = await house.sign_up()
    zap = await _zap(house, ada, LOOP)
    page = await _opened(zap, ada, step="each")
    said = await call(beside(page, Pasting), "paste", {"clipping": LINE})
    assert "carries a secret: Authorization" in said
    (loop,) = await _steps(house, ada, zap)
    assert loop["steps"][0]["inputs"] == {
        "url": "https://example.com/orders",
        "method": "POST",
        "headers": {"Authorization": "Bearer abc"},
        "body": {"a": 1},
    }
    assert page.chosen == "webhook"


async def test_steps_of_one_project_are_pasted_in_another(house: House) -> None:
    ada, bob = await house.sign_up(), await house.sign_up("bob@example.com")
    text = clippings.copied_text({"steps": [LOOP, {"id": "end", "kind": "stop"}]}, ["each", "end"])
    zap = await _zap(house, bob, {"id": "each", "kind": "stop"})
    page = await _opened(zap, bob, at=1)
    await call(beside(page, Pasting), "paste", {"clipping": f"Look:\n```\n{text}\n```"})
    assert [step["id"] for step in await _steps(house, bob, zap)] == ["each", "loop", "stop"]
    assert page.undo_what
    await call(beside(page, Arranging), "undo")
    assert [step["id"] for step in await _steps(house, bob, zap)] == ["each"]
    assert ada.actor.project_id != bob.actor.project_id


async def test_what_is_refused_is_told_beside_the_box_and_changes_nothing(house: House) -> None:
    ada = await house.sign_up()
    zap = await _zap(house, ada, LOOP)
    page = await _opened(zap, ada)
    pasting = beside(page, Pasting)
    await call(pasting, "paste", {"clipping": "curl -F a=@b https://example.com"})
    assert "-F sends a multipart form" in pasting.refusal
    deep: dict[str, Any] = {"id": "x", "kind": "stop"}
    for number in range(60):
        deep = {"id": f"l{number}", "kind": "loop", "count": 1, "steps": [deep]}
    await call(pasting, "paste", {"clipping": json.dumps(deep)})
    assert "nested more than" in pasting.refusal
    assert await _steps(house, ada, zap) == [LOOP]
    await call(pasting, "paste", {"clipping": "curl https://example.com"})
    assert pasting.refusal == ""


async def test_nobody_pastes_into_a_zap_of_somebody_else(house: House) -> None:
    ada, eve = await house.sign_up(), await house.sign_up("eve@example.com")
    zap = await _zap(house, ada, LOOP)
    page = await _opened(zap, ada)
    stranger = tab(Builder, eve, f"/zaps/{zap.id}")
    stranger.zap, stranger._revision = zap.id, page._revision
    pasting = beside(stranger, Pasting)
    await call(pasting, "paste", {"clipping": LINE})
    assert pasting.refusal == "Zap not found"
    assert await _steps(house, ada, zap) == [LOOP]

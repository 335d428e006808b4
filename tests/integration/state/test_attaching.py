"""What scripts of the builder hand over: uploads for a step, data for its code."""

import json
from typing import Any

from flowforge.models import File
from flowforge.services import files
from flowforge.services.zap_views import ZapView
from flowforge.state.arranging import Arranging
from flowforge.state.attaching import Attaching
from tests.house import Account, House
from tests.integration.state.tabs import beside, call
from tests.integration.state.test_gestures import draft_of, opened, to_undo

MAIL = {"id": "mail", "kind": "action", "action": "email", "inputs": {"to": "a@example.com"}}
CODE = {"id": "calc", "kind": "code", "code": "1", "inputs": {}}


async def stored(house: House, owner: Account) -> str:
    file = await files.keep(house.runtime.blobs, owner.project_id, "a.pdf", "application/pdf", b"x")
    async with house.db.transaction() as session:
        found = await files.add(session, file)
    return str(found["file_id"])


def told(zap: ZapView, file_id: str, card: str = "mail") -> str:
    about = {"zap": zap.id, "card": card, "field": "attachments", "file_id": file_id}
    return json.dumps(about)


async def attachments(house: House, owner: Account, zap: ZapView) -> Any:
    return (await draft_of(house, owner, zap))["steps"][0]["inputs"].get("attachments")


async def test_uploads_are_attached_one_after_the_other_whichever_card_is_open(
    house: House,
) -> None:
    ada = await house.sign_up()
    builder, zap = await opened(house, ada, MAIL, CODE)
    await call(builder, "choose_card", "calc")
    first, second = await stored(house, ada), await stored(house, ada)
    for file_id in (first, second):
        await call(beside(builder, Attaching), "attach", told(zap, file_id))
    listed = await attachments(house, ada, zap)
    assert [one["file_id"] for one in listed] == [first, second]
    assert listed[0]["name"] == "a.pdf"
    assert builder.chosen == "calc"
    await call(beside(builder, Arranging), "undo")
    assert [one["file_id"] for one in await attachments(house, ada, zap)] == [first]


async def test_a_file_of_somebody_else_or_for_nowhere_is_not_attached(house: House) -> None:
    ada, eve = await house.sign_up(), await house.sign_up("eve@example.com")
    hers = await stored(house, eve)
    builder, zap = await opened(house, ada, MAIL)
    attaching = beside(builder, Attaching)
    assert "not attached" in await call(attaching, "attach", told(zap, hers))
    mine = await stored(house, ada)
    assert "not attached" in await call(attaching, "attach", told(zap, mine, card="gone"))
    assert "not open any more" in await call(
        attaching, "attach", told(zap, mine).replace(zap.id, "another")
    )
    for text in ("", "[]", "{", "x" * 20_000):
        assert "not attached" in await call(attaching, "attach", text)
    assert await attachments(house, ada, zap) is None
    async with house.db.reading() as session:
        assert await session.get(File, hers) is not None


async def test_data_that_code_takes_is_one_gesture(house: House) -> None:
    ada = await house.sign_up()
    builder, zap = await opened(house, ada, CODE)
    await call(builder, "choose_card", "calc")
    version = builder.version
    await call(
        beside(builder, Attaching), "take", "calc", "n", "{{ trigger.body.n }}", "inputs['n']"
    )
    step = (await draft_of(house, ada, zap))["steps"][0]
    assert (step["code"], step["inputs"]) == ("inputs['n']", {"n": "{{ trigger.body.n }}"})
    # The form is not drawn anew: the cursor stays in the code.
    assert builder.version == version
    assert await to_undo(house, zap) != ""

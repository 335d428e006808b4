"""Previews of a tab: what its fields come to with what the zap received, and no one else's."""

import json
from typing import Any

import pytest

from flowforge.errors import NotFound
from flowforge.infra.redaction import REDACTED
from flowforge.services import previews
from flowforge.services.previews import Asked
from flowforge.services.zap_views import ZapView
from flowforge.state.builder import Builder
from flowforge.state.preview import Preview
from tests import zapping
from tests.house import Account, House
from tests.integration.state.tabs import beside, call, tab

MAIL = {"to": "ada@example.com", "body": "x"}
STEPS = (
    {"kind": "code", "id": "shape", "code": "1", "inputs": {}},
    {
        "kind": "loop",
        "id": "each",
        "over": "{{ trigger.body.items }}",
        "steps": [{"kind": "action", "id": "inner", "action": "email", "inputs": MAIL}],
    },
    {
        "kind": "action",
        "id": "slack",
        "action": "slack",
        "inputs": {"webhookUrl": "https://hooks.slack.com/services/T/B/never", "message": "x"},
    },
)
BODY = {"name": "Grace", "items": [{"sku": "a"}], "api_key": "T0P5ECRET"}


async def opened(house: House, account: Account, zap: ZapView, card: str) -> Any:
    """The tab's previews, with ``card`` open."""
    builder = tab(Builder, account, f"/zaps/{zap.id}")
    await call(builder, "open")
    await call(builder, "choose_card", card)
    return beside(builder, Preview)


async def asked(preview: Any, number: int, **texts: str) -> Any:
    fields = [{"key": key.replace("_", "-"), "text": text} for key, text in texts.items()]
    await call(preview, "look", json.dumps({"number": number, "fields": fields}))
    return json.loads(preview.answers)


async def test_the_answer_has_the_number_and_the_values_of_what_was_received(house: House) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, *STEPS)
    await house.client.post(zapping.path_of(zap), json=BODY)
    preview = await opened(house, ada, zap, "slack")
    answer = await asked(
        preview,
        7,
        in_message="{{ trigger.body.name }} {{ trigger.body.api_key }} {{ steps.shape }}",
        in_other="no expression",
    )
    assert answer["number"] == 7
    (look,) = answer["looks"]
    assert look["value"].startswith(f"Grace {REDACTED}")
    assert look["notes"] == ["“Code” has no values yet: test that step first."]
    assert "T0P5ECRET" not in preview.answers


async def test_what_stands_in_a_secret_field_is_not_looked_at(house: House) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, *STEPS)
    preview = await opened(house, ada, zap, "slack")
    answer = await asked(preview, 1, in_webhookUrl="{{ trigger.body.name }}")
    assert answer == {"number": 1, "looks": []}


async def test_inside_a_loop_the_item_is_the_first_of_what_it_goes_over(house: House) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, *STEPS)
    await house.client.post(zapping.path_of(zap), json=BODY)
    preview = await opened(house, ada, zap, "inner")
    texts = {"in_body": "{{ index }} {{ item.sku }} {{ steps.slack.ok }}"}
    (look,) = (await asked(preview, 1, **texts))["looks"]
    assert look["error"] == "Step `slack` has not run yet at this point."
    (look,) = (await asked(preview, 2, in_body="{{ index }} {{ item.sku }}"))["looks"]
    assert (look["value"], look["notes"]) == ("1 a", [])


async def test_before_anything_came_a_loop_has_no_item_to_show(house: House) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, *STEPS)
    preview = await opened(house, ada, zap, "inner")
    (look,) = (await asked(preview, 1, in_body="{{ index }} {{ item.sku }}"))["looks"]
    assert look["value"] == "1 "
    assert look["notes"] == ["The loop was not tested yet, so there is no item to show."]


@pytest.mark.parametrize("question", ["", "nonsense", "[]", '{"number": 1}', '{"fields": [1]}'])
async def test_a_question_that_no_page_asks_is_answered_with_nothing(
    house: House, question: str
) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, *STEPS)
    preview = await opened(house, ada, zap, "slack")
    await call(preview, "look", question)
    assert "looks" not in preview.answers or json.loads(preview.answers)["looks"] == []


async def test_nobody_looks_into_the_samples_of_others(house: House) -> None:
    ada, eve = await house.sign_up(), await house.sign_up("eve@example.com")
    zap = await zapping.published(house, ada, *STEPS)
    await house.client.post(zapping.path_of(zap), json=BODY)
    texts = [Asked("in-message", "{{ trigger.body.name }}")]
    async with house.db.reading() as session:
        with pytest.raises(NotFound):
            await previews.looks(session, eve.actor, zap.id, "slack", texts)

"""Every template is used, published, fired and run to its end; the gallery finds what is looked for."""

import asyncio
import json
from typing import Any

import pytest

from flowforge.errors import Forbidden
from flowforge.jobs.notices import Postman
from flowforge.services import templates
from flowforge.services.access import Role
from flowforge.services.templates import YOU, TemplateView
from tests.house import Account, House
from tests.zapping import attempts_of, ended, path_of, published, working

KEYS = sorted(path.stem for path in templates.FOLDER.glob("*.json"))
BROKEN = {"id": "break_it", "kind": "code", "language": "python", "inputs": {}, "code": "1 / 0"}


async def _asked(house: House, who: Account, method: str, url: str, **more: Any) -> Any:
    answer = await house.client.request(method, url, headers=who.headers, **more)
    assert answer.is_success, answer.text
    return answer.json()


async def _fire(house: House, who: Account, zap: dict[str, Any], template: TemplateView) -> None:
    """As its trigger is fired, with the template's own sample."""
    match template.trigger.kind:
        case "webhook":
            answer = await house.client.post(zap["hook_url_v1"], json=template.sample)
        case "form":
            texts = {
                key: "on" if value is True else str(value) for key, value in template.sample.items()
            }
            answer = await house.client.post(
                f"/forms/{zap['hook_url_v1'].rsplit('/', 1)[1]}", data=texts
            )
        case "error":
            other = await published(house, who, BROKEN)
            answer = await house.client.post(path_of(other), json={})
            await ended(house, answer.json()["zapRunId"])
            await Postman(house.runtime).look()
        case _:
            answer = await house.client.post(
                f"/api/v1/zaps/{zap['id']}/run",
                json={"input": template.sample or None},
                headers=who.headers,
            )
    assert answer.is_success, answer.text


async def _first(house: House, who: Account, url: str) -> str:
    """The id of the first entry of a list, once there is one."""
    async with asyncio.timeout(15):
        while not (found := (await _asked(house, who, "GET", url))["data"]):  # noqa: ASYNC110 - it begins elsewhere
            await asyncio.sleep(0.05)
    first: str = found[0]["id"]
    return first


def test_there_are_twelve() -> None:
    assert len(KEYS) == 12


@pytest.mark.parametrize("key", KEYS)
async def test_a_template_runs_as_it_is(house: House, key: str) -> None:
    ada = await house.sign_up()
    template = templates.get(ada.actor, key)
    zap = await _asked(house, ada, "POST", f"/api/v1/templates/{key}/use")
    assert zap["name"] == template.name
    assert zap["enabled"] is False
    await _asked(house, ada, "POST", f"/api/v1/zaps/{zap['id']}/publish")
    async with working(house):
        await _fire(house, ada, zap, template)
        run_id = await _first(house, ada, f"/api/v1/zaps/{zap['id']}/runs")
        if any(step.key == "approval" for step in template.steps):
            asked = await _first(house, ada, "/api/v1/approvals")
            given = {"approved": True}
            await _asked(house, ada, "POST", f"/api/v1/approvals/{asked}", json=given)
        run = await ended(house, run_id)
    attempts = await attempts_of(house, run_id)
    assert run.status == "succeeded", [attempt.error for attempt in attempts]
    # One of them shows what a retry is.
    last = {
        attempt.path: attempt.status for attempt in sorted(attempts, key=lambda one: one.number)
    }
    assert set(last.values()) == {"succeeded"}
    if any(step.key == "email" for step in template.steps):
        mails = [mail for mail in await house.mailbox() if "Verify" not in mail["subject"]]
        assert [mail["to"] for mail in mails] == [ada.email]
        assert mails[0]["text"].strip()
        assert "{{" not in mails[0]["subject"] + mails[0]["text"]
    else:
        assert any(
            attempt.action == "reply" or "reply" in str(attempt.kind) for attempt in attempts
        )


@pytest.mark.parametrize("key", KEYS)
async def test_a_template_is_a_file_that_can_be_imported(house: House, key: str) -> None:
    ada = await house.sign_up()
    found = await _asked(house, ada, "GET", f"/api/v1/templates/{key}")
    zap = await _asked(house, ada, "POST", "/api/v1/zaps/import", json=found["zap"])
    again = await _asked(house, ada, "GET", f"/api/v1/zaps/{zap['id']}/export")
    assert again == found["zap"]


async def test_what_was_used_has_the_sample_and_my_address(house: House) -> None:
    ada = await house.sign_up()
    zap = await _asked(house, ada, "POST", "/api/v1/templates/large-orders/use")
    assert YOU not in json.dumps(zap["definition"])
    samples = await _asked(house, ada, "GET", f"/api/v1/zaps/{zap['id']}/samples")
    assert samples["trigger"]["body"]["order"]["id"] == 1815


async def test_words_and_categories_find_templates(house: House) -> None:
    ada = await house.sign_up()

    async def keys(query: str) -> list[str]:
        found = await _asked(house, ada, "GET", f"/api/v1/templates{query}")
        assert found["next"] is None
        return [one["key"] for one in found["data"]]

    assert sorted(await keys("")) == KEYS
    assert await keys("?q=REFUND%20approval") == ["refund-approval"]
    assert await keys("?category=orders") == ["order-lines", "large-orders"]
    assert await keys("?category=orders&q=bill") == ["order-lines"]
    assert await keys("?q=no+such+thing") == []


async def test_using_one_needs_the_right_to_edit_and_a_known_key(house: House) -> None:
    ada = await house.sign_up()
    async with house.db.transaction() as session:
        with pytest.raises(Forbidden):
            await templates.use(session, house.as_role(ada, Role.OPERATOR), "quote")
    for method, url in (("GET", "/api/v1/templates/../quote"), ("POST", "/api/v1/templates/x/use")):
        answer = await house.client.request(method, url, headers=ada.headers)
        assert answer.status_code == 404

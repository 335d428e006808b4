"""The test of one step: real effects, real errors, no run, and samples for the steps after it."""

import asyncio
from typing import Any

import httpx
import pytest
from pytest_httpserver import HTTPServer
from sqlalchemy import func, select
from sqlmodel import col
from werkzeug import Request, Response

from flowforge.errors import Forbidden
from flowforge.infra.redaction import REDACTED
from flowforge.models import Attempt, Event, OutboxEntry, Run, Zap
from flowforge.services import samples, step_tests
from flowforge.services.access import Role
from tests.house import Account, House
from tests.integration.zaps.test_samples import ran
from tests.integration.zaps.test_zaps import made

HOLDS = {"any": [{"all": [{"left": "{{ trigger.body.n }}", "op": "EXISTS"}]}]}


def post(step_id: str, url: str, **more: Any) -> dict[str, Any]:
    inputs = {"url": url, "body": {"n": "{{ trigger.body.n }}"}}
    return {"id": step_id, "kind": "action", "action": "webhook", "inputs": inputs, **more}


async def zap_of(house: House, owner: Account, *steps: dict[str, Any]) -> str:
    definition = {"trigger": {"kind": "webhook"}, "steps": list(steps)}
    return str((await made(house, owner, definition=definition))["id"])


async def asked(
    house: House, owner: Account, zap_id: str, path: str, **body: Any
) -> httpx.Response:
    url = f"/api/v1/zaps/{zap_id}/test-step"
    return await house.client.post(url, json={"path": path, **body}, headers=owner.headers)


async def tried(
    house: House, owner: Account, zap_id: str, path: str, **body: Any
) -> dict[str, Any]:
    answer = await asked(house, owner, zap_id, path, **body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def picked(house: House, owner: Account, zap_id: str) -> dict[str, Any]:
    """The samples of the steps."""
    answer = await house.client.get(f"/api/v1/zaps/{zap_id}/samples", headers=owner.headers)
    found: dict[str, Any] = answer.json()["steps"]
    return found


async def test_an_action_is_really_performed_and_its_output_is_its_sample(
    house: House, httpserver: HTTPServer
) -> None:
    keys: list[str] = []

    def answer(request: Request) -> Response:
        keys.append(request.headers["Idempotency-Key"])
        return Response(request.get_data(), content_type="application/json")

    httpserver.expect_request("/in").respond_with_handler(answer)
    ada = await house.sign_up()
    zap_id = await zap_of(house, ada, post("one", httpserver.url_for("/in")))
    sample = {"trigger": {"body": {"n": 5}}}
    tested = await tried(house, ada, zap_id, "one", sample=sample)
    assert (tested["status"], tested["error"], tested["is_sample"]) == ("succeeded", None, True)
    assert tested["input"]["body"] == {"n": 5}
    assert tested["output"]["body"] == {"n": 5}
    assert (tested["path"], tested["kind"], tested["action"]) == ("one", "action", "webhook")
    assert (await picked(house, ada, zap_id))["one"] == tested["output"]
    await tried(house, ada, zap_id, "one", sample=sample)
    # Each test is one of its own for the provider.
    assert len(set(keys)) == 2
    assert all(key.startswith("test:") for key in keys)


async def test_a_test_makes_no_run_and_needs_no_other_step_to_be_complete(
    house: House, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/in").respond_with_json({})
    ada = await house.sign_up()
    empty = {"id": "empty", "kind": "action"}
    zap_id = await zap_of(house, ada, empty, post("one", httpserver.url_for("/in")))
    assert (await tried(house, ada, zap_id, "one"))["status"] == "succeeded"
    async with house.db.reading() as session:
        for model in (Run, Event, Attempt, OutboxEntry):
            assert await session.scalar(select(func.count()).select_from(model)) == 0
    assert (await tried(house, ada, zap_id, "empty"))["error"]["code"] == "unknown_action"


async def test_samples_come_from_the_newest_event_earlier_tests_and_runs(
    house: House, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/in").respond_with_json({"id": 7})
    ada = await house.sign_up()
    url = httpserver.url_for("/in")
    second = post("two", url)
    second["inputs"] = {
        "url": url,
        "body": ["{{ trigger.body.n }}", "{{ steps.one.body.id }}", "{{ steps.old.x }}"],
    }
    old = {"id": "old", "kind": "code", "code": "1"}
    zap_id = await zap_of(house, ada, post("one", url), old, second)
    hook = f"/api/v1/webhooks/{zap_id}"
    await house.client.post(hook, json={"n": 3})
    await tried(house, ada, zap_id, "one")
    await ran(house, {"id": zap_id}, {"step_id": "old", "output": {"x": "y"}})
    async with house.db.transaction() as session:
        # The run that was put there has an event without a body.
        event = (await session.scalars(select(Event).order_by(col(Event.id).desc()))).first()
        assert event is not None
        event.verdict = "rejected"
    tested = await tried(house, ada, zap_id, "two")
    assert tested["input"]["body"] == [3, 7, "y"]
    given = {"steps": {"one": {"body": {"id": 8}}, "nobody": 1}}
    tested = await tried(house, ada, zap_id, "two", sample=given)
    assert tested["input"]["body"] == [3, 8, "y"]


async def test_a_failure_is_told_is_not_retried_and_is_no_sample(
    house: House, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/in").respond_with_data("no", status=503)
    ada = await house.sign_up()
    zap_id = await zap_of(house, ada, post("one", httpserver.url_for("/in")))
    tested = await tried(house, ada, zap_id, "one")
    assert (tested["status"], tested["output"], tested["is_sample"]) == ("failed", None, False)
    assert "503" in tested["error"]["message"]
    assert len(httpserver.log) == 1
    assert await picked(house, ada, zap_id) == {}


async def test_a_step_takes_no_longer_than_its_time(house: House, httpserver: HTTPServer) -> None:
    over = asyncio.Event()
    loop = asyncio.get_running_loop()

    def never(_request: Request) -> Response:
        asyncio.run_coroutine_threadsafe(over.wait(), loop).result(30)
        return Response()

    httpserver.expect_request("/in").respond_with_handler(never)
    ada = await house.sign_up()
    zap_id = await zap_of(house, ada, post("one", httpserver.url_for("/in"), timeout_seconds=0.3))
    try:
        tested = await tried(house, ada, zap_id, "one")
    finally:
        over.set()
    assert tested["status"] == "unknown"
    assert tested["error"]["message"].startswith("The step took longer than 0.3 seconds.")


async def test_a_test_reaches_no_address_that_a_run_may_not_reach(house: House) -> None:
    ada = await house.sign_up()
    zap_id = await zap_of(house, ada, post("one", "http://169.254.169.254/latest/meta-data"))
    tested = await tried(house, ada, zap_id, "one")
    assert tested["status"] == "failed"
    assert "169.254.169.254" in tested["error"]["message"]


async def test_secrets_are_shown_neither_in_what_went_in_nor_in_what_came_out(
    house: House, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/in").respond_with_json({"access_token": "T0P5ECRET"})
    ada = await house.sign_up()
    step = post("one", httpserver.url_for("/in"))
    step["inputs"]["headers"] = {"Authorization": "Bearer T0P5ECRET"}
    zap_id = await zap_of(house, ada, step)
    answer = await asked(house, ada, zap_id, "one")
    assert "T0P5ECRET" not in answer.text
    assert answer.json()["input"]["headers"] == {"Authorization": REDACTED}
    assert answer.json()["output"]["body"] == {"access_token": REDACTED}
    async with house.db.reading() as session:
        zap = (await session.scalars(select(Zap).where(col(Zap.id) == zap_id))).one()
        whole = await samples.step_values(session, zap, ["one"])
    # The next step's test needs what really came.
    assert whole["one"]["body"] == {"access_token": "T0P5ECRET"}


async def test_code_runs_in_the_sandbox_with_its_inputs_and_prints(house: House) -> None:
    ada = await house.sign_up()
    code = "print('hi')\ninputs['n'] * 2"
    step = {"id": "calc", "kind": "code", "inputs": {"n": "{{ trigger.body.n }}"}, "code": code}
    zap_id = await zap_of(house, ada, step, {**step, "id": "bad", "code": "inputs['nope']"})
    sample = {"trigger": {"body": {"n": 21}}}
    tested = await tried(house, ada, zap_id, "calc", sample=sample)
    assert (tested["status"], tested["output"], tested["logs"]) == ("succeeded", 42, "hi\n")
    assert (await picked(house, ada, zap_id))["calc"] == 42
    failed = await tried(house, ada, zap_id, "bad", sample=sample)
    assert (failed["status"], failed["error"]["code"]) == ("failed", "code_error")


async def test_in_a_loop_a_step_is_tried_with_the_first_item(
    house: House, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/in").respond_with_json({})
    ada = await house.sign_up()
    inner = post("one", httpserver.url_for("/in"))
    inner["inputs"]["body"] = {"item": "{{ item }}", "index": "{{ index }}"}
    loop = {"id": "each", "kind": "loop", "over": "{{ trigger.body.items }}", "steps": [inner]}
    zap_id = await zap_of(house, ada, loop)
    sample: dict[str, Any] = {"trigger": {"body": {"items": ["a", "b"]}}}
    for path in ("one", "each[2]/one"):
        tested = await tried(house, ada, zap_id, path, sample=sample)
        assert tested["path"] == "each[1]/one"
        assert tested["input"]["body"] == {"item": "a", "index": 1}
    tested = await tried(house, ada, zap_id, "one", sample={**sample, "item": {"x": None}})
    assert tested["input"]["body"]["item"] == {"x": None}
    refused = await asked(house, ada, zap_id, "one", sample={"trigger": {"body": {}}})
    assert refused.status_code == 422
    assert refused.json()["error"]["code"] == "no_item"
    assert "The items you have selected must be a list." in refused.json()["error"]["message"]


async def test_a_loop_tells_its_items_and_their_number_and_gives_the_picker_one(
    house: House,
) -> None:
    ada = await house.sign_up()
    loop = {"id": "each", "kind": "loop", "over": "{{ trigger.body }}", "steps": []}
    zap_id = await zap_of(house, ada, loop)
    tested = await tried(house, ada, zap_id, "each", sample={"trigger": {"body": [{"n": 1}, 2]}})
    assert tested["input"] == {"items": [{"n": 1}, 2]}
    assert tested["output"] == {"count": 2}
    assert tested["note"] == "A run makes 2 rounds here."
    found = await house.client.get(f"/api/v1/zaps/{zap_id}/samples", headers=ada.headers)
    assert found.json()["items"] == {"each": {"n": 1}}


@pytest.mark.parametrize(
    ("step", "output", "is_sample"),
    [
        ({"kind": "filter", "when": HOLDS}, {"passed": True}, True),
        (
            {"kind": "reply", "body": 1},
            {"status": 200, "headers": {}, "body": 1, "sent": True},
            True,
        ),
        ({"kind": "delay", "seconds": 1_000_000}, None, False),
        ({"kind": "approval", "question": "?", "approvers": ["a@e.com"]}, None, False),
        ({"kind": "parallel", "branches": [{"name": "a"}]}, None, False),
        ({"kind": "zap", "zap_id": "x", "input": 1}, None, False),
        ({"kind": "stop"}, None, False),
    ],
)
async def test_what_waits_or_branches_says_what_it_would_do_at_once(
    house: House, step: dict[str, Any], output: Any, is_sample: bool
) -> None:
    ada = await house.sign_up()
    zap_id = await zap_of(house, ada, {"id": "x", **step})
    sample = {"trigger": {"body": {"n": 1}}}
    mails = len(await house.mailbox())
    tested = await tried(house, ada, zap_id, "x", sample=sample)
    assert (tested["status"], tested["output"], tested["is_sample"]) == (
        "succeeded",
        output,
        is_sample,
    )
    assert tested["note"]
    assert len(await house.mailbox()) == mails
    assert ("x" in await picked(house, ada, zap_id)) == is_sample


async def test_what_cannot_be_taken_back_needs_to_be_confirmed(house: House) -> None:
    ada = await house.sign_up()
    step = {
        "id": "pay",
        "kind": "action",
        "action": "send-sol",
        "inputs": {"address": "not an address", "amount": "1"},
    }
    zap_id = await zap_of(house, ada, {"id": "l", "kind": "loop", "count": 1, "steps": [step]})
    refused = await asked(house, ada, zap_id, "pay")
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "confirmation_needed"
    tested = await tried(house, ada, zap_id, "pay", confirm=True)
    # Confirmed, it is performed: here only until its inputs are looked at.
    assert (tested["status"], tested["error"]["code"]) == ("failed", "bad_input")


async def test_a_large_output_is_told_shortened_and_still_a_sample(
    house: House, httpserver: HTTPServer
) -> None:
    rows = [{"id": number, "text": "x" * 500} for number in range(5_000)]
    httpserver.expect_request("/in").respond_with_json(rows)
    ada = await house.sign_up()
    zap_id = await zap_of(house, ada, post("one", httpserver.url_for("/in")))
    tested = await tried(house, ada, zap_id, "one")
    assert tested["status"] == "succeeded"
    assert tested["note"].startswith("The output is 2.6 MB: long lists and texts are cut.")
    assert tested["output"]["body"] == rows[: samples.LONGEST_LIST]
    assert (await picked(house, ada, zap_id))["one"]["body"] == rows[: samples.LONGEST_LIST]
    assert list((house.settings.data_dir / "blobs").rglob("?" * 32)) == []


async def test_too_many_tests_at_once_are_told_to_come_again(
    house: House, httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    httpserver.expect_request("/in").respond_with_json({})
    monkeypatch.setattr(step_tests, "_under_way", asyncio.Semaphore(0))
    ada = await house.sign_up()
    zap_id = await zap_of(house, ada, post("one", httpserver.url_for("/in")))
    refused = await asked(house, ada, zap_id, "one")
    assert refused.status_code == 503
    assert httpserver.log == []


async def test_what_is_not_there_is_not_found_and_strangers_may_not(house: House) -> None:
    ada, bob = await house.sign_up(), await house.sign_up("bob@example.com")
    zap_id = await zap_of(house, ada, {"id": "x", "kind": "stop"})
    for path in ("gone", "", "x/gone", "x[1]", "\x00", "x" * 10_000):
        assert (await asked(house, ada, zap_id, path)).status_code == 404, path
    assert (await asked(house, bob, zap_id, "x")).status_code == 404
    assert (await asked(house, ada, zap_id, "x", sample={"steps": 1})).status_code == 422
    assert (await asked(house, ada, zap_id, "x", sample={"step": {}})).status_code == 422
    async with house.db.reading() as session:
        viewer = house.as_role(ada, Role.VIEWER)
        with pytest.raises(Forbidden):
            await step_tests.prepare(session, viewer, zap_id, "x")

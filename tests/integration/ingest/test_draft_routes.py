"""``/draft``, ``/draft/sync`` and ``/test``: the draft as it is, tried with a real request."""

import hashlib
import hmac
from typing import Any

import pytest

from flowforge.services import samples, zaps
from flowforge.services.zap_views import ZapView
from tests.house import Account, House
from tests.integration.ingest.inbox import (
    NOT_FOUND,
    UNKNOWN_ID,
    all_events,
    blob_files,
    our_path,
)
from tests.zapping import ended, events_of, owed, published, run_of, working

SECRET = "It's a Secret to Everybody"


def answering(text: str) -> dict[str, Any]:
    return {"id": "answer", "kind": "reply", "body": text}


async def draft(house: House, ada: Account, *steps: Any, **settings: Any) -> ZapView:
    """A zap that was never published."""
    definition = {"trigger": {"kind": "webhook", "settings": settings}, "steps": list(steps)}
    async with house.db.transaction() as session:
        return await zaps.create(session, ada.actor, name="Draft", definition=definition)


async def redraft(house: House, ada: Account, zap: ZapView, definition: dict[str, Any]) -> None:
    async with house.db.transaction() as session:
        held = await zaps.locked(session, ada.actor, zap.id)
        await zaps.redraft(session, held, definition)


async def test_the_draft_runs_and_not_what_is_live(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, answering("live"))
    await redraft(house, ada, zap, {"trigger": {"kind": "webhook"}, "steps": [answering("draft")]})
    async with working(house):
        tried = await house.client.post(f"{our_path(zap)}/draft/sync", json={})
        live = await house.client.post(f"{our_path(zap)}/sync", json={})
    assert (tried.text, live.text) == ("draft", "live")


async def test_a_draft_run_is_a_test_and_its_request_a_sample(house: House) -> None:
    ada = await house.sign_up()
    zap = await draft(house, ada, answering("{{ trigger.body.n }}"))
    answer = await house.client.put(f"{our_path(zap)}/draft?a=1", json={"n": 7})
    assert answer.status_code == 202
    async with working(house):
        run = await ended(house, answer.json()["run_id"])
    assert (run.environment, run.status, run.reply["body"]) == ("test", "succeeded", 7)
    (event,) = await events_of(house, zap)
    assert (event.id, event.trigger, event.verdict) == (run.event_id, "test", "accepted")
    assert (event.method, event.status_code, event.query) == ("PUT", 202, {"a": "1"})
    async with house.db.reading() as session:
        shown = await samples.samples(session, ada.actor, zap.id)
    assert shown["trigger"]["body"] == {"n": 7}


async def test_the_test_url_keeps_a_sample_and_runs_nothing(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, answering("live"))
    answer = await house.client.get(f"{our_path(zap)}/test", params={"q": "x"})
    assert (answer.status_code, set(answer.json())) == (202, {"event_id"})
    assert await owed(house) == 0
    (event,) = await events_of(house, zap)
    assert (event.id, event.verdict, event.trigger) == (answer.json()["event_id"], "held", "test")


async def test_an_incomplete_draft_says_what_is_missing_and_keeps_the_sample(house: House) -> None:
    ada = await house.sign_up()
    zap = await draft(house, ada)
    for path in ("draft", "draft/sync"):
        answer = await house.client.post(f"{our_path(zap)}/{path}", json={"n": 1})
        assert answer.status_code == 422
        assert answer.json()["error"]["details"][0]["path"] == "steps"
    events = await all_events(house)
    assert [(one.verdict, one.status_code) for one in events] == [("held", 422)] * 2
    assert await owed(house) == 0


async def test_the_draft_itself_says_what_must_be_proven(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, answering("live"))
    verify = {"scheme": "github", "secret": SECRET}
    trigger = {"kind": "webhook", "settings": {"verify": verify}}
    await redraft(house, ada, zap, {"trigger": trigger, "steps": [answering("draft")]})
    for path in ("draft", "draft/sync", "test"):
        refused = await house.client.post(f"{our_path(zap)}/{path}", content=b"{}")
        assert refused.status_code == 401
    digest = hmac.new(SECRET.encode(), b"{}", hashlib.sha256).hexdigest()
    headers = {"x-hub-signature-256": f"sha256={digest}"}
    signed = await house.client.post(f"{our_path(zap)}/test", content=b"{}", headers=headers)
    assert signed.status_code == 202
    assert (await house.client.post(our_path(zap), content=b"{}")).status_code == 202
    assert [one.verdict for one in await all_events(house)].count("rejected") == 3


async def test_a_key_tried_in_a_draft_is_not_used_up(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, answering("live"))
    headers = {"x-idempotency-key": "k"}
    paths = ["/draft", "/draft", "/test", ""]
    answers = [
        await house.client.post(f"{our_path(zap)}{path}", json={}, headers=headers)
        for path in paths
    ]
    assert [answer.status_code for answer in answers] == [202] * 4
    assert "duplicate" not in answers[3].json()
    runs = [answer.json()["run_id"] for answer in answers if "run_id" in answer.json()]
    kinds = [(await run_of(house, run_id)).environment for run_id in runs]
    assert kinds == ["test", "test", "production"]


async def test_files_of_a_test_are_kept(house: House) -> None:
    ada = await house.sign_up()
    zap = await draft(house, ada, answering("x"))
    answer = await house.client.post(
        f"{our_path(zap)}/test", files={"file": ("a.txt", b"hello")}, data={"n": "1"}
    )
    assert answer.status_code == 202
    assert len(blob_files(house)) == 1


@pytest.mark.parametrize("path", ["draft", "draft/sync", "test", "sync"])
async def test_bad_input_is_a_4xx_everywhere(house: House, path: str) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, answering("live"))
    unknown = await house.client.post(f"/api/v1/webhooks/{UNKNOWN_ID}/{path}", json={})
    assert (unknown.status_code, unknown.json()) == (404, NOT_FOUND)
    json = {"content-type": "application/json"}
    broken = await house.client.post(f"{our_path(zap)}/{path}", content=b"{", headers=json)
    assert broken.status_code == 400
    long = await house.client.post(f"{our_path(zap)}/{path}?{'a&' * 12_000}", content=b"")
    assert long.status_code == 400
    for wrong in ("other", "sync/sync", "draft/test", "sync/draft"):
        assert (await house.client.post(f"{our_path(zap)}/{wrong}")).status_code == 404

"""The synchronous route: what a reply step says is what the sender gets."""

import asyncio
from typing import Any

import httpx
import pytest

from flowforge.services.zap_views import ZapView
from tests.house import House
from tests.integration.ingest.inbox import NOT_FOUND, UNKNOWN_ID, all_events, our_path, tally
from tests.zapping import ended, hook, published, working

NOWHERE = "http://127.0.0.1:1/"


def reply(**more: Any) -> dict[str, Any]:
    return {"id": "answer", "kind": "reply", **more}


async def answered(house: House, *steps: dict[str, Any], **sent: Any) -> httpx.Response:
    """What somebody gets who posts to a zap of these steps and waits."""
    ada = await house.sign_up()
    zap = await published(house, ada, *steps)
    async with working(house):
        return await posted(house, zap, **sent)


async def posted(house: House, zap: ZapView, **sent: Any) -> httpx.Response:
    return await house.client.post(f"{our_path(zap)}/sync", **({"json": {}} | sent))


async def test_status_headers_and_body_are_those_of_the_step(house: House) -> None:
    step = reply(
        status=201,
        headers={"X-Order": "{{ trigger.body.n }}", "Cache-Control": "max-age=60"},
        body={"n": "{{ trigger.body.n }}"},
    )
    answer = await answered(house, step, json={"n": 7})
    assert (answer.status_code, answer.json()) == (201, {"n": 7})
    assert answer.headers["x-order"] == "7"
    assert answer.headers["cache-control"] == "max-age=60"
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("body", "content", "kind"),
    [
        ("<b>hello</b>", b"<b>hello</b>", "text/plain; charset=utf-8"),
        ("ü", "ü".encode(), "text/plain; charset=utf-8"),
        (None, b"", None),
        ([1, None], b"[1,null]", "application/json"),
        (0, b"0", "application/json"),
    ],
)
async def test_a_body_is_sent_as_what_it_is(
    house: House, body: Any, content: bytes, kind: str | None
) -> None:
    answer = await answered(house, reply(body=body))
    assert (answer.status_code, answer.content) == (200, content)
    assert answer.headers.get("content-type") == kind


async def test_a_page_of_a_zap_is_sandboxed(house: House) -> None:
    step = reply(
        headers={"Content-Type": "text/html", "Content-Security-Policy": "default-src *"},
        body="<script>alert(document.cookie)</script>",
    )
    answer = await answered(house, step)
    assert answer.headers["content-type"] == "text/html"
    assert answer.headers["content-security-policy"] == "sandbox, default-src *"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "name",
    ["Set-Cookie", "Transfer-Encoding", "Content-Length", "Connection", "Clear-Site-Data",
     "Service-Worker-Allowed", "Strict-Transport-Security", "Proxy-Authenticate"],
)  # fmt: skip
async def test_what_is_not_for_a_zap_to_say_fails_the_step(house: House, name: str) -> None:
    answer = await answered(house, reply(headers={name: "x"}, body="hello"))
    assert (answer.status_code, answer.json()["status"]) == (502, "failed")
    assert name.lower() not in answer.headers or name == "Content-Length"


async def test_nothing_can_be_split_or_smuggled_in(house: House) -> None:
    step = reply(headers={"X-A": "{{ trigger.body.v }}"}, body="x")
    answer = await answered(house, step, json={"v": "a\r\nSet-Cookie: b=c"})
    assert answer.status_code == 502
    assert "set-cookie" not in answer.headers


async def test_an_answer_without_a_body_has_none(house: House) -> None:
    answer = await answered(house, reply(status=204, body="not sent"))
    assert (answer.status_code, answer.content) == (204, b"")


async def test_a_large_answer_is_whole(house: House) -> None:
    answer = await answered(house, reply(body="{{ trigger.body }}"), json=["x" * 99] * 2000)
    assert (answer.status_code, answer.json()) == (200, ["x" * 99] * 2000)


async def test_a_run_without_a_reply_says_how_it_ended(house: House) -> None:
    answer = await answered(house, {"id": "end", "kind": "stop"})
    body = answer.json()
    assert (answer.status_code, body["status"]) == (200, "succeeded")
    assert (await ended(house, body["run_id"])).status == "succeeded"


async def test_a_failed_run_is_502_with_its_id(house: House) -> None:
    broken = {"id": "calc", "kind": "code", "language": "python", "code": "1 / 0"}
    answer = await answered(house, {**broken, "retry": {"attempts": 1}})
    body = answer.json()
    assert (answer.status_code, body["status"]) == (502, "failed")
    assert (await ended(house, body["run_id"])).status == "failed"
    assert body["error"]["code"] == "run_failed"


async def test_the_reply_is_sent_while_the_run_goes_on(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(
        house, ada, reply(body="early"), {"id": "nap", "kind": "delay", "seconds": 60}
    )
    async with working(house), asyncio.timeout(10):
        answer = await posted(house, zap)
    assert answer.text == "early"


@pytest.mark.parametrize("changes", [{"sync_timeout_seconds": 1.0}])
async def test_who_waits_in_vain_gets_408_and_the_run_goes_on(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, reply(body="late"))
    answer = await posted(house, zap)  # no worker
    assert (answer.status_code, answer.json()["error"]["code"]) == (408, "no_answer_yet")
    async with working(house):
        assert (await ended(house, answer.json()["run_id"])).reply["body"] == "late"


async def test_a_repeat_gets_the_answer_of_the_first(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, reply(body="{{ trigger.body.n }}"))
    async with working(house):
        first = await posted(house, zap, json={"n": 1}, headers={"x-idempotency-key": "k"})
        again = await posted(house, zap, json={"n": 2}, headers={"x-idempotency-key": "k"})
    assert (first.json(), again.json()) == (1, 1)
    assert tally(await all_events(house)) == {"accepted": 1, "duplicate": 1}


async def test_many_who_wait_each_get_their_own(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, reply(body="{{ trigger.body.n }}"))
    async with working(house):
        answers = await asyncio.gather(*(posted(house, zap, json={"n": n}) for n in range(40)))
    assert [answer.json() for answer in answers] == list(range(40))


async def test_what_starts_nothing_is_not_waited_for(house: House) -> None:
    ada = await house.sign_up()
    when = {"any": [{"all": [{"left": "{{ trigger.body.n }}", "op": "EXISTS"}]}]}
    trigger = {"kind": "webhook", "settings": {"when": when}}
    zap = await published(house, ada, hook("one", NOWHERE), trigger=trigger)
    filtered = await posted(house, zap, json={})
    assert (filtered.status_code, filtered.json()["filtered"]) == (202, True)
    unknown = await house.client.post(f"/api/v1/webhooks/{UNKNOWN_ID}/sync", json={})
    assert (unknown.status_code, unknown.json()) == (404, NOT_FOUND)
    broken = await posted(house, zap, content=b"{", headers={"content-type": "application/json"})
    assert broken.status_code == 400


async def noted(house: House) -> list[tuple[str, int | None, bool]]:
    """Verdict, answer, and whether it is known how long that took, of each event."""
    await house.runtime.errands.finish(within_seconds=5)
    return [
        (one.verdict, one.status_code, one.took_ms is not None) for one in await all_events(house)
    ]


async def test_events_tell_what_their_senders_were_answered(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, reply(status="{{ trigger.body.status }}", body="x"))
    key = {"x-idempotency-key": "k"}
    async with working(house):
        await posted(house, zap, json={"status": 201})
        await posted(house, zap, json={"status": 404}, headers=key)
        await posted(house, zap, json={}, headers=key)
        await posted(house, zap, json={"status": "none"})
        await house.client.post(f"{our_path(zap)}/draft/sync", json={"status": 418})
    assert await noted(house) == [
        ("accepted", 201, True),
        ("accepted", 404, True),
        ("duplicate", 404, True),
        ("accepted", 502, True),
        ("accepted", 418, True),
    ]
    (newest, *_) = await all_events(house)
    shown = await house.client.get(f"/api/v1/events/{newest.id}", headers=ada.headers)
    assert f"Answered 201 after {newest.took_ms} ms." in shown.json()["why"][0]["said"]


@pytest.mark.parametrize("changes", [{"sync_timeout_seconds": 1.0}])
async def test_the_event_tells_that_nobody_answered_in_time(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, reply(body="late"))
    answer = await posted(house, zap)
    assert answer.status_code == 408
    assert await noted(house) == [("accepted", 408, True)]
    (event,) = await all_events(house)
    assert 900 <= (event.took_ms or 0) < 5000


async def test_until_it_is_answered_nothing_is_said_of_an_answer(house: House) -> None:
    ada = await house.sign_up()
    zap = await published(house, ada, reply(body="x"))
    waiting = asyncio.create_task(posted(house, zap))
    async with asyncio.timeout(5):
        while not (events := await all_events(house)):  # noqa: ASYNC110 - stored by another task
            await asyncio.sleep(0.02)
    assert events[0].status_code is None
    async with working(house):
        await waiting
    assert await noted(house) == [("accepted", 200, True)]

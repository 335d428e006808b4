"""Forms: a public page that fires a zap, and the fields that a run by hand is asked for."""

import asyncio
from typing import Any

import httpx
import pytest

from flowforge.infra.db import new_id
from flowforge.services import versions, zaps
from flowforge.services.zap_views import ZapView
from tests.house import Account, House
from tests.zapping import ended, events_of, hook, owed, working

FIELDS: list[dict[str, Any]] = [
    {"name": "who", "label": "Your <b>name</b>", "required": True, "help": "As you are called."},
    {"name": "count", "label": "How many", "kind": "number"},
    {"name": "size", "kind": "choice", "options": ["small", "large & wide"]},
    {"name": "terms", "kind": "yes_no", "required": True},
    {"name": "cv", "kind": "file"},
]
TITLE = "Order <script>alert(1)</script>"
GOOD = {"who": "Ada", "count": "2", "size": "large & wide", "terms": "yes"}


async def made(house: House, ada: Account, trigger: dict[str, Any], *steps: Any) -> ZapView:
    definition = {"trigger": trigger, "steps": list(steps) or [hook("post", "http://127.0.0.1:9/")]}
    async with house.db.transaction() as session:
        zap = await zaps.create(session, ada.actor, name="Form", definition=definition)
        await versions.publish(session, ada.actor, zap.id)
        return await zaps.get(session, ada.actor, zap.id)


async def form(house: House, ada: Account, *steps: Any, **settings: Any) -> tuple[ZapView, str]:
    """A live zap with a form, and the path of its page."""
    given = {"title": TITLE, "fields": FIELDS, "thanks": "Got it, <i>thanks</i>.", **settings}
    zap = await made(house, ada, {"kind": "form", "settings": given}, *steps)
    return zap, f"/forms/{zap.hook_url_v1.rpartition('/')[2]}"


async def test_a_form_is_shown_filled_in_and_runs_the_zap_with_its_values(house: House) -> None:
    ada = await house.sign_up()
    code = {
        "id": "calc",
        "kind": "code",
        "inputs": {"b": "{{ trigger.body }}"},
        "code": "inputs['b']",
    }
    zap, path = await form(house, ada, code)
    page = await house.client.get(path)
    assert page.status_code == 200
    assert "<script" not in page.text
    assert "Order &lt;script&gt;" in page.text
    assert "Your &lt;b&gt;name&lt;/b&gt;" in page.text
    assert 'label for="f-who"' in page.text
    assert "script" not in page.headers["content-security-policy"]
    assert "set-cookie" not in page.headers
    sent = await house.client.post(path, data=GOOD)
    assert sent.status_code == 200
    assert "Got it, &lt;i&gt;thanks&lt;/i&gt;." in sent.text
    (event,) = await events_of(house, zap)
    assert (event.trigger, event.verdict) == ("form", "accepted")
    async with working(house):
        runs = await house.client.get(f"/api/v1/zaps/{zap.id}/runs", headers=ada.headers)
        run_id = runs.json()["data"][0]["id"]
        assert (await ended(house, run_id)).status == "succeeded"
    run = (await house.client.get(f"/api/v1/runs/{run_id}", headers=ada.headers)).json()
    wanted = {"who": "Ada", "count": 2, "size": "large & wide", "terms": True, "cv": None}
    assert run["attempts"][0]["output"] == wanted


async def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_stays(
    house: House,
) -> None:
    ada = await house.sign_up()
    zap, path = await form(house, ada)
    bad = {"who": '"><img src=x onerror=alert(1)>', "count": "many", "size": "huge"}
    answer = await house.client.post(path, data=bad)
    assert answer.status_code == 422
    for name in ("count", "size", "terms"):
        assert f'data-testid="error-{name}"' in answer.text
        assert f'aria-describedby="e-{name}"' in answer.text
    assert 'data-testid="error-who"' not in answer.text
    assert "<img" not in answer.text
    assert 'value="&quot;&gt;&lt;img src=x onerror=alert(1)&gt;"' in answer.text
    assert 'value="many"' in answer.text
    assert await events_of(house, zap) == []
    assert await owed(house) == 0


async def test_a_file_is_stored_with_the_event_and_can_be_fetched(house: House) -> None:
    ada = await house.sign_up()
    zap, path = await form(house, ada)
    files = {"cv": ("../../cv.pdf", b"%PDF-1", "application/pdf"), "odd": ("x", b"x", "x/y")}
    answer = await house.client.post(path, data=GOOD, files=files)
    assert answer.status_code == 200, answer.text
    (event,) = await events_of(house, zap)
    assert set(event.body) == {"who", "count", "size", "terms", "cv"}
    assert event.body["cv"]["name"] == "cv.pdf"
    link = httpx.URL(event.body["cv"]["file_url"])
    assert (await house.client.get(link.raw_path.decode())).content == b"%PDF-1"


async def test_files_of_what_is_refused_are_gone_again(house: House) -> None:
    ada = await house.sign_up()
    _, path = await form(house, ada)
    answer = await house.client.post(path, data={"who": ""}, files={"cv": ("a", b"a" * 9)})
    assert answer.status_code == 422
    kept = [path for path in house.settings.data_dir.rglob("*") if path.is_file()]
    assert [one for one in kept if one.read_bytes() == b"a" * 9] == []


async def test_a_browser_without_a_file_sends_an_empty_one_which_is_none(house: House) -> None:
    ada = await house.sign_up()
    zap, path = await form(house, ada)
    assert (await house.client.post(path, data=GOOD, files={"cv": ("", b"")})).status_code == 200
    (event,) = await events_of(house, zap)
    assert event.body is None
    assert b'"cv":null' in (event.raw or b"")


async def test_sent_twice_it_fires_once(house: House) -> None:
    ada = await house.sign_up()
    zap, path = await form(house, ada)
    once = {**GOOD, "form-once": new_id()}
    answers = await asyncio.gather(*(house.client.post(path, data=once) for _ in range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert sorted(event.verdict for event in await events_of(house, zap)).count("accepted") == 1
    assert await owed(house) == 1


async def test_what_a_machine_filled_in_is_thanked_for_and_not_stored(house: House) -> None:
    ada = await house.sign_up()
    zap, path = await form(house, ada)
    answer = await house.client.post(path, data={**GOOD, "your-website": "https://spam.example"})
    assert answer.status_code == 200
    assert await events_of(house, zap) == []


async def test_a_form_that_is_off_unknown_or_none_is_closed(house: House) -> None:
    ada = await house.sign_up()
    zap, path = await form(house, ada)
    other = await made(house, ada, {"kind": "webhook"})
    await house.client.post(f"/api/v1/zaps/{zap.id}/disable", headers=ada.headers)
    closed = [path, f"/forms/{other.id}", f"/forms/{new_id()}", "/forms/%00", "/forms/x"]
    for each in closed:
        for method in ("GET", "POST"):
            answer = await house.client.request(method, each)
            assert answer.status_code == 404, each
            assert "This form is closed" in answer.text
    assert await events_of(house, zap) == []


@pytest.mark.parametrize("changes", [{"hook_rate_limit": "3/minute"}])
async def test_too_many_are_told_to_wait(house: House) -> None:
    ada = await house.sign_up()
    zap, path = await form(house, ada)
    answers = [await house.client.post(path, data=GOOD) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert len(await events_of(house, zap)) == 3


@pytest.mark.parametrize(
    ("content_type", "raw"),
    [
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"--x\r\nnothing"),
        ("application/x-www-form-urlencoded", b"who=%ff&" * 3000),
        ("application/x-www-form-urlencoded", b"\xff\xfe=1"),
        ("application/json", b'{"who": "Ada"}'),
        ("text/plain; charset=nonsense", b"\x00" * 10),
        ("", b""),
    ],
)
async def test_what_cannot_be_read_is_refused_as_a_page(
    house: House, content_type: str, raw: bytes
) -> None:
    ada = await house.sign_up()
    zap, path = await form(house, ada)
    headers = {"content-type": content_type} if content_type else {}
    answer = await house.client.post(path, content=raw, headers=headers)
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"].startswith("text/html")
    assert await events_of(house, zap) == []


@pytest.mark.parametrize("changes", [{"hook_body_limit": 65536}])
async def test_too_large_is_a_page_and_stores_nothing(house: House) -> None:
    ada = await house.sign_up()
    zap, path = await form(house, ada)
    answer = await house.client.post(path, data={**GOOD, "who": "x" * 70_000})
    assert answer.status_code == 413
    assert answer.headers["content-type"].startswith("text/html")
    assert await events_of(house, zap) == []


# ---- by hand ---------------------------------------------------------------------------------------


async def test_a_run_by_hand_gets_what_its_fields_ask_for(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada, {"kind": "manual", "settings": {"fields": FIELDS[:2]}})
    url = f"/api/v1/zaps/{zap.id}/run"
    wrong = {"input": {"count": "2", "more": 1}}
    answer = await house.client.post(url, json=wrong, headers=ada.headers)
    assert answer.status_code == 422
    paths = {one["path"] for one in answer.json()["error"]["details"]}
    assert paths == {"input.who", "input.count", "input.more"}
    for nothing in ({"input": None}, {}, None):
        answer = await house.client.post(url, json=nothing, headers=ada.headers)
        assert answer.status_code == 422
    assert await owed(house) == 0
    good = {"input": {"who": "Ada", "count": 2}}
    answer = await house.client.post(url, json=good, headers=ada.headers)
    assert answer.status_code == 202
    (event,) = await events_of(house, zap)
    assert event.raw == b'{"who":"Ada","count":2}'


async def test_without_fields_anything_goes(house: House) -> None:
    ada = await house.sign_up()
    zap = await made(house, ada, {"kind": "manual"})
    answer = await house.client.post(
        f"/api/v1/zaps/{zap.id}/run", json={"input": [1]}, headers=ada.headers
    )
    assert answer.status_code == 202

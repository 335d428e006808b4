"""The inbox of a whole project: filtered, searched, told in order, and run again in numbers."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlmodel import col

from flowforge.errors import Forbidden
from flowforge.infra.db import new_id
from flowforge.infra.redaction import REDACTED
from flowforge.jobs.batches import work_page
from flowforge.models import Event, Run
from flowforge.services import batches, event_batches, event_filters, events
from flowforge.services.access import Role
from flowforge.services.event_filters import EventFilter
from flowforge.services.zap_views import ZapView
from tests import zapping
from tests.house import Account, House
from tests.integration.runs.again import asked, read
from tests.zapping import ZAP_NAME, ended, working

STOP = {"id": "end", "kind": "stop"}


async def with_events(
    house: House, account: Account, zap: ZapView, *each: dict[str, Any]
) -> list[str]:
    """Events of ``zap`` with these columns, in this order; their ids."""
    rows = [
        Event(
            **{
                "project_id": account.project_id,
                "zap_id": zap.id,
                "verdict": "accepted",
                "raw": b"{}",
                "size": 2,
                **columns,
            }
        )
        for columns in each
    ]
    async with house.db.transaction() as session:
        for row in rows:
            session.add(row)
            await session.flush()
        return [row.id for row in rows]


async def found(house: House, account: Account, query: str = "") -> list[str]:
    page = await read(house, account, f"/events{query}")
    return [event["id"] for event in page["data"]]


async def work(house: House) -> None:
    while await work_page(house.db, house.runtime.signals):
        pass


async def number_of_runs(house: House) -> int:
    async with house.db.reading() as session:
        return int((await session.execute(select(func.count()).select_from(Run))).scalar_one())


async def test_it_lists_all_zaps_newest_first_and_filters(house: House) -> None:
    ada = await house.sign_up()
    one = await zapping.published(house, ada, STOP)
    two = await zapping.published(house, ada, STOP)
    first, second, third = [
        *await with_events(house, ada, one, {"verdict": "rejected"}, {"trigger": "schedule"}),
        *await with_events(house, ada, two, {"verdict": "held"}),
    ]
    assert await found(house, ada) == [third, second, first]
    assert await found(house, ada, f"?zap_id={one.id}") == [second, first]
    assert await found(house, ada, "?verdict=rejected,held") == [third, first]
    assert await found(house, ada, "?trigger=schedule") == [second]
    middle = (await read(house, ada, f"/events/{second}"))["received_at"].replace("+", "%2B")
    assert await found(house, ada, f"?since={middle}") == [third, second]
    assert await found(house, ada, f"?until={middle}") == [first]
    page = await read(house, ada, "/events?limit=2")
    assert [line["zap_name"] for line in page["data"]] == [ZAP_NAME, ZAP_NAME]
    await with_events(house, ada, two, {})
    assert await found(house, ada, f"?limit=2&cursor={page['next']}") == [first]


@pytest.mark.parametrize(
    "query", ["?verdict=fine", "?trigger=magic", "?since=yesterday", "?limit=0", "?cursor=x"]
)
async def test_what_is_wrong_with_a_question_is_said(house: House, query: str) -> None:
    ada = await house.sign_up()
    answer = await house.client.get(f"/api/v1/events{query}", headers=ada.headers)
    assert answer.status_code in {400, 422}
    assert answer.json()["error"]["message"]


NOISE = b"\xff\xfe\x00\x80\\ 100%_sure \xc3\xa9"


@pytest.mark.parametrize(
    ("sought", "columns"),
    [
        ("zoe", {"raw": b'{"name": "Zoe"}'}),
        ("Zoë", {"raw": '{"name": "Zoë"}'.encode()}),
        ("Zoë", {"raw": b'{"name": "Zo\\u00eb"}'}),
        ('say "hi"', {"raw": b'{"text": "say \\"hi\\""}'}),
        ("C:\\new", {"raw": b"C:\\new"}),
        ("100%_sure", {"raw": b"100%_sure"}),
        ("key-7", {"dedupe_key": "my-KEY-7"}),
        ("no signature", {"reason": "There is No signature.", "verdict": "rejected"}),
        ("Jürgen", {"body": {"name": "Jürgen"}, "raw": None}),
    ],
)
async def test_a_part_of_what_came_finds_it(
    house: House, sought: str, columns: dict[str, Any]
) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, STOP)
    ids = await with_events(
        house, ada, zap, {"raw": b'{"name": "other"}'}, columns, {"raw": NOISE[:3]}, {"raw": None}
    )
    async with house.db.reading() as session:
        page = await events.list_events(session, ada.actor, EventFilter(q=sought))
    assert [line.id for line in page.data] == [ids[1]]


async def test_bytes_that_are_no_text_are_searched_without_an_error(house: House) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, STOP)
    await with_events(house, ada, zap, {"raw": NOISE, "size": len(NOISE)})
    for sought in ("\x00", "%", "é' OR 1=1 --", "\\", "/", "\ud800x"):
        async with house.db.reading() as session:
            await events.list_events(session, ada.actor, EventFilter.model_construct(q=sought))


async def test_a_search_looks_at_so_many_at_a_time_and_misses_none(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_filters, "WINDOW", 3)
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, STOP)
    rows = [{"raw": b"needle" if number in {0, 1, 7} else b"hay"} for number in range(9)]
    ids = await with_events(house, ada, zap, *rows)
    seen: list[str] = []
    sizes, cursor = [], ""
    while True:
        page = await read(house, ada, f"/events?q=needle&limit=1{cursor}")
        seen += [event["id"] for event in page["data"]]
        sizes.append(len(page["data"]))
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == [ids[7], ids[1], ids[0]]
    assert 0 in sizes, "an empty page has a next one"


async def test_one_event_tells_its_way_with_times(house: House) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, {"id": "nap", "kind": "delay", "seconds": 0}, STOP)
    sent = {"X-Secret-Token": "HIDE-ME"}
    answer = await house.client.post(zapping.path_of(zap), json={"n": 1}, headers=sent)
    event_id = answer.json()["eventId"]
    async with working(house):
        await ended(house, answer.json()["zapRunId"])
    event = await read(house, ada, f"/events/{event_id}")
    assert [stage["stage"] for stage in event["why"]] == [
        "received",
        "verified",
        "matched",
        "queued",
        "steps",
    ]
    statuses = [stage["status"] for stage in event["why"]]
    assert statuses == ["done", "skipped", "done", "done", "done"]
    times = [stage["at"] for stage in event["why"] if stage["at"]]
    assert times == sorted(times)
    assert [one["path"] for one in event["why"][-1]["details"]["steps"]] == ["nap", "end"]
    assert event["advice"] is None
    assert "HIDE-ME" not in str(event)

    raw = await house.client.get(f"/api/v1/events/{event_id}/raw", headers=ada.headers)
    assert raw.content == b'{"n":1}'
    assert raw.headers["X-Content-Type-Options"] == "nosniff"
    assert raw.headers["Content-Disposition"].startswith("attachment")
    assert raw.headers["Content-Type"] == "application/octet-stream"


async def test_large_bytes_come_whole_and_what_has_none_is_not_found(house: House) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, STOP)
    large = b"x" * 1_500_000
    answer = await house.client.post(
        zapping.path_of(zap), content=large, headers={"Content-Type": "text/html"}
    )
    path = f"/api/v1/events/{answer.json()['eventId']}/raw"
    raw = await house.client.get(path, headers=ada.headers)
    assert raw.content == large
    assert raw.headers["Content-Type"] == "application/octet-stream"
    (bare,) = await with_events(house, ada, zap, {"raw": None, "size": 0})
    none = await house.client.get(f"/api/v1/events/{bare}/raw", headers=ada.headers)
    assert none.status_code == 404


async def test_a_part_comes_whole_as_steps_see_it_and_without_secrets(house: House) -> None:
    ada, grace = await house.sign_up(), await house.sign_up("grace@example.com")
    zap = await zapping.published(house, ada, STOP)
    rows = [{"id": number, "token": "T0P5ECRET"} for number in range(20_000)]
    answer = await house.client.post(f"{zapping.path_of(zap)}?shop=1", json={"rows": rows})
    path = f"/api/v1/events/{answer.json()['eventId']}"
    body = (await house.client.get(f"{path}/body", headers=ada.headers)).json()
    assert body["rows"][19_999] == {"id": 19_999, "token": REDACTED}
    query = await house.client.get(f"{path}/query", headers=ada.headers)
    assert query.json() == {"shop": "1"}
    for status, part, account in ((404, "body", grace), (422, "everything", ada)):
        refused = await house.client.get(f"{path}/{part}", headers=account.headers)
        assert refused.status_code == status


async def _one_of_each(house: House, ada: Account, zap: ZapView) -> Sequence[str]:
    return await with_events(
        house,
        ada,
        zap,
        *({"verdict": verdict} for verdict in event_filters.VERDICTS),
        {"trigger": "test"},
    )


async def test_many_are_run_again_but_for_what_cannot_or_should_not(house: House) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, STOP)
    accepted, _, _, held, filtered, test = await _one_of_each(house, ada, zap)
    body: dict[str, Any] = {"filter": {"zap_id": zap.id}, "dry_run": True}
    plan = await asked(house, ada, "/events/replay", body, status=200)
    assert plan["count"] == 2
    assert plan["oldest"] < plan["newest"]
    assert await number_of_runs(house) == 0, "a plan does nothing"
    body["dry_run"] = False
    batch_id = (await asked(house, ada, "/events/replay", body, status=200))["batch_id"]
    await work(house)
    view = await read(house, ada, f"/batches/{batch_id}")
    assert (view["kind"], view["status"], view["total"]) == ("events", "done", 2)
    assert (view["started"], view["failed"]) == (2, 0)
    async with house.db.reading() as session:
        query = select(Run).where(col(Run.batch_id) == batch_id).order_by(col(Run.id))
        begun = list(await session.scalars(query))
    assert [run.event_id for run in begun] == [accepted, held]
    async with working(house):
        for run in begun:
            assert (await ended(house, run.id)).status == "succeeded"
    named = {"verdict": "filtered,rejected,duplicate"}
    body = {"filter": named, "dry_run": True}
    assert (await asked(house, ada, "/events/replay", body, status=200))["count"] == 1
    body = {"filter": {"trigger": "test"}, "dry_run": True}
    assert (await asked(house, ada, "/events/replay", body, status=200))["count"] == 1
    assert {filtered, test}.isdisjoint(run.event_id for run in begun)


async def test_a_batch_goes_through_all_pages_once_and_counts_refusals(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "PAGE", 2)
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, STOP)
    ids = await with_events(house, ada, zap, *({} for _ in range(5)))
    async with house.db.transaction() as session:
        await session.execute(update(Event).where(col(Event.id) == ids[2]).values(raw=None))
    body = {"filter": {"verdict": "accepted"}}
    batch_id = (await asked(house, ada, "/events/replay", body, status=200))["batch_id"]
    assert await work_page(house.db, house.runtime.signals)
    await with_events(house, ada, zap, {})
    await work(house)
    view = await read(house, ada, f"/batches/{batch_id}")
    assert (view["started"], view["refused"]) == (4, {"event_gone": 1})
    assert await number_of_runs(house) == 4


async def test_events_that_were_held_run_once_the_zap_is_published(house: House) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, STOP)
    await house.client.post(f"/api/v1/zaps/{zap.id}/disable", headers=ada.headers)
    for number in range(3):
        await house.client.post(zapping.path_of(zap), json={"n": number})
    held = await found(house, ada, "?verdict=held")
    assert len(held) == 3
    story = (await read(house, ada, f"/events/{held[0]}"))["why"]
    assert [stage["status"] for stage in story[2:]] == ["stopped", "ahead", "ahead"]
    await house.client.post(f"/api/v1/zaps/{zap.id}/publish", headers=ada.headers)
    await asked(house, ada, "/events/replay", {"filter": {"verdict": "held"}}, status=200)
    await work(house)
    story = (await read(house, ada, f"/events/{held[0]}"))["why"]
    run_id = story[3]["details"]["run_id"]
    async with working(house):
        assert (await ended(house, run_id)).status == "succeeded"


async def test_a_search_narrows_a_batch_to_what_it_found(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_batches, "MOST_SEARCHED", 3)
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, STOP)
    rows = ({"raw": b"needle" if number % 2 else b"hay"} for number in range(6))
    ids = await with_events(house, ada, zap, *rows)
    body = {"filter": {"q": "needle"}}
    plan = await asked(house, ada, "/events/replay", body | {"dry_run": True}, status=200)
    assert plan["count"] == 2, "of the newest three"
    await asked(house, ada, "/events/replay", body, status=200)
    await work(house)
    async with house.db.reading() as session:
        assert set(await session.scalars(select(col(Run.event_id)))) == {ids[3], ids[5]}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"filter": {}}, "filter"),
        ({"filter": {"q": ""}}, "filter"),
        ({"filter": {"verdict": "fine"}}, "verdict"),
        ({"filter": {"colour": "red"}}, "filter.colour"),
        ({"filter": {"q": "x"}, "mode": {}}, "mode"),
    ],
)
async def test_what_is_wrong_with_a_batch_is_named(
    house: House, body: dict[str, Any], path: str
) -> None:
    ada = await house.sign_up()
    refused = await asked(house, ada, "/events/replay", body, status=422)
    assert path in [detail["path"].removeprefix("body.") for detail in refused["error"]["details"]]


async def test_strangers_see_find_and_run_nothing(house: House) -> None:
    ada, bob = await house.sign_up(), await house.sign_up("bob@example.com")
    zap = await zapping.published(house, ada, STOP)
    (event_id,) = await with_events(house, ada, zap, {"raw": b"needle"})
    for query in ("", "?q=needle", "?verdict=accepted", f"?q={event_id}"):
        assert await found(house, bob, query) == []
    for path in (f"/events?zap_id={zap.id}", f"/events/{event_id}", f"/events/{event_id}/raw"):
        await read(house, bob, path, status=404)
    body: dict[str, Any] = {"filter": {"ids": [event_id]}}
    plan = await asked(house, bob, "/events/replay", body | {"dry_run": True}, status=200)
    assert plan["count"] == 0
    await asked(house, bob, "/events/replay", body, status=409)
    await asked(house, bob, "/events/replay", {"filter": {"zap_id": new_id()}}, status=404)


async def test_who_may_only_look_runs_nothing(house: House) -> None:
    ada = await house.sign_up()
    zap = await zapping.published(house, ada, STOP)
    viewer = house.as_role(ada, Role.VIEWER)
    async with house.db.reading() as session:
        for doing in (batches.plan_events, batches.start_events):
            with pytest.raises(Forbidden):
                await doing(session, viewer, EventFilter(zap_id=zap.id))

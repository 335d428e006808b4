"""Deliveries arrive signed, once each, and are tried until they are taken."""

import asyncio
import datetime as dt
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from standardwebhooks import WebhookVerificationError
from werkzeug import Response

from flowforge.infra import failpoints
from flowforge.jobs.notices import Postman
from flowforge.services import deliveries, destinations, zaps
from tests.house import House
from tests.integration.destinations import receiving
from tests.integration.destinations.receiving import PATH, all_deliveries, posted, the_delivery


async def told(house: House, httpserver: HTTPServer, *kinds: str) -> tuple[Any, Any]:
    """Somebody with a destination, to whom something has happened already."""
    ada = await house.sign_up()
    destination = await receiving.made(house, ada, httpserver.url_for(PATH), *kinds)
    async with house.db.transaction() as session:
        await zaps.create(session, ada.actor, name="Orders")
    return ada, destination


async def test_a_foreign_verifier_finds_what_arrives_genuine(
    house: House, httpserver: HTTPServer
) -> None:
    httpserver.expect_request(PATH).respond_with_data("")
    _, destination = await told(house, httpserver)
    await posted(house)
    (request,) = receiving.requests(httpserver)
    said = receiving.verified(request, destination.secret)
    assert said["type"] == "zap.created"
    assert said["data"]["zap"]["name"] == "Orders"
    assert dt.datetime.fromisoformat(said["timestamp"]).tzinfo is not None
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["X-Key"] == "s3cret-value"
    delivery = await the_delivery(house)
    assert (delivery.status, delivery.attempts, delivery.status_code) == ("delivered", 1, 200)
    assert request.headers["webhook-id"] == delivery.id
    with pytest.raises(WebhookVerificationError):
        receiving.verified(request, "whsec_" + "A" * 43 + "=")


async def test_for_a_day_the_secret_before_signs_too(house: House, httpserver: HTTPServer) -> None:
    httpserver.expect_request(PATH).respond_with_data("")
    ada, destination = await told(house, httpserver)
    async with house.db.transaction() as session:
        new = await destinations.rotate(session, ada.actor, house.runtime, destination.id)
    assert new.secret != destination.secret
    await posted(house)
    (request,) = receiving.requests(httpserver)
    for secret in (destination.secret, new.secret):
        receiving.verified(request, secret)


async def test_what_is_refused_comes_again_later_with_the_same_id(
    house: House, httpserver: HTTPServer
) -> None:
    answers = iter([500, 404, 200])
    httpserver.expect_request(PATH).respond_with_handler(lambda _: Response(status=next(answers)))
    _, destination = await told(house, httpserver)
    for attempts, wait in ((1, 5), (2, 30)):
        await posted(house)
        delivery = await the_delivery(house)
        assert (delivery.status, delivery.attempts) == ("pending", attempts)
        assert delivery.due_at is not None
        ahead = (delivery.due_at - dt.datetime.now(dt.UTC)).total_seconds()
        assert wait * 0.9 - 3 < ahead <= wait * 1.1
        await posted(house)
        assert len(receiving.requests(httpserver)) == attempts, "before it was due"
        await receiving.due_again(house)
    assert (await receiving.destination_row(house, destination.id)).failing_since is not None
    await posted(house)
    assert (await the_delivery(house)).status == "delivered"
    assert (await receiving.destination_row(house, destination.id)).failing_since is None
    sent = receiving.requests(httpserver)
    assert len({request.headers["webhook-id"] for request in sent}) == 1
    assert len({request.get_data() for request in sent}) == 1
    for request in sent:
        receiving.verified(request, destination.secret)


async def test_after_the_last_try_it_is_given_up(house: House, httpserver: HTTPServer) -> None:
    httpserver.expect_request(PATH).respond_with_data("", status=500)
    await told(house, httpserver)
    for _ in range(len(deliveries.WAITS_SECONDS) + 3):
        await posted(house)
        await receiving.due_again(house)
    delivery = await the_delivery(house)
    assert (delivery.status, delivery.attempts) == ("failed", 10)
    assert delivery.due_at is None
    assert delivery.error == "It answered with status 500."
    assert len(receiving.requests(httpserver)) == 10


async def test_who_asks_for_time_gets_it(house: House, httpserver: HTTPServer) -> None:
    httpserver.expect_request(PATH).respond_with_data(
        "", status=429, headers={"Retry-After": "900"}
    )
    await told(house, httpserver)
    await posted(house)
    due_at = (await the_delivery(house)).due_at
    assert due_at is not None
    assert 895 < (due_at - dt.datetime.now(dt.UTC)).total_seconds() <= 900


async def test_a_redirect_is_not_followed(house: House, httpserver: HTTPServer) -> None:
    httpserver.expect_request(PATH).respond_with_data(
        "", status=302, headers={"Location": httpserver.url_for("/elsewhere")}
    )
    await told(house, httpserver)
    await posted(house)
    assert "redirect" in ((await the_delivery(house)).error or "")
    assert len(httpserver.log) == 1


@pytest.mark.parametrize("changes", [{"egress_allow": ""}])
async def test_nothing_is_sent_to_addresses_of_the_inside(
    house: House, httpserver: HTTPServer
) -> None:
    httpserver.expect_request(PATH).respond_with_data("")
    await told(house, httpserver)
    await posted(house)
    delivery = await the_delivery(house)
    assert (delivery.status, delivery.status_code) == ("pending", None)
    assert delivery.error
    assert httpserver.log == []


async def test_a_receiver_that_takes_no_connection_is_a_visible_failure(house: House) -> None:
    ada = await house.sign_up()
    await receiving.made(house, ada, "http://127.0.0.1:1/")
    async with house.db.transaction() as session:
        await zaps.create(session, ada.actor, name="Orders")
    await posted(house)
    delivery = await the_delivery(house)
    assert (delivery.status, delivery.attempts) == ("pending", 1)
    assert "No connection to 127.0.0.1" in (delivery.error or "")


async def test_who_dies_after_sending_has_it_sent_again_with_the_same_id(
    house: House, httpserver: HTTPServer
) -> None:
    httpserver.expect_request(PATH).respond_with_data("")
    await told(house, httpserver)
    failpoints.arm("deliver.after_send=error")
    try:
        await posted(house)
    finally:
        failpoints.arm("")
    delivery = await the_delivery(house)
    assert (delivery.status, delivery.attempts) == ("pending", 1)
    await posted(house)
    assert len(receiving.requests(httpserver)) == 1, "its lease still holds"
    await receiving.due_again(house)
    await posted(house)
    first, second = receiving.requests(httpserver)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert (await the_delivery(house)).status == "delivered"


async def test_a_late_answer_of_a_former_holder_changes_nothing(
    house: House, httpserver: HTTPServer
) -> None:
    await told(house, httpserver)
    await receiving.passed_on(house)
    (late,) = await deliveries.claim(house.db, house.runtime.vault, 5)
    assert await deliveries.claim(house.db, house.runtime.vault, 5) == []
    await receiving.due_again(house)
    (now,) = await deliveries.claim(house.db, house.runtime.vault, 5)
    for parcel, is_mine in ((late, False), (now, True)):
        async with house.db.transaction() as session:
            outcome = deliveries.Outcome(200)
            assert await deliveries.settle(session, house.runtime, parcel, outcome) is is_mine
    assert (await the_delivery(house)).attempts == 2


async def test_two_workers_at_once_send_each_delivery_once(
    house: House, httpserver: HTTPServer
) -> None:
    httpserver.expect_request(PATH).respond_with_data("")
    ada, _ = await told(house, httpserver)
    async with house.db.transaction() as session:
        for number in range(40):
            await zaps.create(session, ada.actor, name=f"Zap {number}")
    workers = [Postman(house.runtime) for _ in range(3)]
    tasks = [asyncio.create_task(worker.run()) for worker in workers]
    async with asyncio.timeout(20):
        while {one.status for one in await all_deliveries(house)} != {"delivered"}:  # noqa: ASYNC110 - in other tasks
            await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    ids = [request.headers["webhook-id"] for request in receiving.requests(httpserver)]
    assert len(ids) == len(set(ids)) == 41
    assert await receiving.all_notices(house) == []


async def test_one_slow_destination_leaves_room_for_others(
    house: House, httpserver: HTTPServer
) -> None:
    ada = await house.sign_up()
    slow = asyncio.Event()

    async def hang(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await slow.wait()
        writer.close()
        await writer.wait_closed()

    httpserver.expect_request(PATH).respond_with_data("")
    hanging = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = hanging.sockets[0].getsockname()[1]
    await receiving.made(house, ada, f"http://127.0.0.1:{port}/")
    async with house.db.transaction() as session:
        for number in range(30):
            await zaps.create(session, ada.actor, name=f"Zap {number}")
    await receiving.passed_on(house)
    await receiving.made(house, ada, httpserver.url_for(PATH))
    async with house.db.transaction() as session:
        await zaps.create(session, ada.actor, name="Last")
    task = asyncio.create_task(Postman(house.runtime).run())
    try:
        async with asyncio.timeout(8):
            while not receiving.requests(httpserver):  # noqa: ASYNC110 - in another task
                await asyncio.sleep(0.05)
    finally:
        slow.set()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0.05)
        hanging.close()


async def test_who_is_gone_is_switched_off_and_keeps_what_it_is_owed(
    house: House, httpserver: HTTPServer
) -> None:
    answers = iter([410, 200, 200])
    httpserver.expect_request(PATH).respond_with_handler(lambda _: Response(status=next(answers)))
    ada, destination = await told(house, httpserver)
    await posted(house)
    row = await receiving.destination_row(house, destination.id)
    assert not row.enabled
    assert "410" in (row.disabled_reason or "")
    assert (await the_delivery(house)).status == "failed"
    mail = (await house.mailbox())[0]
    assert (mail["to"], "Switched off" in mail["subject"]) == (ada.email, True)
    assert "/destinations" in mail["text"]
    async with house.db.transaction() as session:
        await zaps.create(session, ada.actor, name="While it was off")
    await posted(house)
    assert len(await all_deliveries(house)) == 1, "nobody listened"


async def test_three_days_of_failures_switch_it_off_with_a_mail(
    house: House, httpserver: HTTPServer
) -> None:
    answers = iter([500, 500, 200])
    httpserver.expect_request(PATH).respond_with_handler(lambda _: Response(status=next(answers)))
    ada, destination = await told(house, httpserver)
    await posted(house)
    mails = len(await house.mailbox())
    assert (await receiving.destination_row(house, destination.id)).enabled
    await receiving.fails_since(house, destination.id, dt.timedelta(days=3))
    await receiving.due_again(house)
    await posted(house)
    row = await receiving.destination_row(house, destination.id)
    assert not row.enabled
    assert row.disabled_reason == (
        "It took nothing for 3 days. The last time: It answered with status 500."
    )
    assert len(await house.mailbox()) == mails + 1
    held = await the_delivery(house)
    assert (held.status, held.due_at) == ("pending", None)
    async with house.db.transaction() as session:
        view = await destinations.change(
            session, ada.actor, house.runtime, destination.id, enabled=True
        )
    assert (view.disabled_reason, view.failing_since) == (None, None)
    await posted(house)
    held = await the_delivery(house)
    assert (held.status, held.error, held.attempts) == ("delivered", None, 3)

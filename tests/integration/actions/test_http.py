"""The webhook action against real servers, good, bad and rude."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest
from httpx_aiohttp import AiohttpTransport
from pytest_httpserver import HTTPServer
from werkzeug import Request as Received
from werkzeug import Response as Given

from flowforge.actions.http import Answer, Request, request
from flowforge.actions.sdk import ActionError, FatalError, OutcomeUnknown, RetryableError
from flowforge.infra.http import guarded_client
from tests.integration.actions.conftest import LOOPBACK, MakeContext
from tests.servers.rude_http import free_port, rude_server

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def server(httpserver: HTTPServer) -> Iterator[HTTPServer]:
    yield httpserver
    httpserver.check_assertions()


async def call(context: MakeContext, **inputs: Any) -> Answer:
    return await request(context(), request.validate(inputs))


async def test_a_post_carries_json_the_event_header_and_the_idempotency_key(
    server: HTTPServer, context: MakeContext
) -> None:
    server.expect_oneshot_request(
        "/hook",
        method="POST",
        json={"who": "Ada"},
        headers={
            "X-FlowForge-Event": "zap-trigger",
            "Idempotency-Key": "run-1:step",
            "X-FlowForge-Attempt": "1",
            "Content-Type": "application/json",
        },
    ).respond_with_json({"ok": [1, 2.5, None]}, headers={"X-Reply": "yes"})
    answer = await call(context, url=server.url_for("/hook"), body={"who": "Ada"})
    assert (answer.status, answer.body) == (200, {"ok": [1, 2.5, None]})
    assert answer.headers["x-reply"] == "yes"


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (None, b"{}"),
        ("", b"{}"),
        ("{}", b"{}"),
        ('{"a": "ü"}', b'{"a":"\\u00fc"}'),
        ("[1,2]", b"[1,2]"),
        ("42", b"42"),
        ("{unclosed", b'"{unclosed"'),
        ("hello", b'"hello"'),
        ("NaN", b'"NaN"'),
        ('"\\ud800"', b'"\\"\\\\ud800\\""'),
        ([], b"[]"),
        (False, b"false"),
        (0, b"0"),
    ],
)
async def test_the_body_is_sent_as_the_json_it_stands_for(
    server: HTTPServer, context: MakeContext, body: object, sent: bytes
) -> None:
    seen: list[bytes] = []

    def keep(received: Received) -> Given:
        seen.append(received.get_data())
        return Given(status=204)

    server.expect_request("/hook").respond_with_handler(keep)
    inputs = {"url": server.url_for("/hook")} | ({} if body is None else {"body": body})
    await call(context, **inputs)
    assert seen == [sent]


@pytest.mark.parametrize(
    ("method", "has_body"),
    [("GET", False), ("HEAD", False), ("DELETE", True), ("put", True), ("PATCH", True)],
)
async def test_each_method_arrives_with_a_body_where_it_may_have_one(
    server: HTTPServer, context: MakeContext, method: str, has_body: bool
) -> None:
    seen: list[tuple[str, bytes]] = []

    def keep(received: Received) -> Given:
        seen.append((received.method, received.get_data()))
        return Given("fine")

    server.expect_request("/hook").respond_with_handler(keep)
    await call(context, url=server.url_for("/hook"), method=method, body={"n": 1})
    assert seen == [(method.upper(), b'{"n":1}' if has_body else b"")]


async def test_own_headers_are_sent_and_may_replace_type_and_key_but_not_the_event(
    server: HTTPServer, context: MakeContext
) -> None:
    server.expect_oneshot_request(
        "/hook",
        headers={
            "X-Count": "3",
            "Content-Type": "application/vnd.x+json",
            "Idempotency-Key": "order-7",
        },
    ).respond_with_data("")
    headers = {
        "X-Count": 3,
        "content-type": "application/vnd.x+json",
        "idempotency-key": "order-7",
    }
    await call(context, url=server.url_for("/hook"), headers=headers)


@pytest.mark.parametrize(
    ("kind", "body", "sent"),
    [
        (FORM, {"a": "1 2", "b": ["x", "y"], "n": 3, "o": None}, b"a=1+2&b=x&b=y&n=3&o=null"),
        (FORM, {}, b""),
        (FORM, "a=1&a=2", b"a=1&a=2"),
        (f"{FORM}; charset=utf-8", {"é": "&"}, b"%C3%A9=%26"),
        (FORM, [1], b"[1]"),
        ("text/plain", "Hello, Ädä", "Hello, Ädä".encode()),
        ("text/xml", "<a/>", b"<a/>"),
        ("text/plain", {"a": 1}, b'{"a":1}'),
        ("application/ld+json", "hello", b'"hello"'),
    ],
)
async def test_a_body_is_sent_as_its_content_type_says(
    server: HTTPServer, context: MakeContext, kind: str, body: object, sent: bytes
) -> None:
    seen: list[tuple[str, bytes]] = []

    def keep(received: Received) -> Given:
        seen.append((received.headers["Content-Type"], received.get_data()))
        return Given(status=204)

    server.expect_request("/hook").respond_with_handler(keep)
    await call(context, url=server.url_for("/hook"), headers={"content-type": kind}, body=body)
    assert seen == [(kind, sent)]


async def test_an_answer_that_is_labelled_json_and_is_not_becomes_text(
    server: HTTPServer, context: MakeContext
) -> None:
    server.expect_request("/hook").respond_with_data("{oops", content_type="application/json")
    assert (await call(context, url=server.url_for("/hook"))).body == "{oops"


@pytest.mark.parametrize("status", [400, 401, 404, 409, 410, 422, 304])
async def test_a_refusal_fails_for_good_and_names_url_status_and_reason(
    server: HTTPServer, context: MakeContext, status: int
) -> None:
    server.expect_request("/hook").respond_with_data("no\r\nsuch <b>order</b>", status=status)
    url = server.url_for("/hook")
    with pytest.raises(FatalError) as failure:
        await call(context, url=url)
    assert str(failure.value).startswith(f"POST to {url} failed with status {status}")
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_a_passing_trouble_is_tried_later(
    server: HTTPServer, context: MakeContext, status: int
) -> None:
    server.expect_request("/hook").respond_with_data("", status=status)
    url = server.url_for("/hook")
    with pytest.raises(RetryableError) as failure:
        await call(context, url=url)
    assert str(failure.value) == f"POST to {url} failed with status {status}"
    assert failure.value.retry_after is None


async def test_retry_after_in_seconds_is_heeded(server: HTTPServer, context: MakeContext) -> None:
    server.expect_request("/hook").respond_with_data("", 429, headers={"Retry-After": "17"})
    with pytest.raises(RetryableError) as failure:
        await call(context, url=server.url_for("/hook"))
    assert failure.value.retry_after == timedelta(seconds=17)


async def test_retry_after_as_a_date_is_heeded(server: HTTPServer, context: MakeContext) -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    server.expect_request("/hook").respond_with_data("", 503, headers={"Retry-After": moment})
    with pytest.raises(RetryableError) as failure:
        await call(context, url=server.url_for("/hook"))
    assert failure.value.retry_after is not None
    assert timedelta(seconds=80) < failure.value.retry_after <= timedelta(seconds=90)


async def test_a_refused_connection_is_tried_later(context: MakeContext) -> None:
    with pytest.raises(RetryableError, match="the connection was refused"):
        await call(context, url=f"http://127.0.0.1:{free_port()}/hook")


async def test_an_unknown_name_is_tried_later(context: MakeContext) -> None:
    with pytest.raises(RetryableError, match=r"Could not reach nobody\.invalid"):
        await call(context, url="http://nobody.invalid/hook")


async def test_a_private_address_fails_for_good_and_says_what_to_do(context: MakeContext) -> None:
    async with guarded_client([]) as guarded:
        with pytest.raises(FatalError, match="not an address that zaps may call"):
            await request(context(client=guarded), Request(url="http://127.0.0.1:9/hook"))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "broke before"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf", "broke before"),
        (b"nonsense\r\n\r\n", "broke before"),
    ],
)
@pytest.mark.parametrize("kind", ["guarded", "plain"])
async def test_a_connection_that_breaks_after_sending_leaves_the_outcome_unknown(
    context: MakeContext, answer: bytes, said: str, kind: str
) -> None:
    client = guarded_client([LOOPBACK]) if kind == "guarded" else httpx.AsyncClient()
    async with rude_server(answer) as (url, seen), client:
        with pytest.raises(OutcomeUnknown, match=said):
            await request(context(client=client), Request(url=url))
    assert len(seen) == 1


async def test_a_transport_that_calls_a_lost_connection_a_connect_timeout_is_not_believed(
    context: MakeContext,
) -> None:
    transport = AiohttpTransport()
    async with rude_server(b"") as (url, seen), httpx.AsyncClient(transport=transport) as client:
        with pytest.raises(OutcomeUnknown, match="broke before"):
            await request(context(client=client), Request(url=url))
    assert len(seen) == 1


async def test_a_server_that_never_answers_leaves_the_outcome_unknown(context: MakeContext) -> None:
    async with (
        rude_server(None) as (url, seen),
        guarded_client([LOOPBACK], timeout_seconds=1) as impatient,
    ):
        with pytest.raises(OutcomeUnknown, match="did not answer in time"):
            await request(context(client=impatient), Request(url=url))
    assert len(seen) == 1


async def test_an_answer_over_the_size_limit_fails_for_good(
    server: HTTPServer, context: MakeContext
) -> None:
    server.expect_request("/hook").respond_with_data("x" * 5000)
    async with guarded_client([LOOPBACK], max_answer_bytes=1000) as narrow:
        with pytest.raises(FatalError, match="too large"):
            await request(context(client=narrow), Request(url=server.url_for("/hook")))


async def test_redirects_in_a_circle_fail_for_good(
    server: HTTPServer, context: MakeContext
) -> None:
    server.expect_request("/hook").respond_with_data("", 307, headers={"Location": "/hook"})
    with pytest.raises(FatalError, match="redirects in a circle"):
        await call(context, url=server.url_for("/hook"))


async def test_no_message_shows_the_credentials_of_a_url(
    server: HTTPServer, context: MakeContext
) -> None:
    server.expect_request("/hook").respond_with_data("", 500)
    url = server.url_for("/hook").replace("://", "://ada:hunter2@")
    with pytest.raises(ActionError) as failure:
        await call(context, url=url)
    assert "hunter2" not in str(failure.value)

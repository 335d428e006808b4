"""The shell around every route: one error shape, limits on bodies, headers, request ids."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
import structlog
from fastapi import Body, FastAPI
from sqlalchemy import func, select, text
from starlette.types import Message

from flowforge.api import doors
from flowforge.api.app import create_app
from flowforge.api.gate import LARGEST_BODY
from flowforge.models import Mail
from tests.house import PUBLIC_URL, House

JSON = {"Content-Type": "application/json"}


def _client(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=PUBLIC_URL)


def _is_one_shape(answer: httpx.Response) -> bool:
    body = answer.json()
    error = body["error"]
    return (
        list(body) == ["error"]
        and set(error) <= {"code", "message", "details"}
        and all(isinstance(error[key], str) and error[key] for key in ("code", "message"))
    )


@pytest.fixture
def probes(house: House) -> FastAPI:
    """The app with routes that do what a good route never does."""

    async def broken() -> None:
        raise RuntimeError("the secret inner life")

    async def echo(given: Annotated[Any, Body()]) -> Any:
        return {"given": given}

    async def store(session: doors.Transaction, fail: bool = False) -> dict[str, bool]:
        session.add(Mail(to="a@b", subject="s", text="t", html="h"))
        await session.flush()
        if fail:
            raise RuntimeError("after the flush")
        return {"ok": True}

    async def unstorable(session: doors.Reading, word: str) -> None:
        await session.execute(text("SELECT CAST(:word AS VARCHAR(9))"), {"word": word})

    app = house.app.app = create_app(lambda: house.runtime)
    app.add_api_route("/api/v1/probe/broken", broken)
    app.add_api_route("/api/v1/probe/echo", echo, methods=["POST"])
    app.add_api_route("/api/v1/probe/store", store, methods=["POST"])
    app.add_api_route("/api/v1/probe/unstorable", unstorable)
    return app


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nowhere", 404, "not_found"),
        ("GET", "/api/v1/auth/me/", 404, "not_found"),
        ("GET", "/api/v1/auth/signin", 405, "method_not_allowed"),
        ("DELETE", "/api/v1/auth/me", 405, "method_not_allowed"),
        ("GET", "/docs", 404, "not_found"),
        ("GET", "/redoc", 404, "not_found"),
        ("GET", "/api/v1/auth/me", 401, "not_signed_in"),
    ],
)
async def test_every_refusal_has_one_shape(
    house: House, method: str, path: str, status: int, code: str
) -> None:
    answer = await house.client.request(method, path)
    assert answer.status_code == status
    assert _is_one_shape(answer)
    assert answer.json()["error"]["code"] == code


async def test_the_openapi_document_is_served_and_names_every_account_route(
    house: House,
) -> None:
    document = (await house.client.get("/api/v1/openapi.json")).json()
    for path in ("signup", "verify-email", "signin", "signout", "me", "forgot-password"):
        assert f"/api/v1/auth/{path}" in document["paths"]


async def test_an_unexpected_exception_is_a_500_that_tells_only_the_request_id(
    house: House, probes: FastAPI
) -> None:
    with structlog.testing.capture_logs(
        processors=[structlog.contextvars.merge_contextvars]
    ) as lines:
        answer = await house.client.get(
            "/api/v1/probe/broken", headers={"X-Request-ID": "order-66"}
        )
    assert answer.status_code == 500
    assert _is_one_shape(answer)
    assert "secret" not in answer.text
    assert answer.headers["x-request-id"] == "order-66"
    [line] = [line for line in lines if line["event"] == "request failed"]
    assert line["request_id"] == "order-66"


@pytest.mark.parametrize("given", ["", "a b", "x" * 65, "<script>", "a\tb"])
async def test_a_request_id_that_is_not_plain_is_replaced(house: House, given: str) -> None:
    answer = await house.client.get("/api/v1/nowhere", headers={"X-Request-ID": given})
    assert answer.headers["x-request-id"] != given
    assert len(answer.headers["x-request-id"]) == 16


async def test_every_answer_carries_the_security_headers(house: House) -> None:
    for path in ("/api/v1/nowhere", "/api/v1/openapi.json", "/api/v1/auth/me"):
        headers = (await house.client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert "strict-transport-security" not in headers


async def test_only_our_own_origin_may_read_across_origins(house: House) -> None:
    async def allowed(origin: str) -> str | None:
        answer = await house.client.get("/api/v1/nowhere", headers={"Origin": origin})
        found: str | None = answer.headers.get("access-control-allow-origin")
        return found

    assert await allowed(PUBLIC_URL) == PUBLIC_URL
    assert await allowed("https://evil.example") is None
    assert await allowed("null") is None
    ask = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    refused = await house.client.options("/api/v1/auth/signin", headers=ask)
    assert refused.status_code == 400
    assert _is_one_shape(refused)
    assert "access-control-allow-origin" not in refused.headers


GARBAGE = {
    "no JSON": b"{nope",
    "empty object cut off": b"{",
    "not UTF-8": b'{"a": "\xff\xfe"}',
    "lone surrogate": b'{"a": "\\ud800"}',
    "NaN": b'{"a": NaN}',
    "infinity": b"[-Infinity]",
    "depth 100,000": b"[" * 100_000 + b"]" * 100_000,
    "objects 100,000 deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "5000 digits": b"1" * 5000,
    "two values": b"{} {}",
}


@pytest.mark.parametrize("name", GARBAGE)
async def test_garbage_is_400_before_any_route_sees_it(
    house: House, probes: FastAPI, name: str
) -> None:
    answer = await house.client.post("/api/v1/probe/echo", content=GARBAGE[name], headers=JSON)
    assert answer.status_code == 400
    assert _is_one_shape(answer)


async def test_what_is_odd_but_legal_comes_through_unharmed(house: House, probes: FastAPI) -> None:
    odd = {"nul": "a\u0000b", "big": 2**70, "emoji": "\U0001f600", "deep": [[[[1]]]]}
    answer = await house.client.post("/api/v1/probe/echo", json=odd)
    assert answer.json() == {"given": odd}
    twice = await house.client.post("/api/v1/probe/echo", content=b'{"a": 1, "a": 2}', headers=JSON)
    assert twice.json() == {"given": {"a": 2}}


async def test_a_body_over_the_limit_is_413_announced_or_chunked(
    house: House, probes: FastAPI
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(LARGEST_BODY // 65536 + 2):
            yield b" " * 65536

    for content in (b" " * (LARGEST_BODY + 1), chunks()):
        answer = await house.client.post("/api/v1/probe/echo", content=content, headers=JSON)
        assert answer.status_code == 413
        assert _is_one_shape(answer)
    fits = b'"' + b"x" * (LARGEST_BODY - 2) + b'"'
    answer = await house.client.post("/api/v1/probe/echo", content=fits, headers=JSON)
    assert answer.status_code == 200


async def test_a_body_that_drips_is_408(house: House) -> None:
    async def drip() -> AsyncIterator[bytes]:
        while True:
            yield b" "
            await asyncio.sleep(0.02)

    async with _client(create_app(lambda: house.runtime, body_seconds=0.2)) as client:
        answer = await client.post("/api/v1/auth/signin", content=drip(), headers=JSON)
    assert answer.status_code == 408
    assert _is_one_shape(answer)


async def test_a_client_that_hangs_up_in_the_middle_of_a_body_is_no_error(house: House) -> None:
    sent: list[Message] = []
    coming: list[Message] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> Message:
        return coming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await house.app(_scope("POST", "/api/v1/auth/signin"), receive, send)
    assert sent == []


def _scope(method: str, path: str) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost:3000"), (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 40000),
        "server": ("localhost", 3000),
    }


async def _count(house: House) -> int:
    async with house.db.reading() as session:
        found: int = await session.scalar(select(func.count()).select_from(Mail))
        return found


async def test_the_first_byte_of_an_answer_is_sent_after_the_commit(
    house: House, probes: FastAPI
) -> None:
    seen: list[int] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 200
            seen.append(await _count(house))

    await probes(_scope("POST", "/api/v1/probe/store"), receive, send)
    assert seen == [1]


async def test_a_route_that_fails_stores_nothing(house: House, probes: FastAPI) -> None:
    answer = await house.client.post("/api/v1/probe/store?fail=true")
    assert answer.status_code == 500
    assert await _count(house) == 0


async def test_a_value_that_the_database_cannot_hold_is_the_callers_mistake(
    house: House, probes: FastAPI, database: str
) -> None:
    answer = await house.client.get("/api/v1/probe/unstorable", params={"word": "a\u0000b"})
    assert answer.status_code == (400 if database == "postgresql" else 200)
    assert answer.status_code == 200 or answer.json()["error"]["code"] == "bad_value"


async def test_a_database_that_is_away_is_503(house: House) -> None:
    ada = await house.sign_up()
    away = "postgresql+asyncpg://postgres@127.0.0.1:1/nothing"
    broken = house.runtime.db.__class__(away)
    gone = house.runtime.__class__(**{**vars(house.runtime), "db": broken})
    async with _client(create_app(lambda: gone)) as client:
        for request in (
            client.get("/api/v1/auth/me", headers=ada.headers),
            client.post("/api/v1/auth/verify-email", json={"token": "x"}),
        ):
            answer = await request
            assert answer.status_code == 503
            assert _is_one_shape(answer)
    await broken.close()


@pytest.mark.parametrize(
    ("body", "headers", "path"),
    [
        (b"{}", JSON, "email"),
        (b"[]", JSON, ""),
        (b"null", JSON, ""),
        (b'"text"', JSON, ""),
        (b"{}", {"Content-Type": "text/plain"}, ""),
        (b"email=a@b.c", {"Content-Type": "application/x-www-form-urlencoded"}, ""),
        (b"", {}, ""),
        (json.dumps({"email": {"$ne": 1}, "password": "secret one"}).encode(), JSON, "email"),
    ],
)
async def test_a_body_of_the_wrong_kind_is_422_with_the_field(
    house: House, body: bytes, headers: dict[str, str], path: str
) -> None:
    answer = await house.client.post("/api/v1/auth/signin", content=body, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["error"]["details"][0]["path"] == path
    assert "secret one" not in answer.text

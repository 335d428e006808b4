"""``python -m bench.door_cost``: what a hook's request costs before and after its commit.

The same request, in process and without a socket, through the door for events and through a FastAPI
route that does the same work; the commit is left out of both. Takes about ten seconds.
"""

import asyncio
import os
import statistics
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import orjson
from fastapi import FastAPI, Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Scope

from flowforge.api.app import create_app
from flowforge.api.hooks import HookDoor
from flowforge.config import Settings
from flowforge.infra.runtime import Runtime
from flowforge.services.ingest import Arrival, Intake, Receipt, Standing
from flowforge.services.payload import read_body

ROUNDS, REQUESTS = 7, 2000
HOOK = "00000000-0000-7000-8000-000000000000"
BODY = orjson.dumps({"id": 1815, "event": "order.created", "buyer": {"name": "Ada"}})
HEADERS = [
    (b"host", b"localhost:3000"),
    (b"user-agent", b"bench"),
    (b"accept", b"*/*"),
    (b"content-type", b"application/json"),
    (b"content-length", str(len(BODY)).encode()),
]


class NoCommit:
    """Stands where the intake stands, and answers at once."""

    async def standing(self, hook_id: str) -> Standing:
        return Standing(hook_id, '{"kind":"webhook","settings":{}}')

    async def receive(self, arrival: Arrival) -> Receipt:
        return Receipt("accepted", arrival.hook_id, arrival.hook_id)


def runtime() -> Runtime:
    settings = Settings(_env_file=None, hook_rate_limit="off")
    database = SimpleNamespace(is_sqlite=False)
    return cast(
        "Runtime",
        SimpleNamespace(
            settings=settings, db=database, redis=None, signals=None, blobs=None, vault=None
        ),
    )


def door(running: Runtime) -> ASGIApp:
    found = HookDoor(FastAPI(), lambda: running)
    found._last = replace(found._open(), intake=cast("Intake", NoCommit()))  # noqa: SLF001
    return found


def add_route(app: FastAPI) -> FastAPI:
    intake = NoCommit()

    @app.post("/hooks/catch/{user_id}/{zap_id}")
    async def catch(user_id: int, zap_id: str, request: Request) -> JSONResponse:
        raw = await request.body()
        headers = dict(request.headers)
        content_type = headers.get("content-type", "")
        read_body(raw, content_type)
        arrival = Arrival(
            hook_id=zap_id,
            user_id=user_id,
            method=request.method,
            source_ip=request.client.host if request.client else "",
            content_type=content_type,
            headers=orjson.dumps(headers).decode(),
            query=orjson.dumps(dict(request.query_params)).decode(),
            raw=raw,
            size=len(raw),
            dedupe_key=headers.get("x-idempotency-key"),
        )
        receipt = await intake.receive(arrival)
        answer = {"message": "Webhook received", "zapRunId": receipt.run_id}
        return JSONResponse(answer | {"eventId": receipt.event_id})

    return app


async def microseconds(app: ASGIApp) -> float:
    """CPU time of one request: the median of the rounds."""
    took = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(REQUESTS):
            await _request(app)
        took.append((time.process_time() - began) / REQUESTS * 1e6)
    return statistics.median(took)


async def _request(app: ASGIApp) -> None:
    path = f"/hooks/catch/1/{HOOK}"
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": HEADERS,
        "client": ("127.0.0.1", 40000),
        "server": ("127.0.0.1", 3000),
        "state": {},
    }
    status = 0

    async def receive() -> Message:
        return {"type": "http.request", "body": BODY, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        status = message.get("status", status)

    await app(scope, receive, send)
    assert status == 200, status


async def main() -> None:
    running = runtime()
    apps: dict[str, Any] = {
        "the door (plain ASGI)": door(running),
        "a FastAPI route alone": add_route(FastAPI(openapi_url=None)),
        "the same behind our API's layers": add_route(create_app(lambda: running)),
    }
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
    for name, app in apps.items():
        print(f"{name:<34} {await microseconds(app):6.0f} µs of CPU a request", flush=True)


if __name__ == "__main__":
    asyncio.run(main())

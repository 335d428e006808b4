"""Runs to be run again: a sink that fails until it is mended, and requests in one line."""

import json
from typing import Any

from pytest_httpserver import HTTPServer
from sqlalchemy import select
from sqlmodel import col
from werkzeug import Request, Response

from flowforge.models import OutboxEntry
from flowforge.services.zap_views import ZapView
from tests import zapping
from tests.house import Account, House

ONCE = {"attempts": 1}


class Sink:
    """What steps were sent, by name. ``broken`` ones get ``status``."""

    def __init__(self, server: HTTPServer) -> None:
        self.broken: set[str] = set()
        self.status = 404
        self.got: list[str] = []
        self.bodies: list[Any] = []
        self.keys: list[str] = []
        self._server = server
        server.expect_request("/sink").respond_with_handler(self._answer)

    def _answer(self, request: Request) -> Response:
        name = request.args["name"]
        self.got.append(name)
        self.bodies.append(request.json)
        self.keys.append(request.headers["Idempotency-Key"])
        if name in self.broken:
            return Response("no", status=self.status)
        return Response(json.dumps({"of": name}), content_type="application/json")

    def step(self, name: str, **more: Any) -> dict[str, Any]:
        """An action that tells the sink its name."""
        return zapping.hook(name, self._server.url_for(f"/sink?name={name}"), retry=ONCE, **more)


async def fire(house: House, zap: ZapView, body: Any = None) -> str:
    """The id of the run that a request began."""
    answer = await house.client.post(zapping.path_of(zap), json=body or {})
    assert answer.status_code == 200, answer.text
    run_id: str = answer.json()["zapRunId"]
    return run_id


async def asked(
    house: House, account: Account, path: str, body: Any = None, *, status: int = 202
) -> dict[str, Any]:
    """The answer to a POST below ``/api/v1``."""
    answer = await house.client.post(f"/api/v1{path}", json=body, headers=account.headers)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def read(house: House, account: Account, path: str, *, status: int = 200) -> dict[str, Any]:
    """The answer to a GET below ``/api/v1``."""
    answer = await house.client.get(f"/api/v1{path}", headers=account.headers)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def published_again(
    house: House, account: Account, zap: ZapView, *steps: dict[str, Any]
) -> None:
    """The next version of the zap."""
    definition = {"trigger": {"kind": "webhook"}, "steps": list(steps)}
    url, headers = f"/api/v1/zaps/{zap.id}", account.headers
    revision = (await house.client.get(f"{url}/draft", headers=headers)).json()["revision"]
    saved = await house.client.put(
        f"{url}/draft", json={"revision": revision, "definition": definition}, headers=headers
    )
    assert saved.status_code == 200, saved.text
    live = await house.client.post(f"{url}/publish", headers=headers)
    assert live.status_code == 200, live.text


async def entry_of(house: House, run_id: str) -> OutboxEntry | None:
    async with house.db.reading() as session:
        query = select(OutboxEntry).where(col(OutboxEntry.run_id) == run_id)
        found: OutboxEntry | None = (await session.scalars(query)).one_or_none()
        return found

"""Walks all routes: each declares who may, none lets a stranger in, none breaks on garbage."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts

from flowforge.api.app import create_app
from flowforge.api.doors import Permitted, Public
from flowforge.infra.db import new_id
from tests.house import House

# Whoever adds a route that needs nobody adds it here, with a thought.
OPEN = {
    "POST /api/v1/auth/signup",
    "POST /api/v1/auth/verify-email",
    "POST /api/v1/auth/resend-verification",
    "POST /api/v1/auth/signin",
    "POST /api/v1/auth/forgot-password",
    "POST /api/v1/auth/reset-password",
    "POST /api/v1/auth/browser/signin",
    "POST /api/v1/auth/browser/signout",
    "GET /api/v1/dev/mailbox",  # loopback only, and only without a mail transport
    "POST /api/v1/user/signup",
    "POST /api/v1/user/signin",
    "GET /api/v1/user/verify-email",
    "GET /api/v1/user",  # looks at the token itself: its refusal is an old 403
    "GET /api/v1/user/",
    "POST /api/v1/user/forgot-password",
    "POST /api/v1/user/reset-password",
    "GET /api/v1/trigger/available",
    "GET /api/v1/action/available",
    "GET /api/v1/files/{file_id}",  # the signature in the link is the permission
    "GET /approvals/{token}",  # the token in the link is the permission
    "POST /approvals/{token}",
    "GET /forms/{hook_id}",  # the address in the link is the permission
    "POST /forms/{hook_id}",
    "GET /health",
    "GET /ready",
    "GET /metrics",  # refuses by itself whoever does not ask from this machine
}


@dataclass(frozen=True)
class Route:
    method: str
    path: str
    dependant: Dependant

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    def url(self, value: str) -> str:
        parts = [value if part.startswith("{") else part for part in self.path.split("/")]
        return "/".join(parts)


def _routes() -> Iterator[Route]:
    app = create_app(lambda: None)  # type: ignore[arg-type,return-value]
    for route in iter_route_contexts(app.routes):
        dependant = getattr(route, "dependant", None)
        path: str = route.path  # type: ignore[assignment]
        if dependant is None or path.startswith(("/hooks/", "/api/v1/webhooks/")):
            continue
        for method in sorted(route.methods or ()):
            yield Route(method, path, dependant)


ROUTES = list(_routes())


def _calls(dependant: Dependant) -> Iterator[object]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)


def _by_name(route: Route) -> str:
    return route.name


@pytest.mark.parametrize("route", ROUTES, ids=_by_name)
def test_every_route_declares_who_may(route: Route) -> None:
    declared = [call for call in _calls(route.dependant) if isinstance(call, Permitted | Public)]
    assert len(declared) == 1, f"{route.name} declares {declared or 'nothing'}"
    assert isinstance(declared[0], Public) == (route.name in OPEN)


def test_the_list_of_open_routes_names_no_route_that_is_gone() -> None:
    known = {route.name for route in ROUTES}
    assert not OPEN - known


async def test_without_a_token_every_route_that_is_not_open_is_401(house: House) -> None:
    for route in ROUTES:
        if route.name in OPEN:
            continue
        answer = await house.client.request(route.method, route.url(new_id()))
        assert answer.status_code == 401, route.name
        assert answer.json()["error"]["code"] == "not_signed_in"


# A string that no column takes, numbers beyond every integer, paths that want to leave.
ODD_IDS = ["%00", "a%00b", "9" * 40, "-1", "..%2f..%2fetc", "%F0%9F%98%80", "x" * 3000, "%ff"]
ODD_BODIES: list[Any] = [
    None,
    [],
    "text",
    7,
    {},
    {"\u0000": "\u0000"},
    {"email": "a\u0000@b.c", "username": [], "password": {"$ne": 1}, "token": 10**30},
    {"email": ["a@b.c"], "username": "\u0000", "password": "\u0000" * 9, "token": "\u0000"},
    {"email": "x" * 100_000, "username": "é" * 900, "password": "é" * 900, "token": "é" * 900},
    {"name": "\u202e", "email": "a@b.c", "password": "\U0001f600" * 18, "definition": "\u0000"},
    {"name": "\u0000", "definition": {"trigger": "\u0000"}, "revision": 10**30, "input": "\u0000"},
    {"name": 1e308, "definition": {"trigger": {"kind": 7}, "steps": {}}, "revision": "1"},
]


@pytest.mark.parametrize("route", ROUTES, ids=_by_name)
async def test_no_route_breaks_on_garbage(house: House, route: Route) -> None:
    ada = await house.sign_up()
    for body in ODD_BODIES:
        answer = await house.client.request(
            route.method, route.url(new_id()), json=body, headers=ada.headers
        )
        assert answer.status_code < 500, (body, answer.text)
    for odd in ODD_IDS if "{" in route.path else []:
        answer = await house.client.request(route.method, route.url(odd), headers=ada.headers)
        assert answer.status_code < 500, (odd, answer.text)
    for question in ("?limit=%00&cursor=%00", f"?limit={'9' * 30}&cursor={'x' * 3000}&q=%00"):
        url = route.url(new_id()) + question
        answer = await house.client.request(route.method, url, headers=ada.headers)
        assert answer.status_code < 500, (question, answer.text)

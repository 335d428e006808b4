"""Every route with an id in it: somebody else's id answers exactly like one that is not there, and
garbage is answered with a sentence, never with a 500.
"""

import re
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from sqlalchemy import update

from flowforge.api.app import create_app
from flowforge.infra.db import new_id
from flowforge.models import Attempt, Member
from flowforge.services import files
from flowforge.services.access import Role
from tests import zapping
from tests.house import Account, House

PREFIXES = ("/api/v1/zap", "/api/v1/runs", "/api/v1/events", "/api/v1/files", "/api/v1/apps")
BODIES: dict[str, Any] = {
    "PATCH /api/v1/zaps/{zap_id}": {"name": "x", "enabled": False},
    "PUT /api/v1/zaps/{zap_id}/draft": {"revision": 1, "definition": {"steps": []}},
    "PUT /api/v1/zaps/{zap_id}/hints": {"keys": []},
    "POST /api/v1/zaps/{zap_id}/test-step": {"path": "end"},
    "POST /api/v1/zaps/{zap_id}/verify-sample": {"body": "{}"},
    "PUT /api/v1/zap/{zap_id}": {"availableTriggerId": "webhook", "actions": []},
}
GARBAGE: list[bytes] = [
    b"",
    b"null",
    b"[]",
    b'"x"',
    b"7",
    b"{",
    b"\xff\xfe",
    b'{"a":"\\ud800"}',
    b'{"name":"\\u0000","definition":{"steps":[{"kind":"stop","id":"\\u0000"}]}}',
    b'{"name":1e400}',
    b'{"name":NaN}',
    b'{"name":' + b"9" * 5000 + b"}",
    b"[" * 100_000,
    b'{"name":{"$ne":null},"definition":"x","revision":1e99,"schema_version":[]}',
    b'{"revision":99999999999999999999999,"definition":{}}',
    b'{"name":"x","name":"y","definition":{"steps":null}}',
    b'{"name":"x","project_id":"p","owner_id":1,"id":"i"}',
    b'{"availableTriggerId":"webhook","actions":[{"availableActionId":"\\u0000"}]}',
    b'{"availableTriggerId":"webhook","actions":[{"availableActionId":"slack","actionMetadata":{"\\u0000":"{{{{%"}}]}',
    b'{"name":"x","enabled":"yes"}',
    b'{"input":' + b"[" * 190 + b"]" * 190 + b"}",
]


def _routes() -> list[tuple[str, str]]:
    """(method, path) of every route of this room; those that take things away come last."""
    app = create_app(lambda: None)  # type: ignore[arg-type,return-value]
    found = [
        (method, str(route.path))
        for route in iter_route_contexts(app.routes)
        for method in route.methods or ()
        if str(route.path).startswith(PREFIXES)
    ]
    return sorted(found, key=lambda each: (each[0] == "DELETE", each[1]))


ROUTES = _routes()


async def ids_of(house: House, owner: Account) -> dict[str, str]:
    """One of each thing that has an id."""
    zap = await zapping.published(house, owner, {"id": "end", "kind": "stop"})
    answer = await house.client.post(zapping.path_of(zap), json={})
    file = await files.keep(house.runtime.blobs, owner.project_id, "a.txt", "text/plain", b"a")
    file_id = file.id
    run_id = answer.json()["zapRunId"]
    attempt = Attempt(
        run_id=run_id, path="end", step_id="end", kind="stop", number=1, status="succeeded"
    )
    attempt_id = attempt.id
    async with house.db.transaction() as session:
        session.add(file)
        session.add(attempt)
    return {
        "zap_id": zap.id,
        "run_id": run_id,
        "attempt_id": attempt_id,
        "event_id": answer.json()["eventId"],
        "file_id": file_id,
        "part": "output",
        "number": "1",
        "before": "1",
        "after": "draft",
    }


def filled(path: str, ids: dict[str, str]) -> str:
    if path.startswith("/api/v1/events/"):
        ids = ids | {"part": "body"}
    return re.sub(r"\{(\w+)\}", lambda found: ids[found[1]], path)


async def test_a_foreign_id_answers_like_an_unknown_one_everywhere(house: House) -> None:
    ada, bob = await house.sign_up(), await house.sign_up("bob@example.com")
    adas = await ids_of(house, ada)
    unknown = {name: new_id() for name in adas} | {
        name: adas[name] for name in ("part", "number", "before", "after")
    }
    before = await house.client.get(f"/api/v1/zaps/{adas['zap_id']}", headers=ada.headers)
    for method, path in ROUTES:
        if "{" not in path:
            continue
        body = BODIES.get(f"{method} {path}")
        answers = [
            await house.client.request(method, filled(path, ids), json=body, headers=bob.headers)
            for ids in (adas, unknown)
        ]
        assert answers[0].status_code in {403, 404}, f"{method} {path}"
        assert answers[0].status_code == answers[1].status_code, f"{method} {path}"
        assert answers[0].text == answers[1].text, f"{method} {path}"
    after = await house.client.get(f"/api/v1/zaps/{adas['zap_id']}", headers=ada.headers)
    assert after.text == before.text


async def test_foreign_things_are_in_no_list(house: House) -> None:
    ada, bob = await house.sign_up(), await house.sign_up("bob@example.com")
    adas = await ids_of(house, ada)
    for url in ("/api/v1/zaps", "/api/v1/runs", "/api/v1/events"):
        answer = await house.client.get(url, headers=bob.headers)
        assert answer.json() == {"data": [], "next": None}
    for kind in ("runs", "events"):
        for zap_id in (adas["zap_id"], new_id()):
            url = f"/api/v1/{kind}?zap_id={zap_id}"
            assert (await house.client.get(url, headers=bob.headers)).status_code == 404


async def test_a_cursor_of_somebody_else_shows_nothing_of_theirs(house: House) -> None:
    ada, bob = await house.sign_up(), await house.sign_up("bob@example.com")
    for _ in range(2):
        await ids_of(house, ada)
    page = await house.client.get("/api/v1/zaps?limit=1", headers=ada.headers)
    cursor = page.json()["next"]
    answer = await house.client.get(f"/api/v1/zaps?cursor={cursor}", headers=bob.headers)
    assert answer.json() == {"data": [], "next": None}


async def test_nobody_gets_in_without_a_token(house: House) -> None:
    ada = await house.sign_up()
    ids = await ids_of(house, ada)
    for method, path in ROUTES:
        if path.startswith("/api/v1/files"):
            continue  # the signature in the link is the permission
        answer = await house.client.request(method, filled(path, ids))
        assert answer.status_code == 401, f"{method} {path}"


@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
async def test_garbage_is_answered_with_a_sentence(house: House, garbage: bytes) -> None:
    ada = await house.sign_up()
    ids = await ids_of(house, ada)
    for method, path in ROUTES:
        if method == "GET":
            continue
        for kind in ("application/json", "text/plain"):
            answer = await house.client.request(
                method,
                filled(path, ids),
                content=garbage,
                headers={**ada.headers, "Content-Type": kind},
            )
            assert answer.status_code < 500, f"{method} {path} {answer.text}"
            if answer.status_code >= 400:
                assert "error" in answer.json() or "message" in answer.json()


async def test_odd_ids_are_answered_with_a_sentence(house: House) -> None:
    ada = await house.sign_up()
    for odd in ("%00", "%ff", "a%00b", "%2e%2e%2f", "x" * 3000, "'--", "🦆", "%ed%a0%80"):
        for method, path in ROUTES:
            if "{" not in path:
                continue
            answer = await house.client.request(
                method,
                re.sub(r"\{\w+\}", odd, path),
                json=BODIES.get(f"{method} {path}"),
                headers=ada.headers,
            )
            assert 400 <= answer.status_code < 500, f"{method} {path} {odd}: {answer.text}"


@pytest.mark.parametrize(
    ("role", "may"), [(Role.VIEWER, "read"), (Role.OPERATOR, "operate"), (Role.EDITOR, "edit")]
)
async def test_a_role_may_do_what_it_is_for_and_no_more(house: House, role: Role, may: str) -> None:
    ada = await house.sign_up()
    ids = await ids_of(house, ada)
    async with house.db.transaction() as session:
        await session.execute(update(Member).values(role=role))
    url = f"/api/v1/zaps/{ids['zap_id']}"
    tries = [
        ("read", "GET", url, None),
        ("read", "GET", f"{url}/export", None),
        ("operate", "POST", f"{url}/run", None),
        ("operate", "POST", f"{url}/publish", None),
        ("operate", "PATCH", url, {"enabled": False}),
        ("edit", "PATCH", url, {"name": "Mine"}),
        ("edit", "PUT", f"{url}/draft", {"revision": 1, "definition": {"steps": []}}),
        ("edit", "POST", f"{url}/rotate", None),
        ("edit", "POST", "/api/v1/zap", {"availableTriggerId": "webhook", "actions": []}),
        ("edit", "DELETE", url, None),
    ]
    rank = ["read", "operate", "edit"]
    for needs, method, where, body in tries:
        answer = await house.client.request(method, where, json=body, headers=ada.headers)
        is_allowed = rank.index(needs) <= rank.index(may)
        assert (answer.status_code == 403) is not is_allowed, f"{role} {method} {where}"

"""The five-minute tour in one command: an owner, a zap, a real webhook, a run followed to its end.

Everything a person could do is done over HTTP against the running server; only the owner is made
here, because nobody reads the mailbox of a demo. Running it again uses the same owner and zap.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from email.utils import parseaddr
from typing import Any

import httpx
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.actions import APPS, REGISTRY
from flowforge.config import Settings
from flowforge.infra.db import utc_now
from flowforge.infra.runtime import open_runtime
from flowforge.models import Member, Project, User, Zap
from flowforge.services import accounts, figures, sessions
from flowforge.services.access import Role

OWNER = "demo@flowforge.local"
ZAP = "Demo: an order comes in"
FOLLOW_SECONDS = 60.0
POLL_SECONDS = 0.1
ORDER = {"order": {"id": 1815, "total": 42.5}, "buyer": {"name": "Ada", "likes": ["engines"]}}

Say = Callable[[str], None]


class TourEnded(Exception):
    """The tour cannot go on; the message says what to do."""


async def seed(settings: Settings, say: Say = print) -> None:
    """What a fresh house needs beyond its tables: nothing. Says so, after looking; any number of
    times.
    """
    async with open_runtime(settings) as running, running.db.reading() as session:
        zaps = await session.scalar(select(func.count()).select_from(Zap))
    triggers = sum(len(app.triggers) for app in APPS)
    say(
        f"The catalogue has {len(REGISTRY)} actions and {triggers} triggers. It is part of the "
        f"program, so there is nothing to insert. Zaps in the database: {zaps}."
    )


async def demo(
    settings: Settings, say: Say = print, *, transport: httpx.AsyncBaseTransport | None = None
) -> int:
    """The exit code: 0 where the demo's run succeeded. ``transport``: None is the network."""
    try:
        async with (
            asyncio.timeout(2 * FOLLOW_SECONDS),
            httpx.AsyncClient(
                base_url=settings.effective_public_url,
                transport=transport,
                timeout=30,
                trust_env=False,
            ) as client,
        ):
            await _refuse_sleeping_server(client)
            client.headers["Authorization"] = f"Bearer {await _owners_token(settings, say)}"
            hook = await _published_zap(client, settings, say)
            run = await _follow(client, await _fire(client, hook, say), say)
    except (TourEnded, httpx.HTTPError, TimeoutError) as problem:
        say(f"The demo stopped: {str(problem) or type(problem).__name__}")
        return 1
    say(f"The run {run['status']}. See it: {settings.effective_public_url}/runs/{run['id']}")
    return 0 if run["status"] == "succeeded" else 1


async def _refuse_sleeping_server(client: httpx.AsyncClient) -> None:
    url = client.base_url
    try:
        answer = await client.get("/ready")
    except httpx.TransportError as problem:
        raise TourEnded(
            f"nothing answers at {url}. Start FlowForge with ./dev.sh, or set FLOWFORGE_PUBLIC_URL "
            "to where it is."
        ) from problem
    if answer.status_code != httpx.codes.OK:
        raise TourEnded(f"{url} is not ready ({answer.status_code}). Look into logs/web.log.")


async def _owners_token(settings: Settings, say: Say) -> str:
    async with open_runtime(settings) as running, running.db.transaction() as session:
        found = select(User).where(col(User.email) == OWNER)
        owner = (await session.scalars(found)).one_or_none()
        if owner is None:
            owner = await _new_owner(session, say)
        else:
            say(f"Signed in as {OWNER}, who is here from an earlier demo.")
        signed_in = await sessions.open_session(session, settings, owner)
        return signed_in.token


async def _new_owner(session: AsyncSession, say: Say) -> User:
    """Not by signing up: that would make the demo the first user, who runs the place."""
    password = secrets.token_urlsafe(9)
    hashed = await accounts.hash_password(password)
    owner = User(name="Demo", email=OWNER, password_hash=hashed, verified_at=utc_now())
    project = Project(name="Demo's project")
    session.add_all([owner, project])
    await session.flush()
    session.add(Member(project_id=project.id, user_id=owner.id or 0, role=Role.EDITOR))
    say(f"Signed up {OWNER} with the password {password} (shown only now).")
    return owner


async def _published_zap(client: httpx.AsyncClient, settings: Settings, say: Say) -> str:
    """The URL of the demo zap's hook."""
    found = await _asked(client, "GET", "/api/v1/zaps", params={"q": ZAP, "limit": 1})
    zap = (
        found["data"][0]
        if found["data"]
        else await _asked(client, "POST", "/api/v1/zaps", json={"name": ZAP})
    )
    url = f"/api/v1/zaps/{zap['id']}"
    body = {"revision": zap["draft_revision"], "definition": _definition(settings)}
    await _asked(client, "PUT", f"{url}/draft", json=body)
    version = await _asked(client, "POST", f"{url}/publish")
    say(
        f'Published "{ZAP}", version {version["number"]}: {len(version["definition"]["steps"])}'
        " steps."
    )
    hook: str = zap["webhook_url"]
    return hook


def _definition(settings: Settings) -> dict[str, Any]:
    """A filter and two mails. No HTTP step: calls into the own network are refused, as they
    should be. Where mail cannot be sent, filters alone.
    """
    total = {"left": "{{ trigger.body.order.total }}", "op": "NUMBER_IS_GREATER_THAN", "right": 10}
    buyer = {"left": "{{ trigger.body.buyer.name }}", "op": "EXISTS"}
    steps: list[dict[str, Any]] = [
        _filter("large_order", "Only orders above 10", total),
        _filter("known_buyer", "Only buyers with a name", buyer),
    ]
    receiver = _receiver(settings)
    if receiver:
        steps[1:] = [
            _mail(
                "thank", "Thank the buyer", receiver, "Dear {{ trigger.body.buyer.name }}, thanks!"
            ),
            _mail("pack", "Tell the warehouse", receiver, "Pack this: {{ trigger.body.order }}"),
        ]
    return {"trigger": {"kind": "webhook", "settings": {}}, "steps": steps}


def _receiver(settings: Settings) -> str:
    """Who gets the demo's mails: the mailbox page, or the operator's own address."""
    if settings.shows_dev_mailbox:
        return OWNER
    return parseaddr(settings.mail_from)[1] if settings.has_mail_transport else ""


def _filter(step_id: str, name: str, condition: dict[str, Any]) -> dict[str, Any]:
    when = {"any": [{"all": [condition]}]}
    return {"id": step_id, "kind": "filter", "name": name, "when": when}


def _mail(step_id: str, name: str, receiver: str, text: str) -> dict[str, Any]:
    subject = "{{ trigger.body.buyer.name }}: order {{ trigger.body.order.id }}"
    inputs = {"to": receiver, "subject": subject, "body": text}
    return {"id": step_id, "kind": "action", "action": "email", "name": name, "inputs": inputs}


async def _fire(client: httpx.AsyncClient, hook: str, say: Say) -> str:
    """The id of the run that a real webhook started."""
    began = time.perf_counter()
    answer = await _asked(client, "POST", hook, json=ORDER)
    say(f"POST {hook}\n  answered after {_milliseconds(time.perf_counter() - began)}.")
    run_id: str = answer["zapRunId"]
    return run_id


async def _follow(client: httpx.AsyncClient, run_id: str, say: Say) -> dict[str, Any]:
    """The run once it has ended; each attempt is said when it is over."""
    said: set[str] = set()
    deadline = time.monotonic() + FOLLOW_SECONDS
    while time.monotonic() < deadline:
        run: dict[str, Any] = await _asked(client, "GET", f"/api/v1/runs/{run_id}")
        for attempt in run["attempts"]:
            if attempt["finished_at"] and attempt["id"] not in said:
                said.add(attempt["id"])
                say(_line(attempt))
        if run["status"] in figures.ENDED:
            return run
        await asyncio.sleep(POLL_SECONDS)
    raise TourEnded(f"the run did not end within {FOLLOW_SECONDS:g} seconds. Is a worker running?")


def _line(attempt: dict[str, Any]) -> str:
    took = _milliseconds((attempt["duration_ms"] or 0) / 1000)
    reason = f": {attempt['error']['message']}" if attempt["error"] else ""
    at = attempt["finished_at"][11:23]
    return f"  {at}  {attempt['name']:<24} {attempt['status']} in {took}{reason}"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


async def _asked(client: httpx.AsyncClient, method: str, url: str, **more: Any) -> Any:
    answer = await client.request(method, url, **more)
    if answer.is_error:
        raise TourEnded(f"{method} {url} answered {answer.status_code}: {answer.text[:300]}")
    return answer.json()

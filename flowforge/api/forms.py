"""``/forms/{hook_id}``: the public page of a zap that is fired by a form.

The address is the permission, and nothing here reads or sets a cookie: a page of another site gains
nothing by sending it.
"""

import asyncio

import structlog
from fastapi import APIRouter
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from flowforge.api import doors, form_page
from flowforge.errors import FlowForgeError, Malformed, TooLarge, TooMany, Unavailable
from flowforge.infra.limits import RateLimiter
from flowforge.infra.runtime import Runtime
from flowforge.services import forms
from flowforge.services.forms import Sent
from flowforge.services.ingest import Intake

log = structlog.get_logger()

BODY_SECONDS = 30.0

router = APIRouter(tags=["forms"])


class Desk:
    """What the routes need, once per app and runtime: a limiter that is made anew forgets."""

    def __init__(self, running: Runtime) -> None:
        self.running = running
        self.intake = Intake(running.db, running.signals, running.blobs)
        self.looks = self._limiter("form-look")
        self.sends = self._limiter("form-send")

    def _limiter(self, name: str) -> RateLimiter:
        return RateLimiter(
            self.running.settings.hook_rate_limit,
            self.running.redis,
            prefix=self.running.settings.redis_prefix,
            namespace=name,
            fail_open=True,
        )


@router.get("/forms/{hook_id}", dependencies=[doors.public()], include_in_schema=False)
async def show(request: Request, running: doors.Running, hook_id: str) -> Response:
    """The form. Looking stores nothing."""
    try:
        address = doors.client_address(request, running.settings)
        await doors.count_against(_desk(request, running).looks, address, request)
        async with running.db.reading() as session:
            return form_page.asking(await forms.settings_of(session, hook_id))
    except FlowForgeError as problem:
        return _refused(problem)
    except Exception:
        log.exception("a form could not be shown")
        return _refused(Unavailable("The form cannot be shown right now."))


@router.post("/forms/{hook_id}", dependencies=[doors.public()], include_in_schema=False)
async def send(request: Request, running: doors.Running, hook_id: str) -> Response:
    """What was filled in: thanks once it is stored, or the form again with what is to be mended."""
    try:
        desk = _desk(request, running)
        address = doors.client_address(request, running.settings)
        await doors.count_against(desk.sends, address, request)
        async with running.db.reading() as session:
            settings = await forms.settings_of(session, hook_id)
        raw = await _body(request, running.settings.hook_body_limit)
        sent = Sent(request.headers.get("content-type", "")[:1000], raw, address)
        found = await forms.take(running, desk.intake, hook_id, settings, sent)
    except FlowForgeError as problem:
        return _refused(problem)
    except TimeoutError:
        return form_page.problem(408, "What you sent did not arrive in time. Send it once more.")
    except ClientDisconnect:
        return form_page.problem(400, "The connection was closed before everything had arrived.")
    except Exception:
        # Whatever it was (a full disk, a missing table), they must know that nothing was kept.
        log.exception("what was filled in could not be stored")
        return _refused(Unavailable("Nothing was stored. Send it once more in a moment."))
    if found.problems:
        return form_page.asking(settings, found.given, found.problems, status=422)
    return form_page.thanks(settings)


def _desk(request: Request, running: Runtime) -> Desk:
    found: Desk | None = getattr(request.app.state, "form_desk", None)
    if found is None or found.running is not running:
        found = request.app.state.form_desk = Desk(running)
    return found


async def _body(request: Request, largest: int) -> bytes:
    """The whole body. Raises: TooLarge, Malformed, TimeoutError, ClientDisconnect."""
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal():
        raise Malformed("The form cannot be read.")
    if int(announced[:20]) > largest:
        raise _too_large(largest)
    chunks: list[bytes] = []
    size = 0
    async with asyncio.timeout(BODY_SECONDS):
        async for chunk in request.stream():
            chunks.append(chunk)
            size += len(chunk)
            if size > largest:
                raise _too_large(largest)
    return b"".join(chunks)


def _too_large(largest: int) -> TooLarge:
    return TooLarge(f"Together it may have {largest / 1_000_000:.1f} MB. Send smaller files.")


def _refused(problem: FlowForgeError) -> Response:
    headers = {}
    if isinstance(problem, TooMany | Unavailable):
        headers["Retry-After"] = str(problem.retry_after)
    return form_page.problem(problem.status, problem.message, headers=headers)

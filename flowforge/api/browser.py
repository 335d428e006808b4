"""The browser's way in and out: the token goes into a cookie that no script can read.

Both routes take JSON (from a script of our page) and native form posts (which need none). Both
refuse other sites' pages, so nobody can be signed in to somebody else's account.
"""

from typing import Any
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from flowforge.api import doors, entry, errors, guards
from flowforge.api.accounts import SignIn, user_view
from flowforge.config import Settings
from flowforge.errors import FlowForgeError, Malformed
from flowforge.infra import documents
from flowforge.services import sessions
from flowforge.services.origin import local_path

MOST_FORM_FIELDS = 20
FORM = "application/x-www-form-urlencoded"
SIGN_IN_PAGE = "/signin"
AFTER_SIGN_IN = "/dashboard"

router = APIRouter(prefix="/api/v1/auth/browser", tags=["accounts"])


@router.post("/signin", dependencies=[doors.public(), Depends(guards.limited)])
async def sign_in(request: Request, running: doors.Running, guarded: guards.Guarded) -> Response:
    """Sets the cookie. JSON: ``{ok, user}``. Form: 303 to ``next``, or back with ``?error=``."""
    doors.require_own_page(request, running.settings)
    is_form = _is_form(request)
    given = await _fields(request)
    target = local_path(str(given.pop("next", "")), AFTER_SIGN_IN)
    try:
        typed = _checked(given)
        user, signed_in = await entry.sign_in(
            running, guarded, typed.email, typed.password.get_secret_value()
        )
    except FlowForgeError as problem:
        if not is_form:
            raise
        question = urlencode({"error": problem.code, "next": target})
        return RedirectResponse(f"{SIGN_IN_PAGE}?{question}", status_code=303)
    answer: Response = (
        RedirectResponse(target, status_code=303)
        if is_form
        else JSONResponse({"ok": True, "user": user_view(user).model_dump()})
    )
    set_cookie(answer, running.settings, signed_in.token)
    return answer


@router.post("/signout", dependencies=[doors.public()])
async def sign_out(request: Request, running: doors.Running) -> Response:
    """Clears the cookie and ends its session; the same answer where there was none."""
    doors.require_own_page(request, running.settings)
    async with running.db.transaction() as session:
        actor = await sessions.actor_from_cookie(
            session, running.settings, request.headers.get("cookie", "")
        )
        if actor is not None:
            await sessions.revoke(session, actor)
    answer: Response = (
        RedirectResponse("/", status_code=303) if _is_form(request) else JSONResponse({"ok": True})
    )
    set_cookie(answer, running.settings, "")
    return answer


def set_cookie(answer: Response, settings: Settings, token: str) -> None:
    """HttpOnly, SameSite=Lax, Secure behind https. An empty token clears it."""
    answer.set_cookie(
        sessions.COOKIE,
        token,
        max_age=settings.jwt_ttl_seconds if token else 0,
        path="/",
        httponly=True,
        samesite="lax",
        secure=settings.effective_public_url.startswith("https://"),
    )


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith(FORM)


async def _fields(request: Request) -> dict[str, Any]:
    body = await request.body()
    if not _is_form(request):
        given = documents.parse(body)
        if not isinstance(given, dict):
            raise Malformed("The body must be a JSON object with email and password.")
        return given
    try:
        return dict(
            parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FORM_FIELDS)
        )
    except ValueError:
        raise Malformed("The form cannot be read.") from None


def _checked(given: dict[str, Any]) -> SignIn:
    try:
        return SignIn.model_validate(given)
    except ValidationError as problem:
        raise errors.invalid(problem.errors(include_url=False, include_input=False)) from None

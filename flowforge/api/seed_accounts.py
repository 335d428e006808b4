"""Routes of ``/api/v1/user``: the same services as ``/api/v1/auth``, with the words and statuses
of the first FlowForge, whose clients expect ``{"message": …}`` and 411 for bad input.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request
from starlette.responses import JSONResponse

from flowforge.api import doors, entry, guards
from flowforge.api.accounts import LONGEST_TYPED
from flowforge.errors import Conflict, Forbidden, Malformed, Unauthenticated
from flowforge.services import accounts, typed

SHORTEST_EMAIL = 5
SHORTEST_NAME = 3
BAD_INPUT = 411

router = APIRouter(prefix="/api/v1/user", tags=["first FlowForge"])
_open = [doors.public(), Depends(guards.limited)]
Given = Annotated[Any, Body()]


@router.post("/signup", dependencies=_open)
async def sign_up(running: doors.Running, given: Given = None) -> JSONResponse:
    newcomer = _newcomer(given)
    if newcomer is None:
        return _say(BAD_INPUT, "Incorrect inputs")
    try:
        await entry.sign_up(running, newcomer)
    except Conflict:
        return _say(403, "User already exists")
    return _say(200, "Account created. Please check your email to verify your account.")


@router.get("/verify-email", dependencies=_open)
async def verify_email(running: doors.Running, token: str = "") -> JSONResponse:
    if not token:
        return _say(400, "Verification token is required")
    try:
        await entry.verify_email(running, token)
    except Malformed:
        return _say(400, "Invalid or expired verification token")
    return _say(200, "Email verified successfully. You can now sign in.")


@router.post("/signin", dependencies=_open)
async def sign_in(
    running: doors.Running, guarded: guards.Guarded, given: Given = None
) -> JSONResponse:
    email, password = _text(given, "username"), _text(given, "password")
    if email is None or password is None:
        return _say(BAD_INPUT, "Incorrect inputs")
    try:
        _, signed_in = await entry.sign_in(running, guarded, email, password)
    except Unauthenticated:
        return _say(403, "Sorry, credentials are incorrect")
    except Forbidden as problem:
        is_unverified = problem.code == "email_not_verified"
        words = "Please verify your email before signing in" if is_unverified else problem.message
        return _say(403, words)
    return JSONResponse({"token": signed_in.token})


@router.get("", dependencies=[doors.public()], include_in_schema=False)
@router.get("/", dependencies=[doors.public()])
async def me(request: Request, running: doors.Running, session: doors.Reading) -> JSONResponse:
    try:
        actor = await doors.signed_in(request, running)
        user, _ = await accounts.who(session, actor)
    except Unauthenticated:
        return _say(403, "You are not logged in")
    return JSONResponse({"user": {"name": user.name, "email": user.email}})


@router.post("/forgot-password", dependencies=_open)
async def forgot_password(
    running: doors.Running, guarded: guards.Guarded, given: Given = None
) -> JSONResponse:
    email = _text(given, "email")
    if not email:
        return _say(400, "Email is required")
    await entry.forgot_password(running, guarded, email)
    return _say(200, "If that email exists, a reset link has been sent.")


@router.post("/reset-password", dependencies=_open)
async def reset_password(running: doors.Running, given: Given = None) -> JSONResponse:
    token, password = _text(given, "token"), _text(given, "password")
    if not token or not password:
        return _say(400, "Token and password are required")
    try:
        await entry.reset_password(running, token, typed.password(password))
    except ValueError as problem:
        return _say(400, f"Password must be {_lower_first(str(problem))}")
    except Malformed:
        return _say(400, "Invalid or expired reset token")
    return _say(200, "Password reset successfully. You can now sign in.")


def _newcomer(given: object) -> entry.Newcomer | None:
    email, password, name = (_text(given, key) for key in ("username", "password", "name"))
    if email is None or password is None or name is None:
        return None
    try:
        newcomer = entry.Newcomer(typed.name(name), typed.email(email), typed.password(password))
    except ValueError:
        return None
    is_long_enough = len(newcomer.email) >= SHORTEST_EMAIL and len(newcomer.name) >= SHORTEST_NAME
    return newcomer if is_long_enough else None


def _text(given: object, key: str) -> str | None:
    """The text under ``key`` of a JSON object; None for anything else."""
    value = given.get(key) if isinstance(given, dict) else None
    return value if isinstance(value, str) and len(value) <= LONGEST_TYPED else None


def _lower_first(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _say(status: int, message: str) -> JSONResponse:
    return JSONResponse({"message": message}, status_code=status)

"""Every error answer has one shape: ``{"error": {"code", "message", "details"?}}``.

Promise: no answer repeats what was sent, and nothing a stranger can send is answered with a 500.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from flowforge.errors import FlowForgeError, Invalid, Malformed, TooMany, Unavailable

MOST_DETAILS = 50
LONGEST_PATH = 200

_WORDS: Mapping[int, tuple[str, str]] = {
    400: ("malformed", "The request cannot be read."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not answer that method."),
    408: ("too_slow", "The body did not arrive in time. Send it again."),
    413: ("too_large", "The body is too large."),
    500: ("internal", "Something broke on our side. Quote the request id when you report it."),
}
_Handler = Callable[[Request, Exception], Awaitable[JSONResponse]]


def install(app: FastAPI) -> None:
    """Teach ``app`` the one shape for each kind of error."""
    handlers: dict[type[Exception], Any] = {
        FlowForgeError: _ours,
        RequestValidationError: _wrong_fields,
        HTTPException: _http,
        DBAPIError: _unstorable,
        OverflowError: _unstorable,
        UnicodeEncodeError: _unstorable,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def answer(
    status: int,
    code: str,
    message: str,
    *,
    details: Sequence[Mapping[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The one shape."""
    error: dict[str, Any] = {"code": code, "message": message}
    if details:
        error["details"] = list(details)
    return JSONResponse({"error": error}, status_code=status, headers=headers)


def plain(status: int, *, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer for a status that needs no words of its own."""
    fallback = (f"http_{status}", HTTPStatus(status).phrase + ".")
    code, message = _WORDS.get(status, fallback)
    return answer(status, code, message, headers=headers)


def of(problem: FlowForgeError) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if problem.status == HTTPStatus.UNAUTHORIZED else {}
    if isinstance(problem, TooMany | Unavailable):
        headers["Retry-After"] = str(problem.retry_after)
    return answer(
        problem.status, problem.code, problem.message, details=problem.details, headers=headers
    )


async def _ours(request: Request, problem: FlowForgeError) -> JSONResponse:
    return of(problem)


async def _http(request: Request, problem: HTTPException) -> JSONResponse:
    return plain(problem.status_code, headers=problem.headers)


async def _unstorable(request: Request, problem: Exception) -> JSONResponse:
    """A value that no column can hold (NUL, a number beyond 64 bits) is the caller's mistake."""
    if isinstance(problem, DBAPIError) and not _is_bad_value(problem):
        raise problem
    return of(Malformed("The request holds a value that cannot be stored.", code="bad_value"))


def _is_bad_value(problem: DBAPIError) -> bool:
    # SQLSTATE class 22: data exception. The driver's own range checks have no state.
    state = getattr(problem.orig, "sqlstate", None)
    is_refused_by_driver = (
        isinstance(problem.orig.__cause__, ValueError | OverflowError) if (problem.orig) else False
    )
    return (state or "").startswith("22") or is_refused_by_driver


async def _wrong_fields(request: Request, problem: RequestValidationError) -> JSONResponse:
    return of(invalid(problem.errors(), is_json=_is_json(request)))


def invalid(errors: Sequence[Mapping[str, Any]], *, is_json: bool = True) -> Invalid:
    """Pydantic's findings as ours: each names its field, none repeats the input."""
    details = [_detail(error, is_json=is_json) for error in errors[:MOST_DETAILS]]
    first = details[0]
    where = f"{first['path']}: " if first["path"] else ""
    return Invalid(f"{where}{first['message']}", details=details)


def _detail(error: Mapping[str, Any], *, is_json: bool) -> dict[str, str]:
    place = list(error["loc"])
    if place == ["body"] and not is_json:
        return {"path": "", "message": "Send a JSON object with Content-Type: application/json"}
    if place and place[0] in {"body", "query", "path", "header", "cookie"}:
        place = place[1:]
    path = ".".join(str(part) for part in place)[:LONGEST_PATH]
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        message = "Unknown field"
    return {"path": path, "message": message}


def _is_json(request: Request) -> bool:
    return "json" in request.headers.get("content-type", "")

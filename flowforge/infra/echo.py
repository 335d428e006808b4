"""A target that is always there: it answers in this process, so demos and first zaps need no network
and nobody's server.

It speaks as an HTTP server would at ``http://echo.flowforge.internal``, a name that no network has:

- ``/`` and any other path: 200, with what was sent as JSON (``method, path, query, headers, body``);
- ``/status/404``: that status;
- ``/delay/3``: after so many seconds, 30 at most;
- ``/fail/2``: 503 for the first two attempts of a step, then 200.

Headers that hold credentials are not sent back.
"""

import asyncio
import re
from typing import Any

import httpx
from pydantic_core import from_json

from flowforge.infra.redaction import redact

HOST = "echo.flowforge.internal"
ATTEMPT = "X-FlowForge-Attempt"
LONGEST_SECONDS = 30
LARGEST_BYTES = 1024 * 1024

_SPECIAL = re.compile(r"/(status|delay|fail)/(\d{1,3})/?")
# Below 200 an answer is not the last one.
_STATUSES = range(200, 600)
_BODILESS = {204, 205, 304}


async def answer(request: httpx.Request) -> httpx.Response:
    """What the target says. A request whose body is over 1 MB is answered 413."""
    body = await request.aread()
    if len(body) > LARGEST_BYTES:
        return _said(413, {"error": "The echo target takes at most 1 MB."})
    match _asked(request.url.path):
        case "status", code if code in _STATUSES:
            return _said(code, {"status": code})
        case "delay", seconds:
            await asyncio.sleep(min(seconds, LONGEST_SECONDS))
        case "fail", times if _attempt(request) <= times:
            said = {"error": f"Attempt {_attempt(request)} fails: this address was asked for it."}
            return _said(503, said)
    return _said(200, _seen(request, body))


def _asked(path: str) -> tuple[str, int]:
    found = _SPECIAL.fullmatch(path)
    return (found[1], int(found[2])) if found else ("", 0)


def _attempt(request: httpx.Request) -> int:
    number = request.headers.get(ATTEMPT, "1")
    return int(number) if number.isdecimal() else 1


def _seen(request: httpx.Request, body: bytes) -> dict[str, Any]:
    return {
        "method": request.method,
        "path": request.url.path,
        "query": dict(request.url.params.multi_items()),
        "headers": redact(dict(request.headers)),
        "body": _read(body),
    }


def _read(body: bytes) -> Any:
    """JSON where it is any, else its text; None for nothing."""
    if not body:
        return None
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError:
        return body.decode(errors="replace")


def _said(status: int, content: dict[str, Any]) -> httpx.Response:
    return httpx.Response(status, json=None if status in _BODILESS else content)

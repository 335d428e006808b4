"""GitHub's API of repository hooks, as far as it goes: what it asks for, answers and refuses."""

import hashlib
import hmac
import json
import re
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from uuid import uuid4

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

TOKEN = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
REPOSITORY = "ada/engine"
_PATH = re.compile(r"/repos/([^/]+/[^/]+)/hooks(?:/(\d+))?")


def answer(status: int, body: Any = None, **headers: str) -> Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    text = "" if body is None else json.dumps(body)
    return Response(text, status, names, content_type="application/json")


@dataclass
class FakeGitHub:
    """``odd``: what answers instead, once each, or None for the usual. ``calls`` are
    ``(method, repository)``, in order; ``seen`` the requests themselves.
    """

    server: HTTPServer
    tokens: set[str] = field(default_factory=lambda: {TOKEN})
    repositories: dict[str, dict[int, dict[str, Any]]] = field(
        default_factory=lambda: {REPOSITORY: {}}
    )
    calls: list[tuple[str, str]] = field(default_factory=list)
    seen: list[Request] = field(default_factory=list)
    odd: list[Callable[[Request], Response | None]] = field(default_factory=list)
    delay_seconds: float = 0

    def __post_init__(self) -> None:
        self._ids = count(12_345_678)
        self.server.expect_request(_PATH).respond_with_handler(self._answer)

    @property
    def counted(self) -> Counter[str]:
        """How often each method was used."""
        return Counter(method for method, _ in self.calls)

    @property
    def hooks(self) -> list[dict[str, Any]]:
        return [hook for hooks in self.repositories.values() for hook in hooks.values()]

    @property
    def hook(self) -> dict[str, Any]:
        """The only one."""
        (found,) = self.hooks
        return found

    def delivery(self, hook: dict[str, Any], event: str, body: Any) -> tuple[str, dict[str, Any]]:
        """The path and the rest of the request with which ``hook`` says that ``event`` happened."""
        raw = json.dumps(body).encode()
        digest = hmac.new(hook["config"]["secret"].encode(), raw, hashlib.sha256).hexdigest()
        headers = {
            "content-type": "application/json",
            "x-github-event": event,
            "x-github-delivery": str(uuid4()),
            "x-hub-signature-256": f"sha256={digest}",
        }
        path = "/" + hook["config"]["url"].split("/", 3)[3]
        return path, {"content": raw, "headers": headers}

    def _answer(self, request: Request) -> Response:
        found = _PATH.fullmatch(request.path)
        assert found is not None
        repository, hook_id = found[1], found[2]
        self.calls.append((request.method, repository))
        self.seen.append(request)
        time.sleep(self.delay_seconds)
        if self.odd and (instead := self.odd.pop(0)(request)) is not None:
            return instead
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.tokens:
            return answer(401, {"message": "Bad credentials"})
        hooks = self.repositories.get(repository)
        if hooks is None or (hook_id and int(hook_id) not in hooks):
            return answer(404, {"message": "Not Found"})
        return self._usual(request, hooks, int(hook_id or 0))

    def _usual(self, request: Request, hooks: dict[int, dict[str, Any]], hook_id: int) -> Response:
        match request.method:
            case "GET":
                return self._list(request, hooks)
            case "POST":
                return self._create(request.get_json(), hooks)
            case "PATCH":
                return self._change(request.get_json(), hooks[hook_id])
        del hooks[hook_id]
        return answer(204)

    def _list(self, request: Request, hooks: dict[int, dict[str, Any]]) -> Response:
        size, page = (int(request.args.get(name, 30)) for name in ("per_page", "page"))
        chosen = list(hooks.values())[size * (page - 1) : size * page]
        return answer(200, [_shown(hook) for hook in chosen])

    def _create(self, given: Any, hooks: dict[int, dict[str, Any]]) -> Response:
        assert given["name"] == "web"
        url = given["config"]["url"]
        if any(hook["config"]["url"] == url for hook in hooks.values()):
            return _invalid("Hook already exists on this repository")
        hook = {"id": next(self._ids), "type": "Repository", **given}
        hooks[hook["id"]] = hook
        return answer(201, _shown(hook))

    def _change(self, given: Any, hook: dict[str, Any]) -> Response:
        # What is left out of config is gone: so it is there.
        hook.update(given)
        return answer(200, _shown(hook))


def _shown(hook: dict[str, Any]) -> dict[str, Any]:
    config = dict(hook["config"])
    if "secret" in config:
        config["secret"] = "********"
    return {**hook, "config": config}


def _invalid(message: str) -> Response:
    errors = [{"resource": "Hook", "code": "custom", "message": message}]
    return answer(422, {"message": "Validation Failed", "errors": errors})

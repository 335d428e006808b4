"""Hooks of a repository at GitHub: found, made, changed and removed in the name of a token.

Promises: the token goes to the configured API and nowhere else, and stands in no message; whatever
GitHub answers, the worst is a ``HookRefused`` with a sentence for the zap's owner.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import httpx

from flowforge.actions.sdk import retry_after
from flowforge.errors import Malformed
from flowforge.infra import documents
from flowforge.services import search

DEADLINE_SECONDS = 10.0
MOST_PAGES = 5
PER_PAGE = 100
LONGEST_WAIT_SECONDS = 86_400.0
LONGEST_REASON = 300
_LARGEST_ID = 2**63
_VERSION = "2022-11-28"
_EXPECTED = {"GET": 200, "POST": 201, "PATCH": 200, "DELETE": 204}
_REDIRECT = range(300, 400)
_MOVED = "GitHub says that {at} has moved. Give its new name."
_MISSING = {404, 410}
_NOT_FOUND = "GitHub knows no repository {at}, or the token may not see its hooks."
_REASONS = {
    401: "GitHub does not accept the token. Give a new one under Apps.",
    403: "The token may not change the hooks of {at}. It needs to write webhooks there.",
} | dict.fromkeys(_MISSING, _NOT_FOUND)
_WAIT = "GitHub wants fewer requests for a while."


class HookRefused(Exception):
    """GitHub did not do it. ``wait``: seconds that it asked for; ``lasts``: it will not do it until
    somebody changes something; ``is_missing``: what was asked for is not there.
    """

    def __init__(
        self,
        reason: str,
        *,
        wait: float | None = None,
        lasts: bool = False,
        is_missing: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.wait = wait
        self.lasts = lasts
        self.is_missing = is_missing


class Hook(NamedTuple):
    """A hook as GitHub shows it: its secret it never does."""

    id: str
    url: str
    is_active: bool
    events: frozenset[str]
    has_usual_config: bool  # JSON, over TLS that is verified


@dataclass(frozen=True, slots=True)
class Target:
    """What a hook ought to be."""

    url: str
    events: tuple[str, ...]
    secret: str = field(repr=False)

    def is_met_by(self, hook: Hook) -> bool:
        """But for the secret, which nobody can see."""
        found = (hook.url, hook.is_active, hook.events, hook.has_usual_config)
        return found == (self.url, True, frozenset(self.events), True)

    def as_body(self) -> dict[str, Any]:
        config = {
            "url": self.url,
            "content_type": "json",
            "insecure_ssl": "0",
            "secret": self.secret,
        }
        return {"active": True, "events": list(self.events), "config": config}


@dataclass(frozen=True, slots=True)
class GitHub:
    """One token at one API. ``at`` is always ``owner/repo``. ``secret``: what hooks are made with, so
    that no message has it.
    """

    http: httpx.AsyncClient
    base_url: str
    token: str = field(repr=False)
    secret: str = field(default="", repr=False)

    async def find(self, at: str, is_ours: Callable[[Hook], bool]) -> list[Hook]:
        """The hooks of the repository that are ours. Raises: HookRefused."""
        found: list[Hook] = []
        for page in range(1, MOST_PAGES + 1):
            path = f"repos/{at}/hooks?per_page={PER_PAGE}&page={page}"
            hooks = _list(await self._ask("GET", path, at))
            found += [hook for hook in map(_hook, hooks) if hook is not None and is_ours(hook)]
            if len(hooks) < PER_PAGE:
                break
        return found

    async def create(self, at: str, target: Target) -> str:
        """The new hook's id. Raises: HookRefused."""
        body = {"name": "web"} | target.as_body()
        made = await self._ask("POST", f"repos/{at}/hooks", at, body)
        hook = _hook(made)
        if hook is None:
            raise HookRefused(_no_answer("a hook"))
        return hook.id

    async def change(self, at: str, hook_id: str, target: Target) -> None:
        """Raises: HookRefused."""
        path = f"repos/{at}/hooks/{hook_id}"
        await self._ask("PATCH", path, at, target.as_body())

    async def remove(self, at: str, hook_id: str) -> None:
        """Gone is what it is meant to be, whoever did it. Raises: HookRefused."""
        try:
            await self._ask("DELETE", f"repos/{at}/hooks/{hook_id}", at)
        except HookRefused as problem:
            if not problem.is_missing:
                raise

    async def _ask(self, method: str, path: str, at: str, body: Any = None) -> Any:
        hidden = (self.token, self.secret)
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self.token}",
            "X-GitHub-Api-Version": _VERSION,
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            answer = await self.http.request(
                method,
                f"{self.base_url}/{path}",
                content=None if body is None else documents.dump(body).encode(),
                headers=headers,
                timeout=DEADLINE_SECONDS,
                follow_redirects=False,
            )
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            said = str(problem) or "The request could not be sent."
            raise HookRefused(_clean(said, *hidden)) from problem
        if answer.status_code == _EXPECTED[method]:
            return _json(answer)
        raise _refusal(answer, at, hidden)


def _refusal(answer: httpx.Response, at: str, hidden: Sequence[str]) -> HookRefused:
    status = answer.status_code
    wait = _wait(answer.headers, status)
    if wait is not None and status in {403, 429}:
        return HookRefused(_WAIT, wait=wait)
    if status in _REDIRECT:
        return HookRefused(_MOVED.format(at=at), lasts=True)
    if status == httpx.codes.UNPROCESSABLE_ENTITY:
        said = _clean(_said(answer), *hidden)
        return HookRefused(f"GitHub refused the hook at {at}: {said}", lasts=True)
    if status in _REASONS:
        is_missing = status in _MISSING
        return HookRefused(_REASONS[status].format(at=at), lasts=True, is_missing=is_missing)
    return HookRefused(f"GitHub answered with status {status}.", wait=wait)


def _wait(headers: Mapping[str, str], status: int) -> float | None:
    """Seconds that GitHub wants to be left alone, by either of its ways to say so."""
    asked = retry_after(headers)
    if asked is not None:
        return asked.total_seconds()
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") != "0" or not reset.isascii() or not reset.isdigit():
        return 60.0 if status == httpx.codes.TOO_MANY_REQUESTS else None
    return min(max(int(reset[:12]) - time.time(), 1.0), LONGEST_WAIT_SECONDS)


def _said(answer: httpx.Response) -> str:
    """Why GitHub finds a request wrong, in its own words."""
    found = _json(answer)
    if not isinstance(found, Mapping):
        return "it did not say why."
    errors = found.get("errors")
    said = [found.get("message"), *(errors[:5] if isinstance(errors, list) else ())]
    said = [each.get("message") if isinstance(each, Mapping) else each for each in said]
    words = [text.strip().rstrip(".") for text in said if isinstance(text, str) and text.strip()]
    return f"{': '.join(words)}." if words else "it did not say why."


def _json(answer: httpx.Response) -> Any:
    """None for what is no JSON."""
    try:
        return documents.parse(answer.content)
    except Malformed:
        return None


def _list(found: Any) -> list[Any]:
    if not isinstance(found, list):
        raise HookRefused(_no_answer("a list of hooks"))
    return found


def _hook(found: Any) -> Hook | None:
    """None for what is no hook."""
    hook_id = found.get("id") if isinstance(found, Mapping) else None
    if type(hook_id) is not int or not 0 < hook_id < _LARGEST_ID:
        return None
    config = found.get("config")
    config = config if isinstance(config, Mapping) else {}
    events = found.get("events")
    return Hook(
        id=str(hook_id),
        url=str(config.get("url") or ""),
        is_active=found.get("active") is True,
        events=frozenset(map(str, events if isinstance(events, list) else ())),
        has_usual_config=config.get("content_type") == "json"
        and str(config.get("insecure_ssl", "0")) == "0",
    )


def _no_answer(what: str) -> str:
    return f"What answered for GitHub did not send {what}. Is FLOWFORGE_GITHUB_API_URL right?"


def _clean(text: str, *hidden: str) -> str:
    """On one line and bounded, without any of ``hidden``, whoever quoted it."""
    for secret in filter(None, hidden):
        text = text.replace(secret, "…")
    return " ".join(search.storable(text).split())[:LONGEST_REASON]

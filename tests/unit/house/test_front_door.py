"""Who answers what on the one port, and with which headers. Needs no built pages."""

from collections.abc import MutableMapping
from typing import Any

import pytest

from flowforge.api.front_door import front_door

Message = MutableMapping[str, Any]


async def _asked(path: str, *, kind: str = "http", status: int = 200) -> tuple[str, str, Message]:
    """Which app was asked, for which path, and the start of the answer."""
    asked: list[tuple[str, str]] = []
    sent: list[Message] = []

    def app(name: str) -> Any:
        async def answer(scope: Message, receive: Any, send: Any) -> None:
            asked.append((name, scope.get("path", "")))
            await send({"type": "http.response.start", "status": status, "headers": []})

        return answer

    async def receive() -> Message:
        return {}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": kind, "path": path, "raw_path": path.encode()}
    routes = ["/", "/runs", "/runs/[run_id]", "/zaps/[zap_id]/runs"]
    await front_door(app("site"), app("api"), routes)(scope, receive, send)
    return *asked[0], sent[0]


@pytest.mark.parametrize(
    "path",
    ["/api/v1/zaps", "/hooks/catch/1/2", "/health", "/ready", "/metrics", "/api", "/hooks/"],
)
async def test_the_api_answers_its_own_paths(path: str) -> None:
    assert (await _asked(path))[:2] == ("api", path)


@pytest.mark.parametrize("path", ["/", "/healthy/", "/apiary/", "/assets/a-1.js", "/readme/"])
async def test_the_pages_answer_the_rest(path: str) -> None:
    assert (await _asked(path))[:2] == ("site", path)


async def test_a_page_needs_no_slash_at_its_end_and_no_redirect() -> None:
    assert (await _asked("/runs"))[:2] == ("site", "/runs/")


@pytest.mark.parametrize("path", ["/_event", "/_upload", "/ping", "/icons/email.svg"])
async def test_files_and_reflex_own_paths_stay_as_they_are(path: str) -> None:
    assert (await _asked(path))[:2] == ("site", path)


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
async def test_the_socket_and_the_life_cycle_are_the_pages(kind: str) -> None:
    assert (await _asked("/api/v1/zaps", kind=kind))[0] == "site"


async def test_a_hashed_file_is_kept_for_ever_and_a_page_is_asked_for_again() -> None:
    _, _, hashed = await _asked("/assets/root-Bx3.js")
    _, _, page = await _asked("/runs")
    assert (b"cache-control", b"public, max-age=31536000, immutable") in hashed["headers"]
    assert (b"cache-control", b"no-cache") in page["headers"]


async def test_a_missing_hashed_file_is_not_kept() -> None:
    """During an update a page may ask for a file that comes a second later."""
    _, _, missing = await _asked("/assets/gone-1.js", status=404)
    assert (b"cache-control", b"no-cache") in missing["headers"]


async def test_no_other_site_may_put_a_page_into_a_frame() -> None:
    _, _, page = await _asked("/")
    assert (b"x-frame-options", b"DENY") in page["headers"]
    assert (b"x-content-type-options", b"nosniff") in page["headers"]


@pytest.mark.parametrize("path", ["/runs/01a", "/runs/01a/", "/zaps/01a/runs"])
async def test_a_page_with_an_id_in_its_path_is_found(path: str) -> None:
    """No file is built for each id, so Reflex says 404 with the shell that draws the page."""
    _, _, page = await _asked(path, status=404)
    assert page["status"] == 200


@pytest.mark.parametrize("path", ["/nope", "/runs/01a/more", "/zaps/01a", "/zapsruns"])
async def test_an_address_without_a_page_stays_missing(path: str) -> None:
    _, _, page = await _asked(path, status=404)
    assert page["status"] == 404

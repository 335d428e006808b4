"""Every page as axe sees it: for a screen reader, by keyboard, in both themes, on a phone."""

import re
from collections.abc import Iterator
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from flowforge.pages import PAGES
from tests.browser.conftest import (
    PHONE,
    WIDE,
    Person,
    Product,
    is_ready,
    new_person,
    sign_in,
)

ECHO = "http://echo.flowforge.internal"
BAD = {"serious", "critical"}
PATHS = sorted(page.path for page in PAGES)


def _action(step_id: str, url: str, **more: Any) -> dict[str, Any]:
    return {
        "id": step_id,
        "kind": "action",
        "action": "webhook",
        "name": step_id.capitalize(),
        "inputs": {"url": url, "body": {"name": "{{ trigger.body.name }}"}},
        **more,
    }


def _everything() -> dict[str, Any]:
    """A zap that has each thing that a page draws differently."""
    when = {"any": [{"all": [{"left": "{{ trigger.body.name }}", "op": "EXISTS"}]}]}
    return {
        "trigger": {"kind": "webhook"},
        "steps": [
            {
                "id": "which",
                "kind": "router",
                "mode": "first_match",
                "branches": [{"name": "Named", "when": when, "steps": [_action("greet", ECHO)]}],
                "fallback": [],
            },
            {
                "id": "each",
                "kind": "loop",
                "over": "{{ trigger.body.items }}",
                "on_item_error": "continue",
                "steps": [_action("tell", f"{ECHO}/status/404", retry={"attempts": 1})],
            },
            {"id": "calc", "kind": "code", "code": "inputs['n'] * 2", "inputs": {"n": 2}},
            _action("skipped", ECHO, skip=True),
            _action("fails", f"{ECHO}/status/404", retry={"attempts": 1}),
        ],
    }


@pytest.fixture(scope="module")
def somebody(product: Product) -> Person:
    return new_person(product)


@pytest.fixture(scope="module")
def ids(product: Product, somebody: Person) -> dict[str, str]:
    """What stands in the pages' paths: a zap with a run that failed, and its event."""
    rest, headers = product.rest, somebody.headers
    made = {"name": "Everything", "definition": _everything()}
    zap = rest.post("/api/v1/zaps", json=made, headers=headers).raise_for_status().json()
    rest.post(f"/api/v1/zaps/{zap['id']}/publish", headers=headers).raise_for_status()
    body = {"name": "Ada", "items": [1, 2, 3]}
    fired = rest.post(zap["webhook_url"], json=body).raise_for_status().json()
    return {"zap_id": zap["id"], "run_id": fired["zapRunId"], "event_id": fired["eventId"]}


@pytest.fixture(scope="module")
def signed_in(browser: Browser, product: Product, somebody: Person) -> Iterator[Page]:
    """One page for all looks of this file: signing in costs more than looking."""
    context = browser.new_context(base_url=product.url, viewport=WIDE)
    page = context.new_page()
    sign_in(page, somebody.email)
    expect(page).to_have_url(re.compile(r"/dashboard/?$"))
    yield page
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", PATHS)
def test_axe_finds_nothing_serious(
    signed_in: Page, ids: dict[str, str], path: str, theme: Literal["light", "dark"]
) -> None:
    signed_in.set_viewport_size(WIDE)
    signed_in.emulate_media(color_scheme=theme, reduced_motion="reduce")
    _open(signed_in, path, ids)
    assert not _findings(signed_in)


@pytest.mark.parametrize("path", PATHS)
def test_a_phone_shows_it_all_without_scrolling_sideways(
    signed_in: Page, ids: dict[str, str], path: str
) -> None:
    signed_in.set_viewport_size(PHONE)
    signed_in.emulate_media(color_scheme="light", reduced_motion="reduce")
    _open(signed_in, path, ids)
    assert signed_in.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert not _findings(signed_in)


def _open(page: Page, path: str, ids: dict[str, str]) -> None:
    filled = re.sub(r"\[(\w+)\]", lambda found: ids[found[1]], path)
    page.goto("/no/such/page" if path == "/404" else filled)
    is_ready(page)
    # What still loads has no words to judge yet.
    expect(page.locator(".skeleton")).to_have_count(0)


def _findings(page: Page) -> str:
    """What axe calls serious or critical, with the elements that it is about."""
    found = Axe().run(page).response["violations"]
    return "\n".join(
        f"{each['id']}: {node['html'][:200]}: {node['failureSummary']}"
        for each in found
        if each["impact"] in BAD
        for node in each["nodes"]
    )

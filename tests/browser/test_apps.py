"""Apps as a person sets them up: a secret goes in, a URL comes out, what came to nothing is seen."""

import hashlib
import hmac
import json
import re
from typing import Any

import httpx
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Person, Product, is_ready

SECRET, TOKEN = "s3cret-value-of-the-app", "ghp_t0kenvalue"
STOP = {"id": "end", "kind": "stop"}


def _open(page: Page) -> None:
    page.goto("/apps")
    is_ready(page)


def _app(page: Page, app: str = "github") -> Any:
    return page.get_by_test_id(f"app-{app}")


def _save_secret(page: Page, secret: str = SECRET) -> str:
    """The URL that comes of it."""
    github = _app(page)
    github.get_by_test_id("set-secret").click()
    page.get_by_test_id("input-app_secret").fill(secret)
    page.get_by_test_id("save-app").click()
    expect(github.get_by_test_id("app-state")).to_have_text("Set up")
    return str(github.get_by_test_id("app-url").inner_text())


def _zap(product: Product, person: Person, name: str, trigger: dict[str, Any]) -> str:
    body = {"name": name, "definition": {"trigger": trigger, "steps": [STOP]}}
    made = product.rest.post("/api/v1/zaps", json=body, headers=person.headers)
    return str(made.raise_for_status().json()["id"])


def _send(url: str, event: str, secret: str) -> httpx.Response:
    raw = json.dumps({"ref": "refs/heads/main"}).encode()
    signature = hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()
    headers = {
        "content-type": "application/json",
        "x-github-event": event,
        "x-hub-signature-256": f"sha256={signature}",
    }
    return httpx.post(url, content=raw, headers=headers)


def test_an_app_from_its_secret_to_its_removal(home: Page) -> None:
    home.get_by_test_id("user-menu").click()
    home.get_by_test_id("nav-apps").click()
    github = _app(home)
    expect(github.get_by_test_id("app-state")).to_have_text("Not set up")
    expect(github.get_by_test_id("app-steps")).to_be_visible()
    github.get_by_test_id("set-secret").click()
    home.get_by_test_id("save-app").click()
    expect(home.get_by_test_id("error-app_secret")).to_be_visible()
    home.get_by_test_id("input-app_secret").fill(SECRET)
    home.get_by_test_id("input-app_token").fill(TOKEN)
    home.keyboard.press("Escape")
    github.get_by_test_id("set-secret").click()
    expect(home.get_by_test_id("input-app_secret")).to_have_value("")
    expect(home.get_by_test_id("error-app_secret")).to_have_count(0)
    home.get_by_test_id("app-secrets-cancel").click()
    url = _save_secret(home)
    github.get_by_test_id("copy-app-url").click()
    assert home.evaluate("navigator.clipboard.readText()") == url
    assert SECRET not in home.content()

    assert _send(url, "push", SECRET).json() == {"events": 0}
    expect(github.get_by_test_id("app-unrouted")).to_have_text("1", timeout=15_000)
    expect(github.get_by_test_id("app-note")).to_contain_text("No zap waits for the event push.")
    expect(github.get_by_test_id("app-note").locator("ff-time")).to_have_attribute(
        "title", re.compile(r"\d\d:\d\d:\d\d")
    )
    assert _send(url, "push", "wrong").status_code == 401
    expect(github.get_by_test_id("app-rejected")).to_have_text("1", timeout=15_000)

    github.get_by_test_id("replace-secret").click()
    home.get_by_test_id("input-app_secret").fill("another")
    home.get_by_test_id("input-app_former").fill(SECRET)
    home.get_by_test_id("input-app_token").fill(TOKEN)
    home.get_by_test_id("save-app").click()
    expect(github.get_by_test_id("app-secrets-count")).to_have_text("2 secrets")
    expect(github.get_by_test_id("app-token")).to_have_text("stored")
    assert _send(url, "push", SECRET).status_code == 200
    github.get_by_test_id("replace-secret").click()
    home.get_by_test_id("drop-token").check()
    home.get_by_test_id("save-app").click()
    expect(github.get_by_test_id("app-token")).to_have_text("none")
    home.reload()
    is_ready(home)
    expect(github.get_by_test_id("app-url")).to_have_text(url)
    for value in (SECRET, TOKEN):
        assert value not in home.content()

    github.get_by_test_id("app-menu").click()
    home.get_by_test_id("ask-remove-app").click()
    home.get_by_test_id("remove-confirm").click()
    expect(github.get_by_test_id("app-state")).to_have_text("Not set up")
    assert _send(url, "push", SECRET).status_code == 404


def test_the_builder_shows_the_url_of_the_app_and_what_is_missing(
    home: Page, product: Product, person: Person
) -> None:
    zap_id = _zap(product, person, "Pushes", {"kind": "app", "settings": {}})
    home.goto(f"/zaps/{zap_id}")
    is_ready(home)
    home.get_by_test_id("open-trigger").click()
    expect(home.get_by_test_id("app-note")).to_be_visible()
    home.get_by_test_id("input-app").select_option("github")
    expect(home.get_by_test_id("app-without-secret")).to_be_visible()
    home.get_by_test_id("to-apps").click()
    expect(home).to_have_url(re.compile(r"/apps/?$"))
    is_ready(home)
    url = _save_secret(home)
    home.goto(f"/zaps/{zap_id}")
    is_ready(home)
    expect(home.get_by_test_id("app-url")).to_have_text(url)
    place = home.get_by_test_id("input-register_at")
    place.fill("not a repository")
    place.blur()
    expect(home.get_by_test_id("error-register_at")).to_be_visible()
    place.fill("ada/engine")
    place.blur()
    expect(home.get_by_test_id("error-register_at")).to_have_count(0)
    expect(home.get_by_test_id("save-state")).to_have_text("Saved")
    home.reload()
    is_ready(home)
    home.get_by_test_id("open-trigger").click()
    expect(home.get_by_test_id("app-without-token")).to_be_visible()
    home.get_by_test_id("publish").click()
    expect(home.get_by_test_id("registration")).to_be_visible()
    # Without a token nobody is told; the panel says so by itself.
    expect(home.get_by_test_id("registration-status")).to_have_text("Failed", timeout=20_000)
    expect(home.get_by_test_id("registration-sentence")).to_contain_text("token")
    home.get_by_test_id("retry-registration").click()
    home.set_viewport_size(PHONE)
    assert not home.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_zaps_whose_failures_fire_another_are_ticked_by_name(
    home: Page, product: Product, person: Person
) -> None:
    zap_id = _zap(product, person, "Watchdog", {"kind": "error"})
    orders = _zap(product, person, "Orders", {"kind": "manual"})
    _zap(product, person, "Bills", {"kind": "manual"})
    home.goto(f"/zaps/{zap_id}")
    is_ready(home)
    home.get_by_test_id("open-trigger").click()
    expect(home.get_by_test_id("watched-all")).to_be_visible()
    expect(home.get_by_test_id("watch-zap")).to_have_count(2)
    home.get_by_label("Orders").click()
    expect(home.get_by_test_id("watched-some")).to_contain_text("one zap")
    expect(home.get_by_label("Orders")).to_be_checked()
    draft = product.rest.get(f"/api/v1/zaps/{zap_id}/draft", headers=person.headers).json()
    assert draft["definition"]["trigger"]["settings"] == {"zap_ids": [orders]}
    home.reload()
    is_ready(home)
    home.get_by_test_id("open-trigger").click()
    expect(home.get_by_label("Orders")).to_be_checked()
    home.get_by_test_id("watch-all").click()
    expect(home.get_by_test_id("watched-all")).to_be_visible()


def test_a_phone_shows_the_apps_without_scrolling_sideways(home: Page) -> None:
    home.set_viewport_size(PHONE)
    _open(home)
    _save_secret(home)
    assert not home.evaluate("document.documentElement.scrollWidth > innerWidth")

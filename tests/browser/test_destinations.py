"""Event destinations: one is made, its secret noted, tested, switched off, and told what happens."""

import json
import re

from playwright.sync_api import Page, expect
from pytest_httpserver import HTTPServer
from standardwebhooks import Webhook
from werkzeug import Request, Response

from tests.browser.conftest import PHONE, Person, Product, is_ready

PATH = "/hooks"


def _open(page: Page) -> None:
    page.goto("/destinations")
    is_ready(page)


def _make(page: Page, url: str, name: str = "Our CRM") -> str:
    """Its secret."""
    page.get_by_test_id("input-destination_name").fill(name)
    page.get_by_test_id("input-destination_url").fill(url)
    page.get_by_test_id("kind-zap.*").check()
    page.get_by_test_id("input-destination_headers").fill("X-Key: s3cret-value")
    page.get_by_test_id("save-destination").click()
    secret = page.get_by_test_id("new-secret")
    expect(secret).to_have_text(re.compile(r"^whsec_"))
    found = secret.inner_text()
    page.get_by_test_id("copy-secret").click()
    assert page.evaluate("navigator.clipboard.readText()") == found
    page.get_by_test_id("forget-secret").click()
    expect(page.get_by_test_id("destination-secret")).not_to_be_visible()
    return found


def _rename(page: Page, url: str) -> None:
    """What was wrong at first is said where it is wrong."""
    page.get_by_test_id("destination-menu").click()
    page.get_by_test_id("change-destination").click()
    expect(page.get_by_test_id("input-destination_headers")).to_have_value("X-Key: (kept)")
    page.get_by_test_id("input-destination_url").fill("nowhere")
    page.get_by_test_id("save-destination").click()
    expect(page.get_by_test_id("error-destination_url")).to_be_visible()
    page.get_by_test_id("input-destination_url").fill(url)
    page.get_by_test_id("input-destination_name").fill("Renamed")
    page.get_by_test_id("save-destination").click()


def test_a_destination_from_its_making_to_its_deliveries(
    home: Page, product: Product, person: Person, httpserver: HTTPServer
) -> None:
    seen: list[Request] = []

    def take(request: Request) -> Response:
        seen.append(request)
        request.get_data()
        return Response(status=200)

    httpserver.expect_request(PATH).respond_with_handler(take)
    home.get_by_test_id("user-menu").click()
    home.get_by_test_id("nav-destinations").click()
    expect(home.get_by_test_id("no-destinations")).to_be_visible()
    home.get_by_test_id("first-destination").click()
    secret = _make(home, httpserver.url_for(PATH))
    home.reload()
    is_ready(home)
    line = home.get_by_test_id("destination")
    expect(line).to_contain_text("Our CRM")
    assert secret not in home.content()
    assert "s3cret-value" not in home.content()

    line.get_by_test_id("test-destination").click()
    expect(line.get_by_test_id("test-result")).to_contain_text("It was taken, with status 200.")
    Webhook(secret).verify(seen[0].get_data(), dict(seen[0].headers))
    assert seen[0].headers["X-Key"] == "s3cret-value"

    line.get_by_test_id("show-deliveries").click()
    expect(line.get_by_test_id("delivery")).to_have_count(1)
    product.rest.post(
        "/api/v1/zaps", json={"name": "Orders"}, headers=person.headers
    ).raise_for_status()
    expect(line.get_by_test_id("delivery")).to_have_count(2)
    newest = line.get_by_test_id("delivery").first
    expect(newest.get_by_test_id("delivery-status")).to_have_text("Delivered")
    assert json.loads(seen[1].get_data())["data"]["zap"]["name"] == "Orders"
    newest.get_by_test_id("show-payload").click()
    expect(newest.get_by_test_id("delivery-payload")).to_contain_text("zap.created")
    newest.get_by_test_id("retry-delivery").click()
    expect(newest.get_by_test_id("delivery-status")).to_have_text("Delivered")
    _until(home, lambda: len(seen) == 3)
    assert seen[2].headers["webhook-id"] == seen[1].headers["webhook-id"]

    _rename(home, httpserver.url_for(PATH))
    expect(line).to_contain_text("Renamed")
    line.get_by_test_id("test-destination").click()
    _until(home, lambda: len(seen) == 4)
    assert seen[3].headers["X-Key"] == "s3cret-value"

    line.get_by_test_id("switch-destination").click()
    expect(line.get_by_test_id("destination-state")).to_have_text("Off")
    line.get_by_test_id("destination-menu").click()
    home.get_by_test_id("ask-delete-destination").click()
    home.get_by_test_id("delete-confirm").click()
    expect(home.get_by_test_id("no-destinations")).to_be_visible()


def test_who_is_gone_is_explained_and_switched_on_again(
    home: Page, product: Product, person: Person, httpserver: HTTPServer
) -> None:
    httpserver.expect_request(PATH).respond_with_data("", status=410)
    product.rest.post(
        "/api/v1/event-destinations",
        json={"name": "Old CRM", "url": httpserver.url_for(PATH), "kinds": ["*"]},
        headers=person.headers,
    ).raise_for_status()
    home.set_viewport_size(PHONE)
    _open(home)
    product.rest.post(
        "/api/v1/zaps", json={"name": "Orders"}, headers=person.headers
    ).raise_for_status()
    line = home.get_by_test_id("destination")
    expect(line.get_by_test_id("destination-disabled")).to_contain_text("410")
    line.get_by_test_id("show-deliveries").click()
    expect(line.get_by_test_id("delivery-status")).to_have_text("Failed")
    assert home.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert "Switched off" in "".join(
        mail["subject"]
        for mail in product.rest.get("/api/v1/dev/mailbox").json()
        if mail["to"] == person.email
    )
    line.get_by_test_id("enable-again").click()
    expect(line.get_by_test_id("destination-disabled")).to_have_count(0)
    expect(line.get_by_test_id("destination-state")).to_have_text("On")


def test_a_secret_is_forgotten_however_its_dialog_is_closed(
    home: Page, product: Product, person: Person
) -> None:
    product.rest.post(
        "/api/v1/event-destinations",
        json={"name": "CRM", "url": "https://example.com/hooks", "kinds": ["*"]},
        headers=person.headers,
    ).raise_for_status()
    _open(home)
    home.get_by_test_id("destination-menu").click()
    home.get_by_test_id("ask-rotate-secret").click()
    home.get_by_test_id("rotate-confirm").click()
    expect(home.get_by_test_id("destination-secret")).to_be_visible()
    expect(home.get_by_test_id("new-secret")).to_have_text(re.compile(r"^whsec_"))
    home.keyboard.press("Escape")
    expect(home.get_by_test_id("destination-secret")).not_to_be_visible()
    expect(home.get_by_test_id("new-secret")).to_have_count(0)
    assert "whsec_" not in home.content()


def _until(page: Page, holds: object, seconds: float = 10) -> None:
    assert callable(holds)
    for _ in range(int(seconds * 20)):
        if holds():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it never came so far")

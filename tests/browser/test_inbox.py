"""The inbox as a person reads it: what came appears, says why, and is run again."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Person, Product, is_ready

SECRET = "HIDE-ME-PLEASE"


def _zap(product: Product, person: Person, name: str = "Orders") -> Any:
    definition = {"trigger": {"kind": "webhook"}, "steps": [{"id": "end", "kind": "stop"}]}
    zap = product.rest.post(
        "/api/v1/zaps", json={"name": name, "definition": definition}, headers=person.headers
    )
    zap_id = zap.raise_for_status().json()["id"]
    product.rest.post(f"/api/v1/zaps/{zap_id}/publish", headers=person.headers).raise_for_status()
    return zap.json()


def _send(product: Product, zap: Any, body: Any, **headers: str) -> Any:
    sent = {"X-Secret-Token": SECRET, **headers}
    return product.rest.post(zap["webhook_url"], params={"from": "shop"}, json=body, headers=sent)


def test_an_event_appears_tells_why_and_is_replayed(
    home: Page, product: Product, person: Person
) -> None:
    zap = _zap(product, person)
    home.get_by_test_id("nav-inbox").click()
    expect(home.get_by_test_id("inbox-curl")).to_contain_text(zap["webhook_url"])
    _send(product, zap, {"order": 17, "customer": {"name": "Grace"}, "password": SECRET})
    expect(home.get_by_test_id("event-verdict")).to_have_text("Accepted")
    expect(home.get_by_test_id("event-zap")).to_have_text("Orders")
    home.get_by_test_id("event-link").click()

    stations = home.get_by_test_id("why").get_by_test_id("station-status")
    expect(stations).to_have_text(["Done", "Without proof", "Done", "Done", "Done"])
    expect(home.get_by_test_id("station-received")).to_contain_text("POST from")
    expect(home.get_by_test_id("station-received")).to_contain_text("Answered 200 after")
    expect(home.locator('[data-path="trigger.body.order"]')).to_contain_text("17")
    expect(home.get_by_test_id("event-headers")).to_contain_text("content-type")
    expect(home.get_by_test_id("event-query")).to_contain_text("shop")
    assert SECRET not in home.locator("main").inner_text()

    home.get_by_test_id("body-raw").click()
    expect(home.get_by_test_id("raw-text")).to_contain_text('{"order":17,')
    with home.expect_download() as download:
        home.get_by_test_id("event-download").click()
    assert json.loads(download.value.path().read_bytes())["order"] == 17

    home.get_by_test_id("event-replay").click()
    expect(home.get_by_test_id("station-run")).to_have_count(4)
    expect(home.get_by_test_id("station-steps").last).to_have_attribute("data-status", "done")
    home.get_by_test_id("event-sample").click()
    expect(home.get_by_text("The builder now works with this event.")).to_be_visible()
    home.get_by_test_id("back").click()
    expect(home.get_by_test_id("event-row")).to_contain_text("2 runs")


def test_the_address_keeps_the_filter_and_the_search(
    home: Page, product: Product, person: Person
) -> None:
    zap, other = _zap(product, person), _zap(product, person, "Other")
    _send(product, zap, {"n": "needle"}, **{"X-Idempotency-Key": "k1"})
    _send(product, zap, {"n": 2}, **{"X-Idempotency-Key": "k1"})
    _send(product, other, {"n": 3})
    home.goto("/inbox")
    is_ready(home)
    rows = home.get_by_test_id("event-row")
    expect(rows).to_have_count(3)
    home.get_by_test_id("verdict-duplicate").click()
    expect(rows).to_have_count(1)
    expect(home.get_by_test_id("event-reason")).to_contain_text("Same idempotency key")
    assert home.url.endswith("/inbox?verdict=duplicate")
    home.reload()
    expect(rows).to_have_count(1)
    expect(home.get_by_test_id("verdict-duplicate")).to_have_attribute("aria-pressed", "true")
    home.get_by_test_id("verdict-all").click()
    home.get_by_test_id("inbox-search").fill("NEEDLE")
    expect(rows).to_have_count(1)
    expect(home).to_have_url(re.compile(r"\?q=NEEDLE$"))
    home.get_by_test_id("event-link").click()
    expect(home.get_by_test_id("event")).to_be_visible()
    home.go_back()
    is_ready(home)
    expect(home.get_by_test_id("inbox-search")).to_have_value("NEEDLE")
    expect(rows).to_have_count(1)
    home.get_by_test_id("inbox-search").fill("no such words")
    expect(home.get_by_test_id("inbox-no-match")).to_be_visible()
    home.goto(f"/zaps/{other['id']}/events")
    expect(home.get_by_test_id("inbox-zap")).to_have_text("Other")
    expect(rows).to_have_count(1)


def test_what_was_held_is_replayed_after_a_plan(
    home: Page, product: Product, person: Person
) -> None:
    zap = _zap(product, person)
    path = f"/api/v1/zaps/{zap['id']}"
    product.rest.post(f"{path}/disable", headers=person.headers).raise_for_status()
    for number in range(3):
        _send(product, zap, {"n": number})
    product.rest.post(f"{path}/enable", headers=person.headers).raise_for_status()
    home.goto(f"/zaps/{zap['id']}/events?verdict=held")
    is_ready(home)
    expect(home.get_by_test_id("event-row")).to_have_count(3)
    home.get_by_test_id("inbox-replay-open").click()
    expect(home.get_by_test_id("inbox-plan")).to_contain_text("3 events fit the filter.")
    home.get_by_test_id("inbox-replay-go").click()
    expect(home.get_by_test_id("bulk-progress")).to_contain_text("Replayed 3 runs")
    expect(home.get_by_test_id("event-row").first).to_contain_text("1 run")
    home.get_by_test_id("event-link").first.click()
    expect(home.get_by_test_id("event-advice")).to_contain_text("Replay runs this one now")


def test_a_stranger_finds_no_such_event(home: Page) -> None:
    home.goto("/events/0190a0b0-0000-7000-8000-000000000000")
    expect(home.get_by_test_id("event-missing")).to_be_visible()
    home.goto("/zaps/0190a0b0-0000-7000-8000-000000000000/events")
    expect(home.get_by_test_id("inbox-missing")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_inbox_fits_a_phone(home: Page, product: Product, person: Person, theme: str) -> None:
    zap = _zap(product, person)
    long = {"X-Long": "x" * 300, "X-Idempotency-Key": "k" * 200}
    event_id = _send(product, zap, {"text": "y" * 500}, **long).json()["eventId"]
    _send(product, zap, {"text": "again"}, **long)
    home.set_viewport_size(PHONE)
    for path, ready in (("/inbox", "event-row"), (f"/events/{event_id}", "why")):
        home.goto(path)
        is_ready(home)
        if theme == "dark":
            home.evaluate("document.documentElement.classList.replace('light', 'dark')")
        expect(home.get_by_test_id(ready).first).to_be_visible()
        overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert home.evaluate(overflow) <= 0
    expect(home.get_by_test_id("event")).to_have_attribute("data-verdict", re.compile("accepted"))

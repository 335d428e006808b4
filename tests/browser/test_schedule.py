"""The schedule page as a person sees it: what comes, what was, and why it did not."""

import re
from typing import Any

from playwright.sync_api import Page, expect
from pytest_httpserver import HTTPServer

from tests.browser.conftest import PHONE, Person, Product, is_ready
from tests.servers.feeds import rss

STOP = {"id": "end", "kind": "stop"}


def zap_of(product: Product, person: Person, trigger: dict[str, Any]) -> str:
    """A live zap with this trigger; its id."""
    body = {"name": "Morning report", "definition": {"trigger": trigger, "steps": [STOP]}}
    made = product.rest.post("/api/v1/zaps", json=body, headers=person.headers)
    zap_id = str(made.raise_for_status().json()["id"])
    product.rest.post(f"/api/v1/zaps/{zap_id}/publish", headers=person.headers).raise_for_status()
    return zap_id


def test_a_schedule_shows_what_comes_and_then_what_was(
    home: Page, product: Product, person: Person
) -> None:
    zap_id = zap_of(product, person, {"kind": "schedule", "settings": {"every_seconds": 10}})
    home.goto(f"/zaps/{zap_id}")
    is_ready(home)
    home.get_by_test_id("zap-more").click()
    home.get_by_test_id("to-schedule").click()
    expect(home.get_by_test_id("schedule-sentence")).to_have_text("Every 10 seconds")
    expect(home.get_by_test_id("schedule-time")).to_have_count(5)
    # It fires while the page is open, and a line with its run appears by itself.
    first = home.get_by_test_id("slot").first
    expect(first.get_by_test_id("slot-status")).to_have_text("Ran", timeout=30_000)
    first.get_by_test_id("slot-run").click()
    expect(home).to_have_url(re.compile(r"/runs/[0-9a-f-]{36}/?$"))


def test_what_is_switched_off_plans_nothing_and_says_so(
    home: Page, product: Product, person: Person
) -> None:
    settings = {"cron": "0 9 * * 1-5", "timezone": "Europe/Berlin", "alarm_after_seconds": 3600}
    zap_id = zap_of(product, person, {"kind": "schedule", "settings": settings})
    home.goto(f"/zaps/{zap_id}/runs")
    is_ready(home)
    home.get_by_test_id("to-schedule").click()
    expect(home.get_by_test_id("schedule-sentence")).to_have_text(
        "At 09:00 on weekdays, Europe/Berlin"
    )
    expect(home.get_by_test_id("schedule-time").first).to_contain_text("09:00")
    expect(home.get_by_test_id("slots-empty")).to_be_visible()
    expect(home.get_by_test_id("schedule-watch")).to_contain_text("1 hour")
    product.rest.post(f"/api/v1/zaps/{zap_id}/disable", headers=person.headers).raise_for_status()
    expect(home.get_by_test_id("schedule-off")).to_be_visible(timeout=15_000)
    expect(home.get_by_test_id("schedule-none")).to_be_visible()


def test_a_phone_shows_it_without_scrolling_sideways(
    home: Page, product: Product, person: Person
) -> None:
    settings = {"cron": "*/20 8-18 * * 1,3,5", "timezone": "America/Argentina/Buenos_Aires"}
    zap_id = zap_of(product, person, {"kind": "schedule", "settings": settings})
    home.set_viewport_size(PHONE)
    home.goto(f"/zaps/{zap_id}/schedule")
    expect(home.get_by_test_id("schedule-time")).to_have_count(5)
    wider = home.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not wider


def test_no_schedule_and_nobody_elses(home: Page, product: Product, person: Person) -> None:
    zap_id = zap_of(product, person, {"kind": "webhook"})
    home.goto(f"/zaps/{zap_id}/schedule")
    expect(home.get_by_test_id("schedule-empty")).to_be_visible()
    home.goto("/zaps/01900000-0000-7000-8000-000000000000/schedule")
    expect(home.get_by_test_id("schedule-missing")).to_be_visible()


def test_a_poll_shows_its_looks_and_why_they_fail(
    home: Page, product: Product, person: Person, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/feed").respond_with_data(rss(1, 2), content_type="text/xml")
    inputs = {"url": httpserver.url_for("/feed")}
    settings = {"trigger": "rss", "inputs": inputs, "every_seconds": 3600}
    zap_id = zap_of(product, person, {"kind": "poll", "settings": settings})
    home.goto(f"/zaps/{zap_id}/runs")
    is_ready(home)
    expect(home.get_by_test_id("to-schedule")).to_have_text("Looks")
    home.get_by_test_id("to-schedule").click()
    expect(home.get_by_test_id("poll-sentence")).to_contain_text("Every 1 hour")
    newest = home.get_by_test_id("slot").first
    expect(newest.get_by_test_id("slot-reason")).to_contain_text("first look", timeout=15_000)
    httpserver.clear()
    httpserver.expect_request("/feed").respond_with_data(rss(1, 2, 3, 4), content_type="text/xml")
    home.get_by_test_id("look-now").click()
    expect(newest.get_by_test_id("slot-status")).to_have_text("2 new", timeout=15_000)
    httpserver.clear()
    httpserver.expect_request("/feed").respond_with_data("no", status=500)
    home.get_by_test_id("look-now").click()
    expect(home.get_by_test_id("poll-trouble")).to_contain_text("status 500", timeout=15_000)
    expect(newest.get_by_test_id("slot-status")).to_have_text("Failed")
    home.set_viewport_size(PHONE)
    assert not home.evaluate("document.documentElement.scrollWidth > innerWidth")
    newest_run = home.get_by_test_id("slot-run").first
    newest_run.click()
    expect(home).to_have_url(re.compile(rf"/zaps/{zap_id}/runs/?$"))

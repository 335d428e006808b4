"""My Zaps: what its lines say and what can be done with them."""

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PHONE, Person, Product, is_ready, new_person

MAIL = {"to": "ada@example.com", "subject": "Hello", "body": "Hello"}
WEBHOOK = {"kind": "webhook"}


def _zap(
    product: Product, person: Person, name: str, *, publish: bool = True, trigger: Any = WEBHOOK
) -> dict[str, Any]:
    step = {"id": "mail", "kind": "action", "action": "email", "name": "Mail", "inputs": MAIL}
    definition = {"trigger": trigger, "steps": [step]}
    made = product.rest.post(
        "/api/v1/zaps", json={"name": name, "definition": definition}, headers=person.headers
    ).raise_for_status()
    zap: dict[str, Any] = made.json()
    if publish:
        product.rest.post(
            f"/api/v1/zaps/{zap['id']}/publish", headers=person.headers
        ).raise_for_status()
    return zap


def _row(page: Page, name: str) -> Locator:
    return page.get_by_test_id("zap-row").filter(has=page.get_by_text(name, exact=True))


def _choose(page: Page, name: str, action: str) -> None:
    row = _row(page, name)
    row.get_by_test_id("zap-menu").click()
    row.get_by_test_id(action).click()


def test_the_first_zap_is_one_click_away(home: Page) -> None:
    home.get_by_test_id("create-first-zap").click()
    expect(home).to_have_url(re.compile(r"/zaps/[0-9a-f-]{36}/?$"))


def test_a_line_says_what_a_zap_is_and_its_url_can_be_copied(
    home: Page, product: Product, person: Person
) -> None:
    zap = _zap(product, person, "Orders")
    home.reload()
    row = _row(home, "Orders")
    expect(row.get_by_test_id("zap-state")).to_have_text("v1")
    expect(row.locator(".chain img")).to_have_count(2)
    expect(row.locator("ff-time").first).to_have_text(re.compile(r"^\d\d [A-Z][a-z]+ \d{4}$"))
    expect(row.get_by_test_id("webhook-url")).to_have_text(zap["webhook_url"])
    row.get_by_test_id("copy-webhook-url").get_by_role("button").click()
    expect(row.get_by_label("Copied")).to_be_visible()
    assert home.evaluate("navigator.clipboard.readText()") == zap["webhook_url"]


def test_a_zap_that_no_request_fires_says_what_does_and_what_is_wrong(
    home: Page, product: Product, person: Person
) -> None:
    _zap(
        product, person, "Nightly", trigger={"kind": "schedule", "settings": {"cron": "0 3 * * *"}}
    )
    # Nothing listens there.
    feed = {"trigger": "rss", "inputs": {"url": "http://127.0.0.1:9/feed.xml"}, "every_seconds": 10}
    polling = _zap(product, person, "Feed", trigger={"kind": "poll", "settings": feed})
    home.reload()
    nightly = _row(home, "Nightly")
    expect(nightly).to_contain_text("03:00")
    expect(nightly.get_by_test_id("webhook-url")).to_have_count(0)
    trouble = _row(home, "Feed").get_by_test_id("zap-trouble")
    expect(trouble).to_contain_text("The last look failed", timeout=25_000)
    trouble.click()
    expect(home).to_have_url(re.compile(f"/zaps/{polling['id']}/schedule"))


def test_a_run_shows_up_without_a_reload(home: Page, product: Product, person: Person) -> None:
    zap = _zap(product, person, "Orders")
    home.reload()
    row = _row(home, "Orders")
    expect(row).to_contain_text("No runs yet")
    product.rest.post(zap["webhook_url"], json={"n": 1}).raise_for_status()
    expect(row.get_by_test_id("last-run")).to_be_visible()
    row.get_by_test_id("view-runs").click()
    expect(home).to_have_url(re.compile(rf"/zaps/{zap['id']}/runs/?$"))


def test_a_switch_decides_whether_the_url_answers(
    home: Page, product: Product, person: Person
) -> None:
    zap = _zap(product, person, "Orders")
    home.reload()
    switch = _row(home, "Orders").get_by_test_id("switch-zap")
    expect(switch).to_be_checked()
    switch.click()
    expect(switch).not_to_be_checked()
    assert product.rest.post(zap["webhook_url"], json={}).status_code == 404
    switch.click()
    expect(switch).to_be_checked()
    assert product.rest.post(zap["webhook_url"], json={}).is_success


def test_what_was_never_published_cannot_be_switched_on(
    home: Page, product: Product, person: Person
) -> None:
    _zap(product, person, "Sketch", publish=False)
    home.reload()
    switch = _row(home, "Sketch").get_by_test_id("switch-zap")
    switch.click()
    expect(home.get_by_text("Publish it first")).to_be_visible()
    expect(switch).not_to_be_checked()


def test_a_zap_is_renamed_copied_and_deleted(home: Page, product: Product, person: Person) -> None:
    _zap(product, person, "Orders")
    home.reload()
    _choose(home, "Orders", "rename")
    home.get_by_test_id("input-new_name").fill("  ")
    home.get_by_test_id("rename-confirm").click()
    expect(home.get_by_test_id("error-new_name")).to_have_text("Give the zap a name.")
    home.get_by_test_id("input-new_name").fill("Shipments")
    home.get_by_test_id("rename-confirm").click()
    expect(home.get_by_test_id("rename-zap")).not_to_be_visible()
    expect(_row(home, "Shipments")).to_be_visible()

    _choose(home, "Shipments", "duplicate")
    copy = _row(home, "Copy of Shipments")
    expect(copy.get_by_test_id("zap-state")).to_have_text("Draft")

    _choose(home, "Shipments", "delete")
    expect(home.get_by_test_id("delete-zap")).to_contain_text("Shipments is deleted for good")
    home.get_by_test_id("delete-zap-cancel").click()
    expect(_row(home, "Shipments")).to_be_visible()
    _choose(home, "Shipments", "delete")
    home.get_by_test_id("delete-confirm").click()
    expect(_row(home, "Shipments")).to_have_count(0)
    home.reload()
    expect(home.get_by_test_id("zap-row")).to_have_count(1)


def test_a_new_url_ends_the_old_one(home: Page, product: Product, person: Person) -> None:
    zap = _zap(product, person, "Orders")
    home.reload()
    _choose(home, "Orders", "rotate")
    home.get_by_test_id("rotate-confirm").click()
    shown = _row(home, "Orders").get_by_test_id("webhook-url")
    expect(shown).not_to_have_text(zap["webhook_url"])
    assert product.rest.post(zap["webhook_url"], json={}).status_code == 404
    assert product.rest.post(shown.inner_text(), json={}).is_success


def test_a_part_of_the_name_finds_a_zap(home: Page, product: Product, person: Person) -> None:
    for name in ("Orders", "Invoices", "100 % <b>bold</b>"):
        _zap(product, person, name, publish=False)
    home.reload()
    expect(home.get_by_test_id("zap-row")).to_have_count(3)
    home.get_by_test_id("search-zaps").fill("% <b>")
    expect(home.get_by_test_id("zap-row")).to_have_count(1)
    expect(_row(home, "100 % <b>bold</b>")).to_be_visible()
    home.get_by_test_id("search-zaps").fill("nothing like it")
    expect(home.get_by_test_id("nothing-found")).to_be_visible()
    home.get_by_test_id("search-zaps").fill("")
    expect(home.get_by_test_id("zap-row")).to_have_count(3)


def test_nobody_sees_the_zaps_of_others(home: Page, product: Product) -> None:
    _zap(product, new_person(product), "Not yours", publish=False)
    home.reload()
    is_ready(home)
    expect(home.get_by_test_id("no-zaps")).to_be_visible()


def test_on_a_phone_each_zap_is_a_card(home: Page, product: Product, person: Person) -> None:
    _zap(product, person, "A zap with quite a long name " * 3)
    home.set_viewport_size(PHONE)
    home.reload()
    expect(home.get_by_test_id("zap-row")).to_be_visible()
    expect(home.get_by_test_id("view-runs")).to_be_visible()
    assert home.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]

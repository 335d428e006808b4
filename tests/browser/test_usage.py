"""Usage: what ran is counted in the reader's own days, and every number leads to its runs."""

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import Person, Product, is_ready

FINE: dict[str, Any] = {"id": "fine", "kind": "filter", "name": "All", "when": {"any": []}}
BROKEN: dict[str, Any] = {
    "id": "broken",
    "kind": "code",
    "language": "python",
    "inputs": {},
    "code": "1 / 0",
}


def _zap(product: Product, person: Person, name: str, step: dict[str, Any], fires: int) -> str:
    definition = {"trigger": {"kind": "webhook"}, "steps": [step]}
    made = product.rest.post(
        "/api/v1/zaps", json={"name": name, "definition": definition}, headers=person.headers
    ).json()
    zap = f"/api/v1/zaps/{made['id']}"
    product.rest.post(f"{zap}/publish", headers=person.headers).raise_for_status()
    product.rest.post(f"{zap}/enable", headers=person.headers).raise_for_status()
    for _ in range(fires):
        product.rest.post(made["webhook_url"], json={}).raise_for_status()
    return str(made["id"])


def test_a_number_leads_to_its_runs_and_the_zap_has_figures_of_its_own(
    product: Product, home: Page, person: Person
) -> None:
    home.get_by_test_id("nav-usage").click()
    expect(home.get_by_test_id("usage-empty")).to_be_visible()
    _zap(product, person, "Steady", FINE, 4)
    broken = _zap(product, person, "Brittle", BROKEN, 2)

    # Without a reload: the page is live.
    expect(home.get_by_test_id("usage-total")).to_have_text("6", timeout=20_000)
    expect(home.get_by_test_id("usage-failed").first).to_have_text("2", timeout=20_000)
    expect(home.get_by_test_id("usage-rate")).to_have_text("66.6 %")

    # Of the table of zaps, by another column.
    rows = home.get_by_test_id("usage-row")
    expect(rows.first).to_contain_text("Steady")
    home.get_by_test_id("usage-sort-failed").click()
    expect(rows.first).to_contain_text("Brittle")
    rows.first.get_by_test_id("usage-zap-link").click()
    expect(home).to_have_url(re.compile(rf"/usage/?\?.*zap={broken}"))
    expect(home.get_by_test_id("usage-total")).to_have_text("2")

    # Each day is a link of its own, for the keyboard, too; the same is there as a table.
    home.get_by_test_id("usage-7").click()
    expect(home.get_by_test_id("usage-bar")).to_have_count(7)
    today = home.get_by_test_id("usage-bar").last
    expect(today).to_have_accessible_name(re.compile(r": 2 runs, 2 failed$"))
    home.get_by_test_id("usage-days-open").click()
    expect(home.get_by_test_id("usage-days").locator("tbody tr").last).to_contain_text("2")
    today.focus()
    home.keyboard.press("Enter")
    expect(home).to_have_url(re.compile(rf"/zaps/{broken}/runs/?\?from="))
    expect(home.get_by_test_id("run-row")).to_have_count(2)
    home.go_back()
    home.get_by_test_id("usage-failed").first.click()
    expect(home.get_by_test_id("run-row")).to_have_count(2)
    expect(home.get_by_test_id("filter-failed")).to_have_attribute("aria-pressed", "true")


def test_an_address_without_a_zone_is_read_in_the_browsers_own(home: Page) -> None:
    zone = home.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone")
    home.goto("/usage")
    is_ready(home)
    expect(home.get_by_test_id("usage-zone")).to_have_text(zone)
    home.goto("/usage?days=7&tz=Asia/Kathmandu")
    expect(home.get_by_test_id("usage-zone")).to_have_text("Asia/Kathmandu")
    home.goto("/usage?zap=nobodys")
    expect(home.get_by_test_id("usage-missing")).to_be_visible()

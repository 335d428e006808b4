"""Around the list of zaps: templates."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, is_ready


def test_a_template_is_found_looked_into_and_used(home: Page) -> None:
    home.get_by_test_id("open-templates").click()
    expect(home.locator(".template")).to_have_count(12)
    home.get_by_role("button", name="Orders", exact=True).click()
    expect(home.locator(".template")).to_have_count(2)
    home.get_by_role("button", name="All", exact=True).click()
    home.get_by_test_id("search-templates").fill("refund")
    expect(home.locator(".template")).to_have_count(1)
    home.get_by_test_id("look-inside").click()
    expect(home.get_by_test_id("template-steps")).to_contain_text("Ask the team")
    home.keyboard.press("Escape")
    home.get_by_test_id("search-templates").fill("no such thing")
    expect(home.get_by_test_id("no-templates")).to_be_visible()
    home.get_by_test_id("search-templates").fill("refund")
    home.get_by_test_id("use-template").click()
    expect(home).to_have_url(re.compile(r"/zaps/[0-9a-f-]{36}/?$"))
    expect(home.get_by_text("Large or small?")).to_be_visible()


def test_the_gallery_fits_on_a_phone(home: Page) -> None:
    home.set_viewport_size(PHONE)
    home.goto("/templates")
    is_ready(home)
    expect(home.locator(".template")).to_have_count(12)
    assert home.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]

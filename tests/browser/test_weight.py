"""What the browser must fetch before a page is there: as the product serves it, compressed."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Person, Product, is_ready, shows_steps_as

FIRST_PAGE_BYTES = 350_000
BUILDER_BYTES = 500_000

# Encoded: what went over the wire, without headers.
_SCRIPTS = """() => performance.getEntriesByType("resource")
  .filter((one) => /\\.m?js(\\?|$)/.test(one.name))
  .reduce((sum, one) => sum + one.encodedBodySize, 0)"""


@pytest.mark.parametrize("path", ["/", "/signin"])
def test_a_first_page_is_light(page: Page, path: str) -> None:
    page.goto(path)
    is_ready(page)
    assert 10_000 < page.evaluate(_SCRIPTS) <= FIRST_PAGE_BYTES


@pytest.mark.parametrize("path", ["/dashboard", "/runs", "/inbox", "/templates"])
def test_lists_are_as_light(home: Page, path: str) -> None:
    home.goto(path)
    is_ready(home)
    assert 10_000 < home.evaluate(_SCRIPTS) <= FIRST_PAGE_BYTES


def test_the_builder_is_within_its_budget_with_canvas_and_a_code_step_open(
    home: Page, product: Product, person: Person
) -> None:
    code = {"id": "calc", "kind": "code", "name": "Calc", "code": "1 + 1", "inputs": {}}
    made = product.rest.post(
        "/api/v1/zaps",
        json={"name": "Code", "definition": {"trigger": {"kind": "webhook"}, "steps": [code]}},
        headers=person.headers,
    ).raise_for_status()
    home.add_init_script(shows_steps_as("canvas"))
    home.goto(f"/zaps/{made.json()['id']}")
    is_ready(home)
    home.get_by_test_id("canvas").get_by_text("Calc", exact=True).click()
    expect(home.get_by_test_id("panel-title")).to_have_text("Calc")
    home.wait_for_load_state("networkidle")
    assert 10_000 < home.evaluate(_SCRIPTS) <= BUILDER_BYTES

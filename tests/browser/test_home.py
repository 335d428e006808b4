"""Around the list of zaps: templates, the first steps, folders and tags, files, health."""

import json
import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PHONE, Person, Product, is_ready


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
    expect(home.get_by_test_id("template-steps")).to_be_visible()
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


def test_the_first_steps_are_ticked_as_they_happen(
    home: Page, product: Product, person: Person
) -> None:
    steps = home.get_by_test_id("first-steps")
    expect(home.get_by_test_id("first-steps-count")).to_have_text("0 of 4 done")
    home.get_by_test_id("create-first-zap").click()
    expect(home).to_have_url(re.compile(r"/zaps/[0-9a-f-]{36}/?$"))
    zap_id = home.url.rstrip("/").rsplit("/", 1)[1]
    home.goto("/dashboard")
    expect(home.get_by_test_id("first-step-create")).to_have_attribute("data-done", "true")
    line = home.get_by_test_id("first-curl").inner_text()
    url = next(part for part in line.split() if part.startswith("http"))

    product.rest.post(url, json={"name": "Ada"})
    expect(home.get_by_test_id("first-step-send")).to_have_attribute("data-done", "true")
    step = {"id": "any", "kind": "filter", "name": "All", "when": {"any": []}}
    definition = {"trigger": {"kind": "webhook"}, "steps": [step]}
    zap = f"/api/v1/zaps/{zap_id}"
    draft = {"revision": 1, "definition": definition}
    product.rest.put(f"{zap}/draft", json=draft, headers=person.headers).raise_for_status()
    product.rest.post(f"{zap}/publish", headers=person.headers).raise_for_status()
    # Publishing is no news of a project: the page looks again by itself.
    published = home.get_by_test_id("first-step-publish")
    expect(published).to_have_attribute("data-done", "true", timeout=15_000)
    product.rest.post(url, json={"name": "Ada"}).raise_for_status()
    expect(steps).to_contain_text("That is all it takes")
    expect(home.get_by_test_id("first-steps-go-see")).to_be_visible()
    expect(home.get_by_test_id("first-steps-further")).to_contain_text("Watch a retry")
    # Complete is for good.
    home.reload()
    expect(home.get_by_test_id("zap-row")).to_be_visible()
    expect(steps).to_have_count(0)


def test_the_first_steps_go_for_good_when_told_to(home: Page) -> None:
    expect(home.get_by_test_id("first-steps")).to_be_visible()
    home.get_by_test_id("first-steps-end").click()
    expect(home.get_by_test_id("first-steps")).to_have_count(0)
    home.reload()
    expect(home.get_by_test_id("no-zaps")).to_be_visible()
    expect(home.get_by_test_id("create-first-zap")).to_be_visible()
    expect(home.get_by_test_id("first-steps")).to_have_count(0)


def _row(page: Page, name: str) -> Locator:
    return page.get_by_test_id("zap-row").filter(has=page.get_by_text(name, exact=True))


def _made(product: Product, person: Person, name: str) -> None:
    product.rest.post(
        "/api/v1/zaps", json={"name": name}, headers=person.headers
    ).raise_for_status()


def _manage(page: Page, action: str) -> None:
    page.get_by_test_id("folder-menu").click()
    page.get_by_test_id(action).click()


def test_zaps_are_put_into_folders_which_go_without_them(
    home: Page, product: Product, person: Person
) -> None:
    for name in ("Orders", "Loose"):
        _made(product, person, name)
    home.reload()
    _manage(home, "new-folder")
    home.get_by_test_id("input-folder_name").fill("Shop")
    home.get_by_test_id("folder-confirm").click()
    expect(home.get_by_test_id("nothing-found")).to_be_visible()
    _manage(home, "new-folder")
    home.get_by_test_id("input-folder_name").fill("SHOP")
    home.get_by_test_id("folder-confirm").click()
    expect(home.get_by_test_id("error-folder_name")).to_contain_text("already")
    home.keyboard.press("Escape")

    home.get_by_test_id("folder").select_option("")
    row = _row(home, "Orders")
    row.get_by_test_id("zap-menu").click()
    row.get_by_test_id("file").click()
    home.get_by_test_id("zap-folder").select_option(label="Shop")
    home.get_by_test_id("input-zap_tags").fill("Sales, <b>mail</b>, sales")
    home.get_by_test_id("file-confirm").click()
    expect(home.get_by_test_id("file-zap")).not_to_be_visible()
    expect(row.get_by_test_id("tag")).to_have_text(["<b>mail</b>", "Sales"])

    home.get_by_test_id("folder").select_option(label="Shop (1)")
    expect(home.get_by_test_id("zap-row")).to_have_count(1)
    _manage(home, "rename-folder")
    home.get_by_test_id("input-folder_name").fill("Store")
    home.get_by_test_id("folder-confirm").click()
    expect(home.get_by_test_id("folder")).to_contain_text("Store (1)")
    _manage(home, "ask-delete-folder")
    home.get_by_test_id("folder-delete").click()
    expect(home.get_by_test_id("zap-row")).to_have_count(2)

    row.get_by_text("Sales", exact=True).click()
    expect(home.get_by_test_id("zap-row")).to_have_count(1)
    home.get_by_test_id("tag-chosen").click()
    expect(home.get_by_test_id("zap-row")).to_have_count(2)
    home.get_by_test_id("folder").select_option("none")
    expect(home.get_by_test_id("zap-row")).to_have_count(2)


def test_a_zap_goes_out_as_a_file_and_comes_in_again(
    home: Page, product: Product, person: Person
) -> None:
    _made(product, person, "Large orders")
    home.reload()
    row = _row(home, "Large orders")
    row.get_by_test_id("zap-menu").click()
    with home.expect_download() as coming:
        row.get_by_test_id("export").click()
    assert coming.value.suggested_filename == "large-orders.json"
    path = coming.value.path()
    assert json.loads(path.read_text())["name"] == "Large orders"

    home.get_by_test_id("import").click()
    home.get_by_test_id("import-text").fill('{"name": "x", "owner_id": 1}')
    home.get_by_test_id("import-confirm").click()
    refused = home.get_by_test_id("import-problem")
    expect(refused).to_contain_text("owner_id is not a part of a file")
    expect(refused).to_contain_text("definition is missing")
    home.get_by_test_id("import-file").set_input_files(path)
    expect(home.get_by_test_id("import-text")).to_have_value(re.compile("Large orders"))
    home.get_by_test_id("import-confirm").click()
    expect(home).to_have_url(re.compile(r"/zaps/[0-9a-f-]{36}/?$"))


def test_a_week_of_a_zap_is_drawn_and_its_last_error_leads_to_the_run(
    home: Page, product: Product, person: Person
) -> None:
    broken = {"id": "sum", "kind": "code", "language": "python", "inputs": {}, "code": "1 / 0"}
    definition = {"trigger": {"kind": "webhook"}, "steps": [broken]}
    given = {"name": "Broken", "definition": definition}
    zap = product.rest.post("/api/v1/zaps", json=given, headers=person.headers).json()
    product.rest.post(f"/api/v1/zaps/{zap['id']}/publish", headers=person.headers)
    product.rest.post(zap["webhook_url"], json={}).raise_for_status()
    row = _row(home, "Broken")
    expect(row.get_by_label("Last 7 days: 0 succeeded, 1 failed")).to_be_visible(timeout=20_000)
    home.set_viewport_size(PHONE)
    assert home.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    row.get_by_test_id("last-error").click()
    expect(home).to_have_url(re.compile(r"/runs/[0-9a-f-]{36}/?$"))

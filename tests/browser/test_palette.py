"""The palette, the step picker's search and the sheet of keys: found by a few letters, without a
mouse where there is a keyboard, and with a finger where there is none.
"""

import json
import re
import time
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import PHONE, Person, Product, is_ready, sign_in

ECHO = "http://echo.flowforge.internal"
LINE = f"""curl '{ECHO}/orders' \\
  -H 'X-Api-Key: s3cret-of-ada' \\
  -H 'Content-Type: application/json' \\
  --data-raw '{{"order": {{"id": 7}}}}' --compressed"""
MAIL = {
    "kind": "action",
    "id": "tell",
    "name": "Tell the boss",
    "action": "email",
    "inputs": {"to": "ada@example.com", "body": "x"},
}


def _zap(product: Product, person: Person, name: str, *steps: dict[str, Any]) -> dict[str, Any]:
    made = product.rest.post(
        "/api/v1/zaps",
        json={"name": name, "definition": {"trigger": {"kind": "webhook"}, "steps": list(steps)}},
        headers=person.headers,
    )
    zap: dict[str, Any] = made.raise_for_status().json()
    return zap


def _steps(product: Product, person: Person, zap: dict[str, Any]) -> list[dict[str, Any]]:
    answer = product.rest.get(f"/api/v1/zaps/{zap['id']}", headers=person.headers)
    steps: list[dict[str, Any]] = answer.raise_for_status().json()["definition"]["steps"]
    return steps


def _open(page: Page, zap: dict[str, Any]) -> None:
    page.goto(f"/zaps/{zap['id']}")
    is_ready(page)
    expect(page.get_by_test_id("steps")).to_be_visible()


def _lines(page: Page) -> Locator:
    return page.locator("#palette-list [role=option]")


def _active(page: Page, box: str) -> str:
    """What a screen reader says of the line that is lit."""
    field = page.get_by_test_id(box)
    return page.locator(f"#{field.get_attribute('aria-activedescendant')}").inner_text()


def _paste(page: Page, field: str, text: str) -> None:
    """As Ctrl+V does, with this text on the clipboard."""
    page.get_by_test_id(field).evaluate(
        """(field, text) => {
          const data = new DataTransfer();
          data.setData("text/plain", text);
          const event = { clipboardData: data, bubbles: true, cancelable: true };
          field.dispatchEvent(new ClipboardEvent("paste", event));
        }""",
        text,
    )


def test_a_zap_a_page_and_a_command_are_found_by_a_few_letters_and_keys_alone(
    home: Page, product: Product, person: Person
) -> None:
    zap = _zap(product, person, "Orders <script>alert(1)</script>")
    _zap(product, person, "Refunds")
    home.reload()
    is_ready(home)
    expect(home.get_by_test_id("zap-row")).to_have_count(2)
    home.get_by_test_id("search-zaps").focus()
    home.keyboard.press("Control+k")
    expect(home.get_by_test_id("palette-search")).to_be_focused()
    expect(_lines(home).first).to_have_attribute("aria-selected", "true")
    home.keyboard.press("ArrowDown")
    expect(_lines(home).nth(1)).to_have_attribute("aria-selected", "true")
    assert "Inbox" in _active(home, "palette-search")
    home.keyboard.press("ArrowUp")
    home.keyboard.press("ArrowUp")
    expect(_lines(home).last).to_have_attribute("aria-selected", "true")
    home.keyboard.press("Escape")
    expect(home.get_by_test_id("palette")).to_be_hidden()
    expect(home.get_by_test_id("search-zaps")).to_be_focused()
    home.keyboard.press("Control+k")
    home.keyboard.type("ord")
    # Quicker than the answer: what it says first is meant.
    home.keyboard.press("Enter")
    expect(home).to_have_url(re.compile(f"/zaps/{zap['id']}/?$"))
    expect(home.get_by_test_id("palette")).to_be_hidden()
    is_ready(home)
    home.keyboard.press("Control+k")
    # What was chosen last comes first.
    expect(_lines(home).first).to_contain_text("Orders <script>")
    home.keyboard.type("nothing like it")
    expect(home.get_by_test_id("palette-none")).to_contain_text("Nothing fits")
    home.get_by_test_id("palette-search").fill("dark")
    expect(_lines(home)).to_have_count(1)
    home.keyboard.press("Enter")
    expect(home.locator("html")).to_have_class(re.compile("dark"))
    home.keyboard.press("Control+k")
    home.keyboard.type("logout")
    expect(_lines(home)).to_have_count(1)
    home.keyboard.press("Enter")
    expect(home.get_by_test_id("nav-login")).to_be_visible()


def test_a_run_is_found_by_the_end_of_its_id(home: Page, product: Product, person: Person) -> None:
    zap = _zap(product, person, "Orders", {"id": "end", "kind": "stop"})
    product.rest.post(f"/api/v1/zaps/{zap['id']}/publish", headers=person.headers)
    run = product.rest.post(zap["webhook_url"], json={}).raise_for_status().json()["zapRunId"]
    home.get_by_test_id("open-palette").click()
    home.get_by_test_id("palette-search").fill(run[-8:])
    home.get_by_test_id(f"palette-run:{run}").click()
    expect(home).to_have_url(re.compile(f"/runs/{run}/?$"))


def test_in_the_builder_it_leads_to_steps_adds_by_other_words_and_presses_buttons(
    home: Page, product: Product, person: Person
) -> None:
    zap = _zap(product, person, "Orders", MAIL, {"id": "end", "kind": "stop"})
    _open(home, zap)

    def say(words: str, finds: str) -> None:
        home.keyboard.press("Control+k")
        home.get_by_test_id("palette-search").fill(words)
        expect(_lines(home).first).to_contain_text(finds)
        home.keyboard.press("Enter")
        expect(home.get_by_test_id("palette")).to_be_hidden()

    say("boss", "Tell the boss")
    expect(home.get_by_test_id("panel-title")).to_have_text("Tell the boss")
    say("switch", "Add Router")
    expect(home.get_by_test_id("card-router")).to_be_visible()
    assert [step["id"] for step in _steps(product, person, zap)] == ["tell", "router", "end"]
    say("undo", "Undo")
    expect(home.get_by_test_id("card-router")).to_have_count(0)
    say("as json", "Edit all as JSON")
    expect(home.get_by_test_id("json-text")).to_have_value(re.compile("Tell the boss"))


def test_the_picker_finds_by_other_words_and_what_was_picked_last_comes_first(
    home: Page, product: Product, person: Person
) -> None:
    zap = _zap(product, person, "Orders")
    _open(home, zap)
    home.get_by_test_id("add-step").click()
    home.get_by_test_id("picker-search").fill("foreach")
    expect(home.locator(".pick").first).to_contain_text("Loop")
    home.keyboard.press("Enter")
    expect(home.get_by_test_id("card-loop")).to_be_visible()
    home.reload()
    is_ready(home)
    home.get_by_test_id("add-step").last.click()
    expect(home.get_by_test_id("step-picker")).to_contain_text("Recent")
    expect(home.locator(".pick").first).to_contain_text("Loop")
    home.keyboard.press("ArrowDown")
    home.keyboard.press("ArrowDown")
    second = _active(home, "picker-search").splitlines()[0]
    home.keyboard.press("Enter")
    expect(home.get_by_test_id("panel-title")).to_have_text(second)


def test_a_curl_line_pasted_into_the_search_becomes_a_step_that_works(
    home: Page, product: Product, person: Person
) -> None:
    zap = _zap(product, person, "Orders")
    _open(home, zap)
    home.get_by_test_id("add-step").click()
    expect(home.get_by_test_id("picker-search")).to_be_focused()
    _paste(home, "picker-search", "curl -F file=@a.png https://example.com")
    expect(home.get_by_test_id("paste-refusal")).to_contain_text("-F sends a multipart form")
    home.get_by_test_id("paste-text").fill(LINE)
    home.get_by_test_id("paste-confirm").click()
    expect(home.get_by_test_id("input-url")).to_have_value(f"{ECHO}/orders")
    expect(home.get_by_test_id("value-headers-0")).to_have_value("s3cret-of-ada")
    expect(home.get_by_text("carries a secret: X-Api-Key")).to_be_visible()
    expect(home.get_by_test_id("panel")).to_contain_text("as it was typed: X-Api-Key")
    product.rest.post(
        f"/api/v1/zaps/{zap['id']}/publish", headers=person.headers
    ).raise_for_status()
    run = product.rest.post(zap["webhook_url"], json={}).raise_for_status().json()["zapRunId"]
    told = _ended(product, person, run)
    assert told["status"] == "succeeded"
    assert '"id": 7' in json.dumps(told) or '"id":7' in json.dumps(told)


def _ended(product: Product, person: Person, run: str) -> dict[str, Any]:
    end = time.monotonic() + 15
    while True:
        answer = product.rest.get(f"/api/v1/runs/{run}", headers=person.headers)
        told: dict[str, Any] = answer.raise_for_status().json()
        if told["status"] in {"succeeded", "failed"} or time.monotonic() > end:
            return told
        time.sleep(0.1)


def test_the_sheet_says_which_keys_work_here_and_does_not_come_while_somebody_types(
    home: Page, product: Product, person: Person
) -> None:
    zap = _zap(product, person, "Orders")
    home.keyboard.press("?")
    expect(home.get_by_test_id("keys-everywhere")).to_be_visible()
    expect(home.get_by_test_id("keys-builder")).to_be_hidden()
    expect(home.get_by_test_id("shortcuts-close")).to_be_focused()
    home.keyboard.press("Escape")
    _open(home, zap)
    home.get_by_test_id("zap-name").focus()
    home.keyboard.press("?")
    expect(home.get_by_test_id("shortcuts")).to_be_hidden()
    home.get_by_test_id("user-menu").click()
    home.get_by_test_id("nav-shortcuts").click()
    expect(home.get_by_test_id("keys-builder")).to_be_visible()


def test_on_a_phone_the_magnifier_opens_it(
    browser: Browser, product: Product, person: Person
) -> None:
    _zap(product, person, "Orders")
    context = browser.new_context(base_url=product.url, viewport=PHONE, has_touch=True)
    page = context.new_page()
    sign_in(page, person.email)
    expect(page).to_have_url(re.compile("/dashboard"))
    is_ready(page)
    page.get_by_test_id("open-palette").tap()
    page.get_by_test_id("palette-search").fill("ord")
    expect(_lines(page)).to_have_count(1)
    box = page.get_by_test_id("palette").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]
    _lines(page).first.tap()
    expect(page).to_have_url(re.compile("/zaps/"))
    context.close()


def test_a_list_of_zaps_is_shared_by_its_address(
    home: Page, product: Product, person: Person
) -> None:
    for name, tags in (("Orders", ["eu"]), ("Offers", ["eu"]), ("Refunds", [])):
        zap = _zap(product, person, name)
        product.rest.patch(
            f"/api/v1/zaps/{zap['id']}", json={"tags": tags}, headers=person.headers
        ).raise_for_status()
    home.reload()
    is_ready(home)
    home.get_by_test_id("tag").first.click()
    expect(home.get_by_test_id("zap-row")).to_have_count(2)
    home.get_by_test_id("search-zaps").fill("off")
    expect(home.get_by_test_id("zap-row")).to_have_count(1)
    expect(home).to_have_url(re.compile(r"/dashboard/?\?tag=eu&q=off$"))
    other = home.context.new_page()
    other.goto(home.url)
    expect(other.get_by_test_id("zap-row")).to_have_count(1)
    expect(other.get_by_test_id("search-zaps")).to_have_value("off")
    expect(other.get_by_test_id("tag-chosen")).to_contain_text("eu")

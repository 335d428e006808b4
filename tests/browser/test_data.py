"""Data: real values are looked at, picked, and taken along; what is large stays quick."""

import json
import re
import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Person, Product, is_ready

MANY = """
result = {
    "rows": [{"id": number, "sku": "sku-" + str(number)} for number in range(100000)],
    "long": "x" * 1000000 + "the end",
    "evil": "<script>window.wasRun = true</script> \\u202egnp.exe",
    "big": 12345678901234567890,
}
"""
BODY = {"id": 17, "customer": {"name": "Grace", "odd key": {"deep": True}}, "api_key": "hidden-one"}


def _zap(product: Product, person: Person, *steps: dict[str, Any]) -> Any:
    definition = {"trigger": {"kind": "webhook"}, "steps": list(steps)}
    made = product.rest.post(
        "/api/v1/zaps", json={"name": "Orders", "definition": definition}, headers=person.headers
    )
    return made.raise_for_status().json()


def _code(step_id: str, code: str, **inputs: Any) -> dict[str, Any]:
    return {"kind": "code", "id": step_id, "code": code, "inputs": inputs}


def _mail(**inputs: Any) -> dict[str, Any]:
    return {"kind": "action", "id": "mail", "action": "email", "inputs": inputs}


def _open(page: Page, zap: Any, card: str) -> None:
    page.goto(f"/zaps/{zap['id']}")
    is_ready(page)
    page.get_by_test_id(f"open-{card}").click()
    expect(page.get_by_test_id("data-tree")).to_be_visible()


def _run_of(product: Product, person: Person, zap: Any, body: Any) -> str:
    """The id of a run that has ended."""
    url = f"/api/v1/zaps/{zap['id']}/publish"
    product.rest.post(url, headers=person.headers).raise_for_status()
    answer = product.rest.post(zap["webhook_url"], json=body).raise_for_status()
    run_id = str(answer.json()["zapRunId"])
    for _ in range(150):
        run = product.rest.get(f"/api/v1/runs/{run_id}", headers=person.headers).json()
        if run["status"] == "succeeded":
            return run_id
        time.sleep(0.2)
    pytest.fail(f"the run is {run['status']}: {run['error']}")


def test_a_value_is_picked_from_the_tree_by_mouse_and_by_keyboard(
    home: Page, product: Product, person: Person
) -> None:
    zap = _zap(product, person, _code("shape", "1"), _mail(to="ada@example.com"))
    product.rest.post(zap["webhook_url"], json=BODY)
    _open(home, zap, "mail")
    picker = home.get_by_test_id("data-picker")
    expect(picker).not_to_contain_text("hidden-one")
    body = home.get_by_test_id("input-body")
    body.fill("Dear !")
    body.evaluate("field => field.setSelectionRange(5, 5)")
    home.get_by_test_id("insert-{{ trigger.body.customer.name }}").click()
    expect(body).to_have_value("Dear {{ trigger.body.customer.name }}!")
    # It is taken back like anything that was typed.
    body.press("Control+z")
    expect(body).to_have_value("Dear !")

    top = home.get_by_test_id("insert-{{ trigger.body }}")
    top.focus()
    top.press("ArrowLeft")
    expect(home.get_by_test_id("insert-{{ trigger.body.id }}")).to_have_count(0)
    top.press("ArrowRight")
    top.press("ArrowDown")
    first = home.get_by_test_id("insert-{{ trigger.body.id }}")
    expect(first).to_be_focused()
    first.press("Enter")
    expect(body).to_have_value("Dear {{ trigger.body.id }}!")

    home.get_by_test_id("data-search").fill("deep")
    odd = home.get_by_test_id('insert-{{ trigger.body.customer["odd key"].deep }}')
    expect(odd).to_contain_text("true")
    expect(first).to_have_count(0)
    home.get_by_test_id("data-search").fill("no such thing")
    expect(picker.get_by_text("Nothing here has these words.")).to_be_visible()


def test_a_step_without_values_is_tested_from_where_they_are_missed(
    home: Page, product: Product, person: Person
) -> None:
    shape = _code(
        "shape", "{'greeting': 'Hello ' + inputs['name']}", name="{{ trigger.body.name }}"
    )
    zap = _zap(product, person, shape, _mail(to="ada@example.com"))
    product.rest.post(zap["webhook_url"], json={"name": "Grace"})
    _open(home, zap, "mail")
    home.get_by_test_id("test-shape").click()
    expect(home.get_by_test_id("insert-{{ steps.shape.greeting }}")).to_contain_text("Hello Grace")
    expect(home.get_by_test_id("test-shape")).to_have_count(0)
    expect(home.get_by_test_id("panel-title")).to_have_text("Send Email")


def test_a_hundred_thousand_rows_are_opened_searched_and_taken_along(
    home: Page, product: Product, person: Person
) -> None:
    run = _run_of(product, person, _zap(product, person, _code("shape", MANY)), BODY)
    home.goto(f"/runs/{run}")
    home.get_by_test_id("open-shape").click()
    output = home.get_by_test_id("output-json")
    output.get_by_test_id("output-json-load").click()
    rows = output.locator('[data-path="steps.shape.rows"]')
    # Four megabytes have to come first.
    expect(rows).to_contain_text("100,000 items", timeout=30_000)
    began = time.monotonic()
    rows.locator(".v-chev").click()
    expect(output.locator('[data-path="steps.shape.rows[99]"]')).to_be_visible()
    assert time.monotonic() - began < 3
    expect(output.locator('[data-path="steps.shape.rows[100]"]')).to_have_count(0)
    output.get_by_text("Show more (99,900 left)").click()
    inner = output.locator('[data-path="steps.shape.rows[199]"]')
    inner.locator(".v-chev").click()
    output.locator('[data-path="steps.shape.rows[199].sku"]').click()
    expect(output.get_by_test_id("output-json-path")).to_have_text(
        "{{ steps.shape.rows[199].sku }}"
    )
    output.get_by_test_id("output-json-copy-path").get_by_role("button").click()
    copied = home.evaluate("navigator.clipboard.readText()")
    assert copied == "{{ steps.shape.rows[199].sku }}"

    output.get_by_test_id("output-json-seek").click()
    output.get_by_test_id("output-json-search").fill("sku-99999")
    found = output.locator('[data-path="steps.shape.rows[99999].sku"]')
    expect(found).to_contain_text("sku-99999")
    output.get_by_test_id("output-json-seek").click()
    evil = output.locator('[data-path="steps.shape.evil"]')
    expect(evil).to_contain_text("<script>window.wasRun = true</script> \\u202egnp.exe")
    assert home.evaluate("window.wasRun") is None
    assert "\u202e" not in home.locator("main").inner_text()
    # A number that a browser would round stays what it is.
    expect(output.locator('[data-path="steps.shape.big"]')).to_contain_text("12345678901234567890")
    with home.expect_download() as download:
        output.get_by_test_id("output-json-download").click()
    whole = json.loads(download.value.path().read_bytes())
    assert (len(whole["rows"]), whole["long"][-7:]) == (100_000, "the end")


def test_a_small_value_is_open_at_once_and_has_its_raw_text(
    home: Page, product: Product, person: Person
) -> None:
    zap = _zap(product, person, _code("shape", "inputs", n="{{ trigger.body.id }}"))
    run = _run_of(product, person, zap, BODY)
    home.goto(f"/runs/{run}")
    home.get_by_test_id("trigger-open").click()
    body = home.get_by_test_id("body-json")
    expect(body.locator('[data-path="trigger.body.customer.name"]')).to_contain_text("Grace")
    body.get_by_test_id("body-json-raw").click()
    expect(body).to_contain_text(re.compile('"name": "Grace"'))
    home.get_by_test_id("open-shape").click()
    given = home.get_by_test_id("input-json")
    given.locator('[data-path="n"]').click()
    # Nothing can name what a step was given.
    expect(given.get_by_test_id("input-json-path")).to_have_text("n")


def test_expressions_are_marked_named_and_shown_with_what_they_come_to(
    home: Page, product: Product, person: Person
) -> None:
    text = "Dear {{ trigger.body.customer.name }}, {{ trigger.body.idd }}"
    zap = _zap(product, person, _mail(to="ada@example.com", body=text))
    product.rest.post(zap["webhook_url"], json=BODY)
    _open(home, zap, "mail")
    field = home.get_by_test_id("field-body")
    # Also without the cursor: what the sample does not have.
    expect(field.get_by_test_id("liquid-note")).to_have_text(
        "trigger.body.idd is not in the sample; did you mean id?"
    )
    expect(field.locator("mark.is-ok")).to_have_text("{{ trigger.body.customer.name }}")
    expect(field.locator("mark.is-missing")).to_have_text("{{ trigger.body.idd }}")
    body = home.get_by_test_id("input-body")
    body.click()
    body.evaluate("field => field.setSelectionRange(12, 12)")
    expect(field.get_by_test_id("liquid-label")).to_have_text("Trigger · customer.name")
    expect(field.get_by_test_id("liquid-preview")).to_contain_text("Dear Grace,")
    # What is copied is what was written.
    body.press("Control+a")
    body.press("Control+c")
    assert home.evaluate("navigator.clipboard.readText()") == text
    body.fill("{{ trigger.body.id }}")
    expect(field.get_by_test_id("liquid-preview")).to_have_text("→17number")
    expect(field.get_by_test_id("liquid-note")).to_have_count(0)
    body.fill("{{ steps.nobody.id }}")
    expect(field.get_by_text("There is no step", exact=False).first).to_be_visible()
    body.fill("no expression")
    expect(field.locator(".lq-mirror")).to_have_count(0)


def test_two_braces_offer_places_and_a_bar_offers_filters(
    home: Page, product: Product, person: Person
) -> None:
    zap = _zap(product, person, _mail(to="ada@example.com", body="x"))
    product.rest.post(zap["webhook_url"], json=BODY)
    _open(home, zap, "mail")
    subject = home.get_by_test_id("input-subject")
    subject.click()
    home.keyboard.type("For {{ name")
    offer = home.get_by_test_id("liquid-offer")
    expect(offer.get_by_role("option")).to_have_count(1)
    expect(offer).to_contain_text("Grace")
    home.keyboard.press("Enter")
    expect(subject).to_have_value("For {{ trigger.body.customer.name }}")
    expect(offer).to_have_count(0)
    for _ in range(3):
        home.keyboard.press("ArrowLeft")
    home.keyboard.type(" | upc")
    expect(offer.get_by_role("option").first).to_contain_text("upcase")
    home.keyboard.press("Tab")
    expect(subject).to_have_value("For {{ trigger.body.customer.name | upcase }}")
    expect(home.get_by_test_id("liquid-preview")).to_contain_text("For GRACE")
    home.keyboard.type(" {{ tri")
    expect(offer).to_be_visible()
    home.keyboard.press("Escape")
    expect(offer).to_have_count(0)
    expect(subject).to_be_focused()


def test_a_secret_is_neither_marked_nor_shown(home: Page, product: Product, person: Person) -> None:
    slack = {"kind": "action", "id": "slack", "action": "slack", "inputs": {"message": "x"}}
    zap = _zap(product, person, slack)
    product.rest.post(zap["webhook_url"], json=BODY)
    _open(home, zap, "slack")
    home.get_by_test_id("input-webhookUrl").fill("{{ trigger.body.customer.name }}")
    home.get_by_test_id("input-message").fill("{{ trigger.body.customer.name }}")
    expect(home.get_by_test_id("liquid-preview")).to_contain_text("Grace")
    expect(home.get_by_test_id("field-webhookUrl").locator(".lq-mirror")).to_have_count(0)


def test_code_is_completed_run_and_its_wrong_line_marked(
    home: Page, product: Product, person: Person
) -> None:
    shape = _code("shape", "1", customer="{{ trigger.body.customer }}")
    zap = _zap(product, person, shape)
    product.rest.post(zap["webhook_url"], json=BODY)
    _open(home, zap, "shape")
    code = home.get_by_test_id("input-code")
    code.click()
    home.keyboard.press("Control+a")
    home.keyboard.type("print('looking')\nwho = inputs['cus")
    options = home.locator(".cm-tooltip-autocomplete li")
    expect(options).to_contain_text(["customer"])
    # At once it would be a key that was meant for the former list.
    home.wait_for_timeout(150)
    home.keyboard.press("Enter")
    home.keyboard.press("End")
    home.keyboard.type("['na")
    expect(options).to_contain_text(["name"])
    home.wait_for_timeout(150)
    home.keyboard.press("Enter")
    expect(code).to_contain_text("who = inputs['customer']['name']")
    home.keyboard.press("End")
    home.keyboard.type("\nwho / 2")
    home.keyboard.press("Control+Enter")
    expect(home.get_by_test_id("trial-error")).to_contain_text("line 3")
    expect(home.locator(".cm-gutterElement.is-bad-line")).to_have_text("3")
    expect(home.get_by_test_id("trial-logs")).to_contain_text("looking")
    # The cursor is still where it was.
    expect(code).to_be_focused()
    for _ in range(4):
        home.keyboard.press("Backspace")
    home.keyboard.press("Control+Enter")
    expect(home.get_by_test_id("trial-output")).to_contain_text("Grace")
    expect(home.locator(".cm-gutterElement.is-bad-line")).to_have_count(0)
    # The first one is for what is offered, where something is.
    home.keyboard.press("Escape")
    expect(options).to_have_count(0)
    home.keyboard.press("Escape")
    home.keyboard.press("Tab")
    expect(home.get_by_test_id("name-inputs-0")).to_be_focused()
    home.reload()
    home.get_by_test_id("open-shape").click()
    expect(code).to_contain_text("who = inputs['customer']['name']")


def test_a_value_that_is_clicked_while_code_has_the_cursor_is_an_input_of_it(
    home: Page, product: Product, person: Person
) -> None:
    zap = _zap(product, person, _code("calc", "total = ", id="{{ trigger.query.id }}"))
    product.rest.post(zap["webhook_url"], json=BODY)
    _open(home, zap, "calc")
    home.get_by_test_id("input-code").click()
    home.keyboard.press("Control+End")
    home.get_by_test_id("insert-{{ trigger.body.id }}").click()
    # The cursor is still in the code; the same value again is the same input.
    home.keyboard.type(" + ")
    home.get_by_test_id("insert-{{ trigger.body.id }}").click()
    expect(home.get_by_test_id("input-code")).to_have_text(
        "total = inputs['id_2'] + inputs['id_2']"
    )
    expect(home.get_by_test_id("name-inputs-1")).to_have_value("id_2")
    expect(home.get_by_test_id("value-inputs-1")).to_have_value("{{ trigger.body.id }}")
    expect(home.get_by_test_id("save-state")).to_have_text("Saved")
    home.reload()
    home.get_by_test_id("open-calc").click()
    expect(home.get_by_test_id("input-code")).to_have_text(
        "total = inputs['id_2'] + inputs['id_2']"
    )

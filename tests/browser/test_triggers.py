"""Triggers in the builder: each form, the page of a form, runs by hand, samples that are chosen."""

import json
import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, Person, Product, is_ready

ECHO = {
    "id": "echo",
    "kind": "code",
    "name": "Echo",
    "inputs": {"b": "{{ trigger.body }}"},
    "code": "inputs['b']",
}


def _zap(product: Product, person: Person, trigger: dict[str, Any]) -> Any:
    zap = product.rest.post(
        "/api/v1/zaps",
        json={"name": "Orders", "definition": {"trigger": trigger, "steps": [ECHO]}},
        headers=person.headers,
    )
    return zap.raise_for_status().json()


def _draft(product: Product, person: Person, zap: Any) -> Any:
    answer = product.rest.get(f"/api/v1/zaps/{zap['id']}/draft", headers=person.headers)
    return answer.raise_for_status().json()


def _open(page: Page, zap: Any) -> None:
    page.goto(f"/zaps/{zap['id']}")
    is_ready(page)
    page.get_by_test_id("open-trigger").click()


def _saved(page: Page) -> None:
    expect(page.get_by_test_id("save-state")).to_have_text("Saved")


def _change(page: Page, key: str) -> None:
    page.get_by_test_id("change-trigger").click()
    page.get_by_test_id(f"pick-{key}").click()


def _no_wider_than_the_window(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


def test_a_schedule_is_set_with_its_next_times_in_sight(
    home: Page, product: Product, person: Person
) -> None:
    zap = _zap(product, person, {"kind": "webhook"})
    _open(home, zap)
    home.get_by_test_id("change-trigger").click()
    for key in ("webhook", "manual", "form", "schedule", "poll:rss", "app", "error"):
        expect(home.get_by_test_id(f"pick-{key}")).to_be_visible()
    home.get_by_test_id("pick-schedule").click()
    expect(home.get_by_test_id("panel-title")).to_have_text("Schedule")
    expect(home.get_by_test_id("open-echo")).to_be_visible()
    expect(home.get_by_test_id("next-times").locator("li")).to_have_count(5)
    home.get_by_test_id("input-cron").fill("30 8 * * 1-5")
    home.get_by_test_id("input-timezone").fill("Europe/Berlin")
    home.get_by_test_id("input-timezone").blur()
    expect(home.get_by_test_id("schedule-sentence")).to_contain_text("08:30 on weekdays")
    expect(home.get_by_test_id("schedule-sentence")).to_contain_text("Europe/Berlin")
    expect(home.get_by_test_id("next-times").locator("li").first).to_contain_text(", 08:30")
    home.get_by_test_id("input-cron").fill("61 * * * *")
    home.get_by_test_id("input-cron").blur()
    expect(home.get_by_test_id("error-cron")).to_be_visible()
    expect(home.get_by_test_id("save-state")).to_have_text("Not saved")
    home.get_by_test_id("input-cron").fill("0 7 * * *")
    home.get_by_test_id("input-cron").blur()
    expect(home.get_by_test_id("error-cron")).to_have_count(0)
    expect(home.get_by_test_id("schedule-sentence")).to_contain_text("07:00")
    _saved(home)
    trigger = _draft(product, person, zap)["definition"]["trigger"]
    assert trigger["settings"] == {"cron": "0 7 * * *", "timezone": "Europe/Berlin"}


def test_a_webhook_is_verified_and_its_secret_is_never_shown_again(
    home: Page, product: Product, person: Person
) -> None:
    zap = _zap(product, person, {"kind": "webhook"})
    _open(home, zap)
    home.get_by_test_id("input-verify.scheme").select_option("slack")
    secret = home.get_by_test_id("input-verify.secret")
    secret.fill("a-very-secret-value")
    secret.blur()
    expect(secret).to_have_attribute("placeholder", re.compile("Stored and hidden"))
    expect(secret).to_have_value("")
    _saved(home)
    home.reload()
    is_ready(home)
    home.get_by_test_id("open-trigger").click()
    expect(home.get_by_test_id("input-verify.scheme")).to_have_value("slack")
    expect(home.get_by_test_id("input-verify.tolerance_seconds")).to_be_visible()
    assert "a-very-secret-value" not in home.content()
    home.get_by_test_id("trigger-json").click()
    expect(home.get_by_test_id("json-text")).to_have_value(re.compile("REDACTED"))
    home.get_by_test_id("json-dialog-cancel").click()
    assert "a-very-secret-value" not in json.dumps(_draft(product, person, zap))
    home.get_by_test_id("input-verify.scheme").select_option("none")
    expect(home.get_by_test_id("input-verify.secret")).to_have_count(0)


def test_a_form_is_built_filled_in_and_runs(home: Page, product: Product, person: Person) -> None:
    zap = _zap(product, person, {"kind": "webhook"})
    _open(home, zap)
    _change(home, "form")
    home.get_by_test_id("input-title").fill("Order <b>cake</b>")
    home.get_by_test_id("input-title").blur()
    home.get_by_test_id("add-question").click()
    home.get_by_test_id("question-2-label").fill("How many")
    home.get_by_test_id("question-2-label").blur()
    home.get_by_test_id("question-2-kind").select_option("number")
    expect(home.get_by_test_id("question-2-name")).to_have_value("how_many")
    home.get_by_test_id("question-1-drop").click()
    expect(home.get_by_test_id("question-2")).to_have_count(0)
    _saved(home)
    path = home.get_by_test_id("page-url").inner_text()
    home.goto(path)
    expect(home.get_by_test_id("problem")).to_have_text("This form is closed")
    _open(home, zap)
    home.get_by_test_id("publish").click()
    expect(home.get_by_test_id("live-version")).to_have_text("live: v1")

    guest = home.context.browser.new_context(viewport=PHONE, java_script_enabled=False)  # type: ignore[union-attr]
    page = guest.new_page()
    page.goto(path)
    expect(page.get_by_role("heading")).to_have_text("Order <b>cake</b>")
    page.get_by_label("How many").fill("many")
    page.get_by_test_id("send").click()
    expect(page.get_by_test_id("error-email")).to_be_visible()
    expect(page.get_by_test_id("error-how_many")).to_have_text("This is not a number.")
    expect(page.get_by_label("How many")).to_have_value("many")
    page.get_by_label("How many").fill("3")
    page.get_by_label("Your e-mail address").fill("grace@example.com")
    page.get_by_test_id("send").click()
    expect(page.get_by_test_id("thanks")).to_have_text("Thank you.")
    guest.close()
    expect(home.get_by_test_id("received")).to_contain_text("grace@example.com")
    runs = product.rest.get(f"/api/v1/zaps/{zap['id']}/runs", headers=person.headers).json()
    assert len(runs["data"]) == 1


def test_a_run_by_hand_is_asked_for_its_fields(
    home: Page, product: Product, person: Person
) -> None:
    fields = [
        {"name": "who", "label": "Who", "required": True},
        {"name": "size", "kind": "choice", "options": ["small", "large"]},
        {"name": "count", "kind": "number"},
    ]
    zap = _zap(product, person, {"kind": "manual", "settings": {"fields": fields}})
    product.rest.post(
        f"/api/v1/zaps/{zap['id']}/publish", headers=person.headers
    ).raise_for_status()
    _open(home, zap)
    home.get_by_test_id("run-now").click()
    home.get_by_test_id("ask-count").fill("x")
    home.get_by_test_id("run-submit").click()
    expect(home.get_by_test_id("error-ask-who")).to_be_visible()
    expect(home.get_by_test_id("error-ask-count")).to_be_visible()
    expect(home.get_by_test_id("ask-count")).to_have_value("x")
    home.get_by_test_id("ask-count").fill("2")
    home.get_by_test_id("ask-who").fill("Ada")
    home.get_by_test_id("ask-size").select_option("large")
    home.get_by_test_id("run-submit").click()
    expect(home.get_by_test_id("run")).to_have_attribute("data-status", "succeeded")
    run_id = home.url.rstrip("/").rpartition("/")[2]
    run = product.rest.get(f"/api/v1/runs/{run_id}", headers=person.headers).json()
    assert run["attempts"][0]["output"] == {"who": "Ada", "size": "large", "count": 2}


def test_an_event_is_chosen_as_the_sample_and_then_data_by_hand(
    home: Page, product: Product, person: Person
) -> None:
    zap = _zap(product, person, {"kind": "webhook"})
    _open(home, zap)
    expect(home.get_by_test_id("listening")).to_contain_text("first request")
    expect(home.get_by_test_id("curl")).to_contain_text(zap["webhook_url"])
    for n in (1, 2):
        product.rest.post(zap["webhook_url"], json={"n": n})
    expect(home.get_by_test_id("received")).to_contain_text('"n": 2')
    home.get_by_test_id("sample-list-toggle").click()
    expect(home.get_by_test_id("use-sample")).to_have_count(2)
    home.get_by_test_id("use-sample").nth(1).click()
    expect(home.get_by_test_id("use-sample").nth(1)).to_have_text("Is the sample")
    expect(home.get_by_test_id("sample-chosen")).to_contain_text("One of the last events")
    home.get_by_test_id("open-echo").click()
    home.get_by_test_id("test-step").click()
    output = home.get_by_test_id("trial-output")
    expect(output.get_by_role("treeitem", name="n number 1")).to_be_visible()
    home.get_by_test_id("open-trigger").click()
    home.get_by_test_id("sample-write").click()
    box = home.get_by_test_id("sample-text")
    expect(box).to_have_value(re.compile('"n": 1'))
    box.fill("{oops")
    home.get_by_test_id("sample-save").click()
    expect(home.get_by_test_id("sample-error")).to_contain_text("Line 1")
    box.fill(json.dumps({"n": 7}))
    home.get_by_test_id("sample-save").click()
    expect(home.get_by_test_id("sample-chosen")).to_contain_text("by hand")
    home.set_viewport_size(PHONE)
    assert _no_wider_than_the_window(home)
    home.get_by_test_id("sample-newest").click()
    expect(home.get_by_test_id("sample-chosen")).to_have_count(0)

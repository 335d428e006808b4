"""Steps inside steps: built as JSON, tried, run, gone over round by round, and retried."""

import json
import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PHONE, Person, Product


def _code(step_id: str, code: str, **inputs: str) -> dict[str, Any]:
    return {
        "id": step_id,
        "kind": "code",
        "name": step_id.capitalize(),
        "inputs": inputs,
        "code": code,
    }


def _zap(product: Product, person: Person, *steps: dict[str, Any]) -> Any:
    zap = product.rest.post(
        "/api/v1/zaps",
        json={
            "name": "Orders",
            "definition": {"trigger": {"kind": "webhook"}, "steps": list(steps)},
        },
        headers=person.headers,
    )
    return zap.raise_for_status().json()


def _publish(product: Product, person: Person, zap: Any) -> None:
    answer = product.rest.post(f"/api/v1/zaps/{zap['id']}/publish", headers=person.headers)
    answer.raise_for_status()


def _fire(product: Product, zap: Any, body: Any) -> str:
    answer = product.rest.post(zap["webhook_url"], json=body)
    return str(answer.raise_for_status().json()["zapRunId"])


def _status(page: Page, step: str) -> Locator:
    return page.get_by_test_id(f"step-{step}").get_by_test_id("step-status")


def test_a_loop_with_a_router_is_built_as_json_tried_and_run(
    home: Page, product: Product, person: Person
) -> None:
    zap = _zap(product, person)
    home.goto(f"/zaps/{zap['id']}")
    home.get_by_test_id("add-step").click()
    home.get_by_test_id("pick-loop").click()
    home.get_by_test_id("more-loop").click()
    home.get_by_test_id("json-loop").click()
    box = home.get_by_test_id("json-text")
    expect(box).to_have_value(re.compile('"kind": "loop"'))
    loop = json.loads(box.input_value())
    assert loop["over"] == "{{ trigger.body.items }}"
    large = {"any": [{"all": [{"left": "{{ item }}", "op": "NUMBER_IS_GREATER_THAN", "right": 5}]}]}
    loop["steps"] = [
        {
            "id": "way",
            "kind": "router",
            "branches": [{"name": "large", "when": large, "steps": [_code("big", "'big'")]}],
            "fallback": [_code("little", "'little'")],
        }
    ]
    box.fill(json.dumps(loop, indent=1)[:-1])
    home.get_by_test_id("json-save").click()
    expect(home.get_by_test_id("json-error")).to_contain_text("Line ")
    box.fill(json.dumps({**loop, "counts": 3}))
    home.get_by_test_id("json-save").click()
    expect(home.get_by_test_id("json-error")).to_contain_text("counts")
    box.fill(json.dumps(loop))
    home.get_by_test_id("json-save").click()
    expect(box).to_be_hidden()
    for place, words in (
        ("branch-way-0", "large"),
        ("card-big", "Big"),
        ("branch-way--1", "Fallback"),
        ("card-little", "Little"),
    ):
        expect(home.get_by_test_id(place)).to_contain_text(words)

    home.get_by_test_id("publish").click()
    expect(home.get_by_test_id("live-version")).to_have_text("live: v1")
    run = _fire(product, zap, {"items": [7, 3]})
    home.get_by_test_id("open-loop").click()
    home.get_by_test_id("test-step").click()
    expect(home.get_by_test_id("trial-status")).to_have_text("Succeeded")
    expect(home.get_by_test_id("trial-result")).to_contain_text("2 rounds")

    home.goto(f"/runs/{run}")
    expect(home.get_by_test_id("run")).to_have_attribute("data-status", "succeeded")
    expect(_status(home, "loop[1]/big")).to_have_text("Succeeded")
    expect(_status(home, "loop[2]/little")).to_have_text("Succeeded")
    expect(home.get_by_test_id("branch").first).to_have_text("large")
    expect(home.get_by_test_id("step-loop[1]/little")).to_have_count(0)
    home.get_by_test_id("round-loop[1]").click()
    expect(home.get_by_test_id("step-loop[1]/big")).to_have_count(0)


def test_rounds_that_failed_come_first_and_the_others_when_asked_for(
    home: Page, product: Product, person: Person
) -> None:
    loop = {
        "id": "each",
        "kind": "loop",
        "over": "{{ trigger.body }}",
        "on_item_error": "continue",
        "steps": [_code("half", "print('at', inputs['n'])\n10 / inputs['n']", n="{{ item }}")],
    }
    zap = _zap(product, person, loop)
    _publish(product, person, zap)
    run = _fire(product, zap, [*range(1, 30), 0])
    home.set_viewport_size(PHONE)
    home.goto(f"/runs/{run}")
    expect(home.get_by_test_id("run")).to_have_attribute("data-status", "succeeded")
    rounds = home.get_by_test_id("round-status")
    expect(rounds).to_have_count(20)
    expect(rounds.first).to_have_text("Failed")
    expect(home.get_by_test_id("attempt-error")).to_contain_text("ZeroDivisionError")
    expect(home.get_by_test_id("logs")).to_have_text("Printedat 0")
    home.get_by_test_id("more-rounds-each").click()
    expect(rounds).to_have_count(30)
    assert home.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_failed_run_goes_on_where_it_failed_and_from_a_step_with_other_inputs(
    home: Page, product: Product, person: Person
) -> None:
    zap = _zap(
        product,
        person,
        _code("first", "'kept'"),
        _code("second", "10 / inputs['n']", n="{{ trigger.body.n }}"),
    )
    _publish(product, person, zap)
    run = _fire(product, zap, {"n": 0})
    home.goto(f"/runs/{run}")
    expect(_status(home, "second")).to_have_text("Failed")
    home.get_by_test_id("run-retry").click()
    home.get_by_test_id("run-retry-yes").click()
    expect(home.get_by_test_id("step-second").get_by_test_id("tries")).to_contain_text("2 attempts")
    expect(home.get_by_test_id("run")).to_have_attribute("data-status", "failed")
    expect(home.get_by_test_id("step-first").get_by_test_id("tries")).to_have_count(0)

    home.get_by_test_id("retry-from-second").click()
    box = home.get_by_test_id("retry-inputs")
    box.fill('{"n": }')
    home.get_by_test_id("retry-from-yes").click()
    expect(home.get_by_test_id("retry-error")).to_contain_text("Line 1, column 7")
    box.fill('{"n": 5}')
    home.get_by_test_id("retry-from-yes").click()
    expect(home).not_to_have_url(f"{product.url}/runs/{run}")
    expect(home.get_by_test_id("run")).to_have_attribute("data-status", "succeeded")
    expect(home.get_by_test_id("run-origin")).to_be_visible()


def test_all_runs_that_a_filter_finds_are_run_again_after_their_number_was_seen(
    home: Page, product: Product, person: Person
) -> None:
    zap = _zap(product, person, _code("half", "10 / inputs['n']", n="{{ trigger.body.n }}"))
    _publish(product, person, zap)
    for number in (0, 0, 5):
        _fire(product, zap, {"n": number})
    home.goto("/runs")
    statuses = home.get_by_test_id("run-status")
    expect(statuses).to_have_count(3)
    expect(home.get_by_test_id("bulk-replay-open")).to_have_count(0)
    home.get_by_test_id("filter-failed").click()
    expect(statuses).to_have_text(["Failed", "Failed"])
    home.get_by_test_id("bulk-replay-open").click()
    expect(home.get_by_test_id("bulk-plan")).to_contain_text("2 runs fit the filter.")
    home.get_by_test_id("bulk-go").click()
    expect(home.get_by_test_id("bulk-progress")).to_contain_text("Replayed 2 runs")
    expect(statuses).to_have_text(["Failed"] * 4)

"""A run on its canvas: what is drawn, where it opens, how it moves, by mouse and by keyboard."""

import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.browser.conftest import PHONE, Person, Product


class Provider:
    """A real server that zaps call; ``/held`` answers when the story says so."""

    def __init__(self, server: HTTPServer) -> None:
        self._server = server
        self.may_answer = threading.Event()
        server.expect_request("/ok").respond_with_json({"ok": True})
        server.expect_request("/refuses").respond_with_data("no", status=400)
        server.expect_request("/held").respond_with_handler(self._held)

    def url(self, path: str) -> str:
        return self._server.url_for(path)

    def _held(self, _: Request) -> Response:
        self.may_answer.wait(60)
        return Response('{"ok": true}', content_type="application/json")


@pytest.fixture
def provider() -> Iterator[Provider]:
    # Not the plugin's own: that one answers one request at a time.
    with HTTPServer(threaded=True) as server:
        made = Provider(server)
        yield made
        made.may_answer.set()


def _call(step_id: str, url: str) -> dict[str, Any]:
    inputs = {"url": url, "body": "{}"}
    return {
        "id": step_id,
        "kind": "action",
        "action": "webhook",
        "name": step_id.capitalize(),
        "inputs": inputs,
    }


def _stop(step_id: str) -> dict[str, Any]:
    """A step that does nothing and costs nothing: a reply."""
    return {"id": step_id, "kind": "reply", "name": step_id.capitalize(), "body": {"ok": True}}


def _loop(*steps: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "each",
        "kind": "loop",
        "name": "Each url",
        "over": "{{ trigger.body.urls }}",
        "on_item_error": "continue",
        "steps": list(steps),
    }


def _router(step_id: str, *steps: dict[str, Any]) -> dict[str, Any]:
    large = {"any": [{"all": [{"left": "{{ trigger.body.large }}", "op": "BOOLEAN_IS_TRUE"}]}]}
    return {
        "id": step_id,
        "kind": "router",
        "name": "By size",
        "branches": [{"name": "Large orders", "when": large, "steps": list(steps)}],
        "fallback": [_stop("small")],
    }


def _run(product: Product, person: Person, body: dict[str, Any], *steps: dict[str, Any]) -> str:
    """The id of a run of these steps."""
    definition = {"trigger": {"kind": "webhook"}, "steps": list(steps)}
    made = product.rest.post(
        "/api/v1/zaps", json={"name": "Orders", "definition": definition}, headers=person.headers
    )
    zap = made.raise_for_status().json()
    product.rest.post(
        f"/api/v1/zaps/{zap['id']}/publish", headers=person.headers
    ).raise_for_status()
    answer = product.rest.post(zap["webhook_url"], json=body)
    return str(answer.raise_for_status().json()["zapRunId"])


def _wait_until_ended(product: Product, person: Person, run: str) -> None:
    """What a page opens on is what there is when it is opened."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        found = product.rest.get(f"/api/v1/runs/{run}", headers=person.headers)
        if found.raise_for_status().json()["finished_at"]:
            return
        time.sleep(0.1)
    raise AssertionError(f"run {run} does not end")


def _node(page: Page, step: str) -> Locator:
    return page.get_by_test_id(f"node-{step}")


def _stands(page: Page, step: str) -> Locator:
    return _node(page, step).get_by_test_id("node-status")


def _is_in_sight(page: Page, step: str) -> None:
    outer, inner = page.get_by_test_id("canvas").bounding_box(), _node(page, step).bounding_box()
    assert outer
    assert inner
    assert outer["x"] <= inner["x"] + inner["width"] / 2 <= outer["x"] + outer["width"]
    assert outer["y"] <= inner["y"] + inner["height"] / 2 <= outer["y"] + outer["height"]


def test_a_run_is_drawn_with_its_branches_and_moves_by_itself(
    home: Page, product: Product, person: Person, provider: Provider
) -> None:
    both = {
        "id": "both",
        "kind": "parallel",
        "name": "Both",
        "branches": [
            {"name": "Mail", "steps": [_stop("mail")]},
            {"name": "Ledger", "depends_on": ["Mail"], "steps": [_stop("ledger")]},
        ],
    }
    run = _run(
        product,
        person,
        {"large": True},
        _router("way", _call("call", provider.url("/held")), both),
        _stop("last"),
    )
    home.goto(f"/runs/{run}")
    expect(_stands(home, "call")).to_have_text("Running")
    expect(_stands(home, "last")).to_have_text("To do")
    expect(_stands(home, "small")).to_have_text("Not run")
    expect(home.get_by_test_id("label-way/0")).to_have_text("Large orders")
    expect(home.get_by_test_id("label-way/1")).to_have_text("Fallbacknot taken")
    expect(home.get_by_test_id("label-both/1")).to_have_text("Ledgerafter Mail")
    provider.may_answer.set()
    for step in ("way", "call", "both", "mail", "ledger", "last"):
        expect(_stands(home, step)).to_have_text("Succeeded")
    expect(_stands(home, "small")).to_have_text("Not run")


def test_it_opens_on_the_first_failed_step_and_a_click_shows_its_attempts(
    home: Page, product: Product, person: Person, provider: Provider
) -> None:
    before = [_stop(f"before_{number}") for number in range(30)]
    steps = [*before, _call("broken", provider.url("/refuses")), _stop("after")]
    run = _run(product, person, {}, *steps)
    _wait_until_ended(product, person, run)
    home.goto(f"/runs/{run}")
    expect(_stands(home, "broken")).to_have_text("Failed")
    expect(_node(home, "broken")).to_have_attribute("aria-current", "step")
    _is_in_sight(home, "broken")
    expect(_stands(home, "after")).to_have_text("Not run")
    shown = home.get_by_test_id("step-before_29")
    expect(shown.get_by_test_id("attempt-1")).not_to_be_visible()
    _node(home, "before_29").click()
    expect(shown.get_by_test_id("attempt-1")).to_be_in_viewport()
    expect(_node(home, "before_29")).to_have_attribute("aria-current", "step")
    _node(home, "broken").click()
    error = home.get_by_test_id("step-broken").get_by_test_id("attempt-error")
    expect(error).to_be_in_viewport()
    expect(error.get_by_test_id("advice")).to_contain_text("Compare the input")
    expect(error).to_contain_text("400")


def test_the_nodes_of_a_loop_tell_of_the_round_that_is_picked(
    home: Page, product: Product, person: Person, provider: Provider
) -> None:
    urls = [provider.url("/ok")] * 30
    urls[24] = provider.url("/refuses")
    run = _run(product, person, {"urls": urls}, _loop(_call("call", "{{ item }}")))
    home.goto(f"/runs/{run}")
    expect(home.get_by_test_id("run")).to_have_attribute("data-status", re.compile("succ|fail"))
    # It is the round that failed that one wants to see.
    expect(_node(home, "call")).to_have_attribute("data-path", "each[25]/call")
    expect(_stands(home, "call")).to_have_text("Failed")
    home.get_by_test_id("round-after-each/0").click()
    expect(_node(home, "call")).to_have_attribute("data-path", "each[26]/call")
    expect(_stands(home, "call")).to_have_text("Succeeded")
    picker = home.get_by_test_id("rounds-each/0")
    picker.select_option("30")
    expect(_node(home, "call")).to_have_attribute("data-path", "each[30]/call")
    # Behind the twenty rounds that the list begins with.
    shown = home.get_by_test_id("step-each[30]/call")
    expect(shown).to_have_count(0)
    _node(home, "call").click()
    expect(shown.get_by_test_id("attempt-1")).to_be_in_viewport()
    picker.select_option("25")
    expect(_stands(home, "call")).to_have_text("Failed")


def test_the_keyboard_walks_the_steps_in_order_and_opens_them(
    home: Page, product: Product, person: Person, provider: Provider
) -> None:
    steps = [_router("way", _stop("large")), *(_stop(f"step_{n}") for n in range(20))]
    run = _run(product, person, {"large": True}, *steps)
    home.goto(f"/runs/{run}")
    expect(_stands(home, "step_19")).to_have_text("Succeeded")
    _node(home, "@trigger").focus()
    for step in ("way", "large", "small", "step_0"):
        home.keyboard.press("ArrowDown")
        expect(_node(home, step)).to_be_focused()
    home.keyboard.press("Tab")
    expect(_node(home, "step_1")).to_be_focused()
    home.keyboard.press("ArrowUp")
    expect(_node(home, "step_0")).to_be_focused()
    home.keyboard.press("End")
    expect(_node(home, "step_19")).to_be_focused()
    _is_in_sight(home, "step_19")
    home.keyboard.press("Enter")
    expect(home.get_by_test_id("open-step_19")).to_be_focused()
    expect(home.get_by_test_id("step-step_19").get_by_test_id("attempt-1")).to_be_in_viewport()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_canvas_fits_a_phone(
    home: Page, product: Product, person: Person, provider: Provider, theme: Any
) -> None:
    run = _run(
        product,
        person,
        {"large": True},
        _router("way", _call("call", provider.url("/refuses"))),
    )
    _wait_until_ended(product, person, run)
    home.set_viewport_size(PHONE)
    home.emulate_media(color_scheme=theme)
    home.goto(f"/runs/{run}")
    expect(_stands(home, "call")).to_have_text("Failed")
    _is_in_sight(home, "call")
    assert home.evaluate("document.documentElement.scrollWidth <= innerWidth")
    home.get_by_test_id("canvas").get_by_role("button", name="Fit View").click()
    _node(home, "call").click()
    expect(home.get_by_test_id("attempt-error")).to_be_in_viewport()

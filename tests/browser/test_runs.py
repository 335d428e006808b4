"""Runs as a person watches them: the main job from sign-up to green, failures, retries, strangers."""

import json
import re
import threading
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.browser.conftest import (
    PASSWORD,
    PHONE,
    Person,
    Product,
    is_ready,
    new_person,
    sign_in,
)

LONG = "y" * 30_000


class Provider:
    """A real server that zaps call; ``/held`` answers when the story says so."""

    def __init__(self, server: HTTPServer) -> None:
        self._server = server
        self.may_answer = threading.Event()
        server.expect_request(re.compile("/ok.*")).respond_with_json({"ok": True})
        server.expect_request("/slack").respond_with_data("ok")
        server.expect_request("/refuses").respond_with_data("<b>no</b>", status=400)
        server.expect_request("/busy").respond_with_data("busy", status=503)
        server.expect_request("/long").respond_with_json({"text": LONG})
        server.expect_request("/held").respond_with_handler(self._held)

    def url(self, path: str) -> str:
        return self._server.url_for(path)

    def bodies(self, path: str) -> list[Any]:
        return [
            json.loads(request.get_data())
            for request, _ in self._server.log
            if request.path == path
        ]

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


def _step(step_id: str, url: str, **more: Any) -> dict[str, Any]:
    return {
        "id": step_id,
        "kind": "action",
        "action": "webhook",
        "name": step_id.capitalize(),
        "inputs": {"url": url, "body": '{"name": {{ trigger.body.name | json }}}'},
        **more,
    }


def _zap(product: Product, person: Person, *steps: dict[str, Any], name: str = "Orders") -> Any:
    definition = {"trigger": {"kind": "webhook"}, "steps": list(steps)}
    zap = product.rest.post(
        "/api/v1/zaps", json={"name": name, "definition": definition}, headers=person.headers
    )
    zap.raise_for_status()
    published = product.rest.post(
        f"/api/v1/zaps/{zap.json()['id']}/publish", headers=person.headers
    )
    published.raise_for_status()
    return zap.json()


def _fire(product: Product, zap: Any, body: Any = None) -> str:
    """The id of the run."""
    answer = product.rest.post(zap["webhook_url"], json=body or {"name": "Ada"})
    return str(answer.raise_for_status().json()["zapRunId"])


def _status(page: Page, step: str) -> Locator:
    return page.get_by_test_id(f"step-{step}").get_by_test_id("step-status")


def test_the_main_job_from_sign_up_to_a_green_run(
    page: Page, product: Product, provider: Provider
) -> None:
    email = f"{uuid4().hex[:12]}@example.com"
    _join(page, email)
    page.get_by_test_id("create-first-zap").click()
    _add(page, "webhook", url=provider.url("/held"), body="{{ trigger.body | json }}")
    _add(page, "slack", webhookUrl=provider.url("/slack"), message="{{ trigger.body.name }}")
    _add(page, "email", to=email, subject="Hello {{ trigger.body.name }}", body="Welcome")
    expect(page.get_by_test_id("problems")).to_have_count(0)
    page.get_by_test_id("publish").click()
    expect(page.get_by_test_id("live-version")).to_have_text("live: v1")
    page.get_by_test_id("to-runs").click()

    command = page.get_by_test_id("runs-curl")
    expect(command).to_contain_text("curl")
    (hook,) = re.findall(r"http\S+", command.inner_text())
    product.rest.post(hook, json={"name": "Grace"}).raise_for_status()
    page.get_by_test_id("run-link").click()

    steps = page.get_by_test_id("timeline").get_by_test_id("step-status")
    expect(steps).to_have_text(["Running", "To do", "To do"])
    page.evaluate("window.isTheSamePage = true")
    provider.may_answer.set()
    expect(steps).to_have_text(["Succeeded"] * 3)
    expect(page.get_by_test_id("run")).to_have_attribute("data-status", "succeeded")
    assert page.evaluate("window.isTheSamePage")
    assert provider.bodies("/held") == [{"name": "Grace"}]
    assert provider.bodies("/slack") == [{"text": "Grace"}]
    mails = product.rest.get("/api/v1/dev/mailbox").json()
    assert [one["subject"] for one in mails if one["to"] == email][:1] == ["Hello Grace"]


def _join(page: Page, email: str) -> None:
    page.goto("/signup")
    is_ready(page)
    for name, value in (("name", "Grace"), ("email", email), ("password", PASSWORD)):
        page.get_by_test_id(f"input-{name}").fill(value)
    page.get_by_test_id("signup-submit").click()
    page.get_by_test_id("to-mailbox").click()
    page.get_by_test_id("mail-link").click()
    expect(page.get_by_test_id("verified")).to_be_visible()
    sign_in(page, email)


def _add(page: Page, action: str, **inputs: str) -> None:
    """One more step at the end, its form filled in."""
    page.get_by_test_id("add-step").click()
    page.get_by_test_id(f"pick-{action}").click()
    for name, value in inputs.items():
        field = page.get_by_test_id(f"input-{name}")
        field.fill(value)
        field.blur()
        # A change may wait half a second for the next keystroke.
        page.wait_for_timeout(600)
        expect(page.get_by_test_id("save-state")).to_have_text("Saved")


def test_runs_appear_and_end_in_the_history_without_a_reload(
    home: Page, product: Product, person: Person, provider: Provider
) -> None:
    zap = _zap(product, person, _step("call", provider.url("/held")))
    home.goto(f"/zaps/{zap['id']}/runs")
    expect(home.get_by_test_id("runs-empty")).to_contain_text("No runs yet")
    expect(home.get_by_test_id("runs-curl")).to_contain_text(zap["webhook_url"])
    _fire(product, zap)
    status = home.get_by_test_id("run-status")
    expect(status).to_have_text("Running")
    provider.may_answer.set()
    expect(status).to_have_text("Succeeded")
    _fire(product, zap)
    expect(home.get_by_test_id("run-row")).to_have_count(2)


def test_a_row_opens_into_its_stages_and_says_what_failed(
    home: Page, product: Product, person: Person, provider: Provider
) -> None:
    zap = _zap(
        product,
        person,
        _step("first", provider.url("/ok")),
        _step("second", provider.url("/refuses")),
        _step("third", provider.url("/ok")),
    )
    _fire(product, zap)
    home.goto(f"/zaps/{zap['id']}/runs")
    expect(home.get_by_test_id("run-status")).to_have_text("Failed")
    expect(home.get_by_test_id("run-steps")).to_have_text("3 actions")
    home.get_by_test_id("run-toggle").click()
    stages = home.get_by_test_id("run-stages")
    expect(stages.get_by_test_id("stage-status")).to_have_text(["Succeeded", "Failed", "Not run"])
    expect(stages.get_by_test_id("stage-error")).to_have_text(["—", re.compile("status 400"), "—"])
    home.get_by_test_id("run-toggle").click()
    expect(stages).to_have_count(0)


def test_the_history_is_filtered_by_status_and_searched(
    home: Page, product: Product, person: Person, provider: Provider
) -> None:
    good = _zap(product, person, _step("call", provider.url("/ok")), name="Good")
    bad = _zap(product, person, _step("call", provider.url("/refuses")), name="Bad")
    good_run = _fire(product, good)
    _fire(product, bad)
    home.goto("/runs")
    zaps = home.get_by_test_id("run-zap")
    expect(zaps).to_have_text(["Bad", "Good"])
    expect(home.get_by_test_id("run-status")).to_have_text(["Failed", "Succeeded"])
    home.get_by_test_id("filter-failed").click()
    expect(zaps).to_have_text(["Bad"])
    home.get_by_test_id("filter-all").click()
    home.get_by_test_id("runs-search").fill(good_run)
    expect(zaps).to_have_text(["Good"])
    home.get_by_test_id("runs-search").fill("no such words")
    expect(home.get_by_test_id("runs-no-match")).to_be_visible()


def test_what_is_chosen_stands_in_the_address_and_back_takes_it_back(
    home: Page, product: Product, person: Person, provider: Provider
) -> None:
    good = _zap(product, person, _step("call", provider.url("/ok")), name="Good")
    bad = _zap(product, person, _step("call", provider.url("/refuses")), name="Bad")
    _fire(product, good)
    bad_run = _fire(product, bad)
    zaps = home.get_by_test_id("run-zap")
    home.goto("/runs?status=failed,succeeded")
    expect(zaps).to_have_text(["Bad", "Good"])
    expect(home.get_by_test_id("filter-failed")).to_have_attribute("aria-pressed", "true")
    expect(home.get_by_test_id("filter-failed")).to_contain_text("1")
    home.get_by_test_id("filter-succeeded").click()
    expect(zaps).to_have_text(["Bad"])
    expect(home).to_have_url(re.compile(r"/runs/?\?status=failed,timed_out$"))
    home.get_by_test_id("runs-from").fill("2031-01-01")
    expect(home.get_by_test_id("runs-no-match")).to_be_visible()
    home.go_back()
    expect(zaps).to_have_text(["Bad"])
    expect(home.get_by_test_id("runs-from")).to_have_value("")
    home.get_by_test_id("runs-zap").select_option("Bad")
    expect(home.get_by_test_id("runs-failed-step")).to_be_visible()
    home.get_by_test_id("runs-failed-step").select_option("call")
    expect(home).to_have_url(re.compile(rf"/zaps/{bad['id']}/runs/?\?status=.*&step=call$"))
    expect(home.get_by_test_id("run-row")).to_have_attribute("data-run", bad_run)
    home.reload()
    expect(home.get_by_test_id("runs-failed-step")).to_have_value("call")
    expect(home.get_by_test_id("run-row")).to_have_count(1)


def test_all_that_a_filter_finds_is_cancelled_after_its_number_was_seen(
    home: Page, product: Product, person: Person
) -> None:
    zap = _zap(product, person, {"id": "nap", "kind": "delay", "seconds": 900}, name="Slow")
    for _ in range(2):
        _fire(product, zap)
    home.goto("/runs")
    home.get_by_test_id("filter-in-progress").click()
    expect(home.get_by_test_id("run-status")).to_have_text(["Waiting", "Waiting"])
    home.get_by_test_id("bulk-replay-open").click()
    expect(home.get_by_test_id("bulk-plan")).to_contain_text("2 runs fit the filter.")
    home.get_by_test_id("bulk-go").click()
    expect(home.get_by_test_id("bulk-progress")).to_contain_text("Cancelled 2 runs")
    expect(home.get_by_test_id("runs-no-match")).to_be_visible()


def test_a_step_that_will_be_tried_again_counts_down_and_can_be_cancelled(
    home: Page, product: Product, person: Person, provider: Provider
) -> None:
    patient = {"attempts": 3, "first_wait": 300, "factor": 1}
    run = _fire(product, _zap(product, person, _step("call", provider.url("/busy"), retry=patient)))
    home.goto(f"/runs/{run}")
    expect(_status(home, "call")).to_have_text("Retrying")
    first = home.get_by_test_id("attempt-1")
    expect(first.get_by_test_id("attempt-error")).to_contain_text("503")
    expect(first.locator("ff-countdown")).to_have_text(re.compile("^next try in [1-5] min$"))
    home.get_by_test_id("run-cancel").click()
    home.get_by_test_id("run-cancel-yes").click()
    expect(home.get_by_test_id("run")).to_have_attribute("data-status", "cancelled")
    expect(home.get_by_test_id("run-cancel")).to_have_count(0)


def test_a_payload_is_text_whatever_it_says(
    home: Page, product: Product, person: Person, provider: Provider
) -> None:
    script = "<script>window.wasRun = true</script><img src=x onerror='window.wasRun = true'>"
    zap = _zap(product, person, _step("call", provider.url("/ok")), name=f"{script[:60]} \u202egnp")
    run = _fire(product, zap, {"name": f"{script} \u202egnp.exe"})
    home.goto(f"/runs/{run}")
    expect(_status(home, "call")).to_have_text("Succeeded")
    home.get_by_test_id("open-call").click()
    home.get_by_test_id("trigger-open").click()
    body = home.get_by_test_id("body-json")
    expect(body).to_contain_text(script)
    # A mark that turns the text around it is spelled out.
    expect(body).to_contain_text("\\u202egnp.exe")
    assert "\u202e" not in home.locator("main").inner_text()
    assert home.evaluate("window.wasRun") is None


def test_a_long_value_begins_short_and_is_shown_whole_when_asked_for(
    home: Page, product: Product, person: Person, provider: Provider
) -> None:
    run = _fire(product, _zap(product, person, _step("call", provider.url("/long"))))
    home.goto(f"/runs/{run}")
    expect(_status(home, "call")).to_have_text("Succeeded")
    home.get_by_test_id("open-call").click()
    output = home.get_by_test_id("output-json")
    expect(output).not_to_contain_text(LONG)
    output.locator('[data-path="steps.call.body.text"]').click()
    output.get_by_text("Show more (20,000 characters left)").click()
    output.get_by_text("Show more (10,000 characters left)").click()
    expect(output).to_contain_text(LONG)


def test_runs_of_others_do_not_exist(home: Page, product: Product, provider: Provider) -> None:
    stranger = new_person(product)
    zap = _zap(product, stranger, _step("call", provider.url("/ok")))
    run = _fire(product, zap)
    home.goto(f"/runs/{run}")
    expect(home.get_by_test_id("run-missing")).to_be_visible()
    home.goto(f"/zaps/{zap['id']}/runs")
    expect(home.get_by_test_id("runs-missing")).to_be_visible()
    home.goto("/runs")
    expect(home.get_by_test_id("runs-empty")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_run_pages_fit_a_phone(
    home: Page, product: Product, person: Person, provider: Provider, theme: Any
) -> None:
    zap = _zap(
        product, person, _step("call", provider.url("/refuses")), name="A name without end " * 8
    )
    run = _fire(product, zap, {"name": "z" * 5000})
    home.set_viewport_size(PHONE)
    home.emulate_media(color_scheme=theme)
    home.goto(f"/zaps/{zap['id']}/runs")
    home.get_by_test_id("run-toggle").click()
    expect(home.get_by_test_id("run-stages")).to_be_visible()
    _fits(home)
    home.goto(f"/runs/{run}")
    expect(_status(home, "call")).to_have_text("Failed")
    home.get_by_test_id("trigger-open").click()
    expect(home.get_by_test_id("body-json")).to_be_visible()
    _fits(home)


def _fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_timeline_says_where_the_time_went_and_the_blocks_around_a_failure_failed(
    home: Page, product: Product, person: Person, provider: Provider
) -> None:
    quick = {"attempts": 2, "first_wait": 1, "factor": 1.0, "longest_wait": 1}
    refused = _step("send", provider.url("/busy"), retry=quick)
    each = {"id": "each", "kind": "loop", "name": "Each", "count": 2, "steps": [refused]}
    nap = {"id": "nap", "kind": "delay", "name": "Nap", "seconds": 1}
    run = _fire(product, _zap(product, person, nap, each))
    home.goto(f"/runs/{run}")
    expect(home.get_by_test_id("run")).to_have_attribute("data-status", "failed")
    expect(_status(home, "each")).to_have_text("Failed")
    # Open is what failed by itself.
    failed = home.get_by_test_id("step-each[1]/send").get_by_test_id("attempt-error")
    expect(failed.first).to_be_visible()
    expect(home.get_by_test_id("step-each").get_by_test_id("attempt-inside")).to_be_hidden()

    expect(home.get_by_test_id("legs-sum")).to_contain_text("waiting")
    home.get_by_test_id("legs-open").click()
    rows = home.get_by_test_id("legs-row")
    expect(rows).to_have_count(5)
    track = home.locator("[data-path='each[1]/send']").get_by_test_id("legs-track")
    expect(track).to_have_accessible_name(re.compile(r"^Send: at work .*; attempt 2 waiting .*"))
    kinds = track.locator("[data-leg]").evaluate_all("all => all.map(one => one.dataset.leg)")
    assert [kind for kind in kinds if kind != "queued"] == ["working", "waiting", "working"]
    home.locator("[data-path='nap']").get_by_test_id("legs-step").press("Enter")
    expect(home.locator("#at-nap")).to_be_in_viewport()

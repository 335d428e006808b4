"""Whatever strangers send stays text: no page runs it, is torn apart by it, or stands still."""

import json
import time
from typing import Any

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.browser.conftest import PHONE, WIDE, Person, Product, is_ready

SCRIPT = "<script>window.wasRun = true</script><img src=x onerror='window.wasRun = true'>"
TURNED = "\u202etxt.exe\u2066"
# A null, an end of a script, and a word without an end: as JSON spells them.
ODD = f'"{SCRIPT} {TURNED} \\u0000 </script> {"W" * 300}"'
# Half a pair is no text: who sends it is told so.
UNREADABLE = f'{{"odd": {ODD}, "half": "\\ud800"}}'.encode()
NAME = f"{SCRIPT[:80]} {TURNED} " + "W" * 90
NEVER = {"left": "{{ trigger.body.nowhere }}", "op": "EXISTS"}
HUGE = 1_000_000
MANY = 100_000
PATIENCE_SECONDS = 20
STILL_SECONDS = 3
UNSEEN = {"\u202e", "\u2066", "\x00"}


def _body(large: str) -> bytes:
    keys = f'"__proto__": {ODD}, "constructor": 1, {ODD}: {ODD}'
    return f'{{"odd": {ODD}, {keys}, "large": {large}}}'.encode()


def _zap(product: Product, person: Person) -> Any:
    """It fails with what it was sent: in a loop, in a branch, after printing it."""
    blame = {
        "id": "blame",
        "kind": "code",
        "name": NAME,
        "language": "python",
        "inputs": {"odd": "{{ trigger.body.odd }}"},
        "code": "print(inputs['odd'])\n{}[inputs['odd']]",
    }
    definition = {
        "trigger": {"kind": "webhook"},
        "steps": [
            {"id": "keep", "kind": "code", "name": "Keep", "language": "python",
             "inputs": {"all": "{{ trigger.body }}"}, "code": "inputs['all']"},
            {"id": "way", "kind": "router", "name": NAME, "mode": "first_match",
             "branches": [{"name": NAME, "when": {"any": [{"all": [NEVER]}]}, "steps": []}], "fallback": [
                 {"id": "each", "kind": "loop", "name": NAME, "count": 2, "steps": [blame]}]},
        ],
    }  # fmt: skip
    made = product.rest.post(
        "/api/v1/zaps", json={"name": NAME, "definition": definition}, headers=person.headers
    )
    zap = made.raise_for_status().json()
    published = product.rest.post(f"/api/v1/zaps/{zap['id']}/publish", headers=person.headers)
    assert published.is_success, published.text
    return zap


def _fire(product: Product, zap: Any, large: str, key: str) -> Any:
    answer = product.rest.post(
        f"{zap['webhook_url']}?q=%3Cscript%3E%E2%80%AE&q2={'q' * 2000}",
        content=_body(large),
        headers={
            "Content-Type": "application/json",
            "X-Idempotency-Key": f"<b>{key}</b>{'k' * 150}",
            "X-Odd": f"{SCRIPT}{'h' * 3000}",
        },
        timeout=30,
    )
    assert answer.is_success, answer.text
    return answer.json()


@pytest.mark.timeout(400)
def test_nothing_that_was_sent_runs_or_tears_a_page_apart(
    home: Page, product: Product, person: Person
) -> None:
    zap = _zap(product, person)
    fired = [
        _fire(product, zap, json.dumps("x" * HUGE), "huge"),
        _fire(product, zap, json.dumps(list(range(MANY))), "many"),
    ]
    # A duplicate, and a request that cannot be read: the inbox says both, with their reasons.
    _fire(product, zap, "1", "many")
    refused = product.rest.post(
        zap["webhook_url"], content=UNREADABLE, headers={"Content-Type": "application/json"}
    )
    assert refused.status_code == 400, refused.text
    assert "surrogate" in refused.text
    dialogs: list[Dialog] = []

    def dismiss(dialog: Dialog) -> None:
        dialogs.append(dialog)
        dialog.dismiss()

    home.on("dialog", dismiss)
    for each in fired:
        home.goto(f"/runs/{each['zapRunId']}")
        expect(home.get_by_test_id("run")).to_have_attribute(
            "data-status", "failed", timeout=30_000
        )
    places = {
        "/dashboard": "zap-row",
        "/inbox": "event-row",
        f"/zaps/{zap['id']}/events": "event-row",
        "/runs": "run-row",
        f"/zaps/{zap['id']}/runs": "run-row",
        "/usage": "usage-row",
        f"/usage?zap={zap['id']}": "usage-row",
        **{f"/runs/{each['zapRunId']}": "timeline" for each in fired},
        **{f"/events/{each['eventId']}": "event" for each in fired},
    }
    faults: list[str] = []
    for viewport, theme in ((WIDE, "light"), (PHONE, "dark")):
        home.set_viewport_size(viewport)
        home.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        for path, testid in places.items():
            began = time.monotonic()
            home.goto(path)
            is_ready(home)
            expect(home.get_by_test_id(testid).first).to_be_attached()
            if (took := time.monotonic() - began) > PATIENCE_SECONDS:
                faults.append(f"{path} took {took:.1f} s")
            _open_everything(home)
            faults += _faults(home, path)
    assert faults == []
    assert dialogs == []


def _open_everything(page: Page) -> None:
    """What is folded has words of strangers, too."""
    for testid in ("legs-open", "trigger-open", "run-toggle", "usage-days-open"):
        opener = page.get_by_test_id(testid)
        if opener.count():
            opener.first.click()
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")


def _faults(page: Page, path: str) -> list[str]:
    """What is wrong with the page, in words."""
    found = []
    # A page that is busy answers late.
    began = time.monotonic()
    page.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    if (took := time.monotonic() - began) > STILL_SECONDS:
        found.append(f"{path} stood still for {took:.1f} s")
    wider = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    if wider > 0:
        found.append(f"{path} is {wider} px wider than the window")
    if page.evaluate("window.wasRun") is not None:
        found.append(f"{path} has run what was sent")
    lines = page.locator("body").inner_text().splitlines()
    return found + [f"{path} shows {line[:120]!r}" for line in lines if UNSEEN & set(line)]

"""Nothing gets lost in the builder: two tabs, a cut connection, what publishing would change, hints."""

import re
from typing import Any

from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from tests.browser.conftest import WIDE, Person, Product, is_ready, sign_in

URL = "https://example.com/in"


def _hook(step_id: str, name: str = "", **inputs: Any) -> dict[str, Any]:
    given = {"url": URL, **inputs}
    return {"kind": "action", "id": step_id, "name": name, "action": "webhook", "inputs": given}


def _zap(product: Product, person: Person, *steps: dict[str, Any]) -> dict[str, Any]:
    definition = {"trigger": {"kind": "webhook", "settings": {}}, "steps": list(steps)}
    made = product.rest.post(
        "/api/v1/zaps", json={"name": "Orders", "definition": definition}, headers=person.headers
    )
    zap: dict[str, Any] = made.raise_for_status().json()
    return zap


def _publish(product: Product, person: Person, zap: dict[str, Any], **more: Any) -> None:
    product.rest.post(
        f"/api/v1/zaps/{zap['id']}/publish", json=more, headers=person.headers
    ).raise_for_status()


def _save(product: Product, person: Person, zap: dict[str, Any], *steps: dict[str, Any]) -> None:
    draft = _draft(product, person, zap)
    product.rest.put(
        f"/api/v1/zaps/{zap['id']}/draft",
        json={
            "revision": draft["revision"],
            "definition": draft["definition"] | {"steps": list(steps)},
        },
        headers=person.headers,
    ).raise_for_status()


def _draft(product: Product, person: Person, zap: dict[str, Any]) -> dict[str, Any]:
    answer = product.rest.get(f"/api/v1/zaps/{zap['id']}/draft", headers=person.headers)
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


def _url(product: Product, person: Person, zap: dict[str, Any]) -> str:
    return str(_draft(product, person, zap)["definition"]["steps"][0]["inputs"]["url"])


def _open(page: Page, zap: dict[str, Any], step: str = "") -> None:
    page.goto(f"/zaps/{zap['id']}")
    is_ready(page)
    expect(page.get_by_test_id("publish-bar")).to_be_visible()
    if step:
        page.get_by_test_id(f"open-{step}").click()
        expect(page.get_by_test_id("input-url")).to_be_visible()


def _second_tab(browser: Browser, product: Product, person: Person) -> Page:
    page = browser.new_context(base_url=product.url, viewport=WIDE).new_page()
    page.set_default_timeout(20_000)
    sign_in(page, person.email)
    expect(page).to_have_url(re.compile(r"/dashboard/?$"))
    return page


def test_two_tabs_see_each_other_and_neither_loses_what_it_wanted(
    home: Page, browser: Browser, product: Product, person: Person
) -> None:
    zap = _zap(product, person, _hook("crm", "Tell the CRM"), _hook("other", "Tell the other"))
    _open(home, zap, "crm")
    other = _second_tab(browser, product, person)
    _open(other, zap, "other")
    expect(home.get_by_test_id("visitor")).to_have_attribute("title", re.compile("another tab"))
    # What is done to another step than the open one appears by itself.
    other.get_by_test_id("input-url").fill("https://example.com/live")
    expect(home.get_by_test_id("card-other")).to_contain_text("example.com/live")
    # And to the open one too, while nobody types in it …
    other.get_by_test_id("open-crm").click()
    expect(other.get_by_test_id("panel-title")).to_have_text("Tell the CRM")
    other.get_by_test_id("input-url").fill("https://example.com/one")
    expect(home.get_by_test_id("input-url")).to_have_value("https://example.com/one")
    # … but what somebody is typing is not taken from under their hands.
    home.get_by_test_id("input-url").focus()
    other.get_by_test_id("input-url").fill("https://example.com/theirs")
    expect(home.get_by_test_id("news")).to_be_visible()
    home.get_by_test_id("input-url").fill("https://example.com/mine")
    expect(home.get_by_test_id("clash")).to_be_visible()
    expect(home.get_by_test_id("save-state")).to_have_text("Not saved")
    expect(home.get_by_test_id("theirs")).to_contain_text("https://example.com/theirs")
    expect(home.get_by_test_id("mine")).to_contain_text("https://example.com/mine")
    assert _url(product, person, zap) == "https://example.com/theirs"
    home.keyboard.press("Escape")
    home.get_by_test_id("decide").click()
    home.get_by_test_id("apply-mine").click()
    expect(home.get_by_test_id("stale")).to_have_count(0)
    expect(home.get_by_test_id("save-state")).to_have_text("Saved")
    assert _url(product, person, zap) == "https://example.com/mine"
    home.get_by_test_id("undo").click()
    expect(home.get_by_test_id("input-url")).to_have_value("https://example.com/theirs")
    other.context.close()


def test_whoever_was_slower_can_take_what_the_other_one_did(
    home: Page, product: Product, person: Person
) -> None:
    zap = _zap(product, person, _hook("crm"))
    _open(home, zap, "crm")
    home.get_by_test_id("input-url").focus()
    _save(product, person, zap)
    expect(home.get_by_test_id("news")).to_be_visible()
    home.get_by_test_id("input-url").fill("https://example.com/mine")
    expect(home.get_by_test_id("clash")).to_be_visible()
    expect(home.get_by_test_id("clash-problem")).to_contain_text("This step is gone")
    expect(home.get_by_test_id("apply-mine")).to_be_disabled()
    # It can still be copied, also after a reload.
    home.reload()
    is_ready(home)
    expect(home.get_by_test_id("mine")).to_contain_text("https://example.com/mine")
    home.get_by_test_id("take-theirs").click()
    expect(home.get_by_test_id("stale")).to_have_count(0)
    expect(home.get_by_test_id("card-crm")).to_have_count(0)
    expect(home.get_by_test_id("save-state")).to_have_text("Saved")


def test_what_is_typed_without_a_connection_is_saved_when_it_is_back(
    home: Page, product: Product, person: Person
) -> None:
    zap = _zap(product, person, _hook("crm"))
    _open(home, zap, "crm")
    home.context.set_offline(True)
    home.get_by_test_id("input-url").fill("https://example.com/offline")
    expect(home.get_by_test_id("save-state")).to_contain_text("offline, will be tried again")
    home.context.set_offline(False)
    expect(home.get_by_test_id("save-state")).to_have_text("Saved")
    expect(home.get_by_test_id("input-url")).to_have_value("https://example.com/offline")
    assert _url(product, person, zap) == "https://example.com/offline"


def test_what_is_typed_while_the_server_is_away_stays_in_its_field_and_is_saved(
    browser: Browser, product: Product, person: Person
) -> None:
    """Its own page: a connection that is cut is told on the console."""
    page = browser.new_context(base_url=product.url, viewport=WIDE).new_page()
    page.set_default_timeout(60_000)
    sockets: list[tuple[WebSocketRoute, WebSocketRoute]] = []
    is_away = False

    def connected(socket: WebSocketRoute) -> None:
        if is_away:
            socket.close()
        else:
            sockets.append((socket, socket.connect_to_server()))

    page.context.route_web_socket(re.compile("_event"), connected)
    sign_in(page, person.email)
    expect(page).to_have_url(re.compile(r"/dashboard/?$"))
    zap = _zap(product, person, _hook("crm"))
    _open(page, zap, "crm")
    is_away = True
    for mine, theirs in sockets:
        theirs.close()
        mine.close()
    page.get_by_test_id("input-url").fill("https://example.com/cut")
    expect(page.get_by_test_id("save-state")).to_contain_text("no answer, it will be tried again")
    is_away = False
    expect(page.get_by_test_id("save-state")).to_have_text("Saved", timeout=60_000)
    expect(page.get_by_test_id("input-url")).to_have_value("https://example.com/cut")
    page.get_by_test_id("input-url").focus()
    page.get_by_test_id("input-url").blur()
    page.wait_for_timeout(800)
    assert _url(product, person, zap) == "https://example.com/cut"
    page.context.close()


def test_what_publishing_would_change_is_counted_listed_and_taken_back(
    home: Page, product: Product, person: Person
) -> None:
    zap = _zap(product, person, _hook("crm", "Tell the CRM"), _hook("old", "Old"))
    _publish(product, person, zap)
    _open(home, zap)
    expect(home.get_by_test_id("draft-state")).to_have_text("Draft: no changes")
    secret = {"Authorization": "never-to-be-seen"}
    changed = _hook("crm", "Tell the CRM", headers=secret) | {"retry": {"attempts": 5}}
    changed["inputs"]["url"] = "https://example.com/v2"
    _save(product, person, zap, changed)
    expect(home.get_by_test_id("draft-state")).to_have_text("Draft: 4 changes")
    home.get_by_test_id("draft-state").click()
    lines = home.get_by_test_id("change")
    expect(lines).to_have_count(4)
    expect(lines.filter(has_text="Tell the CRM · URL")).to_contain_text("https://example.com/v2")
    expect(lines.filter(has_text="Old")).to_contain_text("Removed")
    assert "never-to-be-seen" not in home.content()
    lines.filter(has_text="URL").get_by_test_id("change-to-step").click()
    expect(home.get_by_test_id("input-url")).to_be_focused()
    home.get_by_test_id("draft-state").click()
    home.get_by_test_id("discard").click()
    home.get_by_test_id("discard-yes").click()
    expect(home.get_by_test_id("draft-state")).to_have_text("Draft: no changes")
    expect(home.get_by_test_id("input-url")).to_have_value(URL)
    home.get_by_role("button", name="Undo", exact=True).click()
    expect(home.get_by_test_id("draft-state")).to_have_text("Draft: 4 changes")


def test_hints_lead_to_their_place_and_keep_nothing_from_going_live(
    home: Page, product: Product, person: Person
) -> None:
    big = {"left": "{{ trigger.body.total }}", "op": "NUMBER_IS_GREATER_THAN", "right": "5"}
    way = {
        "id": "way",
        "kind": "router",
        "branches": [{"name": "big", "when": {"any": [{"all": [big]}]}, "steps": [_hook("inner")]}],
    }
    key = "sk_live_0123456789abcdef"
    zap = _zap(product, person, _hook("crm", "Tell the CRM", body={"key": key}), way)
    _open(home, zap)
    expect(home.get_by_test_id("hints")).to_contain_text("3 hints")
    home.get_by_test_id("publish").click()
    expect(home.get_by_test_id("new-hint")).to_have_count(2)
    home.get_by_test_id("hint-to-step").filter(has_text="Tell the CRM · Body").click()
    expect(home.get_by_test_id("publish-sheet")).to_be_hidden()
    expect(home.get_by_test_id("panel-title")).to_have_text("Tell the CRM")
    home.get_by_test_id("publish").click()
    home.get_by_test_id("input-note").fill("First try")
    home.get_by_test_id("publish-anyway").click()
    expect(home.get_by_test_id("live-version")).to_have_text("live: v1")
    # What was read once is not told at every publishing.
    home.get_by_test_id("open-crm").click()
    home.get_by_test_id("input-url").fill("https://example.com/v2")
    expect(home.get_by_test_id("draft-state")).to_have_text("Draft: 1 change")
    home.get_by_test_id("publish").click()
    expect(home.get_by_test_id("live-version")).to_have_text("live: v2")
    home.get_by_test_id("hints").click()
    home.get_by_test_id("hint-away").first.click()
    expect(home.get_by_test_id("hints")).to_contain_text("2 hints")
    versions = product.rest.get(f"/api/v1/zaps/{zap['id']}/versions", headers=person.headers)
    assert [one["note"] for one in versions.json()["data"]] == [None, "First try"]


def test_versions_are_compared_noted_and_brought_back(
    home: Page, product: Product, person: Person
) -> None:
    zap = _zap(product, person, _hook("crm", "Tell the CRM"))
    _publish(product, person, zap)
    _save(product, person, zap, _hook("crm", "Tell the CRM"), _hook("more", "More"))
    _publish(product, person, zap, note="More is told")
    _save(product, person, zap, _hook("crm", "Tell all"))
    _open(home, zap)

    def versions() -> None:
        home.get_by_test_id("zap-more").click()
        home.get_by_test_id("open-versions").click()
        expect(home.get_by_test_id("version-2")).to_contain_text("Ada Lovelace")

    versions()
    expect(home.get_by_test_id("note-2")).to_have_text("More is told")
    home.get_by_test_id("write-note-1").click()
    home.get_by_test_id("version-note").fill("The beginning")
    home.get_by_test_id("keep-note").click()
    expect(home.get_by_test_id("note-1")).to_have_text("The beginning")
    home.get_by_test_id("compare-1").click()
    both = home.get_by_test_id("changes")
    expect(both.get_by_test_id("change")).to_contain_text("Tell all")
    expect(both.get_by_test_id("node-crm")).to_have_attribute("data-status", "changed")
    # What the later one has not any more stands where it stood.
    home.get_by_test_id("compare-from").select_option("2")
    expect(both.get_by_test_id("node-more")).to_have_attribute("data-status", "removed")
    home.get_by_test_id("compare-from").select_option("1")
    expect(both.get_by_test_id("node-more")).to_have_count(0)
    home.get_by_test_id("compare-to").select_option("2")
    expect(both.get_by_test_id("node-more")).to_have_attribute("data-status", "added")
    home.get_by_test_id("all-versions").click()
    home.get_by_test_id("restore-1").click()
    home.get_by_test_id("restore-no").click()
    home.get_by_test_id("restore-1").click()
    home.get_by_test_id("restore-yes-1").click()
    expect(home.get_by_test_id("versions")).to_be_hidden()
    expect(home.get_by_test_id("card-crm")).to_contain_text("Tell the CRM")
    home.get_by_role("button", name="Undo", exact=True).click()
    expect(home.get_by_test_id("card-crm")).to_contain_text("Tell all")

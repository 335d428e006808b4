"""Editing on the builder's canvas: added, dragged, selected, copied and noted; by mouse and by key."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, WebSocketRoute, expect

from tests.browser.conftest import WIDE, Person, Product, is_ready, shows_steps_as, sign_in

HOSTILE = "<script>alert(1)</script> \u202etxt.exe " + "long" * 40


def _call(step_id: str, **more: Any) -> dict[str, Any]:
    inputs = {"url": f"https://example.com/{step_id}"}
    name = step_id.capitalize()
    return {
        "id": step_id,
        "kind": "action",
        "action": "webhook",
        "name": name,
        "inputs": inputs,
    } | more


def _fork(**branches: list[dict[str, Any]]) -> dict[str, Any]:
    """A router; one of its branches is its fallback."""
    fallback = branches.pop("fallback", [])
    large = {"any": [{"all": [{"left": "{{ trigger.body.total }}", "op": "EXISTS"}]}]}
    ways = [{"name": name, "when": large, "steps": steps} for name, steps in branches.items()]
    return {
        "id": "way",
        "kind": "router",
        "name": "By size",
        "branches": ways,
        "fallback": fallback,
    }


def _new_zap(
    product: Product, person: Person, *steps: dict[str, Any], **more: Any
) -> dict[str, Any]:
    definition = {"trigger": {"kind": "webhook"}, "steps": list(steps)} | more
    made = product.rest.post(
        "/api/v1/zaps", json={"name": "Orders", "definition": definition}, headers=person.headers
    )
    zap: dict[str, Any] = made.raise_for_status().json()
    return zap


def _draft(product: Product, person: Person, zap: dict[str, Any]) -> dict[str, Any]:
    answer = product.rest.get(f"/api/v1/zaps/{zap['id']}", headers=person.headers)
    definition: dict[str, Any] = answer.raise_for_status().json()["definition"]
    return definition


def _ids(steps: list[dict[str, Any]]) -> list[str]:
    return [step["id"] for step in steps]


def _open(page: Page, zap: dict[str, Any]) -> None:
    page.goto(f"/zaps/{zap['id']}")
    is_ready(page)
    expect(_card(page, "trigger")).to_be_visible()


def _card(page: Page, step: str) -> Locator:
    return page.get_by_test_id(f"open-{step}")


def _selected(page: Page, step: str) -> Locator:
    return page.locator(f"[data-testid=card-{step}][data-selected=true]")


def _middle(found: Locator) -> tuple[float, float]:
    box = found.bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def _drag(page: Page, what: Locator, to: Locator) -> None:
    """Take it, carry it, and hold it over there."""
    start, end = _middle(what), _middle(to)
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] + 12, start[1] - 12, steps=3)
    page.mouse.move(*end, steps=8)


def _show_all(page: Page) -> None:
    page.get_by_test_id("canvas").get_by_role("button", name="Fit View").click()
    page.wait_for_timeout(300)


@pytest.fixture
def canvas(home: Page) -> Page:
    """The page of somebody who likes the canvas."""
    home.add_init_script(shows_steps_as("canvas"))
    return home


def test_a_step_is_added_on_a_way_in_an_empty_branch_and_at_the_end(
    canvas: Page, product: Product, person: Person
) -> None:
    zap = _new_zap(product, person, _call("first"), _fork(Large=[_call("big")], Small=[]))
    _open(canvas, zap)
    _show_all(canvas)
    canvas.get_by_test_id("add-before-big").click()
    canvas.get_by_test_id("pick-email").click()
    expect(_card(canvas, "email")).to_be_visible()
    expect(canvas.get_by_test_id("panel-title")).to_have_text("Send Email")
    canvas.get_by_test_id("add-to-way-1").click()
    canvas.get_by_test_id("pick-delay").click()
    expect(_card(canvas, "delay")).to_be_visible()
    canvas.get_by_test_id("add-to-way--1").click()
    canvas.get_by_test_id("pick-stop").click()
    expect(_card(canvas, "stop")).to_be_visible()
    canvas.get_by_test_id("add-step").click()
    canvas.get_by_test_id("pick-slack").click()
    expect(_card(canvas, "slack")).to_be_visible()
    first, way, last = _draft(product, person, zap)["steps"]
    assert [_ids(branch["steps"]) for branch in way["branches"]] == [["email", "big"], ["delay"]]
    assert (first["id"], _ids(way["fallback"]), last["id"]) == ("first", ["stop"], "slack")


def test_a_step_is_dragged_into_another_branch_and_escape_leaves_it_where_it_is(
    canvas: Page, product: Product, person: Person
) -> None:
    zap = _new_zap(product, person, _fork(Large=[_call("big"), _call("next")], Small=[]))
    _open(canvas, zap)
    _show_all(canvas)
    there = canvas.get_by_test_id("add-to-way-1")
    _drag(canvas, _card(canvas, "big"), there)
    expect(canvas.get_by_test_id("carried")).to_have_text("Big")
    expect(there).to_have_attribute("data-lit", "true")
    canvas.keyboard.press("Escape")
    expect(canvas.get_by_test_id("carried")).to_have_count(0)
    canvas.mouse.up()
    assert _ids(_draft(product, person, zap)["steps"][0]["branches"][0]["steps"]) == ["big", "next"]
    _drag(canvas, _card(canvas, "big"), there)
    canvas.mouse.up()
    expect(canvas.get_by_test_id("undo")).to_have_attribute("aria-label", "Undo: move “Big”")
    (way,) = _draft(product, person, zap)["steps"]
    assert [_ids(branch["steps"]) for branch in way["branches"]] == [["next"], ["big"]]
    # A container has no place in itself.
    _drag(canvas, _card(canvas, "way"), there)
    expect(canvas.get_by_test_id("carried")).to_have_text("By size")
    expect(there).to_have_attribute("data-lit", "false")
    canvas.mouse.up()
    expect(canvas.get_by_test_id("carried")).to_have_count(0)


def test_a_finger_carries_a_step_too(browser: Browser, product: Product, person: Person) -> None:
    zap = _new_zap(product, person, _fork(Large=[_call("big")], Small=[]))
    context = browser.new_context(base_url=product.url, viewport=WIDE, has_touch=True)
    context.add_init_script(shows_steps_as("canvas"))
    page = context.new_page()
    sign_in(page, person.email)
    expect(page).to_have_url(re.compile("/dashboard"))
    _open(page, zap)
    _show_all(page)
    fingers = context.new_cdp_session(page)

    def touch(what: str, *points: tuple[float, float]) -> None:
        at = [{"x": x, "y": y} for x, y in points]
        fingers.send("Input.dispatchTouchEvent", {"type": what, "touchPoints": at})

    there = page.get_by_test_id("add-to-way-1")
    start, end = _middle(_card(page, "big")), _middle(there)
    touch("touchStart", start)
    touch("touchMove", (start[0] + 12, start[1]))
    touch("touchMove", end)
    expect(page.get_by_test_id("carried")).to_have_text("Big")
    expect(there).to_have_attribute("data-lit", "true")
    touch("touchEnd")
    expect(page.get_by_test_id("undo")).to_have_attribute("aria-label", "Undo: move “Big”")
    (way,) = _draft(product, person, zap)["steps"]
    assert [_ids(branch["steps"]) for branch in way["branches"]] == [[], ["big"]]
    context.close()


def test_several_steps_are_deleted_at_once_and_come_back_after_a_reload(
    canvas: Page, product: Product, person: Person
) -> None:
    steps = [_call("one"), _call("two"), _fork(Large=[_call("big")]), _call("last")]
    zap = _new_zap(product, person, *steps)
    _open(canvas, zap)
    _show_all(canvas)
    _card(canvas, "one").click()
    _card(canvas, "way").click(modifiers=["Shift"])
    # It is in the router, and counts once.
    _card(canvas, "big").click(modifiers=["ControlOrMeta"])
    expect(canvas.get_by_test_id("many-count")).to_have_text("2 steps")
    canvas.get_by_test_id("many-skip").click()
    expect(canvas.get_by_test_id("undo")).to_have_attribute("aria-label", "Undo: skip 2 steps")
    expect(canvas.get_by_test_id("many-count")).to_have_text("2 steps")
    canvas.get_by_test_id("many-delete").click()
    expect(_card(canvas, "way")).to_have_count(0)
    assert _ids(_draft(product, person, zap)["steps"]) == ["two", "last"]
    canvas.reload()
    is_ready(canvas)
    expect(_card(canvas, "two")).to_be_visible()
    canvas.get_by_test_id("undo").click()
    expect(_card(canvas, "big")).to_be_attached()
    canvas.get_by_test_id("undo").click()
    expect(canvas.get_by_test_id("undo")).to_be_disabled()
    assert _draft(product, person, zap)["steps"] == steps


def test_a_frame_selects_what_it_touches(canvas: Page, product: Product, person: Person) -> None:
    zap = _new_zap(product, person, _call("one"), _call("two"), _call("three"))
    _open(canvas, zap)
    x, top = _middle(_card(canvas, "one"))
    _, bottom = _middle(_card(canvas, "two"))
    canvas.keyboard.down("Shift")
    canvas.mouse.move(x - 220, top - 8)
    canvas.mouse.down()
    canvas.mouse.move(x, bottom, steps=5)
    expect(canvas.get_by_test_id("frame")).to_be_visible()
    canvas.mouse.up()
    canvas.keyboard.up("Shift")
    expect(canvas.get_by_test_id("many-count")).to_have_text("2 steps")
    expect(_selected(canvas, "three")).to_have_count(0)
    canvas.get_by_test_id("many-duplicate").click()
    expect(_card(canvas, "webhook_2")).to_be_visible()
    assert _ids(_draft(product, person, zap)["steps"]) == [
        "one", "two", "webhook", "webhook_2", "three",
    ]  # fmt: skip


def test_steps_are_copied_in_one_zap_and_pasted_into_another(
    canvas: Page, product: Product, person: Person
) -> None:
    secret = "https://hooks.slack.com/services/T0/B0/never"
    slack = _call("tell", action="slack", inputs={"webhookUrl": secret, "message": "Hi"})
    one = _new_zap(product, person, _call("first"), _fork(Large=[_call("big")]), slack)
    other = _new_zap(product, person, _call("alone"))
    _open(canvas, one)
    _show_all(canvas)
    _card(canvas, "way").click()
    _card(canvas, "tell").click(modifiers=["Shift"])
    canvas.keyboard.press("ControlOrMeta+c")
    expect(canvas.get_by_test_id("canvas-said")).to_have_text("2 steps are copied.")
    assert secret not in canvas.evaluate("navigator.clipboard.readText()")
    _open(canvas, other)
    _card(canvas, "trigger").focus()
    canvas.keyboard.press("ControlOrMeta+v")
    expect(canvas.get_by_test_id("many-count")).to_have_text("2 steps")
    way, tell, alone = _draft(product, person, other)["steps"]
    assert (way["kind"], tell["inputs"], alone["id"]) == (
        "router",
        {"webhookUrl": "", "message": "Hi"},
        "alone",
    )
    # By the menu, below the card it is about; and what is no step is refused in words.
    _show_all(canvas)
    _card(canvas, "alone").click(button="right")
    canvas.get_by_test_id("paste-alone").click()
    expect(_card(canvas, "router_2")).to_be_attached()
    assert len(_draft(product, person, other)["steps"]) == 5
    canvas.evaluate("navigator.clipboard.writeText('good morning')")
    _card(canvas, "alone").click()
    canvas.keyboard.press("ControlOrMeta+v")
    expect(canvas.get_by_text("There are no steps in this text", exact=False)).to_be_visible()


def test_what_is_cut_goes_where_it_is_pasted(
    canvas: Page, product: Product, person: Person
) -> None:
    zap = _new_zap(product, person, _call("one"), _fork(Large=[]), _call("last"))
    _open(canvas, zap)
    _show_all(canvas)
    _card(canvas, "one").click()
    canvas.keyboard.press("ControlOrMeta+x")
    expect(_card(canvas, "one")).to_have_count(0)
    canvas.get_by_test_id("add-to-way-0").focus()
    canvas.keyboard.press("ControlOrMeta+v")
    expect(canvas.get_by_test_id("undo")).to_have_attribute("aria-label", "Undo: add “One”")
    way, last = _draft(product, person, zap)["steps"]
    ((pasted,),) = ([step["name"] for step in branch["steps"]] for branch in way["branches"])
    assert (pasted, last["id"]) == ("One", "last")


def test_a_note_is_written_moved_painted_and_kept(
    canvas: Page, product: Product, person: Person
) -> None:
    zap = _new_zap(product, person, _call("one"))
    _open(canvas, zap)
    _card(canvas, "one").focus()
    canvas.keyboard.press("n")
    field = canvas.get_by_test_id("text-note_1")
    expect(field).to_be_focused()
    # Letters are letters here, and no gestures.
    canvas.keyboard.type("Ask Ada <b>soon</b>, mail also Sam")
    field.blur()
    canvas.wait_for_timeout(800)
    expect(canvas.get_by_test_id("save-state")).to_have_text("Saved")
    canvas.get_by_test_id("color-note_1").click()
    expect(canvas.get_by_test_id("note-note_1")).to_have_attribute("data-color", "green")
    (before,) = _draft(product, person, zap)["notes"]
    assert before["text"] == "Ask Ada <b>soon</b>, mail also Sam"
    grip = canvas.get_by_test_id("grip-note_1")
    x, y = _middle(grip)
    canvas.mouse.move(x, y)
    canvas.mouse.down()
    canvas.mouse.move(x + 30, y + 60, steps=5)
    canvas.mouse.up()
    expect(canvas.get_by_test_id("undo")).to_have_attribute("aria-label", "Undo: change a note")
    canvas.wait_for_timeout(300)
    grip.focus()
    canvas.keyboard.press("Shift+ArrowRight")
    canvas.wait_for_timeout(500)
    (after,) = _draft(product, person, zap)["notes"]
    assert (after["x"], after["y"]) > (before["x"] + 20, before["y"] + 40)
    assert after["width"] == before["width"] + 20
    canvas.reload()
    is_ready(canvas)
    expect(canvas.get_by_test_id("text-note_1")).to_have_value(before["text"])
    canvas.get_by_test_id("delete-note_1").click()
    expect(canvas.get_by_test_id("note-note_1")).to_have_count(0)
    canvas.get_by_test_id("undo").click()
    expect(canvas.get_by_test_id("text-note_1")).to_have_value(before["text"])


def test_everything_can_be_done_with_the_keyboard(
    canvas: Page, product: Product, person: Person
) -> None:
    zap = _new_zap(product, person, _call("one"), _fork(Large=[_call("big")], Small=[]))
    _open(canvas, zap)
    _show_all(canvas)
    press = canvas.keyboard.press
    _card(canvas, "trigger").focus()
    for stop in ("add-before-one", "open-one", "add-before-way", "open-way"):
        press("ArrowDown")
        expect(canvas.get_by_test_id(stop)).to_be_focused()
    # Add before it: the picker opens by Enter and takes the first that fits.
    press("ArrowUp")
    press("Enter")
    expect(canvas.get_by_test_id("picker-search")).to_be_focused()
    canvas.keyboard.type("slack")
    expect(canvas.get_by_test_id("pick-webhook")).to_have_count(0)
    press("Enter")
    expect(_card(canvas, "slack")).to_be_visible()
    _card(canvas, "slack").focus()
    press("ControlOrMeta+d")
    expect(_card(canvas, "slack_2")).to_be_visible()
    _card(canvas, "slack").focus()
    press("s")
    expect(canvas.get_by_test_id("card-slack")).to_have_class(re.compile("is-skipped"))
    press("Alt+ArrowUp")
    expect(canvas.get_by_test_id("undo")).to_have_attribute("aria-label", re.compile("swap|move"))
    expect(_card(canvas, "slack")).to_be_focused()
    press("m")
    canvas.get_by_test_id("target-way-1").click()
    expect(canvas.get_by_test_id("move-step")).not_to_be_visible()
    _card(canvas, "slack_2").focus()
    press("Delete")
    expect(_card(canvas, "slack_2")).to_have_count(0)
    _card(canvas, "one").focus()
    press("Shift+F10")
    expect(canvas.get_by_test_id("change-one")).to_be_focused()
    press("Escape")
    expect(_card(canvas, "one")).to_be_focused()
    press("Enter")
    expect(canvas.get_by_test_id("input-url")).to_be_visible()
    expect(canvas.locator(".panel :focus")).to_have_count(1)
    press("Escape")
    expect(_card(canvas, "one")).to_be_focused()
    steps = _draft(product, person, zap)["steps"]
    assert _ids(steps) == ["one", "way"]
    assert _ids(steps[1]["branches"][1]["steps"]) == ["slack"]
    press("ControlOrMeta+a")
    press("Delete")
    expect(canvas.get_by_test_id("add-step")).to_have_text("Add the first step")


def test_branches_are_named_added_moved_and_deleted_on_the_canvas(
    canvas: Page, product: Product, person: Person
) -> None:
    zap = _new_zap(product, person, _fork(Large=[_call("big")], Small=[]))
    _open(canvas, zap)
    canvas.get_by_test_id("branch-way-1").click(button="right")
    canvas.get_by_test_id("rename-branch-way-1").click()
    canvas.get_by_test_id("input-branch_name").fill("Tiny")
    canvas.get_by_test_id("branch-save").click()
    expect(canvas.get_by_test_id("branch-way-1")).to_have_text("Tiny")
    canvas.get_by_test_id("branch-way-1").hover()
    canvas.get_by_test_id("more-branch-way-1").click()
    canvas.get_by_test_id("up-branch-way-1").click()
    expect(canvas.get_by_test_id("branch-way-0")).to_have_text("Tiny")
    canvas.get_by_test_id("card-way").click(button="right")
    canvas.get_by_test_id("branch-way").click()
    expect(canvas.get_by_test_id("branch-way-2")).to_have_text("Branch 3")
    _show_all(canvas)
    canvas.get_by_test_id("branch-way-0").click(button="right")
    canvas.get_by_test_id("delete-branch-way-0").click()
    expect(canvas.get_by_test_id("branch-way-0")).to_have_text("Large")
    (way,) = _draft(product, person, zap)["steps"]
    assert [branch["name"] for branch in way["branches"]] == ["Large", "Branch 3"]


def test_a_name_stays_inside_its_card(canvas: Page, product: Product, person: Person) -> None:
    hostile = HOSTILE[:200]
    zap = _new_zap(product, person, _call("one", name=hostile), _fork(**{hostile: []}))
    _open(canvas, zap)
    _show_all(canvas)
    for outer, inner in (("card-one", "open-one"), ("card-one", "more-one")):
        around = canvas.get_by_test_id(outer).bounding_box()
        box = canvas.get_by_test_id(inner).bounding_box()
        assert around
        assert box
        assert box["x"] + box["width"] <= around["x"] + around["width"]
    label = canvas.get_by_test_id("branch-way-0").bounding_box()
    way = canvas.get_by_test_id("card-way").bounding_box()
    assert label
    assert way
    assert label["width"] <= way["width"]
    expect(_card(canvas, "one")).to_contain_text("<script>alert(1)</script>")


def test_the_choice_between_canvas_and_list_is_kept(
    home: Page, product: Product, person: Person
) -> None:
    zap = _new_zap(product, person, _call("one"))
    home.goto(f"/zaps/{zap['id']}")
    is_ready(home)
    expect(home.get_by_test_id("steps")).to_be_visible()
    home.get_by_test_id("view-canvas").click()
    expect(home.get_by_test_id("canvas")).to_be_visible()
    expect(home.get_by_test_id("steps")).to_have_count(0)
    home.set_viewport_size({"width": 390, "height": 844})
    expect(home.get_by_test_id("steps")).to_be_visible()
    expect(home.get_by_test_id("view-list")).to_have_count(0)
    assert home.evaluate("localStorage.getItem('builder-view')") == "canvas"


class Line:
    """The way from a page to its server, which may go dead."""

    def __init__(self, page: Page) -> None:
        self.is_dead = False
        page.route_web_socket(re.compile("/_event"), self._between)

    def _between(self, browser: WebSocketRoute) -> None:
        server = browser.connect_to_server()
        browser.on_message(lambda said: None if self.is_dead else server.send(said))


def test_a_gesture_is_drawn_at_once_and_taken_back_where_the_server_never_hears_of_it(
    canvas: Page, product: Product, person: Person
) -> None:
    line = Line(canvas)
    zap = _new_zap(product, person, _call("one"), _call("two"))
    _open(canvas, zap)
    card = canvas.get_by_test_id("card-one")
    _card(canvas, "one").focus()
    canvas.keyboard.press("s")
    expect(card).to_have_class(re.compile("is-skipped"))
    expect(canvas.get_by_test_id("undo")).to_be_enabled()
    line.is_dead = True
    _card(canvas, "two").focus()
    canvas.keyboard.press("s")
    other, above = canvas.get_by_test_id("card-two"), canvas.get_by_test_id("add-before-one")
    expect(other).to_have_class(re.compile("is-skipped"))
    canvas.keyboard.press("Alt+ArrowUp")
    expect(other).to_have_class(re.compile("is-moving"))
    expect(above).to_have_class(re.compile("is-coming"))
    canvas.keyboard.press("Delete")
    expect(other).to_have_class(re.compile("is-going"))
    expect(other).not_to_have_class(re.compile("is-(going|moving|skipped)"), timeout=15_000)
    expect(above).not_to_have_class(re.compile("is-coming"))
    expect(card).to_have_class(re.compile("is-skipped"))
    assert [step.get("skip", False) for step in _draft(product, person, zap)["steps"]] == [
        True,
        False,
    ]


def test_where_a_step_will_come_is_marked_until_it_is_there(
    canvas: Page, product: Product, person: Person
) -> None:
    line = Line(canvas)
    zap = _new_zap(product, person, _call("one"), _call("two"))
    _open(canvas, zap)
    between, marked = canvas.get_by_test_id("add-before-two"), re.compile("is-coming")
    between.click()
    canvas.get_by_test_id("pick-email").click()
    expect(_card(canvas, "email")).to_be_visible()
    expect(between).not_to_have_class(marked)
    between.click()
    expect(canvas.get_by_test_id("pick-delay")).to_be_visible()
    line.is_dead = True
    canvas.get_by_test_id("pick-delay").click()
    expect(between).to_have_class(marked)
    expect(between).not_to_have_class(marked, timeout=15_000)
    assert _ids(_draft(product, person, zap)["steps"]) == ["one", "email", "two"]

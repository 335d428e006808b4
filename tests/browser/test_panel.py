"""The panel's forms: whatever a step can be told is filled in without JSON, and is there after a
reload.
"""

import re
from typing import Any

from playwright.sync_api import FilePayload, Page, expect
from pytest_httpserver import HTTPServer

from tests.browser.conftest import Person, Product, is_ready


def _zap(
    product: Product,
    person: Person,
    *steps: dict[str, Any],
    trigger: dict[str, Any] | None = None,
    name: str = "Orders",
) -> dict[str, Any]:
    definition = {"trigger": trigger or {"kind": "webhook"}, "steps": list(steps)}
    made = product.rest.post(
        "/api/v1/zaps", json={"name": name, "definition": definition}, headers=person.headers
    )
    zap: dict[str, Any] = made.raise_for_status().json()
    return zap


def _stored(product: Product, person: Person, zap: dict[str, Any]) -> dict[str, Any]:
    answer = product.rest.get(f"/api/v1/zaps/{zap['id']}", headers=person.headers)
    found: dict[str, Any] = answer.raise_for_status().json()["definition"]
    return found


def _step(product: Product, person: Person, zap: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = _stored(product, person, zap)["steps"][0]
    return found


def _open(page: Page, zap: dict[str, Any], card: str) -> None:
    page.goto(f"/zaps/{zap['id']}")
    is_ready(page)
    page.get_by_test_id(f"open-{card}").click()
    expect(page.get_by_test_id("panel-title")).to_be_visible()


def _fill(page: Page, field: str, text: str) -> None:
    """Type and leave the field; what counts is that the draft has it."""
    page.get_by_test_id(field).fill(text)
    page.get_by_test_id(field).blur()
    _is_saved(page)


def _express(page: Page, field: str) -> None:
    """From here on the control takes a text."""
    page.get_by_test_id(f"express-{field}").click()
    expect(page.get_by_test_id(f"choose-{field}")).to_be_visible()


def _tick(page: Page, box: str) -> None:
    """A box shows what the draft has: it is ticked once the draft is."""
    page.get_by_test_id(box).click()
    expect(page.get_by_test_id(box)).to_be_checked()


def _is_saved(page: Page) -> None:
    # A change waits up to half a second for the next keystroke.
    page.wait_for_timeout(600)
    expect(page.get_by_test_id("save-state")).to_have_text("Saved")


def test_a_routers_branches_are_filled_in_named_put_in_order_and_taken_away(
    home: Page, product: Product, person: Person
) -> None:
    when = {"any": [{"all": [{"left": "", "op": "TEXT_EXACTLY_MATCHES", "right": ""}]}]}
    router = {"id": "way", "kind": "router", "branches": [{"name": "large", "when": when}]}
    zap = _zap(product, person, router)
    _open(home, zap, "way")
    _fill(home, "left-0-0", "{{ trigger.body.n }}")
    home.get_by_test_id("op-0-0").select_option("NUMBER_IS_GREATER_THAN")
    _fill(home, "right-0-0", "10")
    home.get_by_test_id("add-and-0").click()
    _fill(home, "left-0-1", "{{ trigger.body.kind }}")
    _fill(home, "right-0-1", "Order")
    _tick(home, "case-0-1")
    _is_saved(home)
    home.get_by_test_id("add-or").click()
    _fill(home, "left-1-0", "{{ trigger.body.vip }}")
    home.get_by_test_id("op-1-0").select_option("EXISTS")
    expect(home.get_by_test_id("right-1-0")).to_have_count(0)
    expect(home.get_by_test_id("panel-branch-0")).to_contain_text(
        "trigger.body.n is greater than 10"
    )
    home.get_by_test_id("panel-add-branch").click()
    expect(home.get_by_test_id("name-branch-1")).to_have_value("Branch 2")
    _fill(home, "name-branch-1", "small")
    _fill(home, "left-0-0", "{{ trigger.body.small }}")
    home.get_by_test_id("panel-up-branch-1").click()
    expect(home.get_by_test_id("panel-branch-0")).to_contain_text("small")
    expect(home.get_by_test_id("panel-branch-0")).to_have_attribute("aria-expanded", "true")
    home.get_by_test_id("input-mode").select_option("all_matches")
    _is_saved(home)
    stored = _step(product, person, zap)
    assert stored["mode"] == "all_matches"
    assert [branch["name"] for branch in stored["branches"]] == ["small", "large"]
    assert stored["branches"][1]["when"] == {
        "any": [
            {
                "all": [
                    {
                        "left": "{{ trigger.body.n }}",
                        "op": "NUMBER_IS_GREATER_THAN",
                        "right": "10",
                    },
                    {
                        "left": "{{ trigger.body.kind }}",
                        "op": "TEXT_EXACTLY_MATCHES",
                        "right": "Order",
                        "caseSensitive": True,
                    },
                ]
            },
            {"all": [{"left": "{{ trigger.body.vip }}", "op": "EXISTS", "right": ""}]},
        ]
    }
    _open(home, zap, "way")
    home.get_by_test_id("panel-branch-1").click()
    expect(home.get_by_test_id("left-0-1")).to_have_value("{{ trigger.body.kind }}")
    expect(home.get_by_test_id("case-0-1")).to_be_checked()
    home.get_by_test_id("drop-condition-1-0").click()
    expect(home.get_by_test_id("left-1-0")).to_have_count(0)
    home.get_by_test_id("undo").click()
    expect(home.get_by_test_id("left-1-0")).to_be_visible()
    home.get_by_test_id("panel-drop-branch-0").click()
    expect(home.get_by_test_id("panel-branch-1")).to_have_count(0)


def test_a_loop_goes_on_while_conditions_hold_and_branches_wait_for_each_other(
    home: Page, product: Product, person: Person
) -> None:
    loop = {"id": "rounds", "kind": "loop", "over": "{{ trigger.body }}", "steps": []}
    both = {
        "id": "both",
        "kind": "parallel",
        "branches": [{"name": name, "steps": []} for name in ("a", "b")],
    }
    zap = _zap(product, person, loop, both)
    _open(home, zap, "rounds")
    home.get_by_test_id("input-repeats").select_option("while")
    expect(home.get_by_test_id("input-over")).to_have_count(0)
    _fill(home, "left-0-0", "{{ index }}")
    home.get_by_test_id("op-0-0").select_option("NUMBER_IS_LESS_THAN")
    _fill(home, "right-0-0", "5")
    _fill(home, "input-most", "20")
    home.get_by_test_id("open-both").click()
    home.get_by_test_id("panel-branch-1").click()
    _tick(home, "wait-1-a")
    expect(home.get_by_test_id("panel-branch-1")).to_contain_text("after a")
    home.get_by_test_id("panel-branch-0").click()
    expect(home.get_by_test_id("wait-0-b")).to_be_disabled()
    first, second = _stored(product, person, zap)["steps"]
    condition = {"left": "{{ index }}", "op": "NUMBER_IS_LESS_THAN", "right": "5"}
    assert first["while"] == {"any": [{"all": [condition]}]}
    assert (first["most"], "over" in first) == (20, False)
    assert second["branches"][1]["depends_on"] == ["a"]
    _open(home, zap, "rounds")
    expect(home.get_by_test_id("input-repeats")).to_have_value("while")
    expect(home.get_by_test_id("right-0-0")).to_have_value("5")


def test_a_zap_is_chosen_by_name_and_what_it_asks_for_becomes_fields(
    home: Page, product: Product, person: Person
) -> None:
    fields = [
        {"name": "who", "label": "Your name", "kind": "text", "required": True},
        {"name": "size", "label": "Size", "kind": "choice", "options": ["S", "M"]},
    ]
    asking = {"kind": "form", "settings": {"fields": fields}}
    asked = _zap(product, person, trigger=asking, name="Ask for a size")
    _zap(product, person, name="Something else")
    zap = _zap(product, person, {"id": "sub", "kind": "zap", "zap_id": ""})
    _open(home, zap, "sub")
    expect(home.get_by_test_id("input-input")).to_be_visible()
    home.get_by_test_id("input-zap_id").click()
    expect(home.get_by_test_id("pick-zap_id")).to_have_count(2)
    home.get_by_test_id("search-zap_id").fill("SIZE")
    expect(home.get_by_test_id("pick-zap_id")).to_have_text(["Ask for a size"])
    home.keyboard.press("ArrowDown")
    home.keyboard.press("Enter")
    expect(home.get_by_test_id("input-zap_id")).to_have_text("Ask for a size")
    _fill(home, "input-input.who", "{{ trigger.body.name }}")
    home.get_by_test_id("input-input.size").select_option("M")
    _is_saved(home)
    step = _step(product, person, zap)
    assert step["zap_id"] == asked["id"]
    assert step["input"] == {"who": "{{ trigger.body.name }}", "size": "M"}
    _open(home, zap, "sub")
    expect(home.get_by_test_id("input-zap_id")).to_have_text("Ask for a size")
    expect(home.get_by_test_id("input-input.who")).to_have_value("{{ trigger.body.name }}")
    _express(home, "input")
    _fill(home, "input-input", "{{ trigger.body }}")
    assert _step(product, person, zap)["input"] == "{{ trigger.body }}"


def test_options_of_a_service_are_looked_up_again_when_its_address_changes_or_it_failed(
    home: Page, product: Product, person: Person, httpserver: HTTPServer
) -> None:
    settings = {"trigger": "http_list", "inputs": {}}
    zap = _zap(product, person, trigger={"kind": "poll", "settings": settings})
    _open(home, zap, "trigger")
    expect(home.get_by_test_id("waiting-inputs.items")).to_contain_text("Fill in “Address” first.")
    httpserver.expect_request("/down").respond_with_data("busy", status=503)
    _fill(home, "input-inputs.url", httpserver.url_for("/down"))
    expect(home.get_by_test_id("trouble-inputs.items")).to_contain_text("503")
    # Leaving the field may look once more: that look finds it away, too.
    home.wait_for_timeout(1_500)
    httpserver.clear()
    httpserver.expect_request("/down").respond_with_json({"things": [{"id": 1}]})
    httpserver.expect_request("/orders").respond_with_json({"data": {"orders": [{"no": 7}]}})
    home.get_by_test_id("again-inputs.items").click()
    home.get_by_test_id("input-inputs.items").click()
    expect(home.get_by_test_id("pick-inputs.items")).to_have_text(["things (1)"])
    _fill(home, "input-inputs.url", httpserver.url_for("/orders"))
    expect(home.get_by_test_id("pick-inputs.items")).to_have_text(["data.orders (1)"])
    home.get_by_test_id("pick-inputs.items").click()
    home.get_by_test_id("input-inputs.id_field").click()
    home.get_by_test_id("pick-inputs.id_field").filter(has_text="no: 7").click()
    expect(home.get_by_test_id("input-inputs.id_field")).to_contain_text("no")
    _is_saved(home)
    inputs = _stored(product, person, zap)["trigger"]["settings"]["inputs"]
    assert (inputs["items"], inputs["id_field"]) == ("data.orders", "no")
    _express(home, "inputs.id_field")
    _fill(home, "input-inputs.id_field", "number")
    inputs = _stored(product, person, zap)["trigger"]["settings"]["inputs"]
    assert inputs["id_field"] == "number"


def test_lists_moments_choices_and_rows_are_there_after_a_reload(
    home: Page, product: Product, person: Person
) -> None:
    zap = _zap(
        product,
        person,
        {"id": "ask", "kind": "approval", "question": "Go?"},
        {"id": "nap", "kind": "delay", "seconds": 60},
        {"id": "form", "kind": "action", "action": "http-form", "inputs": {}},
    )
    _open(home, zap, "ask")
    _fill(home, "item-approvers-0", "ada@example.com")
    _fill(home, "item-approvers-1", "{{ trigger.body.boss }}")
    home.get_by_test_id("up-approvers-1").click()
    expect(home.get_by_test_id("item-approvers-0")).to_have_value("{{ trigger.body.boss }}")
    home.get_by_test_id("open-nap").click()
    home.get_by_test_id("input-until").fill("2099-03-01T08:00")
    home.get_by_test_id("input-until").blur()
    expect(home.get_by_test_id("said-until")).to_contain_text("01 Mar 2099, 08:00 UTC")
    home.get_by_test_id("open-form").click()
    _fill(home, "input-url", "https://example.com/sign-up")
    home.get_by_test_id("add-fields").click()
    _fill(home, "cell-fields-0-name", "tag")
    _fill(home, "cell-fields-0-value", "{{ trigger.body.tag }}")
    home.get_by_test_id("add-fields").click()
    _fill(home, "cell-fields-1-name", "kind")
    home.get_by_test_id("down-fields-0").click()
    expect(home.get_by_test_id("cell-fields-0-name")).to_have_value("kind")
    _tick(home, "tick-also_fine-409")
    _tick(home, "tick-also_fine-404")
    _is_saved(home)
    ask, nap, form = _stored(product, person, zap)["steps"]
    assert ask["approvers"] == ["{{ trigger.body.boss }}", "ada@example.com"]
    assert re.fullmatch(r"2099-03-01T08:00:00[+-]\d\d:\d\d", nap["until"])
    assert "seconds" not in nap
    assert form["inputs"] == {
        "url": "https://example.com/sign-up",
        "fields": [{"name": "kind"}, {"name": "tag", "value": "{{ trigger.body.tag }}"}],
        "also_fine": ["404", "409"],
    }
    _open(home, zap, "nap")
    expect(home.get_by_test_id("input-until")).to_have_value("2099-03-01T08:00")
    _express(home, "until")
    _fill(home, "input-until", "{{ trigger.body.at }}")
    home.get_by_test_id("open-form").click()
    expect(home.get_by_test_id("cell-fields-1-value")).to_have_value("{{ trigger.body.tag }}")
    expect(home.get_by_test_id("tick-also_fine-404")).to_be_checked()
    home.get_by_test_id("open-nap").click()
    expect(home.get_by_test_id("input-until")).to_have_value("{{ trigger.body.at }}")


def test_a_retry_policy_is_told_in_words_and_a_note_stands_on_the_card(
    home: Page, product: Product, person: Person
) -> None:
    step = {"id": "post", "kind": "action", "action": "webhook", "inputs": {}}
    zap = _zap(product, person, step)
    _open(home, zap, "post")
    home.get_by_test_id("failure-settings").click()
    expect(home.get_by_test_id("retry-words")).to_contain_text("after 2 s and 4 s")
    _fill(home, "option-attempts", "8")
    _fill(home, "option-first_wait", "600")
    expect(home.get_by_test_id("retry-words")).to_contain_text(
        "10 min, 20 min, 40 min … at most 1 h"
    )
    home.get_by_test_id("option-on_error").select_option("continue")
    home.get_by_test_id("option-factor").fill("0")
    home.get_by_test_id("option-factor").blur()
    expect(home.get_by_test_id("error-option-factor")).to_contain_text("from 1 to 100")
    home.get_by_test_id("step-settings").click()
    _fill(home, "option-note", "Ask Grace before changing this.")
    expect(home.get_by_test_id("card-post")).to_contain_text("Ask Grace before changing this.")
    expect(home.get_by_test_id("error-option-factor")).to_have_count(0)
    stored = _step(product, person, zap)
    assert stored["retry"] == {"attempts": 8, "first_wait": 600}
    assert (stored["on_error"], stored["note"]) == ("continue", "Ask Grace before changing this.")
    _open(home, zap, "post")
    home.get_by_test_id("step-settings").click()
    expect(home.get_by_test_id("option-note")).to_have_value("Ask Grace before changing this.")


def test_a_draft_with_hostile_values_stays_usable_and_nothing_in_it_runs(
    home: Page, product: Product, person: Person
) -> None:
    evil = "<img src=x onerror=\"window.evil='yes'\"><script>window.evil='yes'</script>\u202e"
    body = evil + "y" * 600_000
    inputs = {
        "url": f"https://example.com/{evil}",
        "headers": {f"{evil}{'x' * 10_000}": "v"},
        "body": body,
    }
    when = {"any": [{"all": [{"left": "z" * 200_000, "op": "EXISTS"}]}]}
    zap = _zap(
        product,
        person,
        {
            "id": "post",
            "kind": "action",
            "action": "webhook",
            "name": evil,
            "note": evil,
            "inputs": inputs,
        },
        {"id": "only", "kind": "filter", "when": when},
    )
    _open(home, zap, "post")
    expect(home.get_by_test_id("field-body")).to_contain_text("of which this is the beginning")
    home.get_by_test_id("whole-body").click()
    expect(home.get_by_test_id("input-body")).to_have_value(body)
    home.get_by_test_id("open-only").click()
    expect(home.get_by_test_id("conditions")).to_contain_text("a text of 200.0 KB")
    assert home.evaluate("window.evil") is None
    assert home.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_files_are_uploaded_dropped_fetched_refused_and_mailed(
    home: Page, product: Product, person: Person, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/terms.txt").respond_with_data(
        "all of them", content_type="text/plain"
    )
    inputs = {"to": person.email, "body": "Have a look"}
    mail = {"id": "mail", "kind": "action", "action": "email", "inputs": inputs}
    zap = _zap(product, person, mail)
    _open(home, zap, "mail")
    hostile = "<img src=x onerror=alert(1)> {{ trigger.body.x }}.pdf"
    home.get_by_test_id("upload-attachments").set_input_files(
        [
            FilePayload(name=hostile, mimeType="application/pdf", buffer=b"x" * 3_000),
            FilePayload(name="big.bin", mimeType="", buffer=bytes(21 * 1024 * 1024)),
        ]
    )
    expect(home.get_by_test_id("upload-error")).to_contain_text(
        "big.bin: It has 21.0 MB, more than"
    )
    expect(home.get_by_test_id("file-attachments-0")).to_contain_text("3.0 KB")
    home.get_by_test_id("input-attachments").fill(httpserver.url_for("/terms.txt"))
    home.get_by_test_id("input-attachments").press("Enter")
    expect(home.get_by_test_id("item-attachments-1")).to_have_value(re.compile("terms.txt"))
    expect(home.get_by_test_id("input-attachments")).to_have_value("")
    # Dropped onto the field, as from a folder.
    dropped = home.evaluate_handle(
        "() => { const held = new DataTransfer();"
        " held.items.add(new File(['abc'], 'notes.txt', {type: 'text/plain'})); return held; }"
    )
    home.get_by_test_id("input-attachments").dispatch_event("drop", {"dataTransfer": dropped})
    expect(home.get_by_test_id("file-attachments-2")).to_have_text("notes.txt3 B")
    expect(home.get_by_test_id("file-attachments-0")).to_contain_text("(( trigger.body.x )).pdf")
    stored = _step(product, person, zap)["inputs"]["attachments"]
    assert [one if isinstance(one, str) else one["size"] for one in stored] == [
        3_000,
        httpserver.url_for("/terms.txt"),
        3,
    ]
    _open(home, zap, "mail")
    home.get_by_test_id("drop-attachments-0").click()
    expect(home.get_by_test_id("file-attachments-1")).to_have_text("notes.txt3 B")
    expect(home.get_by_test_id("file-attachments-2")).to_have_count(0)
    home.get_by_test_id("test-step").click()
    expect(home.get_by_test_id("trial-status")).to_have_text("Succeeded")
    mails = product.rest.get("/api/v1/dev/mailbox").json()
    (text,) = [one["text"] for one in mails if one["text"].startswith("Have a look")]
    assert text.endswith("terms.txt (11 bytes), notes.txt (3 bytes)")


def test_a_hint_on_a_condition_puts_the_cursor_into_it(
    home: Page, product: Product, person: Person
) -> None:
    always = {"left": "1", "op": "TEXT_EXACTLY_MATCHES", "right": "1"}
    zap = _zap(
        product, person, {"id": "only", "kind": "filter", "when": {"any": [{"all": [always]}]}}
    )
    home.goto(f"/zaps/{zap['id']}")
    is_ready(home)
    home.get_by_test_id("hints").click()
    home.get_by_test_id("hint").filter(has_text="Filter").first.click()
    expect(home.get_by_test_id("left-0-0")).to_be_focused()

"""Questions of runs: mailed and answered by a link, or answered by a member on the run's page."""

import time
from contextlib import suppress
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PHONE, Person, Product


def _fire(product: Product, person: Person, **changes: Any) -> str:
    """The id of a run that asks, and then computes."""
    asks = {"id": "ok", "kind": "approval", "name": "Refund?", "question": _QUESTION, **changes}
    then = {"id": "then", "kind": "code", "name": "Afterwards", "inputs": {}, "code": "'done'"}
    zap = product.rest.post(
        "/api/v1/zaps",
        json={
            "name": "Refunds",
            "definition": {"trigger": {"kind": "webhook"}, "steps": [asks, then]},
        },
        headers=person.headers,
    ).raise_for_status()
    product.rest.post(
        f"/api/v1/zaps/{zap.json()['id']}/publish", headers=person.headers
    ).raise_for_status()
    answer = product.rest.post(zap.json()["webhook_url"], json={"name": "Grace", "amount": 240})
    return str(answer.raise_for_status().json()["zapRunId"])


_QUESTION = "Refund {{ trigger.body.amount }} € to {{ trigger.body.name }}?"


def _link(product: Product, email: str) -> str:
    """Of the mail, which a worker sends after the commit that asks: a moment later."""
    end = time.monotonic() + 15
    while time.monotonic() < end:
        with suppress(AssertionError):
            return product.mail_to(email)
        time.sleep(0.1)
    return product.mail_to(email)


def _status(page: Page, step: str) -> Locator:
    return page.get_by_test_id(f"step-{step}").get_by_test_id("step-status")


def test_a_mailed_link_asks_and_only_its_button_lets_the_run_go_on(
    home: Page, product: Product, person: Person
) -> None:
    bob = f"bob.{person.email}"
    run = _fire(product, person, approvers=[bob])
    home.goto(f"/runs/{run}")
    expect(_status(home, "ok")).to_have_text("Waiting")
    asked = home.get_by_test_id("approval")
    expect(asked).to_contain_text("Refund 240 € to Grace?")
    expect(asked.get_by_test_id("approval-approve")).to_have_count(0)
    expect(asked).to_contain_text(bob)

    mailbox = home.context.new_page()
    mailbox.set_viewport_size(PHONE)
    mailbox.goto(_link(product, bob))
    expect(mailbox.get_by_role("region", name="Question")).to_have_text("Refund 240 € to Grace?")
    assert mailbox.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # Looking, as a scanner of mails does, decides nothing.
    mailbox.reload()
    expect(_status(home, "ok")).to_have_text("Waiting")

    mailbox.get_by_label("Comment").fill("Of course")
    mailbox.get_by_test_id("approve").click()
    expect(mailbox.get_by_test_id("answer")).to_have_text("You approved this")
    expect(home.get_by_test_id("run")).to_have_attribute("data-status", "succeeded")
    expect(_status(home, "then")).to_have_text("Succeeded")
    home.get_by_test_id("open-ok").click()
    expect(asked).to_contain_text("Of course")
    mailbox.reload()
    expect(mailbox.get_by_test_id("approve")).to_have_count(0)


def test_a_member_answers_on_the_page_of_the_run(
    home: Page, product: Product, person: Person
) -> None:
    run = _fire(product, person, on_rejection="fail")
    home.goto(f"/runs/{run}")
    home.get_by_test_id("approval-comment").fill("Not today")
    home.get_by_test_id("approval-reject").click()
    expect(home.get_by_test_id("run")).to_have_attribute("data-status", "failed")
    expect(_status(home, "then")).to_have_text("Not run")
    asked = home.get_by_test_id("approval")
    expect(asked).to_have_attribute("data-status", "rejected")
    expect(asked).to_contain_text("Not today")
    expect(home.get_by_test_id("approval-approve")).to_have_count(0)

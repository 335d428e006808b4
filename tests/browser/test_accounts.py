"""The way in: sign up, verify, sign in, forget, reset, leave; each with a real mail."""

import re
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PASSWORD, PHONE, Person, Product, is_ready, sign_in

DASHBOARD = re.compile(r"/dashboard/?$")


def test_somebody_new_signs_up_verifies_by_mail_and_signs_in(page: Page, product: Product) -> None:
    email = f"{uuid4().hex[:12]}@example.com"
    page.goto("/")
    is_ready(page)
    page.get_by_test_id("hero-signup").click()
    page.get_by_test_id("input-name").fill("Grace Hopper")
    page.get_by_test_id("input-email").fill(email)
    page.get_by_test_id("input-password").fill(PASSWORD)
    page.get_by_test_id("signup-submit").click()
    expect(page.get_by_test_id("check-mail")).to_contain_text(email)

    page.get_by_test_id("to-mailbox").click()
    expect(page.get_by_test_id("mail-to")).to_have_text(email)
    page.get_by_test_id("mail-link").click()
    expect(page.get_by_test_id("verified")).to_be_visible()

    page.get_by_test_id("verified").get_by_test_id("to-signin").click()
    page.get_by_test_id("input-email").fill(email)
    page.get_by_test_id("input-password").fill(PASSWORD)
    page.get_by_test_id("signin-submit").click()
    expect(page).to_have_url(DASHBOARD)
    expect(page.get_by_test_id("no-zaps")).to_be_visible()
    page.get_by_test_id("user-menu").click()
    expect(page.get_by_test_id("user-name")).to_have_text("Grace Hopper")
    expect(page.get_by_test_id("user-email")).to_have_text(email)


def test_what_is_wrong_stands_at_its_field(page: Page) -> None:
    page.goto("/signup")
    is_ready(page)
    page.get_by_test_id("input-email").fill("no address")
    page.get_by_test_id("input-password").fill("short")
    page.get_by_test_id("signup-submit").click()
    for name in ("name", "email", "password"):
        expect(page.get_by_test_id(f"error-{name}")).to_be_visible()
    expect(page.get_by_test_id("input-email")).to_have_value("no address")


def test_a_wrong_password_is_said_without_a_reload(page: Page, person: Person) -> None:
    sign_in(page, person.email, "not this one")
    expect(page.get_by_test_id("form-problem")).to_contain_text("wrong")
    page.get_by_test_id("input-password").fill(PASSWORD)
    page.get_by_test_id("signin-submit").click()
    expect(page).to_have_url(DASHBOARD)


def test_signing_in_leads_back_to_where_somebody_wanted_to_go(page: Page, person: Person) -> None:
    page.goto("/runs")
    expect(page).to_have_url(re.compile(r"/signin/?\?next="))
    is_ready(page)
    page.get_by_test_id("input-email").fill(person.email)
    page.get_by_test_id("input-password").fill(PASSWORD)
    page.get_by_test_id("signin-submit").click()
    expect(page).to_have_url(re.compile(r"/runs/?$"))


def test_signing_in_never_leads_to_another_site(page: Page, person: Person) -> None:
    sign_in(page, person.email, path="/signin?next=https%3A%2F%2Fevil.example%2F")
    expect(page).to_have_url(DASHBOARD)


def test_a_forgotten_password_is_replaced_through_the_mail(
    page: Page, product: Product, person: Person
) -> None:
    page.goto("/signin")
    is_ready(page)
    page.get_by_test_id("to-forgot").click()
    # Both pages have a field of this name.
    expect(page.get_by_test_id("forgot-submit")).to_be_visible()
    page.get_by_test_id("input-email").fill(person.email)
    page.get_by_test_id("forgot-submit").click()
    expect(page.get_by_test_id("check-mail")).to_be_visible()

    link = product.mail_to(person.email)
    page.goto(link)
    is_ready(page)
    page.get_by_test_id("input-password").fill("another secret")
    page.get_by_test_id("reset-submit").click()
    expect(page.get_by_test_id("was-reset")).to_be_visible()

    page.goto(link)
    is_ready(page)
    page.get_by_test_id("input-password").fill("a third secret")
    page.get_by_test_id("reset-submit").click()
    expect(page.get_by_test_id("broken-link")).to_be_visible()

    sign_in(page, person.email, PASSWORD)
    expect(page.get_by_test_id("form-problem")).to_be_visible()
    page.get_by_test_id("input-password").fill("another secret")
    page.get_by_test_id("signin-submit").click()
    expect(page).to_have_url(DASHBOARD)


def test_after_logout_own_pages_ask_for_a_sign_in(home: Page) -> None:
    home.get_by_test_id("user-menu").click()
    home.get_by_test_id("nav-logout").click()
    expect(home.get_by_test_id("nav-login")).to_be_visible()
    home.goto("/dashboard")
    expect(home).to_have_url(re.compile(r"/signin/?\?next="))


def test_the_session_is_out_of_reach_for_scripts(home: Page) -> None:
    expect(home.get_by_test_id("no-zaps")).to_be_visible()
    stored = home.evaluate("document.cookie + JSON.stringify({...localStorage, ...sessionStorage})")
    assert "ff_session" not in stored
    assert "eyJ" not in stored


def test_a_chosen_theme_stays(page: Page) -> None:
    page.goto("/")
    is_ready(page)
    page.get_by_test_id("guest-menu").click()
    page.get_by_test_id("theme-dark").click()
    expect(page.locator("html")).to_have_class(re.compile("dark"))
    page.reload()
    expect(page.locator("html")).to_have_class(re.compile("dark"))


@pytest.mark.parametrize(
    "path",
    ["/", "/signin", "/signup", "/forgot-password", "/verify-email", "/dev/mailbox", "/nowhere"],
)
def test_each_open_page_fits_a_phone_and_has_a_title(page: Page, path: str) -> None:
    page.set_viewport_size(PHONE)
    page.goto(path)
    is_ready(page)
    expect(page).to_have_title(re.compile("FlowForge"))
    expect(page.locator("h1, h2").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_a_link_that_leads_out_of_the_pages_is_followed(page: Page) -> None:
    """The router knows pages only: it would say that the API's description does not exist."""
    page.goto("/")
    is_ready(page)
    page.get_by_test_id("foot-api").click()
    expect(page).to_have_url(re.compile(r"/api/v1/openapi\.json$"))
    expect(page.locator("body")).to_contain_text('"openapi"')

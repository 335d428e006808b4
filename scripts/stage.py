"""Somebody at a product that runs: signed up, with zaps that were fired, and with a browser.

Its mails must go to the dev mailbox, as those of ``./dev.sh`` do.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

PASSWORD = uuid4().hex
WIDE: ViewportSize = {"width": 1440, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}
ECHO = "http://echo.flowforge.internal"
ENDED_SECONDS = 60


class Stage:
    """Somebody with an account; ``rest`` is them."""

    def __init__(self, url: str) -> None:
        self.rest = httpx.Client(base_url=url, timeout=30)
        self.email = f"ada-{uuid4().hex[:6]}@example.com"
        account = {"email": self.email, "password": PASSWORD}
        self.ask("POST", "/api/v1/auth/signup", {"name": "Ada Lovelace", **account})
        mails = self.rest.get("/api/v1/dev/mailbox").raise_for_status().json()
        text = next(mail["text"] for mail in mails if mail["to"] == self.email)
        token = text.split("token=")[1].split()[0]
        self.ask("POST", "/api/v1/auth/verify-email", {"token": token})
        answer = self.ask("POST", "/api/v1/auth/signin", account)
        self.rest.headers["Authorization"] = f"Bearer {answer['token']}"

    def zap(self, name: str, definition: Any) -> Any:
        """A new zap, published and switched on."""
        made = self.ask("POST", "/api/v1/zaps", {"name": name, "definition": definition})
        self.publish(made["id"])
        return made

    def publish(self, zap_id: str) -> None:
        self.ask("POST", f"/api/v1/zaps/{zap_id}/publish")
        self.ask("POST", f"/api/v1/zaps/{zap_id}/enable")

    def fire(self, url: str, body: Any) -> str:
        return str(self.ask("POST", url, body)["zapRunId"])

    def wait(self, run_ids: list[str]) -> None:
        end = time.monotonic() + ENDED_SECONDS
        for run_id in run_ids:
            while self.ask("GET", f"/api/v1/runs/{run_id}")["finished_at"] is None:
                if time.monotonic() > end:
                    raise SystemExit("The runs do not end: is a worker running?")
                time.sleep(0.2)

    def ask(self, method: str, url: str, body: Any = None) -> Any:
        answer = self.rest.request(method, url, json=body)
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            time.sleep(float(answer.headers["Retry-After"]))
            return self.ask(method, url, body)
        return answer.raise_for_status().json()


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = shutil.which("chromium")
        # As root chromium has no sandbox; what it opens here is our own pages.
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def signed_in(
    browser: Browser, stage: Stage, url: str, size: ViewportSize, theme: Any
) -> Iterator[Page]:
    context = browser.new_context(
        base_url=url, viewport=size, color_scheme=theme, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto("/signin")
    page.wait_for_selector("[data-ready=true]", state="attached")
    page.get_by_test_id("input-email").fill(stage.email)
    page.get_by_test_id("input-password").fill(PASSWORD)
    page.get_by_test_id("signin-submit").click()
    page.wait_for_url("**/dashboard*")
    if page.get_by_test_id("first-steps-end").is_visible():
        page.get_by_test_id("first-steps-end").click()
    yield page
    context.close()


def look(page: Page, path: str) -> None:
    page.goto(path)
    page.wait_for_selector("[data-ready=true]", state="attached")
    page.wait_for_function("!document.querySelector('.skeleton')")

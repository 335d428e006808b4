"""The whole product on a port and in a data directory of its own, and a browser in front of it.

One product for all stories of a run; each story brings its own account.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)
from playwright.sync_api import Error as PlaywrightError

from tests.house import REDIS

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse"
# The first start of a tree builds the pages.
BUILD_SECONDS = 600
START_SECONDS = 60
# A machine that others use too may stand still for seconds: how quick a page is says bench/pages.py.
expect.set_options(timeout=15_000)
WIDE: ViewportSize = {"width": 1280, "height": 860}
PHONE: ViewportSize = {"width": 390, "height": 844}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """What stood on the pages of a story that failed."""
    report = yield
    if report.when == "call" and report.failed:
        for name, page in getattr(item, "funcargs", {}).items():
            if isinstance(page, Page) and not page.is_closed():
                report.sections.append((f"{name}: {page.url}", _seen(page)))
    return report


def _seen(page: Page) -> str:
    try:
        return page.locator("body").aria_snapshot(timeout=3_000)
    except PlaywrightError as problem:
        return str(problem)


@dataclass
class Product:
    """Where it answers; ``rest`` speaks to its API."""

    url: str
    rest: httpx.Client

    def mail_to(self, email: str) -> str:
        """The path of the link in the newest mail to ``email``."""
        for mail in self.rest.get("/api/v1/dev/mailbox").json():
            if mail["to"] == email:
                return str(mail["text"].split(self.url)[1].split()[0])
        raise AssertionError(f"no mail to {email}")


@dataclass
class Person:
    """Somebody with a verified account, and the headers with which a script is them."""

    email: str
    headers: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    data = tmp_path_factory.mktemp("browser")
    port = _free_port()
    env = {
        **os.environ,
        "FLOWFORGE_PORT": str(port),
        "FLOWFORGE_DATA_DIR": str(data),
        "FLOWFORGE_DATABASE_URL": "",
        "FLOWFORGE_REDIS_URL": REDIS,
        "FLOWFORGE_REDIS_PREFIX": f"browser-{uuid4().hex[:8]}",
        "FLOWFORGE_PUBLIC_URL": "",
        "FLOWFORGE_SMTP_URL": "",
        "FLOWFORGE_RESEND_API_KEY": "",
        "FLOWFORGE_EGRESS_ALLOW": "127.0.0.0/8",
        "FLOWFORGE_AUTH_RATE_LIMIT": "off",
        "FLOWFORGE_HOOK_RATE_LIMIT": "off",
        # Each process is started here: none of them may start the others again.
        "FLOWFORGE_SUPERVISED": "1",
    }
    for step in ("build", "migrate"):
        subprocess.run(_own(step), cwd=ROOT, env=env, check=True, timeout=BUILD_SECONDS)
    running = [_start(name, env, data) for name in ("web", "worker")]
    url = f"http://localhost:{port}"
    try:
        with httpx.Client(base_url=url, timeout=10) as rest:
            _wait_until_ready(rest, running[0], data / "web.log")
            yield Product(url, rest)
    finally:
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = os.environ.get("TEST_CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        if not path and not Path(playwright.chromium.executable_path).exists():
            pytest.skip("no chromium on this machine")
        # As root chromium has no sandbox; what it opens here is our own pages.
        made = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture
def page(browser: Browser, product: Product) -> Iterator[Page]:
    """A wide page of nobody; what it writes on its console fails the story."""
    context = browser.new_context(base_url=product.url, viewport=WIDE)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    # Most stories of the builder read its list; those of the canvas choose that.
    context.add_init_script(shows_steps_as("list"))
    opened = context.new_page()
    opened.set_default_timeout(20_000)
    complaints: list[str] = []
    opened.on("console", lambda message: _complain(complaints, message))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert complaints == []


@pytest.fixture
def person(product: Product) -> Person:
    return new_person(product)


@pytest.fixture
def home(page: Page, person: Person) -> Page:
    """``page``, signed in as ``person``, on the dashboard."""
    sign_in(page, person.email)
    expect(page).to_have_url(re.compile(r"/dashboard/?$"))
    # The page is there before what hears keys and clicks on it.
    is_ready(page)
    return page


def shows_steps_as(view: str) -> str:
    """A script that makes the builder's choice, "canvas" or "list", before a page is drawn."""
    return f"try {{ localStorage.setItem('builder-view', '{view}') }} catch {{ }}"


def new_person(product: Product) -> Person:
    """A new account, verified through the link in its mail."""
    someone = Person(f"{uuid4().hex[:12]}@example.com")
    credentials = {"email": someone.email, "password": PASSWORD}
    product.rest.post(
        "/api/v1/auth/signup", json={"name": "Ada Lovelace", **credentials}
    ).raise_for_status()
    token = product.mail_to(someone.email).split("token=")[1]
    product.rest.post("/api/v1/auth/verify-email", json={"token": token}).raise_for_status()
    signed_in = product.rest.post("/api/v1/auth/signin", json=credentials).raise_for_status()
    someone.headers["Authorization"] = f"Bearer {signed_in.json()['token']}"
    return someone


def sign_in(page: Page, email: str, password: str = PASSWORD, *, path: str = "/signin") -> None:
    page.goto(path)
    is_ready(page)
    page.get_by_test_id("input-email").fill(email)
    page.get_by_test_id("input-password").fill(password)
    page.get_by_test_id("signin-submit").click()


def is_ready(page: Page) -> None:
    """Its websocket answers: what is clicked from here on is heard."""
    page.wait_for_selector("[data-ready=true]", state="attached")


def _complain(complaints: list[str], message: ConsoleMessage) -> None:
    # A refused form is an answer with an error status, which Chromium reports by itself.
    if message.type == "error" and "the server responded with a status of 4" not in message.text:
        complaints.append(message.text)


def _own(command: str) -> list[str]:
    return [sys.executable, "-m", "flowforge", command]


def _start(name: str, env: dict[str, str], data: Path) -> subprocess.Popen[bytes]:
    with (data / f"{name}.log").open("wb") as log:
        return subprocess.Popen(_own(name), cwd=ROOT, env=env, stdout=log, stderr=log)


def _wait_until_ready(rest: httpx.Client, web: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if web.poll() is not None:
            break
        try:
            if rest.get("/ready").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"the product did not start:\n{log.read_text()[-4000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

"""``python -m bench.pages [URL]``: what a person waits for, in a browser on the same machine, against the
product that runs at URL (``./dev.sh``): opening a zap of 200 steps, gestures in it, going from page to
page, and a run that moves.

Times are those of the page's own clock, from the gesture to the frame in which its effect is drawn.
"""

import argparse
import datetime as dt
import statistics
import time
from typing import Any

from playwright.sync_api import Page

from bench import gestures
from scripts.stage import ECHO, WIDE, Stage, chromium, look, signed_in

STEPS = 200
ROUNDS = 15
WAYS = (
    ("/dashboard", "/runs"),
    ("/runs", "/inbox"),
    ("/inbox", "/dashboard"),
    ("/dashboard", "/templates"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default="http://localhost:3000")
    asked = parser.parse_args()
    stage = Stage(asked.url)
    large = stage.zap("Large", {"trigger": {"kind": "webhook"}, "steps": _many(STEPS)})
    moving = stage.zap("Moving", {"trigger": {"kind": "webhook"}, "steps": [_nap(), *_many(1)]})
    with chromium() as browser, signed_in(browser, stage, asked.url, WIDE, "light") as page:
        _tell("zap of 200 steps opens", [_opening(page, f"/zaps/{large['id']}") for _ in range(5)])
        for what, gesture in gestures.GESTURES.items():
            _tell(what, [gesture(page, number) for number in range(ROUNDS)])
        added, deleted = gestures.added_and_deleted(page, ROUNDS)
        _tell("a step is added", added)
        _tell("a step is deleted", deleted)
        for there, to in WAYS:
            _tell(f"{there} to {to}", [_going(page, there, to) for _ in range(ROUNDS)])
        _tell("a run's end is seen", [_seeing(page, stage, moving) for _ in range(5)])


def _many(count: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"call_{number}",
            "kind": "action",
            "action": "webhook",
            "name": f"Call {number}",
            "inputs": {"url": ECHO, "body": {"n": number, "name": "{{ trigger.body.name }}"}},
        }
        for number in range(1, count + 1)
    ]


def _nap() -> dict[str, Any]:
    return {"id": "nap", "kind": "delay", "seconds": 2}


def _opening(page: Page, path: str) -> float:
    """From the address to the drawn steps."""
    page.goto("about:blank")
    began = time.perf_counter()
    page.goto(path)
    page.get_by_test_id("open-call_1").wait_for()
    page.evaluate("new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)))")
    return 1000 * (time.perf_counter() - began)


def _going(page: Page, there: str, to: str) -> float:
    if not page.url.rstrip("/").endswith(there):
        look(page, there)
    shows = f"location.pathname.startsWith('{to}') && !document.querySelector('.skeleton')"
    ready = "document.querySelector('h1') !== null"
    click = f"document.querySelector('a[href^=\"{to}\"]').click()"
    return gestures.measured(page, click, f"{shows} && {ready}")


def _seeing(page: Page, stage: Stage, zap: Any) -> float:
    """From the commit, by the run's own clock, to the word on its page."""
    run_id = stage.fire(zap["webhook_url"], {"name": "Ada"})
    look(page, f"/runs/{run_id}")
    page.get_by_text("Succeeded", exact=True).first.wait_for(timeout=15_000)
    seen = time.time()
    finished = stage.ask("GET", f"/api/v1/runs/{run_id}")["finished_at"]
    return 1000 * (seen - _stamp(finished))


def _stamp(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()


def _tell(what: str, took: list[float]) -> None:
    print(
        f"{what:32} p50 {statistics.median(took):6.0f} ms   worst {max(took):6.0f} ms", flush=True
    )


if __name__ == "__main__":
    main()

"""``python -m scripts.screenshots [URL]``: the pictures of the README and of docs/, from a product that
runs at URL (``./dev.sh``). Signs a new person up, makes zaps, fires them, and looks.
"""

import argparse
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from scripts.stage import ECHO, PHONE, WIDE, Stage, chromium, look, signed_in

IMAGES = Path(__file__).parents[1] / "docs" / "images"
USED = ("large-orders", "order-lines", "side-by-side", "refund-approval", "csv-report")

ORDER = {
    "order": {"id": 1815, "total": 142.5, "currency": "EUR"},
    "buyer": {"name": "Ada Lovelace", "email": "ada@example.com"},
    "lines": [{"what": "Brass gear", "count": 4}, {"what": "Punched card", "count": 100}],
}


def _call(step_id: str, name: str, path: str, body: Any, **more: Any) -> dict[str, Any]:
    inputs = {"url": f"{ECHO}{path}", "body": body}
    return {
        "id": step_id,
        "kind": "action",
        "action": "webhook",
        "name": name,
        "inputs": inputs,
        **more,
    }


def _condition(left: str, op: str, right: Any) -> dict[str, Any]:
    return {"any": [{"all": [{"left": left, "op": op, "right": right}]}]}


STORY = {
    "trigger": {"kind": "webhook"},
    "steps": [
        {
            "id": "size",
            "kind": "router",
            "name": "Large or small?",
            "mode": "first_match",
            "branches": [
                {
                    "name": "Large",
                    "when": _condition(
                        "{{ trigger.body.order.total }}", "NUMBER_IS_GREATER_THAN", 100
                    ),
                    "steps": [
                        _call(
                            "crm",
                            "Tell the CRM",
                            "/crm",
                            {
                                "who": "{{ trigger.body.buyer.name }}",
                                "total": "{{ trigger.body.order.total }}",
                            },
                        )
                    ],
                }
            ],
            "fallback": [
                _call("log", "Write it down", "/log", {"id": "{{ trigger.body.order.id }}"})
            ],
        },
        {
            "id": "each",
            "kind": "loop",
            "name": "For each line",
            "over": "{{ trigger.body.lines }}",
            "steps": [
                _call(
                    "reserve",
                    "Reserve it",
                    "/stock",
                    {"what": "{{ item.what }}", "count": "{{ item.count }}"},
                )
            ],
        },
        _call("ship", "Ask for a parcel", "/fail/1", {"order": "{{ trigger.body.order.id }}"}),
    ],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default="http://localhost:3000")
    parser.add_argument("--into", type=Path, default=IMAGES)
    asked = parser.parse_args()
    into: Path = asked.into
    stage = Stage(asked.url)
    zap_id, run_id = _story(stage)
    _others(stage)
    with chromium() as browser:
        with signed_in(browser, stage, asked.url, WIDE, "light") as page:
            _builder(page, zap_id, into / "builder.png")
            for name in ("dashboard", "usage", "runs"):
                _shot(page, f"/{name}", into / f"{name}.png")
            _shot(page, f"/runs/{run_id}", into / "run.png")
        with signed_in(browser, stage, asked.url, WIDE, "dark") as page:
            _builder(page, zap_id, into / "builder-dark.png")
        with signed_in(browser, stage, asked.url, PHONE, "light") as page:
            _shot(page, f"/runs/{run_id}", into / "run-phone.png")


def _story(stage: Stage) -> tuple[str, str]:
    """The zap of the pictures, and one of its runs."""
    made = stage.zap("Orders to CRM", STORY)
    run_ids = [stage.fire(made["webhook_url"], ORDER) for _ in range(12)]
    stage.wait(run_ids)
    return made["id"], run_ids[-1]


def _others(stage: Stage) -> None:
    for place, key in enumerate(USED):
        template = stage.ask("GET", f"/api/v1/templates/{key}")
        zap = stage.ask("POST", f"/api/v1/templates/{key}/use")
        stage.publish(zap["id"])
        for _ in range(3 * place + 2):
            stage.fire(zap["webhook_url"], template["sample"])
        # A request that is nothing like an order: some of them fail.
        stage.fire(zap["webhook_url"], {"lines": [{}]})


def _builder(page: Page, zap_id: str, target: Path) -> None:
    look(page, f"/zaps/{zap_id}")
    page.get_by_text("Tell the CRM", exact=True).first.click()
    page.get_by_test_id("input-url").wait_for()
    _keep(page, target)


def _shot(page: Page, path: str, target: Path) -> None:
    look(page, path)
    _keep(page, target)


def _keep(page: Page, target: Path) -> None:
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(600)
    page.screenshot(path=target)
    print(target)


if __name__ == "__main__":
    main()

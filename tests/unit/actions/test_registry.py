"""What ships: the seed's four actions under their frozen keys, each whole."""

import ast
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import flowforge.actions
from flowforge.actions import APPS, POLLERS, REGISTRY, catalogue

HOUSE = Path(flowforge.actions.__file__).parents[2]
FROZEN = {
    "email": {"to", "subject", "body", "attachments"},
    "webhook": {"url", "method", "headers", "body"},
    "slack": {"webhookUrl", "message"},
    "send-sol": {"address", "amount"},
}


def test_the_seed_actions_have_their_frozen_keys_names_and_inputs() -> None:
    assert [(REGISTRY[key].key, REGISTRY[key].name) for key in FROZEN] == [
        ("email", "Send Email"),
        ("webhook", "HTTP Webhook"),
        ("slack", "Slack Notification"),
        ("send-sol", "Send Solana"),
    ]
    inputs = {key: set(REGISTRY[key].json_schema()["properties"]) for key in FROZEN}
    assert inputs == FROZEN


def test_the_catalogue_is_plain_json_and_offers_triggers() -> None:
    entries = json.loads(json.dumps(catalogue(REGISTRY, APPS, POLLERS)))
    assert {"key", "name", "actions", "triggers"} <= set(entries[0])
    actions = [one for entry in entries for one in entry["actions"]]
    assert [one["key"] for one in actions] == list(REGISTRY)
    assert all(
        {"key", "name", "summary", "inputs", "output", "connection"} <= set(one) for one in actions
    )
    triggers = {one["key"]: one for entry in entries for one in entry["triggers"]}
    assert {"webhook", "manual", "rss", "http_list", "imap"} <= set(triggers)
    assert triggers["rss"]["kind"] == "poll"
    assert triggers["imap"]["inputs"]["properties"]["password"]["widget"] == "secret"
    assert "title" in triggers["rss"]["output"]["properties"]


def test_every_icon_is_a_small_picture_of_our_own() -> None:
    icons = {one.icon for one in REGISTRY.values()} | {app.icon for app in APPS}
    icons |= {one.icon for one in POLLERS.values()}
    icons |= {trigger.icon for app in APPS for trigger in app.triggers}
    for icon in icons:
        picture = (HOUSE / "assets" / icon.lstrip("/")).read_text()
        assert ET.fromstring(picture).get("viewBox") == "0 0 24 24"
        assert len(picture) < 1000


@pytest.mark.parametrize("key", list(REGISTRY))
def test_every_action_stands_in_one_file_of_its_own_and_one_line_of_the_registry(key: str) -> None:
    source = Path(flowforge.actions.__file__)
    module = REGISTRY[key].run.__module__.rpartition(".")[2]
    line = f"{module}.{REGISTRY[key].run.__name__}"
    names = [ast.unparse(node) for node in ast.walk(ast.parse(source.read_text()))]
    assert names.count(line) == 1
    elsewhere = [
        path.name
        for path in (HOUSE / "flowforge").rglob("*.py")
        if path not in (source, source.with_name(f"{module}.py"))
        and f"flowforge.actions.{module}" in path.read_text()
    ]
    assert elsewhere == []

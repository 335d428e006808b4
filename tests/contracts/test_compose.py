"""docker-compose.yml and the Dockerfile say what the settings and the commands understand."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowforge.cli import app
from flowforge.config import PREFIX, Settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {"migrate", "web", "hooks", "worker"}
# Not a setting: tells a process that others take care of its neighbours.
INTERNAL = {f"{PREFIX}SUPERVISED"}


def test_it_has_every_service() -> None:
    assert set(SERVICES) == OURS | {"postgres", "redis"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_each_service_is_restarted(name: str) -> None:
    wanted = "on-failure" if name == "migrate" else "unless-stopped"
    assert SERVICES[name]["restart"] == wanted


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"migrate"}))
def test_each_lasting_service_has_a_health_check(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]


@pytest.mark.parametrize("name", sorted(OURS))
def test_each_service_of_ours_is_given_settings_that_exist(name: str) -> None:
    given = set(SERVICES[name]["environment"]) - INTERNAL
    known = {PREFIX + setting.upper() for setting in Settings.model_fields}
    assert given <= known


@pytest.mark.parametrize("name", sorted(OURS))
def test_each_service_of_ours_runs_a_command_that_exists(name: str) -> None:
    commands = {
        command.name or command.callback.__name__
        for command in app.registered_commands
        if command.callback is not None
    }
    assert SERVICES[name]["command"][0] in commands


def test_passwords_and_keys_are_required_and_not_in_the_file() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for name in ("POSTGRES_PASSWORD", "FLOWFORGE_SECRET_KEY", "FLOWFORGE_ENCRYPTION_KEY"):
        assert re.search(rf"\$\{{{name}:\?", text)
        assert not re.search(rf"\$\{{{name}:-", text)


def test_only_web_and_hooks_are_reachable_from_outside() -> None:
    assert {name for name, service in SERVICES.items() if service.get("ports")} == {"web", "hooks"}


def test_the_migration_ends_before_anything_of_ours_starts() -> None:
    for name in OURS - {"migrate"}:
        needed = SERVICES[name]["depends_on"]["migrate"]["condition"]
        assert needed == "service_completed_successfully"


def test_there_are_two_workers_and_they_have_time_to_finish() -> None:
    worker = SERVICES["worker"]
    assert worker["deploy"]["replicas"] == 2
    assert worker["stop_grace_period"] == "30s"


def test_everything_that_must_survive_is_on_a_volume() -> None:
    mounted = {
        mount.split(":")[0] for service in SERVICES.values() for mount in service.get("volumes", [])
    }
    assert mounted == set(COMPOSE["volumes"])


def test_the_image_runs_as_nobody_special_and_gets_signals() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    last_stage = lines[max(n for n, line in enumerate(lines) if line.startswith("FROM")) :]
    assert "USER flowforge" in last_stage
    assert any(line.startswith("ENTRYPOINT [") for line in last_stage)

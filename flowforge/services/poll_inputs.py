"""What a poll was told: its checks before publishing, its secrets, and where its position holds."""

from collections.abc import Mapping
from typing import Any

from flowforge.actions import POLLERS
from flowforge.engine.triggers import PollSettings
from flowforge.infra.vault import Vault
from flowforge.services import sealing

Settings = Mapping[str, Any]


def place(settings: Settings) -> str:
    """Where is looked: a position means something else once this changes. Passwords, headers and
    the interval are no part of it.
    """
    key = str(settings.get("trigger", ""))
    known = POLLERS.get(key)
    return known.place_of(settings.get("inputs") or {}) if known else key


def problems(settings: PollSettings) -> list[dict[str, str]]:
    """What keeps a poll from being published: ``{"path", "message"}`` each."""
    if not settings.trigger:
        return [{"path": "trigger.settings.trigger", "message": "Choose what is looked at."}]
    known = POLLERS.get(settings.trigger)
    if known is None:
        message = f"There is no polling trigger '{settings.trigger[:60]}'. Choose another one."
        return [{"path": "trigger.settings.trigger", "message": message}]
    return [
        {
            "path": f"trigger.settings.inputs.{found.path}".rstrip("."),
            "message": found.message,
        }
        for found in known.problems(settings.inputs)
    ]


def opened(settings: PollSettings, owner: str, vault: Vault) -> dict[str, Any]:
    """The inputs with their secrets. ``owner``: for whom they were sealed.

    Raises: VaultError.
    """
    known = POLLERS[settings.trigger]
    return sealing.opened_inputs(settings.inputs, known.secret_fields, owner, vault)

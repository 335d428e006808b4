"""An outside service, and what fires zaps there, as the catalogue shows them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Trigger:
    """What fires a zap, as the catalogue shows it; the engine knows each kind. An empty ``kind`` is
    the key itself.
    """

    key: str
    name: str
    summary: str
    kind: str = ""

    @property
    def icon(self) -> str:
        return f"/icons/trigger-{self.key}.svg"


@dataclass(frozen=True)
class App:
    """An outside service as the catalogue shows it. An empty icon is that of its first action."""

    key: str
    name: str
    icon: str = ""
    triggers: tuple[Trigger, ...] = ()

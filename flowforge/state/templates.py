"""Templates: looked through, looked into, and made a zap of one's own."""

from dataclasses import dataclass, field
from typing import Any

import reflex as rx

from flowforge.services import templates
from flowforge.services.templates import TemplateView
from flowforge.state import doors, shown

DETAILS = "template-details"
LONGEST_SEARCH = 200


@dataclass(frozen=True)
class Step:
    """``look``: how far it is moved in, as a name for the style sheet."""

    key: str = ""
    name: str = ""
    tells: str = ""
    icon: str = ""
    look: str = ""


@dataclass(frozen=True)
class Card:
    """``sample``: a request by which it runs, as JSON; empty where it needs none."""

    key: str = ""
    category: str = ""
    name: str = ""
    summary: str = ""
    trigger_name: str = ""
    trigger_tells: str = ""
    trigger_icon: str = ""
    steps: list[Step] = field(default_factory=list)
    sample: str = ""


class Templates(rx.State):
    """``stage``: loading or ready. ``category``: empty for all; ``asked``: what the dialog is about."""

    cards: list[Card] = []  # noqa: RUF012 - Reflex copies defaults
    categories: list[str] = []  # noqa: RUF012 - same
    stage: str = "loading"
    sought: str = ""
    category: str = ""
    asked: Card = Card()

    @doors.reads()
    async def open(self, caller: doors.Caller) -> None:
        """As if opened for the first time."""
        self.sought = self.category = ""
        self.asked = Card()
        self.categories = templates.categories()
        self._show(caller)
        self.stage = "ready"

    @doors.reads()
    async def search(self, caller: doors.Caller, sought: str) -> None:
        self.sought = sought[:LONGEST_SEARCH].strip()
        self._show(caller)

    @doors.reads()
    async def narrow(self, caller: doors.Caller, category: str) -> None:
        """Only this category; empty for all."""
        self.category = category[:LONGEST_SEARCH]
        self._show(caller)

    @doors.public
    async def ask(self, key: str) -> Any:
        """What it does, and its steps."""
        self.asked = next((card for card in self.cards if card.key == key), Card())
        return rx.call_script(f"flowforge.open('{DETAILS}')")

    @doors.writes()
    async def use(self, caller: doors.Caller, key: str) -> Any:
        """A zap of one's own, opened in the builder."""
        zap = await templates.use(caller.session, caller.actor, key)
        return rx.redirect(f"/zaps/{zap.id}")

    def _show(self, caller: doors.Caller) -> None:
        found = templates.list_templates(caller.actor, q=self.sought, category=self.category)
        self.cards = [_card(one) for one in found]


def _card(one: TemplateView) -> Card:
    return Card(
        key=one.key,
        category=one.category,
        name=one.name,
        summary=one.summary,
        trigger_name=one.trigger.name,
        trigger_tells=one.trigger.tells,
        trigger_icon=one.trigger.icon,
        steps=[
            Step(
                key=step.key,
                name=step.name,
                tells=step.tells or step.does,
                icon=step.icon,
                look=f"in-{min(step.depth, 3)}",
            )
            for step in one.steps
        ],
        sample=shown.shown(one.sample).text if one.sample else "",
    )

"""What the texts in the builder's fields come to, looked at while somebody types.

The page asks with all that it wants to know at once and is answered with data only: what is drawn
of it, and where, is its own business (assets/liquid.js).
"""

from dataclasses import asdict

import reflex as rx

from flowforge.errors import NotFound
from flowforge.infra import documents
from flowforge.services import previews
from flowforge.services.previews import Asked
from flowforge.state import doors
from flowforge.state.builder import Builder

_SECRET = "secret"  # noqa: S105 - the name of a widget


class Preview(rx.State):
    """``answers``: JSON of the last answer, with the number that the page gave to its question."""

    answers: str = ""

    @doors.reads()
    async def look(self, caller: doors.Caller, question: str) -> None:
        """``question``: JSON ``{number, fields: [{key, text}, …]}``."""
        number, fields = _read(question)
        builder = await self.get_state(Builder)
        asked = [
            Asked(key, text, widget)
            for key, text in fields
            if (widget := previews.widget_of(builder.fields, key)) != _SECRET
        ]
        try:
            found = await previews.looks(
                caller.session, caller.actor, builder.zap, builder.chosen, asked
            )
        except NotFound:
            # Its zap was deleted in another tab: the page says so where something is saved.
            return
        self.answers = documents.dump({"number": number, "looks": [asdict(one) for one in found]})


def _read(question: str) -> tuple[int, list[tuple[str, str]]]:
    """Raises: Malformed, Invalid for what the page does not send."""
    given = documents.parse(question, what="question")
    fields = given.get("fields") if isinstance(given, dict) else None
    number = given.get("number") if isinstance(given, dict) else None
    if not isinstance(fields, list) or not isinstance(number, int):
        return 0, []
    pairs = [(one.get("key"), one.get("text")) for one in fields if isinstance(one, dict)]
    return number, [
        (key, text) for key, text in pairs if isinstance(key, str) and isinstance(text, str)
    ]

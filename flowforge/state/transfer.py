"""Zaps as files: one taken out of the list, one taken in from a file or from pasted text."""

import json
from dataclasses import dataclass
from typing import Any

import reflex as rx

from flowforge.errors import Invalid, Malformed, TooLarge
from flowforge.services import transfer
from flowforge.state import doors, shown

IMPORT = "import-zap"
# A message to the server holds no more; a definition may have a megabyte in the API.
LARGEST = 900_000
MOST_PROBLEMS = 20


@dataclass(frozen=True)
class Problem:
    """``path``: where in the file; empty for the whole."""

    path: str = ""
    message: str = ""


class Transfer(rx.State):
    """``problem``: why a file was refused; ``problems``: what is wrong where. ``drawn`` counts how
    often the form was drawn anew, empty.
    """

    problem: str = ""
    problems: list[Problem] = []  # noqa: RUF012 - Reflex copies defaults
    drawn: int = 0

    @doors.public
    async def ask(self) -> Any:
        self.problem, self.problems = "", []
        self.drawn += 1
        return rx.call_script(f"flowforge.open('{IMPORT}')")

    @doors.writes()
    async def take_in(self, caller: doors.Caller, form: dict[str, Any]) -> Any:
        """A new zap, opened in the builder; nothing where the file is refused."""
        self.problem, self.problems = "", []
        text = str(form.get("import_text", ""))
        try:
            async with caller.session.begin_nested():
                zap = await transfer.import_text(caller.session, caller.actor, text)
        except (Invalid, Malformed, TooLarge) as problem:
            self.problem = problem.message
            self.problems = [
                Problem(shown.line(str(one["path"])), shown.line(str(one["message"])))
                for one in (problem.details or [])[:MOST_PROBLEMS]
            ]
            return None
        return rx.redirect(f"/zaps/{zap.id}")

    @doors.reads()
    async def take_out(self, caller: doors.Caller, zap_id: str) -> Any:
        exported = await transfer.export(caller.session, caller.actor, zap_id)
        return rx.download(
            data=json.dumps(exported, indent=2, ensure_ascii=False),
            filename=transfer.file_name(exported["name"]),
        )

"""The branches of routers and parallel blocks in the builder: each gesture on one."""

from typing import Any

import reflex as rx

from flowforge.errors import Invalid
from flowforge.services import editing_branches
from flowforge.services.workbench import Gesture
from flowforge.state import doors
from flowforge.state.builder import Builder

RENAMING = "rename-branch"


class Branches(rx.State):
    """``step`` and ``at``: the branch that is being renamed; ``version`` counts the openings."""

    step: str = ""
    at: int = 0
    name: str = ""
    error: str = ""
    version: int = 0

    @doors.public
    async def ask_name(self, step: str, at: int, name: str) -> Any:
        self.step, self.at, self.name, self.error = step, at, name, ""
        self.version += 1
        return rx.call_script(f"flowforge.open('{RENAMING}')")

    @doors.writes()
    async def rename(self, caller: doors.Caller, given: dict[str, Any]) -> Any:
        step, at, name = self.step, self.at, str(given.get("branch_name", ""))
        try:
            await self._edit(
                caller, lambda draft: editing_branches.rename(draft, step, at, name), step
            )
        except Invalid as problem:
            self.error = problem.message
            return None
        return rx.call_script(f"flowforge.close('{RENAMING}')")

    @doors.writes()
    async def add(self, caller: doors.Caller, step: str) -> None:
        await self._edit(caller, lambda draft: editing_branches.add(draft, step), step)

    @doors.writes()
    async def duplicate(self, caller: doors.Caller, step: str, at: int) -> None:
        await self._edit(caller, lambda draft: editing_branches.duplicate(draft, step, at), step)

    @doors.writes()
    async def move(self, caller: doors.Caller, step: str, at: int, by: int) -> None:
        await self._edit(caller, lambda draft: editing_branches.move(draft, step, at, by), step)

    @doors.writes()
    async def remove(self, caller: doors.Caller, step: str, at: int) -> None:
        """Without a question: undo brings it back."""
        await self._edit(caller, lambda draft: editing_branches.remove(draft, step, at), step)

    async def _edit(self, caller: doors.Caller, gesture: Gesture, opens: str) -> None:
        builder = await self.get_state(Builder)
        await builder._perform(caller, gesture, opens)  # noqa: SLF001 - public, it would be a handler

"""Running again from a run's page: where it failed, from any step with other inputs, or anew."""

from dataclasses import dataclass
from typing import Any

import reflex as rx

from flowforge.errors import Conflict, FlowForgeError
from flowforge.infra import runtime
from flowforge.services import attempts, replays, retries
from flowforge.services.access import Permission
from flowforge.state import doors, editor, shown
from flowforge.state.run import Run, run_id_of

RETRY, RETRY_FROM = "retry-run", "retry-from"
_EDITED = frozenset({"action", "code", "zap"})


@dataclass(frozen=True)
class Start:
    """Where a person wants to run again from. ``inputs`` is empty where none can be edited."""

    path: str = ""
    name: str = ""
    inputs: str = ""


class Again(rx.State):
    """``start`` is what the open ``dialog`` is about, ``version`` counts how often one was opened.

    ``doubt``: what nobody knows about the run; whoever goes on after reading it has looked it up.
    """

    dialog: str = ""
    start: Start = Start()
    error: str = ""
    doubt: str = ""
    version: int = 0

    @doors.writes(Permission.OPERATE)
    async def replay(self, caller: doors.Caller) -> Any:
        """A new run of the live version with the same event."""
        signals = runtime.current().signals
        run_id = await replays.replay(caller.session, caller.actor, signals, run_id_of(self))
        return _to(run_id)

    @doors.reads(Permission.OPERATE)
    async def ask(self, caller: doors.Caller) -> Any:
        """Ask before the run goes on where it failed."""
        return self._opened(RETRY, Start(retries.FAILED))

    @doors.reads(Permission.OPERATE)
    async def ask_from(self, caller: doors.Caller, path: str) -> Any:
        """Show what the step got last time, to be edited."""
        last = await attempts.last_of(caller.session, caller.actor, run_id_of(self), path)
        can_edit = last.kind in _EDITED and last.input is not None
        inputs = editor.text_of(last.input) if can_edit else ""
        return self._opened(RETRY_FROM, Start(path, shown.line(last.name), inputs))

    @doors.writes(Permission.OPERATE)
    async def retry(self, caller: doors.Caller, given: dict[str, Any]) -> Any:
        """Run again from ``start``, with other inputs where they were edited."""
        text = str(given.get("inputs", "")).replace("\r\n", "\n")
        is_edited = bool(self.start.inputs) and text.strip() != self.start.inputs.strip()
        try:
            how = retries.Again(
                begin=self.start.path or retries.FAILED,
                version="live" if given.get("version") == "live" else "same",
                inputs=editor.value_of(text) if is_edited else None,
                confirm_unknown=bool(self.doubt),
            )
            signals = runtime.current().signals
            # What is refused half-way must leave nothing behind: the page stays to say why.
            async with caller.session.begin_nested():
                run_id = await retries.retry(
                    caller.session, caller.actor, signals, run_id_of(self), how
                )
        except FlowForgeError as problem:
            self._refused(problem)
            return None
        closing = [rx.call_script(f"flowforge.close('{name}')") for name in (RETRY, RETRY_FROM)]
        if run_id == run_id_of(self):
            return [*closing, rx.toast.success("The run goes on."), Run.follow]
        return [*closing, *_to(run_id)]

    def _opened(self, dialog: str, start: Start) -> Any:
        self.dialog, self.start, self.error, self.doubt = dialog, start, "", ""
        self.version += 1
        return rx.call_script(f"flowforge.open('{dialog}')")

    def _refused(self, problem: FlowForgeError) -> None:
        if isinstance(problem, Conflict) and problem.code == "outcome_unknown":
            self.doubt, self.error = problem.message, ""
        else:
            self.error = editor.sentence_of(problem)


def _to(run_id: str) -> list[Any]:
    return [rx.toast.success("A new run has begun."), rx.redirect(f"/runs/{run_id}")]

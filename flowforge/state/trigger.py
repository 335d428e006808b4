"""The trigger's card: what stands for it, what it asks, and runs that a person starts."""

from dataclasses import dataclass
from typing import Any

import reflex as rx

from flowforge.engine.triggers import FormField
from flowforge.errors import FlowForgeError
from flowforge.infra import runtime
from flowforge.services import answers, forms, questions, trigger_samples, watching, workbench
from flowforge.services.access import Permission
from flowforge.services.workbench import Gesture
from flowforge.state import doors, editor, shown
from flowforge.state.builder import TRIGGER, Builder
from flowforge.state.requests import Requests, show

RUN = "run-form"
BY_HAND = "sample-by-hand"
PREFIX = "ask-"


@dataclass(frozen=True)
class Asked:
    """One field of the form before a run. ``given``: what was typed and not taken."""

    name: str
    label: str
    kind: str
    is_required: bool
    help: str
    options: list[str]
    given: str
    error: str


class Trigger(rx.State):
    """``wanted``: the fields of the live version; ``version`` draws them anew."""

    wanted: list[Asked] = []  # noqa: RUF012 - Reflex copies defaults
    version: int = 0

    # ---- runs by hand --------------------------------------------------------------------------

    @doors.writes(Permission.OPERATE)
    async def run_now(self, caller: doors.Caller) -> Any:
        """Start a run, or ask for what it needs first."""
        zap_id = (await self.get_state(Builder)).zap
        fields = await forms.fields_of(caller.session, caller.actor, zap_id)
        if fields:
            self.wanted, self.version = [_asked(one) for one in fields], self.version + 1
            return rx.call_script(f"flowforge.open('{RUN}')")
        return await self._start(caller, zap_id, None)

    @doors.writes(Permission.OPERATE)
    async def run_with(self, caller: doors.Caller, given: dict[str, Any]) -> Any:
        """Start a run with what was filled in, or say what is wrong with it."""
        zap_id = (await self.get_state(Builder)).zap
        fields = await forms.fields_of(caller.session, caller.actor, zap_id)
        texts = {one.name: str(given.get(f"{PREFIX}{one.name}") or "") for one in fields}
        found = answers.from_texts(fields, texts)
        if found.problems:
            self.wanted = [
                _asked(one, texts[one.name], found.problems.get(one.name, "")) for one in fields
            ]
            return None
        return await self._start(caller, zap_id, found.values)

    async def _start(self, caller: doors.Caller, zap_id: str, data: Any) -> Any:
        run_id = await forms.start_by_hand(
            caller.session, caller.actor, runtime.current().signals, zap_id, data
        )
        return rx.redirect(f"/runs/{run_id}")

    # ---- what it asks --------------------------------------------------------------------------

    @doors.writes()
    async def fill_question(self, caller: doors.Caller, place: int, part: str, text: str) -> None:
        # The kind decides which other controls there are.
        opens = TRIGGER if part == "kind" else ""
        await self._edit(caller, lambda draft: questions.fill(draft, place, part, text), opens)

    @doors.writes()
    async def add_question(self, caller: doors.Caller) -> None:
        await self._edit(caller, questions.add)

    @doors.writes()
    async def move_question(self, caller: doors.Caller, place: int, by: int) -> None:
        await self._edit(caller, lambda draft: questions.move(draft, place, by))

    @doors.writes()
    async def drop_question(self, caller: doors.Caller, place: int) -> None:
        await self._edit(caller, lambda draft: questions.drop(draft, place))

    # ---- whose failures fire it ------------------------------------------------------------------

    @doors.writes()
    async def watch(self, caller: doors.Caller, zap_id: str, is_chosen: bool) -> None:
        if is_chosen:
            await watching.require_own(caller.session, caller.actor, zap_id)
        await self._edit(caller, lambda draft: watching.choose(draft, zap_id, is_chosen))

    @doors.writes()
    async def watch_all(self, caller: doors.Caller) -> None:
        await self._edit(caller, watching.choose_all)

    async def _edit(self, caller: doors.Caller, gesture: Gesture, opens: str = TRIGGER) -> None:
        builder = await self.get_state(Builder)
        # Not public: it would be a handler, which any browser may call.
        await builder._perform(caller, gesture, opens)  # noqa: SLF001

    # ---- what stands for it --------------------------------------------------------------------

    @doors.writes()
    async def use_event(self, caller: doors.Caller, event_id: str) -> None:
        """The event is the sample; the one that is it already gives way to the newest."""
        requests = await self.get_state(Requests)
        zap_id = (await self.get_state(Builder)).zap
        if any(one.id == event_id and one.is_sample for one in requests.lines):
            await trigger_samples.forget(caller.session, caller.actor, zap_id)
        else:
            await trigger_samples.choose(caller.session, caller.actor, zap_id, event_id)
        await self._look(caller, zap_id)

    @doors.writes()
    async def use_newest(self, caller: doors.Caller) -> None:
        zap_id = (await self.get_state(Builder)).zap
        await trigger_samples.forget(caller.session, caller.actor, zap_id)
        await self._look(caller, zap_id)

    @doors.reads()
    async def write_by_hand(self, caller: doors.Caller) -> Any:
        """Open what stands for the trigger now as JSON."""
        requests = await self.get_state(Requests)
        zap_id = (await self.get_state(Builder)).zap
        body = await trigger_samples.body(caller.session, caller.actor, zap_id)
        requests.data, requests.error = shown.line(editor.text_of(body)), ""
        requests.version += 1
        return rx.call_script(f"flowforge.open('{BY_HAND}')")

    @doors.writes()
    async def use_data(self, caller: doors.Caller, given: dict[str, Any]) -> Any:
        requests = await self.get_state(Requests)
        zap_id = (await self.get_state(Builder)).zap
        try:
            body = editor.value_of(str(given.get("text", "")))
            await trigger_samples.write(caller.session, caller.actor, zap_id, body)
        except FlowForgeError as problem:
            requests.error = editor.sentence_of(problem)
            return None
        await self._look(caller, zap_id)
        return rx.call_script(f"flowforge.close('{BY_HAND}')")

    async def _look(self, caller: doors.Caller, zap_id: str) -> None:
        found = await workbench.requests(caller.session, caller.actor, zap_id)
        show(await self.get_state(Requests), zap_id, found)


def _asked(field: FormField, given: str = "", error: str = "") -> Asked:
    return Asked(
        name=field.name,
        label=answers.label_of(field),
        kind=field.kind,
        is_required=field.required,
        help=field.help,
        options=[option.strip() for option in field.options],
        given=given,
        error=error,
    )

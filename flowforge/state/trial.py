"""Trying a draft from the builder: one step with real values, or all of it as a test run."""

from dataclasses import dataclass
from typing import Any

import reflex as rx

from flowforge.errors import Conflict, FlowForgeError, Unauthenticated
from flowforge.infra import runtime
from flowforge.services import advice, step_tests, testing, workbench, zaps
from flowforge.services.access import Permission
from flowforge.services.step_tests import TestedStep
from flowforge.state import doors, editor, shown
from flowforge.state.builder import Builder
from flowforge.state.shown import NOTHING, Shown

CONFIRM = "confirm-trial"


@dataclass(frozen=True)
class Result:
    """What came of the last trial; ``card`` is the step's."""

    card: str = ""
    status: str = ""
    duration: str = ""
    note: str = ""
    error: str = ""
    advice: str = ""
    logs: str = ""
    input: Shown = NOTHING
    output: Shown = NOTHING


class Trial(rx.State):
    """``is_working``: a trial is going on; ``asks``: why the last one needs a person's word."""

    result: Result = Result()
    is_working: bool = False
    asks: str = ""

    @doors.writes(Permission.OPERATE)
    async def run_draft(self, caller: doors.Caller) -> Any:
        """A test run of the draft with what the zap received last."""
        builder = await self.get_state(Builder)
        signals = runtime.current().signals
        try:
            async with caller.session.begin_nested():
                run_id = await testing.start(caller.session, caller.actor, signals, builder.zap, {})
        except FlowForgeError as problem:
            return rx.toast.error(problem.message, description=editor.sentence_of(problem))
        return rx.redirect(f"/runs/{run_id}")

    @doors.follows
    async def try_step(self, card: str, is_confirmed: bool) -> Any:
        """In the background: a step may take a while, and no transaction is open meanwhile."""
        async with self:
            if self.is_working:
                return None
            self.is_working, self.result = True, Result()
            builder = await self.get_state(Builder)
            zap_id, is_open = builder.zap, builder.chosen == card and builder.is_panel_open
            cookies = self.router.headers.cookie
        # A form that is open keeps its cursor: a test changes nothing of it.
        answer: Any = None if is_open else Builder.choose_card(card)
        result = Result(card)
        try:
            result = _result(card, await _tried(cookies, zap_id, card, is_confirmed=is_confirmed))
        except Unauthenticated:
            answer = doors.to_sign_in(self)
        except Conflict as problem:
            async with self:
                self.asks = problem.message
            answer = rx.call_script(f"flowforge.open('{CONFIRM}')")
        except FlowForgeError as problem:
            result = Result(card, status="failed", error=editor.sentence_of(problem))
        async with self:
            self.is_working, self.result = False, result if result.status else Result()
        return answer

    @doors.follows
    async def try_source(self, card: str) -> Any:
        """The same for a step whose values another one wants to insert: that one stays open."""
        async with self:
            if self.is_working:
                return None
            self.is_working = True
            builder = await self.get_state(Builder)
            zap_id, here = builder.zap, builder.chosen
            cookies = self.router.headers.cookie
        answer: Any = None
        try:
            tested = await _tried(cookies, zap_id, card, is_confirmed=False)
            if tested.error is not None:
                answer = rx.toast.error(f"{tested.name}: {shown.message(tested.error)}")
            async with doors.opened(cookies, Permission.READ) as caller:
                zap = await zaps.get(caller.session, caller.actor, zap_id)
                groups = await workbench.data(caller.session, caller.actor, zap, here)
            async with self:
                builder = await self.get_state(Builder)
                if (builder.zap, builder.chosen) == (zap_id, here):
                    builder.groups = groups
        except Unauthenticated:
            answer = doors.to_sign_in(self)
        except Conflict as problem:
            answer = rx.toast.error(problem.message, description="Open that step to test it.")
        except FlowForgeError as problem:
            answer = rx.toast.error(editor.sentence_of(problem))
        finally:
            async with self:
                self.is_working = False
        return answer


async def _tried(cookies: str, zap_id: str, card: str, *, is_confirmed: bool) -> TestedStep:
    async with doors.opened(cookies, Permission.OPERATE) as caller:
        prepared = await step_tests.prepare(
            caller.session, caller.actor, zap_id, card, is_confirmed=is_confirmed
        )
    outcome = await step_tests.perform(runtime.current(), prepared)
    async with doors.opened(cookies, Permission.OPERATE, writes=True) as caller:
        return await step_tests.keep(caller.session, caller.actor, prepared, outcome)


def _result(card: str, tested: TestedStep) -> Result:
    return Result(
        card=card,
        status=tested.status,
        duration=shown.duration(tested.duration_ms),
        note=shown.line(tested.note),
        error=shown.message(tested.error),
        advice=advice.what_to_do(tested.error),
        logs=shown.line((tested.logs or "")[: shown.BEGINNING]),
        input=shown.shown(tested.input, shown.MOST),
        output=shown.shown(tested.output, shown.MOST),
    )

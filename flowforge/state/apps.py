"""Apps that send the project events: their URL, their secrets set anew, what came and started nothing.

Promise: a secret or token passes through and is kept nowhere in a tab; none is ever shown.
"""

from dataclasses import dataclass, field
from typing import Any

import reflex as rx
from pydantic import ValidationError

from flowforge.errors import FlowForgeError, Invalid, Unauthenticated
from flowforge.services import app_sources, app_words
from flowforge.services.access import Permission
from flowforge.services.app_sources import AppSourceView, NewSecrets
from flowforge.state import doors, live, shown

FORM, REMOVE = "app-secrets", "remove-app"
GAP_SECONDS = 1.0


@dataclass(frozen=True)
class Line:
    """An app; ``url`` is empty until it has a secret. ``id``: its name in addresses."""

    id: str = ""
    name: str = ""
    icon: str = ""
    url: str = ""
    secrets: str = ""
    takes_token: bool = False
    has_token: bool = False
    unrouted: str = ""
    rejected: str = ""
    is_rejecting: bool = False
    note: str = ""
    noted_at: str = ""
    secret_label: str = ""
    secret_hint: str = ""
    token_hint: str = ""
    steps: list[str] = field(default_factory=list)


class Apps(rx.State):
    """``stage``: loading, ready or failed. ``asked``: what a dialog is about; ``drawn`` counts how
    often the form was drawn anew, empty.
    """

    lines: list[Line] = []  # noqa: RUF012 - Reflex copies defaults
    stage: str = "loading"
    asked: Line = Line()
    drawn: int = 0
    problem: str = ""
    problem_at: str = ""

    @doors.public
    async def begin(self) -> None:
        """As if opened for the first time."""
        self.stage, self.lines, self.asked = "loading", [], Line()
        self.problem = self.problem_at = ""

    @doors.follows
    async def follow(self) -> None:
        """Show what there is, and go on showing it for as long as this page is open."""
        async with self:
            cookies = self.router.headers.cookie
        try:
            async with doors.opened(cookies, Permission.READ) as caller:
                topic = f"project:{caller.actor.project_id}"
        except Unauthenticated:
            return  # Session.require has sent them to the sign-in page
        except FlowForgeError:
            async with self:
                self.stage = "failed"
            return
        async for _ in live.looks(self, topic, gap=GAP_SECONDS):
            if not await _look(self, cookies):
                return

    @doors.public
    async def ask_secret(self, app: str) -> Any:
        self._ask(app)
        return rx.call_script(f"flowforge.open('{FORM}')")

    @doors.public
    async def ask_remove(self, app: str) -> Any:
        self._ask(app)
        return rx.call_script(f"flowforge.open('{REMOVE}')")

    @doors.public
    async def forget(self) -> None:
        """The form was closed: nothing of what was typed stays in it."""
        self.drawn += 1
        self.problem = self.problem_at = ""

    @doors.writes()
    async def save(self, caller: doors.Caller, form: dict[str, Any]) -> Any:
        self.problem = self.problem_at = ""
        try:
            given = _given(form)
            async with caller.session.begin_nested():
                view = await app_sources.put_source(
                    caller.session, caller.actor, self.asked.id, given
                )
        except Invalid as problem:
            self.problem = problem.message
            self.problem_at = str((problem.details or [{"path": "secret"}])[0]["path"])
            return None
        await self._show(caller)
        return [
            rx.call_script(f"flowforge.close('{FORM}')"),
            rx.toast.success(f"{view.name}: saved. It holds from now on."),
        ]

    @doors.writes()
    async def remove(self, caller: doors.Caller) -> Any:
        await app_sources.delete_source(caller.session, caller.actor, self.asked.id)
        await self._show(caller)
        return [
            rx.call_script(f"flowforge.close('{REMOVE}')"),
            rx.toast.success(f"{self.asked.name} is removed. Its URL answers no more."),
        ]

    def _ask(self, app: str) -> None:
        self.asked = next((one for one in self.lines if one.id == app), Line())
        self.drawn += 1
        self.problem = self.problem_at = ""

    async def _show(self, caller: doors.Caller) -> None:
        _take(self, await _found(caller))


async def _look(state: Apps, cookies: str) -> bool:
    """Whether it makes sense to look again."""
    try:
        async with doors.opened(cookies, Permission.READ) as caller:
            lines = await _found(caller)
    except Unauthenticated:
        return False
    except FlowForgeError:
        async with state:
            if state.stage == "loading":
                state.stage = "failed"
        return True
    async with state:
        _take(state, lines)
    return True


async def _found(caller: doors.Caller) -> list[Line]:
    views = await app_sources.list_sources(caller.session, caller.actor)
    return [_line(view) for view in views]


def _take(state: Apps, lines: list[Line]) -> None:
    # Only what changed travels to the browser.
    if state.lines != lines:
        state.lines = lines
    state.stage = "ready"


def _given(form: dict[str, Any]) -> NewSecrets:
    """What was typed; an empty token keeps the one there is. Raises: Invalid."""
    typed = {name: str(form.get(f"app_{name}") or "").strip() for name in _FIELDS}
    token = "" if form.get("app_drop_token") else typed["token"] or None
    former = [typed["former"]] if typed["former"] else []
    if former and not typed["secret"]:
        message = "Give the new secret, which the one below is replaced by."
        raise Invalid(message, details=[{"path": "secret", "message": message}])
    try:
        return NewSecrets(secret=typed["secret"], secrets=tuple(former), token=token)
    except ValidationError as problem:
        # Their only rule is how long they may be.
        at = str(problem.errors(include_input=False)[0]["loc"][0])
        message = "This is too long."
        path = "former" if at == "secrets" else at
        raise Invalid(message, details=[{"path": path, "message": message}]) from None


_FIELDS = ("secret", "former", "token")


def _line(view: AppSourceView) -> Line:
    words = app_words.APPS[view.app]
    return Line(
        id=view.app,
        name=view.name,
        icon=words.icon,
        url=view.url or "",
        secrets=shown.counted(view.secrets, "secret"),
        takes_token=view.takes_token,
        has_token=view.has_token,
        unrouted=f"{view.unrouted:,}",
        rejected=f"{view.rejected:,}",
        is_rejecting=view.rejected > 0,
        note=shown.line(view.last_note or ""),
        noted_at=shown.moment(view.last_at),
        secret_label=words.called,
        secret_hint=words.hint,
        token_hint=words.rights,
        steps=list(words.steps),
    )

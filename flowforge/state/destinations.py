"""Destinations: made, changed, tested, switched; their deliveries stay live.

Promise: a secret is only in the tab that asked for it, until its dialog is closed, however that is,
or the page is left; what a header says is in none.
"""

from dataclasses import dataclass, field
from typing import Any

import reflex as rx

from flowforge.errors import FlowForgeError, Invalid, Unauthenticated
from flowforge.infra import runtime
from flowforge.infra.db import utc_now
from flowforge.services import deliveries, delivery_log, destinations, notices
from flowforge.services.access import Permission
from flowforge.services.delivery_log import DeliveryView
from flowforge.services.destinations import DestinationView, NewDestinationView
from flowforge.state import doors, live, shown
from flowforge.state.shown import NOTHING, Shown

FORM, SECRET, ROTATE, DELETE = (
    "destination-form",
    "destination-secret",
    "rotate-secret",
    "delete-destination",
)
KIND = "kind:"
EVERYTHING = notices.EVERYTHING
KINDS = notices.KINDS
# What stands in the form where a header has a value already: it is never shown.
KEPT = "(kept)"
PAGE = 20
MOST = 100
GAP_SECONDS = 1.0


@dataclass(frozen=True)
class Line:
    """A destination. ``state``: on, failing or off; ``since``: how long it has been failing."""

    id: str = ""
    name: str = ""
    url: str = ""
    kinds: list[str] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    enabled: bool = True
    state: str = "on"
    reason: str = ""
    since: str = ""


@dataclass(frozen=True)
class Sent:
    """A delivery. ``look`` and ``word`` are its status; ``next_at``: when it is tried next."""

    id: str = ""
    kind: str = ""
    look: str = ""
    word: str = ""
    answer: str = ""
    error: str = ""
    attempts: str = ""
    at: str = ""
    next_at: str = ""
    body: Shown = NOTHING


@dataclass(frozen=True)
class Draft:
    """What the form begins with; ``number`` counts its openings, so that it is drawn anew."""

    number: int = 0
    id: str = ""
    name: str = ""
    url: str = ""
    kinds: list[str] = field(default_factory=lambda: ["run.failed"])
    headers: str = ""


@dataclass(frozen=True)
class Tested:
    """What came of the last test of ``id``."""

    id: str = ""
    words: str = ""
    is_taken: bool = False


_STATUS = {
    "delivered": ("succeeded", "Delivered"),
    "failed": ("failed", "Failed"),
    "dropped": ("cancelled", "Not sent"),
}


class Destinations(rx.State):
    """``stage``: loading, ready or failed. ``opened``: whose deliveries are shown."""

    lines: list[Line] = []  # noqa: RUF012 - Reflex copies defaults
    stage: str = "loading"
    opened: str = ""
    sent: list[Sent] = []  # noqa: RUF012
    has_more: bool = False
    looked_into: str = ""
    draft: Draft = Draft()
    problem: str = ""
    problem_at: str = ""
    asked: Line = Line()
    secret: str = ""
    testing: str = ""
    tested: Tested = Tested()
    _wanted: int = PAGE

    @doors.public
    async def begin(self) -> None:
        """As if opened for the first time."""
        self.stage, self.lines, self.sent = "loading", [], []
        self.opened = self.looked_into = self.secret = self.testing = ""
        self.tested, self._wanted = Tested(), PAGE

    @doors.follows
    async def follow(self) -> None:
        """Show what there is, and go on showing it for as long as this page is open."""
        async with self:
            cookies = self.router.headers.cookie
        try:
            async with doors.opened(cookies, Permission.READ) as caller:
                topic = deliveries.topic(caller.actor.project_id)
        except Unauthenticated:
            return  # Session.require has sent them to the sign-in page
        except FlowForgeError:
            async with self:
                self.stage = "failed"
            return
        async for _ in live.looks(self, topic, gap=GAP_SECONDS):
            if not await _look(self, cookies):
                return

    @doors.reads()
    async def toggle(self, caller: doors.Caller, destination_id: str) -> None:
        """Show the deliveries of one, or of none."""
        self.opened = "" if self.opened == destination_id else destination_id
        self._wanted, self.looked_into, self.sent = PAGE, "", []
        await self._show(caller)

    @doors.reads()
    async def load_more(self, caller: doors.Caller) -> None:
        self._wanted = min(self._wanted + PAGE, MOST)
        await self._show(caller)

    @doors.public
    async def look_into(self, delivery_id: str) -> None:
        """What was sent with one of them."""
        self.looked_into = "" if self.looked_into == delivery_id else delivery_id

    @doors.public
    async def ask_new(self) -> Any:
        self._draw(Draft())
        return rx.call_script(f"flowforge.open('{FORM}')")

    @doors.public
    async def ask_change(self, destination_id: str) -> Any:
        one = self._line(destination_id)
        headers = "\n".join(f"{name}: {KEPT}" for name in one.headers)
        self._draw(Draft(0, one.id, one.name, one.url, one.kinds, headers))
        return rx.call_script(f"flowforge.open('{FORM}')")

    @doors.public
    async def ask(self, destination_id: str) -> None:
        """A dialog is about to ask something about this one."""
        self.asked = self._line(destination_id)

    @doors.public
    async def forget(self) -> None:
        """The secret is nowhere in this tab any more."""
        self.secret = ""

    @doors.writes(Permission.MANAGE)
    async def save(self, caller: doors.Caller, form: dict[str, Any]) -> Any:
        given: dict[str, Any] = {
            "name": str(form.get("destination_name", "")),
            "url": str(form.get("destination_url", "")),
            "kinds": [key.removeprefix(KIND) for key in form if key.startswith(KIND) and form[key]],
        }
        self.problem = self.problem_at = ""
        running = runtime.current()
        secret = ""
        try:
            given["headers"] = _headers(str(form.get("destination_headers", "")))
            async with caller.session.begin_nested():
                if self.draft.id:
                    await destinations.change(
                        caller.session, caller.actor, running, self.draft.id, **given
                    )
                else:
                    made = await destinations.create(caller.session, caller.actor, running, **given)
                    secret = made.secret
        except Invalid as problem:
            self.problem = problem.message
            self.problem_at = str((problem.details or [{"path": ""}])[0]["path"]).split(".")[0]
            return None
        await self._show(caller)
        closed = rx.call_script(f"flowforge.close('{FORM}')")
        if not secret:
            return [closed, rx.toast.success("Saved.")]
        self.secret = secret
        return [closed, rx.call_script(f"flowforge.open('{SECRET}')")]

    @doors.writes(Permission.MANAGE)
    async def switch(self, caller: doors.Caller, destination_id: str, is_on: bool) -> Any:
        one = await destinations.change(
            caller.session, caller.actor, runtime.current(), destination_id, enabled=is_on
        )
        await self._show(caller)
        said = "is on, and gets what it is owed." if is_on else "is off. What it is owed is kept."
        return rx.toast.success(f"“{one.name}” {said}")

    @doors.writes(Permission.MANAGE)
    async def rotate(self, caller: doors.Caller) -> Any:
        made: NewDestinationView = await destinations.rotate(
            caller.session, caller.actor, runtime.current(), self.asked.id
        )
        self.secret = made.secret
        return [
            rx.call_script(f"flowforge.close('{ROTATE}')"),
            rx.call_script(f"flowforge.open('{SECRET}')"),
        ]

    @doors.writes(Permission.MANAGE)
    async def delete(self, caller: doors.Caller) -> Any:
        await destinations.delete(caller.session, caller.actor, runtime.current(), self.asked.id)
        await caller.session.flush()
        await self._show(caller)
        return [
            rx.call_script(f"flowforge.close('{DELETE}')"),
            rx.toast.success(f"“{self.asked.name}” is deleted."),
        ]

    @doors.writes(Permission.OPERATE)
    async def retry(self, caller: doors.Caller, delivery_id: str) -> Any:
        await delivery_log.retry(
            caller.session, caller.actor, runtime.current(), self.opened, delivery_id
        )
        await self._show(caller)
        return rx.toast.success("It is sent again.")

    @doors.follows
    async def test(self, destination_id: str) -> Any:
        """In the background: a receiver may take a while, and no transaction is open meanwhile."""
        async with self:
            if self.testing:
                return None
            self.testing, self.tested = destination_id, Tested()
            cookies = self.router.headers.cookie
        answer, result = None, Tested()
        try:
            result = _tested(await _test(cookies, destination_id))
        except Unauthenticated:
            answer = doors.to_sign_in(self)
        except FlowForgeError as problem:
            answer = rx.toast.error(problem.message)
        async with self:
            self.testing, self.tested = "", result
        return answer

    def _draw(self, draft: Draft) -> None:
        self.problem = self.problem_at = ""
        self.draft = Draft(
            self.draft.number + 1, draft.id, draft.name, draft.url, draft.kinds, draft.headers
        )

    def _line(self, destination_id: str) -> Line:
        return next((one for one in self.lines if one.id == destination_id), Line())

    async def _show(self, caller: doors.Caller) -> None:
        _take(self, *await _found(caller, self.opened, self._wanted))


async def _look(state: Destinations, cookies: str) -> bool:
    """Whether it makes sense to look again."""
    async with state:
        opened, wanted = state.opened, state._wanted  # noqa: SLF001 - a part of this class
    try:
        async with doors.opened(cookies, Permission.READ) as caller:
            lines, sent, has_more = await _found(caller, opened, wanted)
    except Unauthenticated:
        return False
    except FlowForgeError:
        async with state:
            if state.stage == "loading":
                state.stage = "failed"
        return True
    async with state:
        # What a person asked for meanwhile is newer than this answer.
        if (opened, wanted) == (state.opened, state._wanted):  # noqa: SLF001
            _take(state, lines, sent, has_more)
    return True


async def _found(
    caller: doors.Caller, opened: str, wanted: int
) -> tuple[list[Line], list[Sent], bool]:
    page = await destinations.list_destinations(caller.session, caller.actor, limit=MOST)
    lines = [_line(view) for view in page.data]
    if opened not in {line.id for line in lines}:
        return lines, [], False
    sent = await delivery_log.list_deliveries(caller.session, caller.actor, opened, limit=wanted)
    return lines, [_sent(view) for view in sent.data], sent.next is not None and wanted < MOST


def _take(state: Destinations, lines: list[Line], sent: list[Sent], has_more: bool) -> None:
    # Only what changed travels to the browser.
    if state.lines != lines:
        state.lines = lines
    if state.sent != sent:
        state.sent = sent
    state.has_more, state.stage = has_more, "ready"


async def _test(cookies: str, destination_id: str) -> DeliveryView:
    running = runtime.current()
    async with doors.opened(cookies, Permission.MANAGE, writes=True) as caller:
        parcel = await delivery_log.begin_test(
            caller.session, caller.actor, running, destination_id
        )
    outcome = await deliveries.send(running.http, parcel, utc_now())
    async with doors.opened(cookies, Permission.MANAGE, writes=True) as caller:
        return await delivery_log.keep_test(caller.session, caller.actor, running, parcel, outcome)


def _tested(view: DeliveryView) -> Tested:
    is_taken = view.status == "delivered"
    words = f"It was taken, with status {view.status_code}." if is_taken else view.error or ""
    return Tested(view.destination_id, shown.line(words), is_taken)


def _line(view: DestinationView) -> Line:
    state = "off" if not view.enabled else "failing" if view.failing_since else "on"
    return Line(
        id=view.id,
        name=shown.line(view.name),
        url=shown.line(view.url),
        kinds=view.kinds,
        headers=view.header_names,
        enabled=view.enabled,
        state=state,
        reason=shown.line(view.disabled_reason or ""),
        since=shown.moment(view.failing_since),
    )


def _sent(view: DeliveryView) -> Sent:
    look, word = _STATUS.get(view.status, ("waiting", "Held"))
    if view.status == "pending" and view.due_at is not None:
        look, word = ("retrying", "Retrying") if view.attempts else ("queued", "Due")
    return Sent(
        id=view.id,
        kind=view.kind,
        look=look,
        word=word,
        answer=str(view.status_code or "—"),
        error=shown.line(view.error or ""),
        attempts=shown.counted(view.attempts, "attempt"),
        at=shown.moment(view.created_at),
        next_at=shown.moment(view.due_at) if look == "retrying" else "",
        body=shown.shown(view.payload),
    )


def _headers(text: str) -> dict[str, str | None]:
    """One header a line. Raises: Invalid."""
    headers: dict[str, str | None] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if not line.strip():
            continue
        if not colon:
            raise Invalid(
                f"“{line[:60]}” is no header: write Name: value.",
                details=[{"path": "headers", "message": "Write Name: value."}],
            )
        headers[name.strip()] = None if value.strip() == KEPT else value.strip()
    return headers

"""The builder's tab: which card is open, and what the newest draft shows.

The definition stays in the database: every handler is one gesture on it, saved at once, so there
is nothing to lose and no secret in a tab.
"""

import re
from dataclasses import replace
from typing import Any

import reflex as rx
from reflex_components_sonner.toast import ToastAction

from flowforge.errors import Conflict, Invalid, NotFound, Unauthenticated
from flowforge.services import (
    cards,
    condition_lines,
    form_fields,
    versions,
    workbench,
    zaps,
)
from flowforge.services.access import Permission
from flowforge.services.cards import Line, ProblemLine
from flowforge.services.condition_lines import BranchLine, ConditionLine
from flowforge.services.editing import Draft
from flowforge.services.form_fields import Form
from flowforge.services.form_shapes import Field, Tab
from flowforge.services.insertion import DataGroup
from flowforge.services.workbench import Bench, Gesture
from flowforge.state import (
    app_trigger,
    clash,
    company,
    doors,
    live,
    review,
    shown,
    spots,
    trigger_panels,
)
from flowforge.state.received import Received, received_of
from flowforge.state.requests import Requests, show
from flowforge.state.spots import NoteSpot, Spot

TRIGGER = cards.TRIGGER
_ZAP = re.compile(r"/zaps/([^/]+)")
_SEEN_AT_ONCE = 12
# Over the column, where nothing is hidden; a later word on publishing takes the place of this one.
SAID: Any = {"position": "bottom-left", "id": "builder"}


class Builder(rx.State):
    """``version`` counts how often the form was drawn anew: its inputs keep their own text; ``shows``
    how often anything was.
    ``undo_what`` and ``redo_what``: what the next of each would be about; empty for nothing.
    """

    stage: str = "loading"
    zap: str = ""
    name: str = ""
    enabled: bool = False
    live_version: int = 0
    has_changes: bool = False
    webhook_url: str = ""
    page_url: str = ""
    lines: list[Line] = []  # noqa: RUF012 - Reflex copies defaults
    spots: list[Spot] = []  # noqa: RUF012
    notes: list[NoteSpot] = []  # noqa: RUF012
    card_count: int = 0
    problems: list[ProblemLine] = []  # noqa: RUF012
    has_empty: bool = True
    trigger_kind: str = "webhook"
    chosen: str = TRIGGER
    is_panel_open: bool = False
    version: int = 0
    shows: int = 0
    form: Form = Form()
    fields: list[Field] = []  # noqa: RUF012
    conditions: list[ConditionLine] = []  # noqa: RUF012
    branches: list[BranchLine] = []  # noqa: RUF012
    strangers: list[str] = []  # noqa: RUF012
    groups: list[DataGroup] = []  # noqa: RUF012
    refused_in: str = ""
    refusal: str = ""
    shows_gaps: bool = False
    saves: int = 0
    save_state: str = "saved"
    received: Received = Received()
    undo_what: str = ""
    redo_what: str = ""
    _revision: int = 0
    _tab: Tab = Tab()

    @rx.var
    def problem_count(self) -> int:
        return len(self.problems)

    @rx.var
    def has_much_data(self) -> bool:
        """Whether searching is quicker than looking."""
        return sum(len(group.lines) for group in self.groups) > _SEEN_AT_ONCE

    @rx.var
    def last_group(self) -> int:
        """Where "and" adds a condition; "or" opens the next one."""
        return self.conditions[-1].group if self.conditions else -1

    # ---- opening -------------------------------------------------------------------------------

    @doors.reads()
    async def open(self, caller: doors.Caller) -> Any:
        """The page as the database has it now."""
        return await self._open(caller)

    @doors.follows
    async def listen(self) -> None:
        """Wait for the next request, for as long as the page is open."""
        async with self:
            cookies, zap_id = self.router.headers.cookie, self.zap
        async for _ in live.looks(self, f"zap:{zap_id}", company.topic(zap_id)):
            await company.follow(self, cookies, zap_id)
            if self.trigger_kind == "app":
                await app_trigger.follow(self, cookies, zap_id)
            try:
                async with doors.opened(cookies, Permission.READ) as caller:
                    received = await workbench.received(caller.session, caller.actor, zap_id)
                    if received.id == self.received.id:
                        continue
                    found = await workbench.requests(caller.session, caller.actor, zap_id)
                    bench = await workbench.look(caller.session, caller.actor, zap_id)
                    groups = await workbench.data(
                        caller.session, caller.actor, bench.zap, self.chosen
                    )
            except (Unauthenticated, NotFound):
                return
            async with self:
                if self.zap == zap_id:
                    self.received, self.groups = received_of(received), groups
                    show(await self.get_state(Requests), zap_id, found)
        await company.leave(self, zap_id)

    @doors.reads()
    async def choose_card(self, caller: doors.Caller, card: str) -> None:
        self.chosen, self.is_panel_open = card, True
        await self._look_again(caller)

    @doors.reads()
    async def choose_problem(self, caller: doors.Caller, card: str, field: str) -> Any:
        """Open the card that has the problem, with the cursor in its field."""
        self.chosen, self.is_panel_open, self.shows_gaps = card, True, True
        self._tab = Tab(card, condition_lines.branch_of(field))
        await self._look_again(caller)
        # Names of fields are the registry's; what the browser sends goes into no script.
        known = {each.name for each in self.fields}
        at = field if field in known else condition_lines.control_of(field, self.conditions)
        return rx.call_script(f"flowforgeBuilder.focus('in-{at}')") if at else None

    @doors.public
    async def close_panel(self) -> None:
        self.is_panel_open = False

    # ---- the zap -------------------------------------------------------------------------------

    @doors.writes()
    async def rename(self, caller: doors.Caller, name: str) -> None:
        self.saves += 1
        if name.strip() != self.name:
            # A name that is refused gives way to the one before.
            self.version += 1
            view = await zaps.rename(caller.session, caller.actor, self.zap, name)
            self.name = view.name

    @doors.writes(Permission.OPERATE)
    async def switch(self, caller: doors.Caller, is_on: bool) -> Any:
        view = await zaps.set_enabled(caller.session, caller.actor, self.zap, is_on)
        self.enabled = view.enabled
        word = "on: requests start runs" if view.enabled else "off: requests are kept, not run"
        return rx.toast.success(f"The zap is {word}.", **SAID)

    @doors.writes(Permission.OPERATE)
    async def publish(self, caller: doors.Caller) -> Any:
        """At once, or after the hints that nobody has read yet."""
        if await review.is_needed(self, caller, self.zap):
            return rx.call_script(f"flowforge.open('{review.SHEET}')")
        return await self._publish(caller)

    # ---- within --------------------------------------------------------------------------------

    def _is_open(self) -> bool:
        """Whether the tab shows the zap of its address already."""
        return self.stage == "ready" and self._here() == self.zap

    def _here(self) -> str:
        found = _ZAP.match(self.router.url.path)
        return found[1] if found else ""

    async def _open(self, caller: doors.Caller) -> Any:
        zap_id = self._here()
        if zap_id != self.zap:
            self.zap, self.chosen, self.is_panel_open = zap_id, TRIGGER, False
            self.stage, self.shows_gaps, self.received = "loading", False, Received()
            await clash.forget(self)
        try:
            bench = await workbench.look(caller.session, caller.actor, zap_id)
        except NotFound:
            self.stage = "missing"
            return None
        # What could not be saved waits for its owner, also over a reload.
        self.save_state, self.stage = "stale" if clash.wanted(self) else "saved", "ready"
        await self._show_received(caller)
        await self._show_all(caller, bench)
        return Builder.listen

    async def _show_received(self, caller: doors.Caller) -> None:
        received = await workbench.received(caller.session, caller.actor, self.zap)
        self.received = received_of(received)
        requests = await workbench.requests(caller.session, caller.actor, self.zap)
        show(await self.get_state(Requests), self.zap, requests)

    async def _publish(self, caller: doors.Caller, note: str = "") -> Any:
        try:
            version = await versions.publish(caller.session, caller.actor, self.zap, note=note)
        except Invalid as refusal:
            self.shows_gaps = True
            await self._to_first_problem(caller)
            return rx.toast.error(refusal.message, **SAID)
        self.shows_gaps = False
        await self._look_again(caller)
        return rx.toast.success(
            f"Version {version.number} is live.",
            description="New requests start runs of it.",
            **SAID,
            action=ToastAction(label="See runs", on_click=rx.redirect(f"/zaps/{self.zap}/runs")),
        )

    async def _make(self, caller: doors.Caller, gesture: Any) -> None:
        """A gesture that also tells the id of the step it made, which is opened."""
        made = []

        def without_id(draft: Draft) -> Draft:
            after, step_id = gesture(draft)
            made.append(step_id)
            return after

        bench = await self._saved(caller, without_id)
        if bench is not None:
            self.chosen, self.is_panel_open = made[-1], True
            await self._show_all(caller, bench)

    async def _perform(
        self, caller: doors.Caller, gesture: Gesture, opens: str = "", *, joins: bool = True
    ) -> Bench | None:
        """Save ``gesture``; ``opens``: the card to draw anew afterwards, "" for none; ``joins`` as in
        ``workbench.edit``. None: another tab was quicker.
        """
        bench = await self._saved(caller, gesture, joins=joins)
        if bench is not None and opens:
            self.chosen = opens
            await self._show_all(caller, bench)
        elif bench is not None:
            self._show(bench)
        return bench

    async def _step(self, caller: doors.Caller, way: Any) -> bool:
        """Undo or redo, with the step that comes back by it chosen; False: another tab was quicker.

        Raises: Conflict where there is nothing to undo or redo.
        """
        known = {card.id for card in cards.cards_of(self.lines)}
        try:
            bench = await way(caller.session, caller.actor, self.zap, self._revision)
        except Conflict as refusal:
            if refusal.code != "stale_revision":
                raise
            await self._look_again(caller)
            return False
        self.saves += 1
        self.save_state = "saved"
        back = (card.id for card in cards.cards_of(bench.lines) if card.id not in known)
        self.chosen = next(back, self.chosen)
        await self._show_all(caller, bench)
        return True

    async def _saved(
        self, caller: doors.Caller, gesture: Gesture, *, joins: bool = True
    ) -> Bench | None:
        self.saves += 1
        try:
            bench = await workbench.edit(
                caller.session, caller.actor, self.zap, self._revision, gesture, joins=joins
            )
        except Conflict as refusal:
            if refusal.code != "stale_revision":
                raise
            self.save_state = "stale"
            await clash.note(self, caller, (self.zap, self._revision), gesture)
            return None
        self.save_state = "stale" if clash.wanted(self) else "saved"
        return bench

    async def _to_first_problem(self, caller: doors.Caller) -> None:
        bench = await workbench.look(caller.session, caller.actor, self.zap)
        first = next((problem.card for problem in bench.problems if problem.card), self.chosen)
        self.chosen, self.is_panel_open = first, True
        await self._show_all(caller, bench)

    async def _look_again(self, caller: doors.Caller) -> None:
        bench = await workbench.look(caller.session, caller.actor, self.zap)
        await self._show_all(caller, bench)

    async def _show_all(self, caller: doors.Caller, bench: Bench) -> None:
        """Everything anew, texts of the form included."""
        self.version += 1
        self.refused_in = self.refusal = ""
        if self.chosen not in {line.card.id for line in bench.lines}:
            self.chosen = TRIGGER
        await self._show_around(caller, bench)

    async def _show_around(self, caller: doors.Caller, bench: Bench) -> None:
        """Everything but the texts of the form."""
        self._show(bench)
        self.groups = await workbench.data(caller.session, caller.actor, bench.zap, self.chosen)
        await trigger_panels.show(self, caller, bench.zap)

    def _show(self, bench: Bench) -> None:
        """What changed, while the form's inputs keep what a person is typing."""
        zap = bench.zap
        self.name, self.enabled, self.webhook_url = zap.name, zap.enabled, zap.webhook_url
        self.page_url = shown.form_url(zap)
        self.live_version, self.has_changes = zap.live_version or 0, zap.has_draft_changes
        self._revision, self.trigger_kind = zap.draft_revision, zap.trigger_kind
        self.problems = bench.problems
        self.shows += 1
        spots.show(self, bench)
        self.undo_what = shown.line(bench.offered.undo)
        self.redo_what = shown.line(bench.offered.redo)
        # A zap without steps is one empty card.
        found = cards.cards_of(bench.lines)
        self.card_count = len(found)
        self.has_empty = len(found) == 1 or any(card.is_empty for card in found)
        urls = {"webhookUrl": zap.webhook_url, "syncUrl": f"{zap.hook_url_v1}/sync"}
        self._tab = replace(self._tab.of(self.chosen), urls=urls)
        panel = form_fields.panel(zap.definition, self.chosen, bench.problems, self._tab)
        self.form, self.fields, self.strangers = panel.form, panel.fields, panel.strangers
        self.conditions, self.branches = panel.conditions, panel.branches

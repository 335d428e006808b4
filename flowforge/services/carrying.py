"""Carrying a run on: one turn of its holder, from outcomes to what is written of them.

Pure but for clock and chance: whatever needs a look elsewhere is put off for ``resolving``.
"""

import datetime as dt
from collections import deque
from collections.abc import Iterable
from typing import Any

from flowforge.engine import advance as engine
from flowforge.engine.definition import ActionStep
from flowforge.engine.plan import step_at
from flowforge.engine.protocol import (
    DROPPED,
    Ask,
    CallZap,
    Close,
    Command,
    ErrorInfo,
    Failed,
    Finish,
    Load,
    Open,
    Outcome,
    Path,
    Perform,
    Record,
    Reply,
    Rest,
    Sleep,
    TimedOut,
    Woke,
)
from flowforge.infra import documents
from flowforge.services import asking
from flowforge.services.holding import Done, Held, Row, jittered, packed
from flowforge.services.values import NOTHING, Packed
from flowforge.services.writes import Writes

# What is over at once goes on at once, but not for ever: then it is written down first.
MOST_ROWS = 2_000
_DROPPED = ErrorInfo(DROPPED, "It was given up before it began.")


class Turn:
    """What follows from outcomes, gathered for one settlement.

    ``begins``: whether attempts that follow may begin (a worker that stops begins none). ``is_over``:
    the run has ended or was given back; its holder is done with it. Until ``is_concluded`` there is
    something to be looked up.
    """

    def __init__(self, held: Held, *, begins: bool = True) -> None:
        self.held = held
        self.begins = begins
        self.is_over = False
        self.is_concluded = False
        self.writes = Writes()
        self._pending: deque[Outcome] = deque()
        self._too_large: ErrorInfo | None = None
        self._replied: tuple[Path, Packed] = ("", NOTHING)

    def tell(self, outcome: Outcome) -> None:
        """Advance by ``outcome``, and by what can be answered without looking anywhere."""
        self._pending.append(outcome)
        self._go_on()

    def owe(self, commands: Iterable[Command]) -> None:
        """Carry out what was asked for before, and go on as ``tell`` does."""
        for command in commands:
            self._carry_out(command)
        self._go_on()

    def _go_on(self) -> None:
        held = self.held
        while self._pending:
            held.state, commands = engine.advance(held.plan, held.state, self._pending.popleft())
            for command in commands:
                self._carry_out(command)

    def end_attempt(self, path: Path, done: Done) -> None:
        """End the attempt that was performed, and advance by its outcome; or end the run, if
        another try would come too late.
        """
        held = self.held
        held.performing.discard(path)
        row = held.rows.pop(path, None)
        if row is None or held.has_ended:
            return  # something that ended beside it has ended the run, and its row with it
        seq, retry_at = held.next_seq(), None
        outcome: Outcome = done.outcome
        if isinstance(outcome, Failed) and (late := held.out_of_time()) is not None:
            outcome = TimedOut(late)
        self.tell(outcome)
        if isinstance(outcome, Failed) and path in held.state.waits:
            retry_at = self._promise(path, outcome.retry_after)
        self.writes.close_performed(
            row.attempt_id,
            done.status,
            seq=seq,
            inputs=done.inputs,
            output=done.output,
            error=done.outcome.error if isinstance(done.outcome, Failed) else None,
            retry_at=retry_at,
            logs=done.logs,
        )

    def lose_attempt(
        self, path: Path, attempt_id: str, error: ErrorInfo, *, may_repeat: bool, wait: float
    ) -> None:
        """End an attempt of which nobody knows what it did; it is tried again after ``wait``."""
        held = self.held
        seq, retry_at = held.next_seq(), None
        self.tell(Failed(path, error, retryable=may_repeat, unknown=True))
        if path in held.state.waits:
            retry_at = held.now + dt.timedelta(seconds=wait)
            if path in held.wakes:
                held.wakes[path] = retry_at
        self.writes.close_attempt(attempt_id, "unknown", seq=seq, error=error, retry_at=retry_at)

    def _promise(self, path: Path, retry_after: float | None) -> dt.datetime:
        """When the next attempt is due: never sooner than the provider asked for."""
        held = self.held
        if path not in held.wakes:
            return held.now
        if retry_after:
            patience = min(retry_after, engine.LONGEST_RETRY_AFTER)
            floor = held.now + dt.timedelta(seconds=patience)
            held.wakes[path] = max(held.wakes[path], floor)
        return held.wakes[path]

    def wake_due(self) -> None:
        """Go on where a wait is over."""
        for path in self.held.due_waits():
            if path in self.held.wakes and self.writes.rows < MOST_ROWS:
                self._wake(path)

    def _wake(self, path: Path) -> None:
        self.held.wakes.pop(path, None)
        self.tell(Woke(path))

    def conclude(self) -> None:
        """Decide how the run goes on; it is given back where nothing of it is to be done now."""
        held = self.held
        late = None if held.has_ended else held.out_of_time()
        if late is not None:
            self.tell(TimedOut(late))
        self._begin_owed()
        if held.deferred:
            return
        self.is_concluded = True
        held.forget_given_up()
        self.is_over = held.has_ended or not (held.is_busy or self._is_due())
        self._note_status()
        if self.is_over and not held.has_ended:
            self._release()

    def _begin_owed(self) -> None:
        """Open attempts, as many as can be at work: what is on record may have taken effect."""
        held = self.held
        while self.begins and held.owed:
            if held.is_ending(held.owed[0].path):
                # It has not begun, and what it belongs to is over: nobody shall see its effect.
                self.tell(Failed(held.owed.popleft().path, _DROPPED, retryable=False))
            elif len(held.todo) + len(held.performing) < held.most_at_once:
                self._begin(held.owed.popleft())
            else:
                break

    def _begin(self, perform: Perform) -> None:
        held = self.held
        step = step_at(held.plan, perform.path)
        attempt_id = self.writes.open_attempt(
            held.key.run_id,
            perform.path,
            perform.step_id,
            step.kind,
            action=step.action if isinstance(step, ActionStep) else None,
            number=perform.number,
        )
        held.rows[perform.path] = Row(attempt_id, step.kind)
        held.todo.append(perform)

    def _is_due(self) -> bool:
        return bool(self.held.wakes) and self.begins and bool(self.held.due_waits())

    def _note_status(self) -> None:
        """``waiting`` where only time, people or other runs are waited for."""
        held = self.held
        works = held.has_ended or held.is_busy or bool(held.owed) or self._is_due()
        status = "running" if works else "waiting"
        if held.status == "queued":
            self.writes.start_run(held.key.run_id, status, held.began_at, held.deadline_at)
        elif held.status != status and not held.has_ended:
            self.writes.move_run(held.key.run_id, status)
        held.status = status

    def _release(self) -> None:
        held = self.held
        due_at = held.now if held.owed else min([held.deadline_at, *held.wakes.values()])
        self.writes.release_run(held.key.run_id, due_at, held.priority)
        if held.project_gate is not None:
            self.writes.gates.append(held.project_gate)

    # ---- commands --------------------------------------------------------------------------

    def _carry_out(self, command: Command) -> None:
        """Write down what ``command`` asks for, or note it for whoever can look elsewhere."""
        match command:
            case Perform():
                self._perform(command)
            case Record():
                self._record(command)
            case Open():
                self._open(command)
            case Close():
                self._close(command)
            case Sleep():
                self._sleep(command)
            case Ask():
                self._ask(command)
            case Reply():
                self._reply(command)
            case Load() | CallZap() | Rest():
                self._put_off(command)
            case Finish():
                self._finish(command)

    def _put_off(self, command: Load | CallZap | Rest) -> None:
        if isinstance(command, Rest):
            # It goes on in the next turn: this one is written down first.
            self.held.wakes[command.path] = self.held.now
        else:
            self.held.deferred.append(command)

    def _perform(self, command: Perform) -> None:
        wakes = self.held.wakes
        wakes.pop(command.path, None)
        if command.wait_seconds > 0:
            wait = dt.timedelta(seconds=jittered(command.wait_seconds))
            wakes[command.path] = self.held.now + wait
        else:
            self.held.owed.append(command)

    def _record(self, command: Record) -> None:
        output, too_large = packed(command.output, f"output of '{command.step_id}'")
        attempt_id = self.open_row(command, command.kind)
        self.held.rows.pop(command.path)
        self.writes.close_attempt(
            attempt_id,
            "failed" if too_large else command.status,
            seq=self.held.next_seq(),
            output=output,
            error=command.error or too_large,
        )
        self._replied = command.path, output
        self._break_off(too_large)

    def _open(self, command: Open) -> None:
        inputs, too_large = packed(command.input, f"list of '{command.step_id}'")
        output, _ = packed(command.output)
        self.open_row(command, command.kind, inputs=inputs, output=output)
        self._break_off(too_large)

    def _close(self, command: Close) -> None:
        held = self.held
        held.wakes.pop(command.path, None)
        held.performing.discard(command.path)
        row = held.rows.pop(command.path, None)
        if row is None:
            return  # the attempt that brought this about; whoever performed it ends its row
        output, too_large = packed(command.output, f"output of '{command.path}'")
        self.writes.close_attempt(
            row.attempt_id,
            "failed" if too_large else command.status,
            seq=held.next_seq(),
            output=output,
            error=command.error or too_large,
        )
        if row.kind == "approval":
            timed_out = isinstance(command.output, dict) and command.output.get("timed_out")
            (self.writes.expired if timed_out else self.writes.given_up).append(row.attempt_id)
        self._break_off(too_large)

    def _sleep(self, command: Sleep) -> None:
        now = self.held.now
        given: dict[str, Any]
        if command.until is not None:
            wake_at, given = dt.datetime.fromisoformat(command.until), {"until": command.until}
        else:
            seconds = command.seconds or 0.0
            wake_at, given = now + dt.timedelta(seconds=seconds), {"seconds": seconds}
        self.open_row(command, "delay", inputs=packed(given)[0], wake_at=wake_at)
        if wake_at <= now and self.writes.rows < MOST_ROWS:
            self.held.wakes.pop(command.path)
            self._pending.append(Woke(command.path))

    def _ask(self, command: Ask) -> None:
        held, now = self.held, self.held.now
        expires_at = None
        if command.timeout_seconds is not None:
            expires_at = now + dt.timedelta(seconds=command.timeout_seconds)
        given = {"question": command.question, "approvers": list(command.approvers)}
        inputs, too_large = packed(given, "question")
        attempt_id = self.open_row(command, "approval", inputs=inputs, wake_at=expires_at)
        refused = too_large or asking.refusal(command)
        if refused is not None:
            self._pending.append(Failed(command.path, refused, retryable=False))
            return
        self.writes.mails = True
        rows = asking.approval_rows(
            held.key.run_id,
            held.key.project_id,
            command,
            attempt_id,
            asked_at=now,
            expires_at=expires_at,
        )
        self.writes.inserted.extend(rows)

    def _reply(self, command: Reply) -> None:
        reply = {"status": command.status, "headers": dict(command.headers), "body": command.body}
        path, output = self._replied
        if path == command.path and output.blob is not None:
            # The row of the step names the blob that has it whole.
            reply |= {"body": None, "stored": {"key": output.blob, "size": output.size}}
        if self._too_large is None:
            self.writes.reply_run(self.held.key.run_id, documents.dump(reply))

    def _finish(self, command: Finish) -> None:
        held = self.held
        held.todo.clear()
        held.owed.clear()
        held.deferred.clear()
        held.wakes.clear()
        status, error = command.status, command.error
        if self._too_large is not None:
            status, error = "failed", self._too_large
        self.writes.finish_run(held.key, status, error, held.gates)

    def open_row(
        self,
        command: Record | Open | Sleep | Ask | CallZap,
        kind: str,
        *,
        inputs: Packed = NOTHING,
        output: Packed = NOTHING,
        wake_at: dt.datetime | None = None,
    ) -> str:
        """A row for what begins at the command's path; its id."""
        attempt_id = self.writes.open_attempt(
            self.held.key.run_id,
            command.path,
            command.step_id,
            kind,
            number=command.number,
            inputs=inputs,
            output=output,
            wake_at=wake_at,
        )
        self.held.rows[command.path] = Row(attempt_id, kind)
        if wake_at is not None:
            self.held.wakes[command.path] = wake_at
        return attempt_id

    def _break_off(self, too_large: ErrorInfo | None) -> None:
        """What the engine has decided by cannot be kept: the run cannot go on."""
        if too_large is not None and self._too_large is None:
            self._too_large = too_large
            self._pending.appendleft(TimedOut(too_large))

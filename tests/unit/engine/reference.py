"""What a run does, said as directly as one can: continuations, and scopes that can be ended.

It shares nothing with the engine but the words of a definition. It never forgets anything, knows
no records and cannot be rebuilt: the engine must do what this does, from rows.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flowforge.engine.conditions import When
from flowforge.engine.definition import Step

Next = Callable[[], None]
Taken = list[tuple[Step, ...]]


@dataclass(eq=False)
class Scope:
    """A round of a loop, or the whole run. ``then`` is set once it is being ended."""

    around: "Scope | None"
    then: Next | None = None

    def chain(self) -> "list[Scope]":
        return [self, *(self.around.chain() if self.around else [])]

    def ending(self) -> "Scope | None":
        """The outermost scope around that is being ended."""
        return next((one for one in reversed(self.chain()) if one.then), None)


@dataclass
class Pending:
    """Something that is waited for. ``answer`` takes what happened; ``since`` is when it began."""

    kind: str
    number: int
    scope: Scope
    answer: Callable[[Any], None]
    since: int


@dataclass
class Frame:
    """Where a step stands: the rounds around it, their item and index."""

    prefix: str
    scope: Scope
    item: Any = None
    index: Any = ""
    fails: Callable[[], None] = lambda: None
    breaks: Callable[[], None] = lambda: None


@dataclass
class Reference:
    payload: dict[str, Any]
    pending: dict[str, Pending] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    status: str | None = None
    moves: int = 0
    loops: dict[str, tuple[int, int, int]] = field(default_factory=dict)

    def start(self, steps: tuple[Step, ...]) -> None:
        run = Scope(None)
        frame = Frame("", run)
        frame.fails = lambda: self.end(run, lambda: self.finish("failed"))
        self.run = run
        self.list(steps, 0, frame, lambda: self.finish("succeeded"))

    def finish(self, status: str) -> None:
        self.status = status
        self.pending.clear()

    def end(self, scope: Scope, then: Next) -> None:
        """Give up what waits in ``scope``; ``then`` once nothing performs in it any more."""
        scope.then = then
        for path, each in list(self.pending.items()):
            # What was to begin at this very moment does not.
            is_under_way = each.kind == "perform" and each.since < self.moves
            if scope in each.scope.chain() and not is_under_way:
                del self.pending[path]
        self.drained(scope)

    def drained(self, scope: Scope) -> None:
        if not any(scope in each.scope.chain() for each in self.pending.values()):
            then = scope.then
            assert then is not None
            then()

    def happen(self, path: str, what: Any) -> None:
        each = self.pending.pop(path)
        self.moves += 1
        ending = each.scope.ending()
        if ending is None:
            each.answer(what)
        else:
            self.drained(ending)

    def list(self, steps: tuple[Step, ...], position: int, frame: Frame, then: Next) -> None:
        if frame.scope.ending() is not None or self.status:
            return
        if position == len(steps):
            then()
            return
        step = steps[position]

        def go_on() -> None:
            self.list(steps, position + 1, frame, then)

        if step.skip:
            go_on()
        else:
            getattr(self, step.kind)(step, frame, go_on, then)

    def wait(
        self, path: str, kind: str, number: int, frame: Frame, answer: Callable[[Any], None]
    ) -> None:
        self.pending[path] = Pending(kind, number, frame.scope, answer, self.moves)

    def action(self, step: Any, frame: Frame, go_on: Next, _end: Next, number: int = 1) -> None:
        path = frame.prefix + step.id

        def answer(what: Any) -> None:
            if what[0] == "succeeded":
                self.outputs[path] = what[1]
                go_on()
            elif what[1] and number < step.retry.attempts:

                def again() -> None:
                    self.action(step, frame, go_on, _end, number + 1)

                wait = step.retry.wait_after(number)
                self.wait(path, "retry", number + 1, frame, lambda _: again()) if wait else again()
            elif step.on_error == "continue":
                go_on()
            else:
                frame.fails()

        self.wait(path, "perform", number, frame, answer)

    code = action

    def filter(self, step: Any, frame: Frame, go_on: Next, end: Next) -> None:
        go_on() if self.holds(step.when, frame) else end()

    def router(self, step: Any, frame: Frame, go_on: Next, _end: Next) -> None:
        taken: Taken = []
        for branch in step.branches:
            if (step.mode == "all_matches" or not taken) and self.holds(branch.when, frame):
                taken.append(branch.steps)
        self.branches(taken or [step.fallback], frame, go_on)

    def branches(self, queue: "Taken", frame: Frame, go_on: Next) -> None:
        if queue:
            self.list(queue[0], 0, frame, lambda: self.branches(queue[1:], frame, go_on))
        else:
            go_on()

    def loop(self, step: Any, frame: Frame, go_on: Next, _end: Next) -> None:  # noqa: C901 - rounds are closures
        path = frame.prefix + step.id
        items = self.payload["items"] if step.over else None
        count = len(items) if items is not None else step.count
        begun = running = failed = 0
        over = False

        def turn() -> None:
            nonlocal begun, running, over
            limit = step.concurrency if count is not None else 1
            fresh = []
            while not over and running < limit and frame.scope.ending() is None:
                if count is None:
                    index = begun or frame.index
                    goes = index == "" or index < step.while_.any[0].all[0].right
                    over = not goes or begun >= step.most
                else:
                    over = begun >= count
                if not over:
                    begun, running = begun + 1, running + 1
                    fresh.append(begun)
            for number in fresh:
                one_round(number)
            if not running and over and not fresh and frame.scope.ending() is None:
                self.loops[path] = (begun, begun - failed, failed)
                go_on()

        def one_round(number: int) -> None:
            scope = Scope(frame.scope)
            item = items[number - 1] if items is not None else number
            inner = Frame(f"{path}[{number}]/", scope, item, number, frame.fails)

            def ended(*, bad: bool = False) -> None:
                nonlocal running, failed
                running, failed = running - 1, failed + bad
                turn()

            def breaks() -> None:
                nonlocal over
                over = True
                self.end(scope, ended)

            inner.breaks = breaks
            if step.on_item_error == "continue":
                inner.fails = lambda: self.end(scope, lambda: ended(bad=True))
            self.list(step.steps, 0, inner, ended)

        turn()

    def parallel(self, step: Any, frame: Frame, go_on: Next, _end: Next) -> None:
        done: set[str] = set()
        begun: set[str] = set()

        def begin() -> None:
            ready = [
                b for b in step.branches if b.name not in begun and done.issuperset(b.depends_on)
            ]
            begun.update(branch.name for branch in ready)
            for branch in ready:
                self.list(branch.steps, 0, frame, lambda name=branch.name: ended(name))  # type: ignore[misc]

        def ended(name: str) -> None:
            done.add(name)
            if len(done) == len(step.branches):
                go_on()
            else:
                begin()

        begin() if step.branches else go_on()

    def delay(self, step: Any, frame: Frame, go_on: Next, _end: Next) -> None:
        self.wait(frame.prefix + step.id, "sleep", 1, frame, lambda _: go_on())

    def approval(self, step: Any, frame: Frame, go_on: Next, end: Next) -> None:
        ways = {"continue": go_on, "end": end, "fail": frame.fails}

        def answer(what: Any) -> None:
            self.outputs[frame.prefix + step.id] = {"ok": what == "approved"}
            go_on() if what == "approved" else ways[step.on_rejection]()

        self.wait(frame.prefix + step.id, "ask", 1, frame, answer)

    def zap(self, step: Any, frame: Frame, go_on: Next, _end: Next) -> None:
        def answer(what: Any) -> None:
            if what[0] == "succeeded":
                self.outputs[frame.prefix + step.id] = what[1]
                go_on()
            else:
                go_on() if step.on_error == "continue" else frame.fails()

        self.wait(frame.prefix + step.id, "zap", 1, frame, answer)

    def reply(self, step: Any, _frame: Frame, go_on: Next, _end: Next) -> None:
        self.end(self.run, lambda: self.finish("succeeded")) if step.stop else go_on()

    def stop(self, _step: Any, _frame: Frame, _go_on: Next, _end: Next) -> None:
        self.end(self.run, lambda: self.finish("succeeded"))

    def holds(self, when: When, frame: Frame) -> bool:
        """Of the few conditions that tests draw: a path, and whether it is true."""
        root, *keys = when.any[0].all[0].left.strip("{} ").split(".")
        if root in ("item", "index"):
            return bool(getattr(frame, root))
        if root == "trigger":
            return bool(self.payload[keys[0]])
        prefix = frame.prefix
        while True:
            if prefix + keys[0] in self.outputs:
                return bool(self.outputs[prefix + keys[0]].get("ok"))
            if not prefix:
                return False
            prefix = prefix[:-1].rpartition("/")[0]
            prefix = f"{prefix}/" if prefix else ""


def _break(self: Reference, step: Any, frame: Frame, go_on: Next, _end: Next) -> None:
    frame.breaks() if self.holds(step.when, frame) else go_on()


# The word is Python's own.
setattr(Reference, "break", _break)

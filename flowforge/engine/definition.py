"""What a zap is: one trigger and a tree of steps, as plain frozen data.

A draft may be incomplete: here is only what must be true of every draft (shape, types, ids, sizes,
no cycles). What must be true to publish one stands in ``checks``; how JSON becomes one, in
``parsing``.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from flowforge.engine.conditions import Data, When
from flowforge.engine.dependencies import check_dependencies
from flowforge.engine.triggers import Trigger

MOST_STEPS = 10_000
MOST_BRANCHES = 1_000
LONGEST_CODE = 100_000
LONGEST_STEP_NOTE = 2_000
LONGEST_DELAY = 30 * 86_400.0
MOST_NOTES = 200
LONGEST_NOTE = 5_000


class RetryPolicy(Data):
    """How often, and how patiently, a step is attempted."""

    attempts: int = Field(default=3, ge=1, le=20)
    first_wait: float = Field(default=2.0, ge=0, le=86_400)
    factor: float = Field(default=2.0, ge=1, le=100)
    longest_wait: float = Field(default=3600.0, ge=0, le=86_400)

    def wait_after(self, number: int) -> float:
        """Seconds to wait after failed attempt ``number`` (1-based), before jitter.

        ``min(first_wait * factor ** (number - 1), longest_wait)``: by default 2, 4, 8, … up to an
        hour. With ``factor`` 1 every wait is ``first_wait``; with ``first_wait`` 0 there is none.
        """
        return min(self.first_wait * self.factor ** (number - 1), self.longest_wait)


ONCE = RetryPolicy(attempts=1)

StepId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,47}$")]
Name = Annotated[str, Field(max_length=200)]
OnError = Literal["stop", "continue"]
Steps = Annotated[tuple["Step", ...], Field(max_length=MOST_STEPS)]


class _Step(Data):
    """What every step has. ``note``: for whoever reads the zap; nothing looks at it. ``skip``: it is
    passed over, with all that is in it.
    """

    id: StepId
    name: Name = ""
    note: Annotated[str, Field(max_length=LONGEST_STEP_NOTE)] = ""
    skip: bool = False


class ActionStep(_Step):
    """Performs one action of an app. A draft may not have chosen it yet (``action`` is "")."""

    kind: Literal["action"]
    action: Annotated[str, Field(max_length=200)] = ""
    inputs: dict[str, Any] = Field(default_factory=dict)
    connection: str | None = None
    retry: RetryPolicy = RetryPolicy()
    on_error: OnError = "stop"
    timeout_seconds: float = Field(default=60, gt=0, le=600)


class CodeStep(_Step):
    """Runs code in the sandbox. It sees ``inputs``, rendered; its result is JSON.

    Code that failed once fails again: nothing is retried unless ``retry`` asks for it.
    """

    kind: Literal["code"]
    language: Literal["python"] = "python"
    inputs: dict[str, Any] = Field(default_factory=dict)
    code: Annotated[str, Field(max_length=LONGEST_CODE)] = ""
    retry: RetryPolicy = ONCE
    on_error: OnError = "stop"
    timeout_seconds: float = Field(default=10, gt=0, le=60)


class FilterStep(_Step):
    """Goes on only while ``when`` holds. Otherwise the list of steps that it stands in ends here:
    the branch, the round of the loop, or (at the top) the run, which has then succeeded.
    """

    kind: Literal["filter"]
    when: When = When()


class Branch(Data):
    """One way of a router."""

    name: Name = ""
    when: When = When()
    steps: Steps = ()


class RouterStep(_Step):
    """Takes the first branch whose ``when`` holds, or all of them, one after the other, in their
    order; ``fallback`` where none holds. The run goes on after it in any case.
    """

    kind: Literal["router"]
    mode: Literal["first_match", "all_matches"] = "first_match"
    branches: Annotated[tuple[Branch, ...], Field(max_length=MOST_BRANCHES)] = ()
    fallback: Steps = ()


class LoopStep(_Step):
    """Repeats ``steps``: for each item of ``over``, ``count`` times, or while ``while`` holds (at
    most ``most`` times). Exactly one of the three is set.

    ``over`` and ``count`` may be expressions. Inside, ``item`` and ``index`` (from 1) name the
    present round. With ``on_item_error`` "continue" a failed step ends its round only.
    """

    kind: Literal["loop"]
    over: Any = None
    count: int | str | None = None
    while_: When | None = Field(default=None, alias="while")
    most: int = Field(default=1_000, ge=1, le=100_000)
    concurrency: int = Field(default=1, ge=1, le=50)
    on_item_error: OnError = "stop"
    steps: Steps = ()

    @model_validator(mode="after")
    def _one_source(self) -> "LoopStep":
        given = [
            name
            for name, value in (("over", self.over), ("count", self.count), ("while", self.while_))
            if value is not None
        ]
        if len(given) > 1:
            raise ValueError(f"A loop has one source, this one has {' and '.join(given)}.")
        return self

    @field_validator("count")
    @classmethod
    def _not_negative(cls, count: int | str | None) -> int | str | None:
        if isinstance(count, int) and count < 0:
            raise ValueError("A loop cannot run fewer than 0 times.")
        return count


class BreakStep(_Step):
    """Ends the loop around it, if ``when`` holds: no further round begins, and the steps of this
    round that have not begun are passed over. Rounds that run beside it finish.
    """

    kind: Literal["break"]
    when: When = When()


class ParallelBranch(Data):
    """One branch of a parallel block; it begins when those named in ``depends_on`` have ended."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    depends_on: tuple[str, ...] = ()
    steps: Steps = ()


class ParallelStep(_Step):
    """Runs its branches side by side; the run goes on when all have ended."""

    kind: Literal["parallel"]
    branches: Annotated[tuple[ParallelBranch, ...], Field(max_length=MOST_BRANCHES)] = ()

    @model_validator(mode="after")
    def _is_acyclic(self) -> "ParallelStep":
        check_dependencies([(branch.name, branch.depends_on) for branch in self.branches])
        return self


class DelayStep(_Step):
    """Waits ``seconds``, or until a moment (ISO 8601, an e-mail date or seconds since 1970). One
    of both is set; either may be an expression. What is past is over at once.
    """

    kind: Literal["delay"]
    seconds: float | str | None = None
    until: str | float | None = None

    @model_validator(mode="after")
    def _one_end(self) -> "DelayStep":
        if self.seconds is not None and self.until is not None:
            raise ValueError("A delay has either seconds or until, not both.")
        return self

    @field_validator("seconds")
    @classmethod
    def _sensible(cls, seconds: float | str | None) -> float | str | None:
        if isinstance(seconds, int | float) and not 0 <= seconds <= LONGEST_DELAY:
            raise ValueError(
                f"A delay takes 0 to {LONGEST_DELAY:.0f} seconds (30 days), not {seconds:g}."
            )
        return seconds


class ApprovalStep(_Step):
    """Asks people, and waits for them.

    Each of ``approvers`` (e-mail addresses, may be expressions) gets a mail with a link of their
    own; without any, members of the project decide on the run's page. ``required`` approvals make
    it approved; the first rejection rejects it if ``veto``, otherwise as soon as ``required`` can
    no longer be reached. Its output is ``{"approved": …}`` and who said what. Where it is not
    approved, or nobody answers for ``timeout_seconds``, ``on_rejection`` says how to go on:
    "end" (the list of steps that it stands in ends here), "continue" or "fail".
    """

    kind: Literal["approval"]
    question: Annotated[str, Field(max_length=10_000)] = ""
    approvers: Annotated[tuple[str, ...], Field(max_length=100)] = ()
    required: int = Field(default=1, ge=1, le=100)
    veto: bool = True
    timeout_seconds: float | None = Field(default=None, gt=0, le=LONGEST_DELAY)
    on_rejection: Literal["end", "continue", "fail"] = "end"


class ZapStep(_Step):
    """Starts another zap of the project with ``input`` as its ``trigger.body``; with ``wait`` the
    run goes on when that run has ended, and fails where it failed. Its output is
    ``{"run_id", "status", "output"}``, the last being the body of that run's reply.
    """

    kind: Literal["zap"]
    zap_id: str = ""
    input: Any = None
    wait: bool = True
    on_error: OnError = "stop"


class ReplyStep(_Step):
    """Answers whoever waits for the run (a synchronous webhook, a calling zap). The first reply of
    a run counts. ``stop``: the run ends here, succeeded.
    """

    kind: Literal["reply"]
    status: int | str = 200
    headers: dict[str, Any] = Field(default_factory=dict)
    body: Any = None
    stop: bool = False

    @field_validator("status")
    @classmethod
    def _is_a_status(cls, status: int | str) -> int | str:
        if isinstance(status, int) and not 200 <= status <= 599:  # noqa: PLR2004 - HTTP's range
            raise ValueError(f"A status is a number from 200 to 599, not {status}.")
        return status


class StopStep(_Step):
    """Ends the run here, succeeded."""

    kind: Literal["stop"]


Step = Annotated[
    ActionStep
    | CodeStep
    | FilterStep
    | RouterStep
    | LoopStep
    | BreakStep
    | ParallelStep
    | DelayStep
    | ApprovalStep
    | ZapStep
    | ReplyStep
    | StopStep,
    Field(discriminator="kind"),
]

Key = Annotated[str, Field(max_length=1_000)]


class Concurrency(Data):
    """At most ``limit`` runs of the zap at a time; with ``key`` (an expression over ``trigger``)
    at most that many for each of its values. The others wait and begin in the order they came.
    """

    limit: int = Field(default=1, ge=1, le=10_000)
    key: Key = ""


class Throttle(Data):
    """At most ``limit`` runs begin within ``seconds``, for each value of ``key``; the others wait."""

    limit: int = Field(ge=1, le=100_000)
    seconds: float = Field(gt=0, le=86_400)
    key: Key = ""


class Debounce(Data):
    """A run begins ``seconds`` after its event, unless a later one with the same value of ``key``
    comes first and takes its place.
    """

    seconds: float = Field(gt=0, le=86_400)
    key: Key = ""


class Limits(Data):
    """How many runs of a zap may begin and work, and how long one may take from its first step to
    its end, waiting included.
    """

    concurrency: Concurrency | None = None
    throttle: Throttle | None = None
    debounce: Debounce | None = None
    deadline_seconds: float | None = Field(default=None, gt=0, le=LONGEST_DELAY)


NoteColor = Literal["yellow", "green", "blue", "pink", "grey"]
NOTE_COLORS: tuple[NoteColor, ...] = get_args(NoteColor)
_Far = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
_Side = Annotated[int, Field(ge=80, le=2_000)]


class Note(Data):
    """A note on the canvas, in its pixels at zoom 1, from the middle of the trigger's top edge."""

    id: StepId
    text: Annotated[str, Field(max_length=LONGEST_NOTE)] = ""
    x: _Far
    y: _Far
    width: _Side = 220
    height: _Side = 140
    color: NoteColor = "yellow"


Notes = Annotated[
    Annotated[str, Tag("text")]
    | Annotated[tuple[Note, ...], Field(max_length=MOST_NOTES), Tag("list")],
    Discriminator(lambda notes: "text" if isinstance(notes, str) else "list"),
]


class Definition(Data):
    """A zap's data. ``trigger`` is None until one is chosen. ``notes``: for people, runs never look
    at them; one text, or notes on the canvas.
    """

    trigger: Trigger | None = None
    steps: Steps = ()
    limits: Limits = Limits()
    notes: Notes | None = None

    @field_validator("notes")
    @classmethod
    def _own_ids(cls, notes: str | tuple[Note, ...] | None) -> str | tuple[Note, ...] | None:
        seen: set[str] = set()
        for note in () if notes is None or isinstance(notes, str) else notes:
            if note.id in seen:
                raise ValueError(f"Two notes have the id '{note.id}'. Give each its own.")
            seen.add(note.id)
        return notes


def bodies(step: Step) -> tuple[tuple[Step, ...], ...]:
    """The lists of steps inside ``step``, in their order."""
    match step:
        case RouterStep():
            return (*(branch.steps for branch in step.branches), step.fallback)
        case ParallelStep():
            return tuple(branch.steps for branch in step.branches)
        case LoopStep():
            return (step.steps,)
        case _:
            return ()


def walk(steps: tuple[Step, ...]) -> Iterator[Step]:
    """Every step of the tree, each before those inside it, in their order. Not recursive."""
    waiting = [iter(steps)]
    while waiting:
        step = next(waiting[-1], None)
        if step is None:
            waiting.pop()
            continue
        yield step
        waiting += [iter(body) for body in reversed(bodies(step)) if body]

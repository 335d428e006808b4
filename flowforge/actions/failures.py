"""Why an attempt failed, in words meant for the owner of the zap.

    ActionError
    ├── RetryableError   nothing was done, or doing it twice is harmless: try again later
    ├── FatalError       trying again cannot help: the zap or its settings must change
    │   └── InputsRefused    the inputs are wrong; ``problems`` names each field
    └── OutcomeUnknown   the call went out and no answer came back

Any other exception of an action means the same as ``OutcomeUnknown``: the runner asks
``Action.repeatable`` whether another attempt may be made.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta


class ActionError(Exception):
    """An attempt failed; the message says what happened and what to do."""


class RetryableError(ActionError):
    """Nothing was done, or doing it twice is harmless: try again later.

    ``retry_after`` is the wait the other side asked for; None leaves it to the step's policy.
    """

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class FatalError(ActionError):
    """Trying again cannot help: the zap, its connection or its settings must change."""


class OutcomeUnknown(ActionError):
    """The call went out and no answer came back: it may or may not have been carried out."""


@dataclass(frozen=True)
class InputProblem:
    """One wrong input: ``path`` as the form names it (``url``, ``headers.X-Id``)."""

    path: str
    message: str


class InputsRefused(FatalError):
    """The inputs do not fit the action; nothing was sent."""

    def __init__(self, action_key: str, problems: Sequence[InputProblem]) -> None:
        said = "; ".join(problem.message for problem in problems)
        super().__init__(f"[action:{action_key}] {said}")
        self.problems = tuple(problems)

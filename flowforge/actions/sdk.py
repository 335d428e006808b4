"""The action SDK: all that an app's file may import.

An action is one async function ``(ctx, inputs) -> output``; its signature is the declaration.
Form, JSON Schema, validation, data picker and catalogue are derived from it, never written twice.
"""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar, get_args, get_type_hints

from flowforge.actions.apps import App, Trigger
from flowforge.actions.calls import excerpt, get, host_of, raise_for_answer, retry_after, send
from flowforge.actions.choices import Asked, Choice, Fields, FindContext, Options, finders
from flowforge.actions.context import (
    ActionConfig,
    C,
    Connection,
    Context,
    Letter,
    Mailer,
    SolanaConfig,
    Store,
)
from flowforge.actions.failures import (
    ActionError,
    FatalError,
    InputProblem,
    InputsRefused,
    OutcomeUnknown,
    RetryableError,
)
from flowforge.actions.files import MEGABYTE, Content, File, Files, SomeFiles, read_all
from flowforge.actions.forms import form_schema
from flowforge.actions.inputs import (
    Filled,
    FilledSecret,
    Hint,
    I,
    Inputs,
    Output,
    missing,
    problems_of,
    secret_fields_of,
    validated,
)
from flowforge.actions.moments import moment_of
from flowforge.actions.polling import (
    Dial,
    Item,
    Poll,
    PollContext,
    Poller,
    after_last,
    after_time,
    poller,
)
from flowforge.actions.web import HttpHeaders, WebAddress, opened

__all__ = [
    "MEGABYTE",
    "Action",
    "ActionConfig",
    "ActionError",
    "App",
    "Asked",
    "Choice",
    "Connection",
    "Content",
    "Context",
    "Dial",
    "FatalError",
    "Fields",
    "File",
    "Files",
    "Filled",
    "FilledSecret",
    "FindContext",
    "Hint",
    "HttpHeaders",
    "InputProblem",
    "Inputs",
    "InputsRefused",
    "Item",
    "Letter",
    "Mailer",
    "Options",
    "OutcomeUnknown",
    "Output",
    "Poll",
    "PollContext",
    "Poller",
    "RetryableError",
    "SolanaConfig",
    "SomeFiles",
    "Store",
    "Trigger",
    "WebAddress",
    "action",
    "after_last",
    "after_time",
    "excerpt",
    "get",
    "host_of",
    "missing",
    "moment_of",
    "opened",
    "poller",
    "raise_for_answer",
    "read_all",
    "retry_after",
    "send",
]

O = TypeVar("O", bound=Output)  # noqa: E741 - reads as Output


@dataclass(frozen=True)
class Action(Generic[C, I, O]):
    """A registered action: the function plus all that is derived from its signature."""

    key: str
    name: str
    summary: str
    app: App
    icon: str
    run: Callable[[Context[C], I], Awaitable[O]]
    inputs: type[I]
    output: type[O]
    connection: type[Connection] | None
    repeatable: bool
    moves_money: bool
    aliases: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()

    async def __call__(self, ctx: Context[C], inputs: I) -> O:
        return await self.run(ctx, inputs)

    def json_schema(self) -> dict[str, Any]:
        """The inputs as JSON Schema; every property has ``title``, ``widget`` and ``order``."""
        return form_schema(self.inputs)

    def output_schema(self) -> dict[str, Any]:
        """What later steps may refer to, as JSON Schema."""
        return self.output.model_json_schema(mode="serialization")

    def validate(self, rendered: dict[str, Any]) -> I:
        """The inputs of one attempt, all expressions rendered.

        Raises:
            InputsRefused: with one problem per wrong field, in the owner's words.
        """
        return validated(self.inputs, self.key, rendered)

    def problems(self, draft: dict[str, Any]) -> list[InputProblem]:
        """What is wrong with the inputs of a draft; a field with ``{{ … }}`` may become anything,
        so only its absence could be a problem.
        """
        return problems_of(self.inputs, draft)

    @cached_property
    def finders(self) -> dict[str, Options | Fields]:
        """What the form has to find out, by input."""
        return finders(self.inputs)

    @cached_property
    def secret_fields(self) -> frozenset[str]:
        """Names of inputs that must not be shown, as they stand in a definition."""
        return secret_fields_of(self.inputs)


def action(
    key: str,
    *,
    name: str,
    app: App | None = None,
    icon: str | None = None,
    repeatable: bool = True,
    moves_money: bool = False,
    aliases: tuple[str, ...] = (),
    keywords: tuple[str, ...] = (),
) -> Callable[[Callable[[Context[C], I], Awaitable[O]]], Action[C, I, O]]:
    """Declare an action.

    Args:
        key: Stored in published versions; never changes.
        name: What the owner reads.
        app: The service it belongs to; None makes one of the same key and name.
        icon: Path of its picture; None is ``/icons/<key>.svg``.
        repeatable: Whether an attempt whose outcome is unknown may be made again.
        moves_money: Whether a person is asked before it is tried by hand.
        aliases: Former keys that published versions may still carry.
        keywords: By which other words people look for it.
    """

    def declare(run: Callable[[Context[C], I], Awaitable[O]]) -> Action[C, I, O]:
        hints = get_type_hints(run)
        (connection,) = get_args(hints["ctx"])
        picture = icon or f"/icons/{key}.svg"
        return Action(
            key=key,
            name=name,
            summary=(inspect.getdoc(run) or name).split("\n\n", maxsplit=1)[0],
            app=app or App(key, name, picture),
            icon=picture,
            run=run,
            inputs=hints["inputs"],
            output=hints["return"],
            connection=None if connection is type(None) else connection,
            repeatable=repeatable,
            moves_money=moves_money,
            aliases=aliases,
            keywords=keywords,
        )

    return declare

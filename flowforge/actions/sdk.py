"""The action SDK: all that an app's file may import.

An action is one async function ``(ctx, inputs) -> output``; its signature is the declaration.
Form, JSON Schema, validation, data picker and catalogue are derived from it, never written twice.
"""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Generic, TypeVar, get_args, get_type_hints

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError, to_json

from flowforge.actions.calls import excerpt, host_of, raise_for_answer, retry_after, send
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
from flowforge.actions.forms import form_schema

__all__ = [
    "Action",
    "ActionConfig",
    "ActionError",
    "App",
    "Connection",
    "Context",
    "FatalError",
    "Filled",
    "FilledSecret",
    "InputProblem",
    "Inputs",
    "InputsRefused",
    "Letter",
    "Mailer",
    "OutcomeUnknown",
    "Output",
    "RetryableError",
    "SolanaConfig",
    "Store",
    "Trigger",
    "action",
    "excerpt",
    "host_of",
    "missing",
    "raise_for_answer",
    "retry_after",
    "send",
]


class Inputs(BaseModel):
    """What the owner fills in; each field is a form control.

    ``json_schema_extra`` of a field: ``widget`` (text, textarea, json, select, keyvalue, number,
    checkbox, secret), ``placeholder``, ``secret`` (its value is kept out of attempts and logs).
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", populate_by_name=True, hide_input_in_errors=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _text_of_any_value(cls, value: object, info: ValidationInfo) -> object:
        """A lone expression keeps its type; where a text is wanted, a number is shown as one."""
        field = cls.model_fields[info.field_name or ""]
        extra = field.json_schema_extra
        is_secret = isinstance(extra, dict) and bool(extra.get("secret"))
        wants_text = field.annotation is str and not is_secret
        is_other = isinstance(value, bool | int | float | list | dict)
        return to_json(value).decode() if wants_text and is_other else value


class Output(BaseModel):
    """What later steps may refer to; each field is a pickable variable."""

    model_config = ConfigDict(frozen=True)


def missing(name: str) -> PydanticCustomError:
    """The error for an input that must be there; raise it in a validator."""
    return PydanticCustomError("missing_field", "missing '{field}' field", {"field": name})


def _filled(value: object) -> object:
    if value is None or (isinstance(value, str) and not value.strip()):
        raise PydanticCustomError("blank", "is empty")
    return value.strip() if isinstance(value, str) else value


# An expression that found nothing renders as "": for these fields that is the same as missing.
Filled = Annotated[str, BeforeValidator(_filled)]
FilledSecret = Annotated[SecretStr, BeforeValidator(_filled)]


I = TypeVar("I", bound=Inputs)  # noqa: E741 - reads as Inputs beside C and O
O = TypeVar("O", bound=Output)  # noqa: E741 - reads as Output


@dataclass(frozen=True)
class Trigger:
    """What fires a zap, as the catalogue shows it; the engine knows each kind."""

    key: str
    name: str
    summary: str

    @property
    def icon(self) -> str:
        return f"/icons/trigger-{self.key}.svg"


@dataclass(frozen=True)
class App:
    """An outside service as the catalogue shows it. An empty icon is that of its first action."""

    key: str
    name: str
    icon: str = ""
    triggers: tuple[Trigger, ...] = ()


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
    aliases: tuple[str, ...] = ()

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
        try:
            return self.inputs.model_validate(rendered)
        except ValidationError as refusal:
            problems = [_problem(error) for error in _errors(refusal)]
            raise InputsRefused(self.key, problems) from None

    def problems(self, draft: dict[str, Any]) -> list[InputProblem]:
        """What is wrong with the inputs of a draft; a field with ``{{ … }}`` may become anything,
        so only its absence could be a problem.
        """
        try:
            self.inputs.model_validate(draft)
        except ValidationError as refusal:
            errors = _errors(refusal)
            return [
                _problem(error)
                for error in errors
                if error["type"] == "extra_forbidden"
                or not (error["loc"] and _is_open(draft.get(str(error["loc"][0]))))
            ]
        return []

    @cached_property
    def secret_fields(self) -> frozenset[str]:
        """Names of inputs that must not be shown, as they stand in a definition."""
        names: set[str] = set()
        for name, info in self.inputs.model_fields.items():
            extra = info.json_schema_extra
            if isinstance(extra, dict) and extra.get("secret"):
                names |= {name, info.alias or name}
        return frozenset(names)


def action(
    key: str,
    *,
    name: str,
    app: App | None = None,
    icon: str | None = None,
    repeatable: bool = True,
    aliases: tuple[str, ...] = (),
) -> Callable[[Callable[[Context[C], I], Awaitable[O]]], Action[C, I, O]]:
    """Declare an action.

    Args:
        key: Stored in published versions; never changes.
        name: What the owner reads.
        app: The service it belongs to; None makes one of the same key and name.
        icon: Path of its picture; None is ``/icons/<key>.svg``.
        repeatable: Whether an attempt whose outcome is unknown may be made again.
        aliases: Former keys that published versions may still carry.
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
            aliases=aliases,
        )

    return declare


def _errors(refusal: ValidationError) -> list[ErrorDetails]:
    return refusal.errors(include_url=False, include_input=False)


def _problem(error: ErrorDetails) -> InputProblem:
    path = ".".join(str(part) for part in error["loc"])
    match error["type"]:
        case "missing_field":
            path = str(error["ctx"]["field"])
            return InputProblem(path, f"missing '{path}' field in metadata")
        case "missing" | "blank":
            return InputProblem(path, f"missing '{path}' field in metadata")
        case "extra_forbidden":
            return InputProblem(path, f"'{path}' is not an input of this action")
    said = error["msg"].removeprefix("Value error, ")
    return InputProblem(path, f"'{path}': {said}" if path else said)


def _is_open(value: object) -> bool:
    match value:
        case str():
            return "{{" in value or "{%" in value
        case dict():
            return any(_is_open(part) for part in value.values())
        case list():
            return any(_is_open(part) for part in value)
    return False

"""What an owner fills in: the model of it, its checks, and what of it is secret."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, TypeVar

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

from flowforge.actions.failures import InputProblem, InputsRefused


@dataclass(frozen=True)
class Hint:
    """Something told in the form, above the input ``before`` (as it is stored; empty: above all).

    ``text`` is a small part of Markdown: **bold**, *italic*, `code`, [links](https://…) and lists;
    ``{{webhookUrl}}`` is the zap's own, ``{{syncUrl}}`` the one that waits for a reply.
    """

    text: str
    look: Literal["plain", "info", "tip", "warning"] = "plain"
    before: str = ""

    def as_data(self) -> dict[str, str]:
        return {"text": self.text, "look": self.look, "before": self.before}


class Inputs(BaseModel):
    """What the owner fills in; each field is a form control. ``hints`` are told between them.

    ``json_schema_extra`` of a field: ``widget`` (text, textarea, json, select, multiselect, keyvalue,
    number, checkbox, datetime, list, rows, file, files, secret), ``placeholder``, ``names`` (what the owner
    reads for the values of a select), ``secret`` (its value is kept out of attempts and logs).
    """

    hints: ClassVar[tuple[Hint, ...]] = ()

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


def validated(model: type[I], key: str, rendered: dict[str, Any]) -> I:
    """Raises: InputsRefused with one problem per wrong field, in the owner's words."""
    try:
        return model.model_validate(rendered)
    except ValidationError as refusal:
        problems = [_problem(error) for error in _errors(refusal)]
        raise InputsRefused(key, problems) from None


def problems_of(model: type[Inputs], draft: dict[str, Any]) -> list[InputProblem]:
    """What is wrong with the inputs of a draft; a field with ``{{ … }}`` may become anything, so
    only its absence could be a problem.
    """
    try:
        model.model_validate(draft)
    except ValidationError as refusal:
        return [
            _problem(error)
            for error in _errors(refusal)
            if error["type"] == "extra_forbidden"
            or not (error["loc"] and _is_open(draft.get(str(error["loc"][0]))))
        ]
    return []


def findings_of(model: type[Inputs], given: dict[str, Any]) -> list[InputProblem]:
    """What is wrong with inputs that hold no expressions."""
    try:
        model.model_validate(given)
    except ValidationError as refusal:
        return [_finding(error) for error in _errors(refusal)]
    return []


def secret_fields_of(model: type[Inputs]) -> frozenset[str]:
    """Names of inputs that must not be shown, as they stand in a definition."""
    names: set[str] = set()
    for name, info in model.model_fields.items():
        extra = info.json_schema_extra
        if isinstance(extra, dict) and extra.get("secret"):
            names |= {name, info.alias or name}
    return frozenset(names)


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


def _finding(error: ErrorDetails) -> InputProblem:
    path = ".".join(str(part) for part in error["loc"])
    match error["type"]:
        case "missing_field":
            return InputProblem(str(error["ctx"]["field"]), "This is required.")
        case "missing" | "blank":
            return InputProblem(path, "This is required.")
        case "extra_forbidden":
            return InputProblem(path, f"There is no input '{path}' here.")
    said = error["msg"].removeprefix("Value error, ")
    return InputProblem(path, f"{said[:1].upper()}{said[1:]}.")


def _is_open(value: object) -> bool:
    match value:
        case str():
            return "{{" in value or "{%" in value
        case dict():
            return any(_is_open(part) for part in value.values())
        case list():
            return any(_is_open(part) for part in value)
    return False

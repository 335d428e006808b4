"""Inputs that are chosen from what a service has: options, and fields that depend on other inputs.

Both are found out by one async function ``(ctx, inputs)`` while somebody fills in the form; it may
only read. ``inputs`` are those of the draft that are no expressions, not validated.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import httpx
from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from flowforge.actions.context import Connection

MOST_CHOICES = 200


@dataclass(frozen=True)
class Choice:
    """What may be chosen: the value that the action gets, and what the owner reads."""

    value: str
    label: str = ""


@dataclass(frozen=True)
class Asked:
    """A field of an input that stands for several. ``widget`` and ``options`` as in ``Inputs``."""

    name: str
    title: str
    widget: str = "text"
    required: bool = False
    description: str = ""
    options: Sequence[str] = ()


@dataclass(frozen=True)
class FindContext:
    """What finding out is lent: ``http`` is the guarded client; ``search``: what was typed to look
    for, empty for nothing.
    """

    connection: Connection | None
    http: httpx.AsyncClient
    search: str = ""


Inputs = Mapping[str, Any]


@dataclass(frozen=True)
class Options:
    """In ``Annotated``: the input is one of what ``find`` gives, or several where it is a list.

    ``depends_on``: inputs, by the names that they are stored under; when one of them changes it is
    asked anew. ``searches``: it is asked with what is typed, because there may be more than can be shown.
    """

    find: Callable[[FindContext, Inputs], Awaitable[Sequence[Choice]]]
    depends_on: tuple[str, ...] = ()
    searches: bool = False

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        shown = handler(core)
        widget = "multiselect" if shown.get("type") == "array" else "select"
        asks = {"depends_on": list(self.depends_on), "searches": self.searches}
        return {"widget": widget, **shown, "asks": asks}


@dataclass(frozen=True)
class Fields:
    """In ``Annotated`` of an object: its fields are what ``find`` gives."""

    find: Callable[[FindContext, Inputs], Awaitable[Sequence[Asked]]]
    depends_on: tuple[str, ...] = ()
    searches: ClassVar[bool] = False

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        asks = {"depends_on": list(self.depends_on), "searches": False}
        return {**handler(core), "widget": "dynamic", "asks": asks}


def finders(model: type[BaseModel]) -> dict[str, Options | Fields]:
    """What is to be found out for inputs of the model, by the names that they are stored under."""
    return {
        info.alias or name: mark
        for name, info in model.model_fields.items()
        for mark in info.metadata
        if isinstance(mark, Options | Fields)
    }

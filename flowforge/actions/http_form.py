"""Forms of web pages, sent without the page: fields in their order, a name as often as it takes."""

import json
from typing import Any, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import from_json

from flowforge.actions.sdk import (
    App,
    Context,
    Filled,
    HttpHeaders,
    Inputs,
    Output,
    WebAddress,
    action,
    raise_for_answer,
    send,
)

HTTP_FORM = App("http-form", "Web form")
_FORM = "application/x-www-form-urlencoded"


class FormField(BaseModel):
    """One field of the form."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Filled = Field(title="Name")
    value: str = Field(default="", title="Value")

    @field_validator("value", mode="before")
    @classmethod
    def _text(cls, value: object) -> object:
        """An expression may give any value."""
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class Sheet(Inputs):
    url: WebAddress = Field(
        title="URL",
        description="Where the form is sent.",
        json_schema_extra={"placeholder": "https://example.com/sign-up"},
    )
    filled_in: list[FormField] = Field(
        alias="fields", min_length=1, max_length=200, title="Fields", description="In this order."
    )
    headers: HttpHeaders = Field(
        default_factory=dict,
        title="Headers",
        description="Idempotency-Key is set for you; give your own to replace it.",
        json_schema_extra={"widget": "keyvalue"},
    )
    also_fine: list[Literal["404", "409", "410", "422"]] = Field(
        default_factory=list,
        title="Answers that are fine as well",
        description="Besides 2xx, such as 409 where it is there already.",
    )


class Answer(Output):
    status: int = Field(title="Status")
    headers: dict[str, str] = Field(title="Headers", description="Names in lower case.")
    body: Any = Field(title="Body", description="JSON where the answer is JSON, else text.")


@action("http-form", name="Send a web form", app=HTTP_FORM)
async def send_form(ctx: Context[None], inputs: Sheet) -> Answer:
    """Send fields the way a form on a web page does."""
    named = {name.lower() for name in inputs.headers}
    ours = {"Idempotency-Key": ctx.idempotency_key, "Content-Type": _FORM}
    headers = {name: value for name, value in ours.items() if name.lower() not in named}
    content = urlencode([(one.name, one.value) for one in inputs.filled_in]).encode()
    response = await send(
        ctx.http, "POST", inputs.url, headers={**headers, **inputs.headers}, content=content
    )
    if str(response.status_code) not in inputs.also_fine:
        raise_for_answer(response)
    return Answer(
        status=response.status_code,
        headers=dict(response.headers),
        body=_body(response.content, response.text),
    )


def _body(content: bytes, text: str) -> Any:
    try:
        return from_json(content, allow_inf_nan=False)
    except ValueError:
        return text

"""Calls to any HTTP endpoint: JSON, a form or text out, the answer on to the next step."""

import json
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import httpx
from pydantic import BeforeValidator, Field
from pydantic_core import from_json

from flowforge.actions.sdk import (
    App,
    Context,
    HttpHeaders,
    Inputs,
    Output,
    Trigger,
    WebAddress,
    action,
    opened,
    raise_for_answer,
    send,
)

WEBHOOK = App(
    "webhook",
    "HTTP Webhook",
    triggers=(
        Trigger("webhook", "Webhook", "Starts a run for every request to the zap's own URL."),
    ),
)

_KEYWORDS = ("http", "api", "request", "rest", "call", "url", "curl", "fetch", "post", "get")
_TYPE = "content-type"
_JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"


def _upper(value: object) -> object:
    return (value.strip().upper() or "POST") if isinstance(value, str) else value


class Request(Inputs):
    url: WebAddress = Field(
        title="URL",
        description="Where the request goes.",
        examples=["https://example.com/hook"],
        json_schema_extra={"placeholder": "https://example.com/hook"},
    )
    method: Annotated[
        Literal["POST", "GET", "PUT", "PATCH", "DELETE", "HEAD"], BeforeValidator(_upper)
    ] = Field(default="POST", title="Method", description="GET and HEAD send no body.")
    headers: HttpHeaders = Field(
        default_factory=dict,
        title="Headers",
        description="Idempotency-Key is set for you; give your own to replace it.",
        json_schema_extra={"widget": "keyvalue"},
    )
    body: Annotated[Any, BeforeValidator(opened)] = Field(
        default_factory=dict,
        title="Body",
        description="Sent as JSON. With a Content-Type of a form, an object is sent as its fields;"
        " with one of text, a text is sent as it stands.",
        examples=[{"name": "{{ trigger.body.name }}"}],
        json_schema_extra={"widget": "json", "placeholder": "{}"},
    )


class Answer(Output):
    status: int = Field(title="Status")
    headers: dict[str, str] = Field(title="Headers", description="Names in lower case.")
    body: Any = Field(title="Body", description="JSON where the answer is JSON, else text.")


@action("webhook", name="HTTP Webhook", app=WEBHOOK, keywords=_KEYWORDS)
async def request(ctx: Context[None], inputs: Request) -> Answer:
    """Send JSON to a URL and hand the answer to the next step."""
    content = _content(inputs)
    headers = _headers_out(inputs.headers, ctx, has_body=content is not None)
    response = await send(ctx.http, inputs.method, inputs.url, headers=headers, content=content)
    raise_for_answer(response)
    return Answer(status=response.status_code, headers=dict(response.headers), body=_body(response))


def _headers_out(given: dict[str, str], ctx: Context[None], *, has_body: bool) -> dict[str, str]:
    """Ours, where the owner gave no other of the same name in whatever case."""
    ours = {"Idempotency-Key": ctx.idempotency_key, "X-FlowForge-Attempt": str(ctx.attempt)}
    if has_body:
        ours["Content-Type"] = _JSON
    names = {name.lower() for name in given}
    kept = {name: value for name, value in ours.items() if name.lower() not in names}
    return {**kept, **given, "X-FlowForge-Event": "zap-trigger"}


def _content(inputs: Request) -> bytes | None:
    if inputs.method in {"GET", "HEAD"} or (inputs.method == "DELETE" and not inputs.body):
        return None
    kind = next((text for name, text in inputs.headers.items() if name.lower() == _TYPE), _JSON)
    if _FORM in kind.lower() and isinstance(inputs.body, dict):
        return urlencode(_fields(inputs.body)).encode()
    if "json" not in kind.lower() and isinstance(inputs.body, str):
        return inputs.body.encode()
    return json.dumps(inputs.body, separators=(",", ":")).encode()


def _fields(body: dict[str, Any]) -> list[tuple[str, str]]:
    """Each value of a list is a field of its own; what is no text is written as JSON."""
    return [
        (name, each if isinstance(each, str) else json.dumps(each))
        for name, value in body.items()
        for each in (value if isinstance(value, list) else [value])
    ]


def _body(response: httpx.Response) -> Any:
    """JSON where the answer says so and is; else its text, so a mislabelled answer fails no run."""
    if "json" in response.headers.get("content-type", ""):
        try:
            return from_json(response.content, allow_inf_nan=False)
        except ValueError:
            return response.text
    return response.text

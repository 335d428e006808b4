"""Calls to any HTTP endpoint: JSON out, the answer on to the next step."""

import json
from typing import Annotated, Any, Literal

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
        description="Sent as JSON. A text that is JSON is sent as that JSON.",
        examples=[{"name": "{{ trigger.body.name }}"}],
        json_schema_extra={"widget": "json", "placeholder": "{}"},
    )


class Answer(Output):
    status: int = Field(title="Status")
    headers: dict[str, str] = Field(title="Headers", description="Names in lower case.")
    body: Any = Field(title="Body", description="JSON where the answer is JSON, else text.")


@action("webhook", name="HTTP Webhook", app=WEBHOOK)
async def request(ctx: Context[None], inputs: Request) -> Answer:
    """Send JSON to a URL and hand the answer to the next step."""
    content = _content(inputs)
    headers = _headers_out(inputs.headers, ctx.idempotency_key, has_body=content is not None)
    response = await send(ctx.http, inputs.method, inputs.url, headers=headers, content=content)
    raise_for_answer(response)
    return Answer(status=response.status_code, headers=dict(response.headers), body=_body(response))


def _headers_out(given: dict[str, str], key: str, *, has_body: bool) -> dict[str, str]:
    """Ours, where the owner gave no other of the same name in whatever case."""
    ours = {"Idempotency-Key": key}
    if has_body:
        ours["Content-Type"] = "application/json"
    names = {name.lower() for name in given}
    kept = {name: value for name, value in ours.items() if name.lower() not in names}
    return {**kept, **given, "X-FlowForge-Event": "zap-trigger"}


def _content(inputs: Request) -> bytes | None:
    if inputs.method in {"GET", "HEAD"} or (inputs.method == "DELETE" and not inputs.body):
        return None
    return json.dumps(inputs.body, separators=(",", ":")).encode()


def _body(response: httpx.Response) -> Any:
    """JSON where the answer says so and is; else its text, so a mislabelled answer fails no run."""
    if "json" in response.headers.get("content-type", ""):
        try:
            return from_json(response.content, allow_inf_nan=False)
        except ValueError:
            return response.text
    return response.text

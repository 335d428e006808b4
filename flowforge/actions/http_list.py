"""Any web address that answers with a list in JSON."""

import asyncio
import datetime as dt
import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import httpx
from pydantic import Field, SecretStr
from pydantic_core import from_json

from flowforge.actions.sdk import (
    App,
    Choice,
    FatalError,
    FindContext,
    HttpHeaders,
    Inputs,
    Item,
    Options,
    Poll,
    PollContext,
    WebAddress,
    after_last,
    after_time,
    excerpt,
    get,
    moment_of,
    poller,
    raise_for_answer,
)

HTTP_LIST = App("http_list", "JSON list", icon="/icons/trigger-http_list.svg")
LATEST_MILLISECONDS = 10_000_000_000
Path = Annotated[str, Field(max_length=500)]
_DEEPEST_LIST = 4


async def _lists(ctx: FindContext, inputs: Mapping[str, Any]) -> list[Choice]:
    """Every list that the address answers with."""
    answer = await _answer(ctx, inputs)
    return [
        Choice(path, f"{path or 'The answer itself'} ({len(found):,})")
        for path, found in _lists_in(answer, "", _DEEPEST_LIST)
    ]


async def _fields(ctx: FindContext, inputs: Mapping[str, Any]) -> list[Choice]:
    """What an entry of the list says, the first one standing for all."""
    found = value_at(await _answer(ctx, inputs), str(inputs.get("items", "")))
    if not isinstance(found, list):
        raise FatalError(f"There is no list there, but {_kind(found)}. Choose where the list is.")
    entry = found[0] if found and isinstance(found[0], dict) else {}
    return [
        Choice(name, f"{name}: {excerpt(json.dumps(value, ensure_ascii=False))}")
        for name, value in entry.items()
        if not isinstance(value, dict | list)
    ]


async def _answer(ctx: FindContext, inputs: Mapping[str, Any]) -> Any:
    asked = new_entries.validate(
        {name: inputs[name] for name in ("url", "authorization", "headers") if name in inputs}
    )
    response = await get(ctx.http, asked.url, _headers(asked))
    raise_for_answer(response, said="Fetching the list")
    return await asyncio.to_thread(_parsed, response)


def _lists_in(value: Any, path: str, deepest: int) -> Iterator[tuple[str, list[Any]]]:
    if isinstance(value, list):
        yield path, value
    elif isinstance(value, dict) and deepest > 0:
        for name, inner in value.items():
            if "." not in name:
                yield from _lists_in(inner, f"{path}.{name}" if path else name, deepest - 1)


class ListAt(Inputs):
    url: WebAddress = Field(
        title="Address",
        description="Asked with GET; it answers with JSON.",
        json_schema_extra={"placeholder": "https://api.example.com/orders?limit=100"},
    )
    authorization: SecretStr = Field(
        default=SecretStr(""),
        title="Authorization",
        description="Sent as the header of this name, such as: Bearer abc.",
        max_length=10_000,
        json_schema_extra={"widget": "secret", "secret": True},
    )
    headers: HttpHeaders = Field(
        default_factory=dict,
        title="Headers",
        description="What else is sent along. A secret belongs into Authorization.",
        json_schema_extra={"widget": "keyvalue"},
    )
    items: Annotated[Path, Options(_lists, depends_on=("url", "headers"))] = Field(
        default="",
        title="Where the list is",
        description="Names down to the list, with dots. Nothing: the answer itself.",
        json_schema_extra={"placeholder": "data.orders"},
    )
    id_field: Annotated[Path, Options(_fields, depends_on=("url", "headers", "items"))] = Field(
        default="id",
        title="What makes an entry this one",
        description="A field of every entry.",
    )
    order: Literal["newest_first", "oldest_first"] = Field(
        default="newest_first",
        title="Order",
        json_schema_extra={
            "names": {"newest_first": "Newest first", "oldest_first": "Oldest first"}
        },
    )
    time_field: Annotated[Path, Options(_fields, depends_on=("url", "headers", "items"))] = Field(
        default="",
        title="When it came to be",
        description="A field with a time, where the list holds more than can be compared by id.",
    )
    look_back_minutes: int = Field(
        default=60,
        ge=0,
        le=31 * 24 * 60,
        title="How late an entry may come",
        description="In minutes; matters with a time only.",
    )


@poller(
    "http_list",
    name="JSON list: new entry",
    app=HTTP_LIST,
    place=("url", "items", "id_field", "time_field"),
)
async def new_entries(
    ctx: PollContext[None], inputs: ListAt, cursor: Mapping[str, Any] | None
) -> Poll:
    """Starts a run for every new entry of a list that a web address gives as JSON."""
    response = await get(ctx.http, inputs.url, _headers(inputs))
    raise_for_answer(response, said="Fetching the list")
    items = await asyncio.to_thread(_items, response, inputs)
    if not inputs.time_field:
        return after_last(items, cursor)
    return after_time(items, cursor, ctx.now, dt.timedelta(minutes=inputs.look_back_minutes))


def _headers(inputs: ListAt) -> dict[str, str]:
    secret = inputs.authorization.get_secret_value()
    if secret and not (secret.isascii() and secret.isprintable()):
        raise FatalError("Authorization has characters that no header may have.")
    ours = {"Accept": "application/json"} | ({"Authorization": secret} if secret else {})
    names = {name.lower() for name in inputs.headers}
    return {name: value for name, value in ours.items() if name.lower() not in names} | dict(
        inputs.headers
    )


def _items(response: httpx.Response, inputs: ListAt) -> list[Item]:
    """Oldest first."""
    found = value_at(_parsed(response), inputs.items)
    if not isinstance(found, list):
        where = f"at '{inputs.items}'" if inputs.items else "as the answer itself"
        raise FatalError(f"There is no list {where}, but {_kind(found)}.")
    items = [_item(number, entry, inputs) for number, entry in enumerate(found, start=1)]
    return items if inputs.order == "oldest_first" else items[::-1]


def _parsed(response: httpx.Response) -> Any:
    try:
        return from_json(response.content, allow_inf_nan=False)
    except ValueError:
        start = excerpt(response.text[:200])
        raise FatalError(f"The answer is no JSON. It begins: {start}") from None


def _item(number: int, entry: Any, inputs: ListAt) -> Item:
    key = value_at(entry, inputs.id_field) if inputs.id_field else entry
    if key is None or key == "":
        raise FatalError(f"Entry {number:,} of the list has no '{inputs.id_field}'.")
    at = None
    if inputs.time_field:
        at = _time(value_at(entry, inputs.time_field))
        if at is None:
            raise FatalError(f"Entry {number:,} of the list has no time at '{inputs.time_field}'.")
    return Item(key if isinstance(key, str) else json.dumps(key, sort_keys=True), entry, at)


def value_at(value: Any, path: str) -> Any:
    """What ``path`` (``data.orders``, ``pages.0``) leads to; None where it leads nowhere."""
    for name in path.split(".") if path else ():
        match value:
            case dict():
                value = value.get(name)
            case list() if name.isdecimal() and len(name) < 10 and int(name) < len(value):  # noqa: PLR2004
                value = value[int(name)]
            case _:
                return None
    return value


def _time(value: Any) -> dt.datetime | None:
    """ISO 8601 or RFC 822 text, or seconds or milliseconds since 1970."""
    if isinstance(value, str) and not value.replace(".", "", 1).isdecimal():
        return moment_of(value)
    try:
        seconds = float(value)
        seconds = seconds / 1000 if seconds > LATEST_MILLISECONDS else seconds
        return dt.datetime.fromtimestamp(seconds, dt.UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _kind(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case dict():
            names = ", ".join(str(name)[:40] for name in list(value)[:10])
            return f"an object with {names}" if names else "an empty object"
    return f"a {type(value).__name__}"

"""News of a website: RSS and Atom feeds."""

import asyncio
import datetime as dt
from collections.abc import Mapping
from typing import Any

import httpx
from pydantic import Field

from flowforge.actions import feeds
from flowforge.actions.feeds import Entry, FeedRefused
from flowforge.actions.sdk import (
    App,
    FatalError,
    Inputs,
    Item,
    Output,
    Poll,
    PollContext,
    WebAddress,
    after_last,
    get,
    poller,
    raise_for_answer,
)

RSS = App("rss", "RSS", icon="/icons/trigger-rss.svg")
UNCHANGED = 304
_ACCEPTED = "application/rss+xml, application/atom+xml, application/xml;q=0.9, */*;q=0.5"


class Feed(Inputs):
    url: WebAddress = Field(
        title="Address of the feed",
        description="RSS or Atom.",
        json_schema_extra={"placeholder": "https://example.com/feed.xml"},
    )


class FeedEntry(Output):
    """What the feed does not say is empty."""

    id: str = Field(title="Id")
    title: str = Field(title="Title")
    link: str = Field(title="Link")
    summary: str = Field(title="Summary")
    content: str = Field(title="Content")
    author: str = Field(title="Author")
    published_at: dt.datetime | None = Field(title="Published at")
    updated_at: dt.datetime | None = Field(title="Updated at")
    categories: tuple[str, ...] = Field(title="Categories")
    enclosures: tuple[str, ...] = Field(title="Enclosures", description="Addresses of files.")


@poller("rss", name="RSS: new entry", app=RSS, place=("url",), item=FeedEntry)
async def new_entries(
    ctx: PollContext[None], inputs: Feed, cursor: Mapping[str, Any] | None
) -> Poll:
    """Starts a run for every new entry of a feed."""
    response = await get(ctx.http, inputs.url, _conditions(cursor))
    if cursor is not None and response.status_code == UNCHANGED:
        return Poll([], cursor)
    raise_for_answer(response, said="Fetching the feed")
    entries = await asyncio.to_thread(_read, response)
    # Feeds begin with the newest.
    poll = after_last([_item(entry) for entry in reversed(entries)], cursor)
    # What was left for the next look must not be answered with "unchanged".
    validators = {} if poll.more else _validators(response)
    return Poll(poll.found, {**poll.cursor, **validators}, poll.more)


def _read(response: httpx.Response) -> list[Entry]:
    try:
        return feeds.read(response.content, response.charset_encoding)
    except FeedRefused as problem:
        raise FatalError(str(problem)) from None


def _item(entry: Entry) -> Item:
    data = FeedEntry(
        id=entry.key,
        title=entry.title,
        link=entry.link,
        summary=entry.summary,
        content=entry.content,
        author=entry.author,
        published_at=entry.published_at,
        updated_at=entry.updated_at,
        categories=entry.categories,
        enclosures=entry.enclosures,
    )
    return Item(entry.key, data.model_dump(mode="json"), entry.published_at)


def _conditions(cursor: Mapping[str, Any] | None) -> dict[str, str]:
    headers = {"Accept": _ACCEPTED}
    if cursor is not None and "etag" in cursor:
        headers["If-None-Match"] = cursor["etag"]
    if cursor is not None and "modified" in cursor:
        headers["If-Modified-Since"] = cursor["modified"]
    return headers


def _validators(response: httpx.Response) -> dict[str, str]:
    named = {"etag": "etag", "modified": "last-modified"}
    said = {key: response.headers.get(name, "") for key, name in named.items()}
    # Sent back as they came, so only what a header may hold.
    return {
        key: value
        for key, value in said.items()
        if value and len(value) <= 500 and value.isascii() and value.isprintable()  # noqa: PLR2004
    }

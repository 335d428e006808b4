"""Polling triggers: one async function ``(ctx, inputs, cursor) -> Poll(found, cursor)``.

It stores nothing: the caller commits cursor and events together, and the dedupe key swallows what
comes twice. Where ``cursor`` is None it is the first look: what is there already is no news, so the
caller keeps the cursor and starts nothing.
"""

import datetime as dt
import hashlib
import inspect
import json
from asyncio import StreamReader, StreamWriter
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from ssl import SSLContext
from typing import Any, Generic, Protocol, get_args, get_type_hints

import httpx

from flowforge.actions.apps import App
from flowforge.actions.choices import Fields, Options, finders
from flowforge.actions.context import C, Connection
from flowforge.actions.failures import FatalError, InputProblem
from flowforge.actions.forms import form_schema
from flowforge.actions.inputs import I, Output, findings_of, secret_fields_of, validated

# What one poll hands over at most; the rest comes with the next, which follows at once.
MOST_FOUND = 500
MOST_LISTED = 5_000
MOST_REMEMBERED = 1_000
SAMPLES = 5


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that was found. ``key`` makes it this one for ever; ``data`` becomes
    ``trigger.body``; ``at``: when it came to be, where that is known.
    """

    key: str
    data: Any
    at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Poll:
    """What a look brought: ``found``, oldest first, and the position after it. On the first look
    ``found`` are a few that were there already, for samples. ``more``: there is more to be had now. ``note``: what the owner should know.
    """

    found: Sequence[Item]
    cursor: Any
    more: bool = False
    note: str = ""


class Dial(Protocol):
    """A guarded connection that is no HTTP. ``tls``: encrypted from the first byte.

    Raises: RetryableError, FatalError.
    """

    async def __call__(
        self, host: str, port: int, *, tls: bool
    ) -> tuple[StreamReader, StreamWriter]: ...


@dataclass(frozen=True)
class PollContext(Generic[C]):
    """What a poll is lent: ``http`` is the guarded client, with limits for answers and time;
    ``trust``: whose certificates count.
    """

    connection: C
    http: httpx.AsyncClient
    dial: Dial
    trust: SSLContext
    now: dt.datetime


@dataclass(frozen=True)
class Poller(Generic[C, I]):
    """A registered polling trigger: the function plus all that is derived from its signature."""

    key: str
    name: str
    summary: str
    app: App
    run: Callable[[PollContext[C], I, Any], Awaitable[Poll]]
    inputs: type[I]
    item: type[Output] | None
    connection: type[Connection] | None
    place: tuple[str, ...]

    async def __call__(self, ctx: PollContext[C], inputs: I, cursor: Any) -> Poll:
        return await self.run(ctx, inputs, cursor)

    @property
    def icon(self) -> str:
        return f"/icons/trigger-{self.key}.svg"

    def json_schema(self) -> dict[str, Any]:
        """The inputs as JSON Schema; every property has ``title``, ``widget`` and ``order``."""
        return form_schema(self.inputs)

    def output_schema(self) -> dict[str, Any]:
        """What ``trigger.body`` is, as JSON Schema; empty where that depends on the inputs."""
        return self.item.model_json_schema(mode="serialization") if self.item else {}

    def validate(self, given: dict[str, Any]) -> I:
        """Raises: InputsRefused with one problem per wrong field."""
        return validated(self.inputs, self.key, given)

    def problems(self, given: dict[str, Any]) -> list[InputProblem]:
        """What keeps these inputs from being polled with."""
        return findings_of(self.inputs, given)

    @cached_property
    def finders(self) -> dict[str, Options | Fields]:
        """What the form has to find out, by input."""
        return finders(self.inputs)

    @cached_property
    def secret_fields(self) -> frozenset[str]:
        """Names of inputs that must not be shown, as they stand in a definition."""
        return secret_fields_of(self.inputs)

    def place_of(self, given: Mapping[str, Any]) -> str:
        """A short text that is another one where a position would mean something else."""
        # Spelled out: a form that fills in what was left out moves nothing.
        fields = self.inputs.model_fields
        told = [str(given.get(name, fields[name].default)).strip() for name in self.place]
        return mark(json.dumps([self.key, *told]))


def poller(
    key: str,
    *,
    name: str,
    app: App,
    place: tuple[str, ...],
    item: type[Output] | None = None,
) -> Callable[[Callable[[PollContext[C], I, Any], Awaitable[Poll]]], Poller[C, I]]:
    """Declare a polling trigger.

    Args:
        key: Stored in published versions; never changes.
        name: What the owner reads.
        app: The service it belongs to.
        place: The inputs that say where is looked: once one of them changes, the next look is a
            first one. A position survives the change of any other, such as a password.
        item: What the data of an item looks like, where that is always the same.
    """

    def declare(run: Callable[[PollContext[C], I, Any], Awaitable[Poll]]) -> Poller[C, I]:
        hints = get_type_hints(run)
        (connection,) = get_args(hints["ctx"])
        return Poller(
            key=key,
            name=name,
            summary=(inspect.getdoc(run) or name).split("\n\n", maxsplit=1)[0],
            app=app,
            run=run,
            inputs=hints["inputs"],
            item=item,
            connection=None if connection is type(None) else connection,
            place=place,
        )

    return declare


def after_last(items: Sequence[Item], cursor: Mapping[str, Any] | None) -> Poll:
    """What the last look did not see; ``items`` oldest first.

    It remembers more than the last one, so that neither an entry that is taken back nor one that is
    kept on top hides what is new or brings back what is old.

    Raises: FatalError for more items than can be compared.
    """
    if len(items) > MOST_LISTED:
        raise FatalError(
            f"There are {len(items):,} entries, and at most {MOST_LISTED:,} can be compared. "
            "Ask for fewer; many services take a limit in the address."
        )
    by_mark = {mark(item.key): item for item in items}
    if cursor is None:
        return Poll(items[-SAMPLES:], {"known": list(by_mark)})
    before = list(cursor.get("known", ()))
    known = set(before)
    fresh = [one for one in by_mark if one not in known]
    left = set(fresh[MOST_FOUND:])
    present = [one for one in by_mark if one not in left]
    gone = [one for one in before if one not in by_mark][-MOST_REMEMBERED:]
    found = [by_mark[one] for one in fresh[:MOST_FOUND]]
    return Poll(found, {"known": gone + present}, more=bool(left))


def after_time(
    items: Sequence[Item],
    cursor: Mapping[str, Any] | None,
    now: dt.datetime,
    look_back: dt.timedelta = dt.timedelta(0),
) -> Poll:
    """What is newer than the newest of the last look, or was late by no more than ``look_back``;
    every item has its ``at``. A time in the future counts as now: it must not hide what follows.
    """
    by_mark = {
        mark(item.key): (min(_seconds(item), now.timestamp()), item)
        for item in sorted(items, key=_seconds)
    }
    back = look_back.total_seconds()
    if cursor is None:
        last = max((at for at, _ in by_mark.values()), default=0.0)
        found = [item for _, item in by_mark.values()][-SAMPLES:]
        return Poll(found, {"at": last, "known": _lately(by_mark, {}, last - back)})
    before: dict[str, float] = dict(cursor.get("known", {}))
    last = float(cursor.get("at", 0))
    fresh = [one for one, (at, _) in by_mark.items() if at >= last - back and one not in before]
    taken, left = fresh[:MOST_FOUND], set(fresh[MOST_FOUND:])
    last = max([last, *(by_mark[one][0] for one in taken)])
    seen = {one: each for one, each in by_mark.items() if one not in left}
    found = [by_mark[one][1] for one in taken]
    return Poll(found, {"at": last, "known": _lately(seen, before, last - back)}, more=bool(left))


def mark(key: str) -> str:
    """A key of any length in 16 characters."""
    digest = hashlib.blake2b(key.encode(errors="surrogatepass"), digest_size=12).digest()
    return urlsafe_b64encode(digest).decode()


def _seconds(item: Item) -> float:
    return item.at.timestamp() if item.at else 0.0


def _lately(
    seen: Mapping[str, tuple[float, Item]], before: Mapping[str, float], since: float
) -> dict[str, float]:
    """Those whose time the next look reaches back to."""
    known = {**before, **{one: at for one, (at, _) in seen.items()}}
    return {one: at for one, at in known.items() if at >= since}

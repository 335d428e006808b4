"""One look at what a poll watches: what it brought, or why it failed, in time and in a sentence.

Promise: no look lasts longer than a minute or takes more than ten megabytes, and whatever the other
side sends, the worst is a reason for its owner to read.
"""

import asyncio
import datetime as dt
import ssl
from asyncio import StreamReader, StreamWriter
from functools import cached_property
from typing import Any, NamedTuple

import structlog

from flowforge.actions import POLLERS
from flowforge.actions.sdk import (
    ActionError,
    FatalError,
    InputsRefused,
    Poll,
    PollContext,
    RetryableError,
)
from flowforge.engine.triggers import PollSettings
from flowforge.errors import FlowForgeError
from flowforge.infra.db import utc_now
from flowforge.infra.dial import dial
from flowforge.infra.egress import EgressBlocked, Gate
from flowforge.infra.http import guarded_client, trust
from flowforge.infra.runtime import Runtime
from flowforge.services import poll_inputs

log = structlog.get_logger()

LONGEST_SECONDS = 60.0
MOST_BYTES = 10 * 1024 * 1024
MOST_TRIES = 10
_LODGER = "looker"


class Failure(NamedTuple):
    """Why a look failed. ``retry_after``: the wait that was asked for."""

    reason: str
    retry_after: dt.timedelta | None = None


class Looker:
    """One per process; ``close`` it with the runtime."""

    def __init__(self, runtime: Runtime, longest_seconds: float = LONGEST_SECONDS) -> None:
        allow = runtime.settings.egress_allow
        self._vault = runtime.vault
        self._longest_seconds = longest_seconds
        self._gate = Gate(allow)
        self._tries = asyncio.Semaphore(MOST_TRIES)
        # A little less than all: its own words say more than that time is up.
        self._http = guarded_client(
            allow, timeout_seconds=longest_seconds * 0.9, max_answer_bytes=MOST_BYTES
        )

    async def look(self, settings: PollSettings, owner: str, cursor: Any) -> Poll | Failure:
        """``owner``: the zap for which the secrets of ``settings`` were sealed."""
        try:
            async with asyncio.timeout(self._longest_seconds):
                return await self._look(settings, owner, cursor)
        except ActionError as problem:
            return Failure(str(problem), getattr(problem, "retry_after", None))
        except FlowForgeError as problem:
            return Failure(problem.message)
        except TimeoutError:
            return Failure(f"It took longer than {self._longest_seconds:g} seconds.")
        except Exception as problem:
            log.exception("a poll failed in a way that nobody foresaw", trigger=settings.trigger)
            return Failure(f"Something broke that nobody foresaw: {type(problem).__name__}.")

    async def try_out(self, settings: PollSettings, owner: str) -> Poll | Failure:
        """A first look, for a person who waits; a few at a time."""
        async with self._tries:
            return await self.look(settings, owner, None)

    async def _look(self, settings: PollSettings, owner: str, cursor: Any) -> Poll:
        known = POLLERS.get(settings.trigger)
        if known is None:
            raise FatalError(f"There is no polling trigger '{settings.trigger}' any more.")
        try:
            inputs = known.validate(poll_inputs.opened(settings, owner, self._vault))
        except InputsRefused as problem:
            said = problem.problems[0].message
            raise FatalError(f"The settings do not fit: {said}") from problem
        context = PollContext(None, self._http, self._dial, self._trust, utc_now())
        return await known(context, inputs, cursor)

    async def close(self) -> None:
        await self._http.aclose()

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return trust()

    async def _dial(self, host: str, port: int, *, tls: bool) -> tuple[StreamReader, StreamWriter]:
        try:
            return await dial(self._gate, host, port, self._trust if tls else None)
        except EgressBlocked as problem:
            raise FatalError(str(problem)) from problem
        except ssl.SSLCertVerificationError as problem:
            said = problem.verify_message
            raise FatalError(f"The certificate of {host} was not accepted: {said}.") from problem
        except ssl.SSLError as problem:
            raise FatalError(f"{host} does not speak TLS at port {port}.") from problem
        except (OSError, UnicodeError) as problem:
            raise RetryableError(f"Could not reach {host} at port {port}.") from problem


def looker(runtime: Runtime) -> Looker:
    """The one of this process."""
    known = runtime.lodgers.get(_LODGER)
    if not isinstance(known, Looker):
        known = Looker(runtime)
        runtime.lodgers[_LODGER] = known
    return known

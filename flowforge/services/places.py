"""The places of what arrives: its keys at the limits of its zap, and whose place it takes.

Promise: neither can cost an event, nor the others that share its batch.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import structlog

from flowforge.engine.definition import Limits
from flowforge.errors import FlowForgeError
from flowforge.infra import documents
from flowforge.infra.blobs import Blobs
from flowforge.infra.bulk import bulk
from flowforge.infra.db import Database
from flowforge.services import admission, debouncing
from flowforge.services.arrivals import Arrival
from flowforge.services.limits import InLine, in_line, needs_trigger
from flowforge.services.payload import LoadedRequest, trigger_data

log = structlog.get_logger()


async def of_arrival(blobs: Blobs | None, zap_id: str, limits: Limits, arrival: Arrival) -> InLine:
    """Where the run of this arrival stands. Without ``blobs`` nothing of it is in one."""
    raw = arrival.raw or b""
    if (
        blobs is not None
        and arrival.blob_key is not None
        and needs_trigger(limits, is_debounced=True)
    ):
        raw = await _large(blobs, arrival.blob_key)
    return in_line(zap_id, limits, partial(_trigger, arrival, raw), is_debounced=True)


async def take_over(database: Database, newest: Mapping[str, str]) -> None:
    """End what waits in vain for these runs (debounce key -> run id), which are stored by now."""
    try:
        async with bulk(database) as tx:
            await admission.leave(tx, await debouncing.supersede(tx, newest))
    except Exception:
        # The events are acknowledged whatever happens here, and whoever claims a run looks again.
        log.exception("runs that a later event replaces end when they are due")


async def _large(blobs: Blobs, blob_key: str) -> bytes:
    try:
        return await blobs.get(blob_key)
    except (FlowForgeError, OSError):
        log.exception("a body cannot be read for the key of a limit")
        return b""


def _trigger(arrival: Arrival, raw: bytes) -> Any:
    request = LoadedRequest(
        method=arrival.method,
        content_type=arrival.content_type,
        headers=documents.parse(arrival.headers),
        query=documents.parse(arrival.query),
        body=documents.parse(arrival.body) if arrival.body is not None else None,
    )
    return trigger_data(request, raw)

"""For whoever watches the house: is the process up, can it work, and its figures.

``/metrics`` answers this machine only; to others there is nothing at that address.
"""

import asyncio
import ipaddress
from typing import Any

import structlog
from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST
from redis.exceptions import RedisError
from starlette.responses import JSONResponse, Response

from flowforge.api import doors
from flowforge.errors import FlowForgeError, NotFound
from flowforge.infra import telemetry
from flowforge.infra.runtime import Runtime
from flowforge.services import figures
from flowforge.services import queue as queues

log = structlog.get_logger()

SECONDS = 3.0
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")

router = APIRouter(tags=["system"])

_recent = telemetry.gauge(
    "flowforge_runs_last_hour", "Runs begun in the last hour, by status", ("status",)
)
_oldest = telemetry.gauge(
    "flowforge_queue_oldest_seconds", "How long the longest waiting due entry has been due"
)
_entries = telemetry.gauge(
    "flowforge_queue_entries", "Outbox entries by what they wait for", ("reason",)
)


@router.get("/health", dependencies=[doors.public()])
async def health() -> JSONResponse:
    """The process answers. Nothing else is looked at: restarting it would mend nothing else."""
    return JSONResponse({"status": "ok"})


@router.get("/ready", dependencies=[doors.public()])
async def ready(running: doors.Running) -> JSONResponse:
    """200 where requests can be served: the database answers and has our tables.

    Redis is told, not demanded: without it work is found by timer.
    """
    try:
        async with asyncio.timeout(SECONDS):
            queue = await _queue(running)
    except (FlowForgeError, OSError, TimeoutError) as problem:
        log.warning("not ready", error=type(problem).__name__)
        state = {"status": "not ready", "database": "unreachable"}
        return JSONResponse(state, status_code=503)
    body = {
        "status": "ready",
        "database": "ok",
        "queue": {"redis": await _redis(running), "due": queue.due, "waiting": queue.waiting},
    }
    return JSONResponse(body)


@router.get("/metrics", dependencies=[doors.public()])
async def metrics(request: Request, running: doors.Running) -> Response:
    """Figures of the processes beside this one and of the queue, as Prometheus reads them."""
    if not _is_from_here(request, running):
        raise NotFound("There is nothing at this address.")
    async with asyncio.timeout(SECONDS):
        queue = await _queue(running)
        async with running.db.reading() as session:
            depth = await queues.depth(session)
    for reason, count in depth.items():
        _entries.labels(reason).set(count)
    telemetry.queue_depth.set(queue.due + queue.waiting)
    _oldest.set(queue.oldest_seconds)
    for status, count in queue.last_hour.items():
        _recent.labels(status).set(count)
    return Response(telemetry.render_metrics(), media_type=CONTENT_TYPE_LATEST)


async def _queue(running: Runtime) -> figures.QueueFigures:
    async with running.db.reading() as session:
        return await figures.of_queue(session)


async def _redis(running: Runtime) -> str:
    if running.redis is None:
        return "none"
    try:
        async with asyncio.timeout(SECONDS):
            # Typed as either kind of client; ours is the asynchronous one.
            answer: Any = running.redis.ping()
            await answer
    except (RedisError, OSError, TimeoutError):
        return "away"
    return "ok"


def _is_from_here(request: Request, running: Runtime) -> bool:
    """A proxy on this machine that we were not told about makes every stranger look local, so
    what was forwarded counts only through a trusted one.
    """
    if not running.settings.trusted_proxies and any(name in request.headers for name in FORWARDED):
        return False
    try:
        address = ipaddress.ip_address(doors.client_address(request, running.settings))
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback

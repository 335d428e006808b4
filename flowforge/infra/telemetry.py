"""What operators see: JSON log lines and Prometheus figures, and never a secret in either.

A secret is kept out twice: by the name of its field and, for the values of the settings and every
value given to `register_secret`, by the value itself wherever it turns up.
"""

import logging
import os
import sys
from collections.abc import MutableMapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import orjson
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from pydantic import SecretStr

from flowforge.config import Settings
from flowforge.infra.redaction import REDACTED, printable, redact, register_secret

__all__ = [
    "REDACTED",
    "ack_seconds",
    "bound_fields",
    "configure_logging",
    "count_attempt",
    "count_event",
    "count_request",
    "count_run",
    "outbox_claim_size",
    "queue_depth",
    "redact",
    "register_secret",
    "render_metrics",
]

MOST_LABEL_VALUES = 100
SHARED = "PROMETHEUS_MULTIPROC_DIR"
_URL_SETTINGS = ("database_url", "redis_url", "solana_rpc_url", "resend_api_url", "github_api_url")

bound_fields = structlog.contextvars.bound_contextvars
"""``with bound_fields(request_id=…, run_id=…):`` every line inside carries these fields."""

registry = CollectorRegistry(auto_describe=True)
_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_SLOW = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

_events = Counter("flowforge_events_total", "Events received", ["verdict"], registry=registry)
_runs = Counter("flowforge_runs_finished_total", "Runs ended", ["status"], registry=registry)
_attempts = Counter(
    "flowforge_attempts_total", "Attempts ended", ["action", "status"], registry=registry
)
_requests = Counter(
    "flowforge_http_requests_total",
    "Requests answered",
    ["method", "route", "status"],
    registry=registry,
)
ack_seconds = Histogram(
    "flowforge_ack_seconds",
    "From a hook's request to its answer",
    buckets=_FAST,
    registry=registry,
)
step_seconds = Histogram(
    "flowforge_step_seconds", "Duration of an attempt", buckets=_SLOW, registry=registry
)
outbox_claim_size = Histogram(
    "flowforge_outbox_claim_size",
    "Entries taken from the outbox at once",
    buckets=(1, 2, 5, 10, 25, 50, 100, 250),
    registry=registry,
)


def gauge(name: str, documentation: str, labels: tuple[str, ...] = ()) -> Gauge:
    """A figure of the whole installation, set anew by whichever process is asked."""
    return Gauge(name, documentation, labels, registry=registry, multiprocess_mode="mostrecent")


queue_depth = gauge("flowforge_queue_depth", "Outbox entries that wait")


_seen_labels: dict[str, set[str]] = {}


class _Stdout:
    """Looks stdout up for each line: it may be exchanged while the process runs."""

    def msg(self, message: str) -> None:
        sys.stdout.write(f"{message}\n")
        sys.stdout.flush()

    log = debug = info = warning = error = critical = exception = fatal = msg


class _ToStdout(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        try:
            _Stdout().msg(self.format(record))
        except Exception:  # noqa: BLE001 - a log line must never take its caller down
            self.handleError(record)


def configure_logging(settings: Settings, service: str) -> None:
    """JSON lines on stdout for this process, standard library loggers included."""
    _register_settings(settings)
    level = getattr(logging, settings.log_level.upper())

    def add_service(
        _logger: object, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        event.setdefault("service", service)
        return event

    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_service,
        structlog.processors.format_exc_info,
    ]
    ending: list[structlog.typing.Processor] = [
        _redact_event,
        structlog.processors.JSONRenderer(serializer=_line),
    ]
    structlog.configure(
        processors=[*shared, *ending],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_Stdout,
        cache_logger_on_first_use=False,
    )
    handler = _ToStdout()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # Clients name every URL they call, with the tokens in it.
    for chatty in ("httpx", "httpcore", "aiohttp.access", "arq.worker", "asyncio"):
        logging.getLogger(chatty).setLevel(max(level, logging.WARNING))


def _register_settings(settings: Settings) -> None:
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            for part in {value.get_secret_value(), *value.get_secret_value().split(",")}:
                register_secret(part.strip())
    for name in _URL_SETTINGS:
        register_secret(urlsplit(getattr(settings, name)).password or "")


def _line(event: Any, **_options: Any) -> str:
    try:
        return orjson.dumps(event).decode()
    except TypeError:
        # Half a surrogate pair or a huge number, from a payload: show it escaped.
        return orjson.dumps({key: ascii(value) for key, value in event.items()}).decode()


def _redact_event(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    return printable(event)


def count_event(verdict: str, number: int = 1) -> None:
    _events.labels(_bounded("verdict", verdict)).inc(number)


def count_run(status: str) -> None:
    _runs.labels(_bounded("run", status)).inc()


def count_attempt(action: str, status: str, seconds: float) -> None:
    _attempts.labels(_bounded("action", action), _bounded("attempt", status)).inc()
    step_seconds.observe(seconds)


def count_request(method: str, route: str, status: int) -> None:
    """``route`` is the template (``/hooks/{zap_id}``), never the path that was asked for."""
    _requests_of(method, route, status // 100).inc()


@lru_cache(maxsize=1024)
def _requests_of(method: str, route: str, hundreds: int) -> Counter:
    return _requests.labels(_bounded("method", method), _bounded("route", route), f"{hundreds}xx")


def render_metrics() -> bytes:
    """All figures in Prometheus' text format: of the processes of one supervisor, or of this one.

    The supervisor names a folder in which its processes share their counters
    (``PROMETHEUS_MULTIPROC_DIR``), so that what the workers counted is seen here.
    """
    if SHARED not in os.environ:
        return generate_latest(registry)
    shared = CollectorRegistry()
    MultiProcessCollector(shared)  # type: ignore[no-untyped-call]
    return generate_latest(shared)


def _bounded(label: str, value: str) -> str:
    """A stranger must not be able to grow the set of series: what comes late is ``other``."""
    seen = _seen_labels.setdefault(label, set())
    if value in seen:
        return value
    if len(seen) >= MOST_LABEL_VALUES:
        return "other"
    seen.add(value)
    return value

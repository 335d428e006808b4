"""Whether a request may start a run: everything that a zap's trigger asks of it, in two looks.

The first look needs only the request and its raw bytes, and comes before anything of it is kept; the
second reads what it says. Promises: nothing is skipped because something is missing; a trigger is
compiled once, whatever number of requests; nothing here waits for anybody.
"""

import ipaddress
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Literal, NamedTuple

import structlog
from pydantic import ValidationError

from flowforge.engine import conditions, expressions, schemas
from flowforge.engine.conditions import When
from flowforge.engine.triggers import Rate, Verify, WebhookSettings
from flowforge.errors import FlowForgeError
from flowforge.infra import documents
from flowforge.infra.vault import Vault
from flowforge.services import sealing, verifying
from flowforge.services.arrivals import Arrival, Examined, storable_key
from flowforge.services.payload import LoadedRequest, trigger_data
from flowforge.services.verifying import Reply, SignedRequest

log = structlog.get_logger()

WEBHOOK = "webhook"
HANDSHAKE = "handshake"
BAD_REQUEST, UNAUTHORIZED = 400, 401


class Refusal(NamedTuple):
    """Why a request goes no further, for the inbox and for its sender. ``reply`` is what a handshake
    is answered, in place of an error. ``is_noted``: there is a row for as many as these.
    """

    status: int
    code: str
    reason: str
    headers: Mapping[str, str] = {}
    details: tuple[dict[str, str], ...] = ()
    reply: Reply | None = None
    is_noted: bool = False

    def examined(self, by: str | None, scheme: str | None = None) -> Examined:
        is_answered = self.reply is not None and self.status < BAD_REQUEST
        verdict: Literal["filtered", "rejected"] = "filtered" if is_answered else "rejected"
        return Examined(by, verdict, self.reason, self.status, scheme)


class Proven(NamedTuple):
    """What the first look found: ``refusal`` None, and it may be read."""

    refusal: Refusal | None = None
    scheme: str | None = None
    dedupe_key: str | None = None


@dataclass(frozen=True)
class Checks:
    """A trigger, compiled. ``by`` is its text, as stored; ``kind`` None: it cannot be read."""

    by: str | None
    kind: str | None = WEBHOOK
    settings: WebhookSettings = field(default_factory=WebhookSettings)
    verify: Verify | None = None

    @cached_property
    def networks(self) -> tuple[Any, ...]:
        given = self.settings.allow_from
        return tuple(ipaddress.ip_network(network, strict=False) for network in given)

    @property
    def rate(self) -> Rate | None:
        return self.settings.rate

    @cached_property
    def passed(self) -> Examined:
        """What is said of a request that there is nothing to ask of."""
        return Examined(self.by)

    @cached_property
    def asks_nothing(self) -> bool:
        """Whether every request may pass: there are many of those."""
        settings = self.settings
        is_limited = settings.methods or settings.allow_from or settings.rate
        return self.kind == WEBHOOK and not (is_limited or self.proves or self.reads)

    @cached_property
    def proves(self) -> bool:
        """Whether the raw bytes matter."""
        return self.verify is not None or self.settings.handshake is not None

    @cached_property
    def reads(self) -> bool:
        """Whether what the request says matters."""
        settings = self.settings
        return bool(settings.body_schema is not None or settings.when or settings.dedupe_key)

    def before_body(self, method: str, source_ip: str) -> Refusal | None:
        """What can be said before a byte of the body is read."""
        if self.kind is None:
            return Refusal(503, "unreadable", "The trigger of this zap cannot be read.")
        if self.kind != WEBHOOK:
            return Refusal(404, "not_found", f"The zap is not started by requests: {self.kind}.")
        methods = self.settings.methods
        if methods and method not in methods:
            allowed = ", ".join(methods)
            said = f"This zap takes {allowed}, not {method[:20]}."
            return Refusal(405, "method_not_allowed", said, {"Allow": allowed})
        if self.networks and not _is_among(source_ip, self.networks):
            said = f"Requests from {source_ip} are not allowed here."
            return Refusal(403, "address_not_allowed", said)
        return None

    def prove(self, request: SignedRequest) -> Proven:
        """Whether the request comes from whom it should; a handshake is answered here."""
        if not self.proves:
            return Proven()
        verify = self.verify
        scheme = verify.scheme if verify else None
        if refusal := self._handshake(request):
            return Proven(refusal, scheme)
        if verify is None:
            return Proven()
        judged = verifying.judge(verify, request, time.time())
        if not judged.ok:
            headers = _CHALLENGES.get(verify.scheme, {}) if judged.status == UNAUTHORIZED else {}
            return Proven(Refusal(judged.status, "not_verified", judged.reason, headers), scheme)
        key = judged.dedupe_key
        return Proven(None, scheme, None if key is None else storable_key(key))

    def _handshake(self, request: SignedRequest) -> Refusal | None:
        reply = verifying.handshake(self.verify, self.settings.handshake, request)
        if reply is None:
            return None
        return Refusal(reply.status, HANDSHAKE, f"{HANDSHAKE}: {reply.reason}", reply=reply)

    def read(self, arrival: Arrival, raw: bytes) -> tuple[Arrival, Refusal | None]:
        """The arrival with what its content decides: fit for the schema, worth a run, seen before.

        ``arrival`` can be read, and has passed the first look.
        """
        try:
            trigger = _trigger(arrival, raw)
        except FlowForgeError as problem:
            return arrival, Refusal(400, "malformed", problem.message)
        if self.settings.body_schema is not None:
            wrong = schemas.findings(self.settings.body_schema, trigger["body"])
            if wrong:
                return arrival, _unfit(wrong)
        if self.settings.when is not None and (why := passed_over(self.settings.when, trigger)):
            return _with(arrival, verdict="filtered", reason=why, status=arrival.status), None
        return _keyed(arrival, self.settings.dedupe_key, trigger), None


def passed_over(when: When, trigger: Any) -> str | None:
    """Why something does not start a run, though it came as it should; None: it does."""
    if not when.any:
        return None
    try:
        if conditions.holds(when, expressions.renderer({"trigger": trigger})):
            return None
    except (expressions.ExpressionError, FlowForgeError) as problem:
        return f"The trigger's filter could not be worked out: {problem.message}"
    return "The trigger's filter lets only others through."


# Of a trigger without checks: there are many requests for these.
NOTHING = Checks(None)


def checks_of(text: str | None, owner: str, vault: Vault) -> Checks:
    """What the trigger ``text`` (as stored) asks of requests. ``owner`` is for whom its secrets
    were sealed.
    """
    return NOTHING if text is None else _compiled(text, owner, vault)


@lru_cache(maxsize=2048)
def _compiled(text: str, owner: str, vault: Vault) -> Checks:
    try:
        trigger = documents.parse(text)
        kind = str(trigger["kind"])
        if kind != WEBHOOK:
            return Checks(text, kind)
        settings = WebhookSettings.model_validate(trigger.get("settings") or {})
        verify = settings.verify and sealing.opened(settings.verify, owner, vault)
    except (ValidationError, FlowForgeError, KeyError, TypeError):
        # Written by a newer release, damaged, or its key is gone: nothing passes unchecked.
        log.exception("the trigger of a zap cannot be read: its requests are turned away")
        return Checks(text, None)
    return Checks(text, kind, settings, verify)


_CHALLENGES: dict[str, dict[str, str]] = {
    "basic": {"WWW-Authenticate": 'Basic realm="FlowForge"'},
    "bearer": {"WWW-Authenticate": "Bearer"},
    "jwt": {"WWW-Authenticate": "Bearer"},
}


def _is_among(source_ip: str, networks: tuple[Any, ...]) -> bool:
    try:
        address = ipaddress.ip_address(source_ip)
    except ValueError:
        return False
    return any(address in network for network in networks)


def _unfit(findings: list[schemas.Finding]) -> Refusal:
    first = findings[0]
    where = f"{first.path}: " if first.path else ""
    more = f" ({len(findings)} findings)" if len(findings) > 1 else ""
    said = f"The body does not fit the schema: {where}{first.message}{more}"
    return Refusal(400, "does_not_fit", said, details=tuple(one.as_detail() for one in findings))


def _keyed(arrival: Arrival, expression: str, trigger: Any) -> Arrival:
    """With the expression's value as its dedupe key; the sender's own header comes first."""
    if not expression or _given_key(arrival):
        return arrival
    try:
        value = expressions.render(expression, {"trigger": trigger})
    except (expressions.ExpressionError, FlowForgeError) as problem:
        return _with(arrival, reason=f"The dedupe key could not be worked out: {problem.message}")
    if value in ("", None):
        return arrival
    text = value if isinstance(value, str) else documents.dump(value)
    return arrival._replace(dedupe_key=storable_key(text))


def _given_key(arrival: Arrival) -> bool:
    headers = documents.parse(arrival.headers)
    return bool(headers.get("x-idempotency-key") or headers.get("idempotency-key"))


def _with(arrival: Arrival, **changes: Any) -> Arrival:
    assert arrival.examined is not None  # noqa: S101 - the first look comes first
    return arrival._replace(examined=arrival.examined._replace(**changes))


def _trigger(arrival: Arrival, raw: bytes) -> dict[str, Any]:
    request = LoadedRequest(
        method=arrival.method,
        content_type=arrival.content_type,
        headers=documents.parse(arrival.headers),
        query=documents.parse(arrival.query),
        body=documents.parse(arrival.body) if arrival.body is not None else None,
    )
    return trigger_data(request, raw)

"""A real request, pasted, and what the verifier says of it: settings are tried before they count.

Promise: no answer holds a secret or a signature that was computed with one.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlalchemy.ext.asyncio import AsyncSession

from flowforge.engine.triggers import Verify, settings_of
from flowforge.errors import Invalid
from flowforge.infra.db import utc_now
from flowforge.infra.vault import Vault, VaultError
from flowforge.models import Zap
from flowforge.services import payload, sealing, verifying
from flowforge.services.access import Actor, Permission, own, require
from flowforge.services.verifying import SignedRequest


@dataclass(frozen=True)
class Pasted:
    """A request as somebody copied it. ``url``: "" for the zap's own; ``verify``: the settings to try,
    None for the draft's.
    """

    method: str
    url: str
    headers: Sequence[tuple[str, str]]
    raw: bytes
    verify: Verify | None = None


@dataclass(frozen=True)
class Tried:
    """``ok``: it would be believed if it came now. ``signature_ok``: it would have been when it was
    sent. ``handshake``: it starts nothing and is answered with ``answer_status``.
    """

    ok: bool
    signature_ok: bool
    reason: str
    dedupe_key: str | None
    handshake: bool
    answer_status: int | None


async def judged(
    session: AsyncSession, actor: Actor, vault: Vault, zap_id: str, pasted: Pasted
) -> Tried:
    """What becomes of the request.

    Raises: Invalid where the draft verifies nothing, or a sealed secret is another zap's.
    """
    require(actor, Permission.EDIT)
    zap = await own(session, actor, Zap, zap_id)
    verify = _opened(pasted.verify or _of_draft(zap), zap, vault)
    request = _request(pasted, f"/hooks/catch/{zap.owner_id}/{zap.hook_id}")
    now = utc_now().timestamp()
    reply = verifying.handshake(verify, None, request, now)
    if reply is not None:
        is_fine = reply.status < 400  # noqa: PLR2004 - where refusals begin
        return Tried(is_fine, is_fine, reply.reason, None, True, reply.status)
    found = verifying.judge(verify, request, now)
    ageless = found
    if not found.ok:
        ageless = verifying.judge(
            verify.model_copy(update={"tolerance_seconds": math.inf}), request, now
        )
    reason = found.reason
    if ageless.ok and not found.ok:
        reason = f"The signature is right, but too old by now. {reason}"
    return Tried(found.ok, ageless.ok, reason, ageless.dedupe_key, False, None)


def _of_draft(zap: Zap) -> Verify:
    found = settings_of(zap.draft.get("trigger")).get("verify")
    if not found:
        message = "The draft does not verify requests. Choose how, or give `verify`."
        raise Invalid(message, details=[{"path": "verify", "message": message}])
    return Verify.model_validate(found)


def _opened(verify: Verify, zap: Zap, vault: Vault) -> Verify:
    try:
        return sealing.opened(verify, zap.id, vault)
    except VaultError:
        message = "A sealed secret cannot be opened for this zap. Type it again."
        raise Invalid(
            message, code="foreign_secret", details=[{"path": "verify.secret", "message": message}]
        ) from None


def _request(pasted: Pasted, own_path: str) -> SignedRequest:
    headers: dict[str, str] = {}
    for name, value in pasted.headers:
        key = name.strip().lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    url = pasted.url or own_path
    return SignedRequest(pasted.method, url, headers, pasted.raw, pasted.headers, _query(url))


def _query(url: str) -> Mapping[str, object]:
    try:
        return payload.read_fields(urlsplit(url).query)
    except ValueError as problem:
        message = "This is no URL."
        raise Invalid(message, details=[{"path": "url", "message": message}]) from problem

"""Signing what destinations are sent, as the Standard Webhooks specification has it.

A destination's secrets stand in one sealed document: the one that signs, and for a day after it was
replaced the one before it, so that a receiver can change over without refusing anything.
"""

import base64
import datetime as dt
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from flowforge.infra import documents
from flowforge.infra.vault import Vault

PREFIX = "whsec_"
SECRET_BYTES = 32
BOTH_SIGN = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Secrets:
    """``before`` signs too, until ``until``."""

    current: str
    before: str = ""
    until: dt.datetime | None = None

    def at(self, now: dt.datetime) -> tuple[str, ...]:
        """Those that sign at that time."""
        if self.before and self.until is not None and now < self.until:
            return (self.current, self.before)
        return (self.current,)

    def replaced(self, now: dt.datetime) -> "Secrets":
        """A new one, beside the one that signs now."""
        return Secrets(new_secret(), self.current, now + BOTH_SIGN)


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def seal(vault: Vault, destination_id: str, given: Secrets) -> str:
    until = given.until.isoformat() if given.until else None
    text = documents.dump({"current": given.current, "before": given.before, "until": until})
    return vault.seal(text.encode(), _purpose(destination_id))


def opened(vault: Vault, destination_id: str, sealed: str) -> Secrets:
    """Raises: VaultError."""
    found = documents.parse(vault.open(sealed, _purpose(destination_id)))
    until = dt.datetime.fromisoformat(found["until"]) if found["until"] else None
    return Secrets(found["current"], found["before"], until)


def headers(message_id: str, body: bytes, given: Secrets, now: dt.datetime) -> Mapping[str, str]:
    """``webhook-id``, ``webhook-timestamp`` and ``webhook-signature``."""
    seconds = int(now.timestamp())
    signed = b".".join((message_id.encode(), str(seconds).encode(), body))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(_signature(secret, signed) for secret in given.at(now)),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def _purpose(destination_id: str) -> str:
    return f"destination:{destination_id}:secret"

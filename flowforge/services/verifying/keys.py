"""Secrets as keys, and signatures compared in constant time."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from flowforge.services.verifying.schemes import Algorithm, Scheme

_PUBLIC = "whpk_"
_SHARED = "whsec_"


def of(secret: str, row: Scheme) -> tuple[Algorithm, bytes | None]:
    """The algorithm that the secret is for, and the key; None where it cannot be one."""
    match row.key:
        case "hex":
            return row.algorithm, _from_hex(secret.strip())
        case "whsec" if secret.startswith(_PUBLIC):
            return "ed25519", _from_base64(secret[len(_PUBLIC) :].strip())
        case "whsec":
            # An empty key would be one that everybody has.
            return row.algorithm, _from_base64(secret.removeprefix(_SHARED).strip()) or None
    return row.algorithm, secret.encode("utf-8", "surrogatepass")


def fits(
    algorithm: Algorithm, key: bytes, message: bytes, encoding: str, given: Sequence[str]
) -> bool:
    """Whether any of the signatures is one of ``message`` by ``key``."""
    if algorithm == "ed25519":
        return True in [_is_signed(key, message, encoding, each) for each in given]
    digest = hmac.digest(key, message, algorithm)
    if encoding == "hex":
        expected = digest.hex().encode()
        given = [each.lower() for each in given]
    else:
        expected = base64.b64encode(digest)
    # All are compared, whichever fits.
    return True in [hmac.compare_digest(expected, _bytes(each)) for each in given]


def is_same(one: str | bytes, other: str | bytes) -> bool:
    """Whether both are equal, in a time that tells neither their length nor their beginning."""
    return hmac.compare_digest(_hash(one), _hash(other))


def _is_signed(key: bytes, message: bytes, encoding: str, given: str) -> bool:
    signature = _from_hex(given) if encoding == "hex" else _from_base64(given)
    public = _public_key(key)
    if public is None or signature is None:
        return False
    try:
        public.verify(signature, message)
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=256)
def _public_key(raw: bytes) -> Ed25519PublicKey | None:
    try:
        return Ed25519PublicKey.from_public_bytes(raw)
    except ValueError:
        return None


def _from_hex(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None


def _from_base64(text: str) -> bytes | None:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _hash(value: str | bytes) -> bytes:
    return hashlib.sha256(_bytes(value)).digest()


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")

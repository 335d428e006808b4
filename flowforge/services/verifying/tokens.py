"""What proves the sender without signing the body: shared secrets, signed tokens."""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Any

import orjson
from jwt import PyJWTError
from jwt.algorithms import get_default_algorithms

from flowforge.engine.triggers import Verify
from flowforge.services.verifying.keys import is_same
from flowforge.services.verifying.requests import Refused, SignedRequest
from flowforge.services.verifying.schemes import Scheme

MOST_ELEMENTS = 1000
# "none" is not among them, whatever the library knows.
JWT_ALGORITHMS = {
    name: algorithm for name, algorithm in get_default_algorithms().items() if name != "none"
}
_PARTS_OF_JWT = 3


def shared(
    kind: str, verify: Verify, row: Scheme, secrets: Sequence[str], request: SignedRequest
) -> None:
    """Raises: Refused unless the request carries one of the secrets."""
    given = request.header(row.signature.partition(":")[2])
    match kind:
        case "basic":
            name, given = _credentials(given)
            is_known = is_same(_sent(name), verify.username)
        case "bearer":
            given, is_known = _after("bearer", given), True
        case _:
            is_known = given.startswith(row.prefix)
            given = given[len(row.prefix) :]
    if not _is_any(_sent(given), secrets) or not is_known:
        raise Refused("The secret is another one.")


def client_states(secrets: Sequence[str], request: SignedRequest) -> str:
    """The id of the notification, or a hash of all. Raises: Refused unless each element has one of
    the secrets as its ``clientState``.
    """
    data = request.data
    elements = data.get("value") if isinstance(data, dict) else None
    if not isinstance(elements, list) or not 0 < len(elements) <= MOST_ELEMENTS:
        raise Refused("The body has no list of notifications.")
    for element in elements:
        state = element.get("clientState") if isinstance(element, dict) else None
        if not isinstance(state, str) or not _is_any(state, secrets):
            raise Refused("A notification has another clientState.")
    ids = [element.get("id") for element in elements]
    if not all(isinstance(each, str) and each for each in ids):
        return ""
    return ids[0] if len(ids) == 1 else hashlib.sha256(orjson.dumps(ids)).hexdigest()


def jwt(
    verify: Verify, row: Scheme, secrets: Sequence[str], request: SignedRequest, now: float
) -> str:
    """The token's ``jti`` or "". Raises: Refused unless it is signed by one of the keys with one of
    the algorithms that the trigger allows, not expired, and for us.
    """
    if verify.header:
        token = request.header(verify.header.lower()).removeprefix(verify.prefix)
    else:
        token = _after("bearer", request.header("authorization"))
    parts = token.split(".")
    if len(parts) != _PARTS_OF_JWT:
        raise Refused("The header holds no token.")
    head, claims = _json(parts[0]), _json(parts[1])
    name = head.get("alg")
    allowed = verify.algorithms or ("HS256",)
    if not isinstance(name, str) or name not in allowed or name not in JWT_ALGORITHMS:
        raise Refused("The token is signed with an algorithm that is not allowed.")
    if "crit" in head:
        raise Refused("The token needs what is not understood here.")
    signed = f"{parts[0]}.{parts[1]}".encode("utf-8", "surrogatepass")
    signature = _decoded(parts[2])
    if True not in [_is_signed(name, secret, signed, signature) for secret in secrets]:
        raise Refused("The token is signed by somebody else.")
    leeway = row.tolerance or 0
    if "tolerance_seconds" in verify.model_fields_set:
        leeway = verify.tolerance_seconds
    _require_valid(claims, verify, now, leeway)
    ident = claims.get("jti")
    return ident if isinstance(ident, str) else ""


def _require_valid(claims: dict[str, Any], verify: Verify, now: float, leeway: float) -> None:
    if not _is_number(claims.get("exp")):
        raise Refused("The token does not say when it expires.")
    if not claims["exp"] > now - leeway:
        raise Refused("The token has expired.")
    if "nbf" in claims and not (_is_number(claims["nbf"]) and claims["nbf"] <= now + leeway):
        raise Refused("The token is not valid yet.")
    audience = claims.get("aud")
    if verify.audience:
        meant = audience if isinstance(audience, list) else [audience]
        if verify.audience not in meant:
            raise Refused("The token is for somebody else.")
    if verify.issuer and claims.get("iss") != verify.issuer:
        raise Refused("The token is from another issuer.")


def _is_signed(name: str, secret: str, signed: bytes, signature: bytes) -> bool:
    algorithm = JWT_ALGORITHMS[name]
    try:
        # Refuses a public key where a shared secret belongs, and the other way round.
        return bool(algorithm.verify(signed, algorithm.prepare_key(secret), signature))
    except (PyJWTError, ValueError, TypeError):
        return False


def _is_any(given: str | bytes, secrets: Sequence[str]) -> bool:
    # All are compared, whichever fits.
    return True in [is_same(given, secret) for secret in secrets]


def _sent(text: str) -> bytes:
    """A header's text as the bytes that came."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _credentials(header: str) -> tuple[str, str]:
    try:
        text = base64.b64decode(_after("basic", header), validate=True).decode("latin-1")
    except (binascii.Error, ValueError):
        raise Refused("The header authorization is not Basic.") from None
    # The password may have colons.
    name, _, password = text.partition(":")
    return name, password


def _after(word: str, header: str) -> str:
    kind, _, rest = header.partition(" ")
    if kind.lower() != word or not rest.strip():
        raise Refused(f"The header authorization is not {word.capitalize()}.")
    return rest.strip()


def _json(part: str) -> dict[str, Any]:
    try:
        found = orjson.loads(_decoded(part))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refused("The header holds no token.")
    return found


def _decoded(part: str) -> bytes:
    try:
        return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Refused("The header holds no token.") from None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

"""The one engine that judges every scheme, over the raw bytes."""

import hashlib
import math
import re
from collections.abc import Sequence

from flowforge.engine.triggers import Verify
from flowforge.services.verifying import keys, messages, tokens
from flowforge.services.verifying.requests import Judgement, Refused, SignedRequest
from flowforge.services.verifying.schemes import Scheme, scheme_of, secrets_of

MOST_SIGNATURES = 20
LONGEST_KEY = 200
_TIMESTAMP = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?", re.ASCII)
_MILLISECONDS_FROM = 1e11  # as seconds that would be the year 5138


def judge(verify: Verify, request: SignedRequest, now: float) -> Judgement:
    """Whether the request comes from whom it says. ``now``: seconds since 1970; the secrets in
    ``verify`` are open. What cannot be told for sure is refused.
    """
    row = scheme_of(verify, request.headers.__contains__)
    secrets = secrets_of(verify)
    if not secrets:
        return Judgement(ok=False, reason="The trigger has no secret to verify with.")
    try:
        match row.kind:
            case "signature":
                key = _signed(row, verify, secrets, request, now)
            case "client_state":
                key = tokens.client_states(secrets, request)
            case "jwt":
                key = tokens.jwt(verify, row, secrets, request, now)
            case "token" | "basic" | "bearer":
                tokens.shared(row.kind, verify, row, secrets, request)
                key = _dedupe(row, request)
    except Refused as refusal:
        return Judgement(ok=False, reason=str(refusal))
    return Judgement(ok=True, reason="Verified.", dedupe_key=_named(verify.scheme, key))


def _signed(
    row: Scheme, verify: Verify, secrets: Sequence[str], request: SignedRequest, now: float
) -> str:
    """The dedupe key ("" for none) of a request with a good signature. Raises: Refused."""
    given = _source(row.signature, request)
    parts = given.split(row.separator) if row.separator else [given]
    if len(parts) > MOST_SIGNATURES:
        raise Refused(f"There are more than {MOST_SIGNATURES} signatures.")
    timestamp = _source(row.time, request, parts) if row.time else ""
    if row.time:
        _require_recent(timestamp, _tolerance(row, verify), now)
    ident = _source(row.ident, request) if row.ident else ""
    signed = messages.of(row.template, request, timestamp, ident, verify.url)
    if not _is_signed(row, parts, secrets, signed):
        raise Refused(_mismatch(row, parts))
    return _dedupe(row, request, given)


def _is_signed(
    row: Scheme, parts: Sequence[str], secrets: Sequence[str], signed: Sequence[bytes]
) -> bool:
    """All pairs are tried, whichever fits: the time it takes tells nothing."""
    prefixes = {row.prefix: row.algorithm}
    if row.ed25519_prefix:
        prefixes[row.ed25519_prefix] = "ed25519"
    found = False
    for secret in secrets:
        algorithm, key = keys.of(secret, row)
        wanted = next((name for name, kind in prefixes.items() if kind == algorithm), None)
        if key is None or wanted is None:
            continue
        given = [each.strip()[len(wanted) :] for each in parts if each.strip().startswith(wanted)]
        for message in signed:
            found |= keys.fits(algorithm, key, message, row.encoding, given)
    return found


def _mismatch(row: Scheme, parts: Sequence[str]) -> str:
    prefixes = [prefix for prefix in (row.prefix, row.ed25519_prefix) if prefix]
    if prefixes and not any(part.strip().startswith(tuple(prefixes)) for part in parts):
        return f"The signature does not begin with '{prefixes[0]}'."
    return "The signature fits none of the secrets."


def _require_recent(text: str, tolerance: float, now: float) -> None:
    if _TIMESTAMP.fullmatch(text) is None:
        raise Refused("The signed time is not a number of seconds.")
    moment = float(text)
    if moment >= _MILLISECONDS_FROM:
        moment /= 1000
    away = now - moment
    # Written so that NaN would be refused as well.
    if not abs(away) <= tolerance:
        side = "old" if away > 0 else "ahead of our clock"
        seconds = math.ceil(abs(away))
        raise Refused(f"The signed time is {seconds} s {side}; {tolerance:g} s are allowed.")


def _tolerance(row: Scheme, verify: Verify) -> float:
    if row.tolerance is None or "tolerance_seconds" in verify.model_fields_set:
        return verify.tolerance_seconds
    return row.tolerance


def _source(source: str, request: SignedRequest, parts: Sequence[str] = ()) -> str:
    """The value that stands there. Raises: Refused where it is missing or repeated."""
    place, _, name = source.partition(":")
    match place:
        case "header":
            return request.header(name)
        case "part":
            found = [part.strip() for part in parts if part.strip().startswith(f"{name}=")]
            if len(found) != 1 or found[0] == f"{name}=":
                raise Refused(f"The header of the signature needs {name}= once.")
            return found[0].partition("=")[2]
    value = request.at(name)
    if not value:
        raise Refused(f"The body has no {name}.")
    return value


def _dedupe(row: Scheme, request: SignedRequest, signature: str = "") -> str:
    for source in row.dedupe:
        place, _, name = source.partition(":")
        match place:
            case "header":
                value = request.headers.get(name, "").strip()
            case "body":
                value = request.at(name)
            case _:
                value = signature
        if value:
            return value
    return ""


def _named(scheme: str, key: str) -> str | None:
    """A key that is no other scheme's, and that any database can hold."""
    if not key:
        return None
    if len(key) > LONGEST_KEY or not (key.isascii() and key.isprintable()):
        key = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{scheme}:{key}"

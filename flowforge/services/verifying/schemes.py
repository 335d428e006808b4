"""How providers sign, one row each: all that differs between them is data.

A source is written ``header:name``, ``part:name`` (of a list such as ``t=1,v1=ab`` in the header of the
signature) or ``body:path``. What is signed is a template of ``{body}`` (the raw bytes),
``{timestamp}``, ``{id}``, ``{url}``, ``{method}`` and ``{form}`` (names and values, sorted).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from flowforge.engine.triggers import Verify

Kind = Literal["signature", "token", "basic", "bearer", "jwt", "client_state"]
Algorithm = Literal["sha1", "sha256", "sha384", "sha512", "ed25519"]
KeyForm = Literal["text", "whsec", "hex"]
Handshaking = Literal["slack", "zoom", "meta", "graph", "dropbox", "discord"]


@dataclass(frozen=True, slots=True)
class Scheme:
    """One row. ``signature``: where it stands, after ``prefix``, one or several between
    ``separator``. ``ed25519_prefix``: what stands before signatures of that kind beside the others.
    ``key``: how the secret becomes the key. ``time``: where the signed moment is (seconds, or
    milliseconds from 1e11); ``tolerance``: its own, where it has one. ``ident``: the id that is
    signed. ``dedupe``: where the provider's own id of the request is, the first that is there;
    ``signature`` stands for the signature itself, where that is made anew for each request.
    ``needs``: fields beside the secret.
    """

    kind: Kind = "signature"
    signature: str = ""
    algorithm: Algorithm = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    separator: str = ""
    ed25519_prefix: str = ""
    key: KeyForm = "text"
    template: str = "{body}"
    time: str = ""
    tolerance: float | None = None
    ident: str = ""
    dedupe: tuple[str, ...] = ()
    handshakes: tuple[Handshaking, ...] = ()
    needs: tuple[str, ...] = ()


def _standard(family: str) -> Scheme:
    return Scheme(
        signature=f"header:{family}-signature",
        encoding="base64",
        prefix="v1,",
        separator=" ",
        ed25519_prefix="v1a,",
        key="whsec",
        template="{id}.{timestamp}.{body}",
        time=f"header:{family}-timestamp",
        ident=f"header:{family}-id",
        dedupe=(f"header:{family}-id",),
    )


_STANDARD = _standard("webhook")
_SVIX = _standard("svix")

SCHEMES: dict[str, Scheme] = {
    "github": Scheme(
        signature="header:x-hub-signature-256", prefix="sha256=",
        dedupe=("header:x-github-delivery",),
    ),
    "stripe": Scheme(
        signature="header:stripe-signature", prefix="v1=", separator=",", time="part:t",
        template="{timestamp}.{body}", dedupe=("body:id",),
    ),
    "slack": Scheme(
        signature="header:x-slack-signature", prefix="v0=", template="v0:{timestamp}:{body}",
        time="header:x-slack-request-timestamp", dedupe=("body:event_id", "signature"),
        handshakes=("slack",),
    ),
    "shopify": Scheme(
        signature="header:x-shopify-hmac-sha256", encoding="base64",
        dedupe=("header:x-shopify-webhook-id",),
    ),
    "twilio": Scheme(
        signature="header:x-twilio-signature", algorithm="sha1", encoding="base64",
        template="{url}{form}", dedupe=("header:i-twilio-idempotency-token",),
    ),
    "standard_webhooks": _STANDARD,
    "discord": Scheme(
        signature="header:x-signature-ed25519", algorithm="ed25519", key="hex",
        template="{timestamp}{body}", time="header:x-signature-timestamp",
        dedupe=("body:id", "signature"), handshakes=("discord",),
    ),
    "meta": Scheme(
        signature="header:x-hub-signature-256", prefix="sha256=", dedupe=("signature",),
        handshakes=("meta",),
    ),
    "zoom": Scheme(
        signature="header:x-zm-signature", prefix="v0=", template="v0:{timestamp}:{body}",
        time="header:x-zm-request-timestamp", dedupe=("signature",), handshakes=("zoom",),
    ),
    "ms_graph": Scheme("client_state", handshakes=("graph",)),
    "dropbox": Scheme(signature="header:x-dropbox-signature", handshakes=("dropbox",)),
    "mailgun": Scheme(
        signature="body:signature.signature", template="{timestamp}{id}",
        time="body:signature.timestamp", ident="body:signature.token",
        dedupe=("body:signature.token",),
    ),
    "typeform": Scheme(
        signature="header:typeform-signature", prefix="sha256=", encoding="base64",
        dedupe=("body:event_id",),
    ),
    "linear": Scheme(
        signature="header:linear-signature", time="body:webhookTimestamp", tolerance=60,
        dedupe=("header:linear-delivery",),
    ),
    "gitlab": Scheme(
        "token", "header:x-gitlab-token",
        dedupe=("header:idempotency-key", "header:x-gitlab-event-uuid"),
    ),
    "hmac": Scheme(needs=("header",)),
    "basic": Scheme("basic", "header:authorization", needs=("username",)),
    "bearer": Scheme("bearer", "header:authorization"),
    "header": Scheme("token", needs=("header",)),
    "jwt": Scheme("jwt", "header:authorization", tolerance=60, dedupe=("claim:jti",)),
}  # fmt: skip


def scheme_of(verify: Verify, has: Callable[[str], bool]) -> Scheme:
    """The row for these settings. ``has``: whether the request has a header of that name; some
    providers sign by the standard under names of their own.
    """
    match verify.scheme:
        case "standard_webhooks" if has("svix-id") and not has("webhook-id"):
            return _SVIX
        case "gitlab" if has("webhook-signature"):
            return _STANDARD
        case "header":
            return Scheme("token", f"header:{verify.header.lower()}", prefix=verify.prefix)
        case "hmac":
            return _custom(verify)
    return SCHEMES[verify.scheme]


def problems(verify: Verify) -> list[tuple[str, str]]:
    """``(field, sentence)`` for everything without which nothing could ever be verified."""
    found = []
    if not any(secrets_of(verify)):
        found.append(("secret", "Enter the secret that the sender signs with."))
    found += [
        (name, f"The scheme '{verify.scheme}' needs this.")
        for name in SCHEMES[verify.scheme].needs
        if not str(getattr(verify, name)).strip()
    ]
    if verify.scheme == "hmac":
        found += _of_template(verify)
    return found


def _of_template(verify: Verify) -> list[tuple[str, str]]:
    found = []
    if "{body}" not in verify.template:
        said = "The template must hold {body}: else anybody could change what was signed."
        found.append(("template", said))
    for word, name in (("{timestamp}", "timestamp_header"), ("{id}", "id_header")):
        if word in verify.template and not getattr(verify, name):
            found.append((name, f"The template holds {word}: name the header it comes from."))
    if verify.timestamp_header and "{timestamp}" not in verify.template:
        said = "The template must hold {timestamp}: a time that is not signed proves nothing."
        found.append(("template", said))
    return found


def secrets_of(verify: Verify) -> tuple[str, ...]:
    """All that are there."""
    return tuple(secret for secret in (verify.secret, *verify.secrets) if secret)


def _custom(verify: Verify) -> Scheme:
    row = Scheme(
        signature=f"header:{verify.header.lower()}",
        algorithm=verify.algorithm,
        encoding=verify.encoding,
        prefix=verify.prefix,
        template=verify.template,
    )
    if verify.timestamp_header:
        source = f"header:{verify.timestamp_header.lower()}"
        row = replace(row, time=source, dedupe=("signature",))
    if verify.id_header:
        ident = f"header:{verify.id_header.lower()}"
        row = replace(row, ident=ident, dedupe=(ident,))
    return row

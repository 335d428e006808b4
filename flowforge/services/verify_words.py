"""How senders prove who they are, as a person reads it: names, where the secret is found, what else
is asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass

ALGORITHMS = {"sha256": "SHA-256", "sha1": "SHA-1", "sha384": "SHA-384", "sha512": "SHA-512"}
_TIME = ("tolerance_seconds",)


@dataclass(frozen=True)
class SchemeWords:
    """``secret``: what the sender calls it; ``hint``: where it is found there. ``fields`` beside it,
    of which those in ``required`` are needed; ``rotates``: two secrets may hold at once.
    """

    name: str
    secret: str
    hint: str = ""
    fields: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    rotates: bool = True


SCHEMES: Mapping[str, SchemeWords] = {
    "github": SchemeWords("GitHub", "Secret", "Repository, Settings, Webhooks: Secret."),
    "stripe": SchemeWords(
        "Stripe", "Signing secret", "Developers, Webhooks, your endpoint: whsec_…", _TIME
    ),
    "slack": SchemeWords(
        "Slack", "Signing secret", "Your app, Basic Information, App Credentials.", _TIME
    ),
    "shopify": SchemeWords("Shopify", "Secret", "Settings, Notifications, Webhooks."),
    "twilio": SchemeWords("Twilio", "Auth token", "On the first page of the console.", ("url",)),
    "standard_webhooks": SchemeWords(
        "Standard Webhooks", "Secret or public key", "whsec_… or whpk_…", _TIME
    ),
    "discord": SchemeWords(
        "Discord", "Public key", "Your application, General Information.", _TIME
    ),
    "meta": SchemeWords(
        "Meta (Facebook, WhatsApp)", "App secret", "App settings, Basic.", ("verify_token",)
    ),
    "zoom": SchemeWords("Zoom", "Secret token", "Your app, Feature.", _TIME),
    "ms_graph": SchemeWords("Microsoft Graph", "Client state", "As you gave it at subscribing."),
    "dropbox": SchemeWords("Dropbox", "App secret", "Your app, Settings."),
    "mailgun": SchemeWords("Mailgun", "Signing key", "Sending, Webhooks: HTTP signing key.", _TIME),
    "typeform": SchemeWords("Typeform", "Secret", "Your form, Connect, Webhooks."),
    "linear": SchemeWords("Linear", "Signing secret", "Settings, API, your webhook.", _TIME),
    "gitlab": SchemeWords("GitLab", "Secret token", "Settings, Webhooks."),
    "hmac": SchemeWords(
        "Another signature (HMAC)",
        "Secret",
        "",
        (
            "header",
            "algorithm",
            "encoding",
            "prefix",
            "template",
            "timestamp_header",
            "id_header",
            "tolerance_seconds",
        ),
        ("header",),
    ),
    "basic": SchemeWords("User name and password", "Password", "", ("username",), ("username",)),
    "bearer": SchemeWords("Bearer token", "Token", "Sent as Authorization: Bearer …"),
    "header": SchemeWords("Secret in a header", "Secret", "", ("header",), ("header",)),
    "jwt": SchemeWords("JSON Web Token", "Secret", "", ("algorithms", "audience", "issuer")),
}

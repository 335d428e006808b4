"""What a person does at each app so that it sends here, and what the app calls its secret. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class AppWords:
    """``called``: what the app calls its secret; ``hint``: where it is found there. ``steps`` in
    order. ``rights``: what a token must be allowed to do, of an app that can be told by itself.
    """

    icon: str
    called: str
    hint: str
    steps: tuple[str, ...]
    rights: str = ""


APPS: Mapping[str, AppWords] = {
    "github": AppWords(
        icon="/icons/trigger-app.svg",
        called="Secret",
        hint="A long random text of your own. GitHub is told the same.",
        steps=(
            "Make up a long random secret and save it here. The URL appears.",
            "At GitHub, open the repository or organisation: Settings, Webhooks, Add webhook.",
            "Paste the URL as Payload URL, choose application/json, and paste the same secret.",
            "Choose the events that it sends. Each zap with the trigger App event picks its own.",
            (
                "Or save a token as well: a zap that names its repository then makes its hook there "
                "by itself when it is published."
            ),
        ),
        rights=(
            "Fine-grained with Webhooks: read and write, or classic with admin:repo_hook. Only for "
            "hooks that zaps make by themselves."
        ),
    ),
    "slack": AppWords(
        icon="/icons/slack.svg",
        called="Signing secret",
        hint="Your app, Basic Information, App Credentials.",
        steps=(
            "At api.slack.com/apps, open your app: Basic Information, App Credentials.",
            "Copy its signing secret and save it here. The URL appears.",
            (
                "Under Event Subscriptions, switch events on and paste the URL as Request URL: "
                "Slack checks it at once."
            ),
            "Subscribe to events such as app_mention, and install the app again if Slack asks.",
        ),
    ),
    "stripe": AppWords(
        icon="/icons/trigger-app.svg",
        called="Signing secret",
        hint="Developers, Webhooks, your endpoint: whsec_…",
        steps=(
            (
                "In Stripe, under Developers, Webhooks, add an endpoint. Any address of yours will do "
                "for now: Stripe shows the secret only after that."
            ),
            "Copy its signing secret (whsec_…) and save it here. The URL appears.",
            "Edit the endpoint: put the URL in place of the address, and choose its events.",
        ),
    ),
}

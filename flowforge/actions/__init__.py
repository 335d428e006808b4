"""The registry: to add an action, put a file beside this one and a line below."""

from flowforge.actions import email, http, manual, slack, solana
from flowforge.actions.registry import Registry, catalogue

REGISTRY = Registry(
    [
        email.send_email,
        http.request,
        slack.post_message,
        solana.send_sol,
    ]
)

APPS = (*REGISTRY.apps, manual.MANUAL)

__all__ = ["APPS", "REGISTRY", "Registry", "catalogue"]

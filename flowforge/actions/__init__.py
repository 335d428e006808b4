"""The registry: to add an action or a polling trigger, put a file beside this one and a line below."""

from flowforge.actions import email, http, http_form, http_list, imap, manual, rss, slack, solana
from flowforge.actions.registry import Pollers, Registry, catalogue

REGISTRY = Registry(
    [
        email.send_email,
        http.request,
        slack.post_message,
        solana.send_sol,
        http_form.send_form,
    ]
)

POLLERS = Pollers(
    [
        rss.new_entries,
        http_list.new_entries,
        imap.new_mail,
    ]
)

APPS = (*REGISTRY.apps, manual.MANUAL, *POLLERS.apps)

__all__ = ["APPS", "POLLERS", "REGISTRY", "Pollers", "Registry", "catalogue"]

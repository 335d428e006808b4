"""The trigger that a person pulls: the "Run" button and ``POST /zaps/{id}/run``."""

from flowforge.actions.sdk import App, Trigger

MANUAL = App(
    "manual",
    "Manual",
    icon="/icons/trigger-manual.svg",
    triggers=(Trigger("manual", "Manual", "Starts a run when you press Run."),),
)

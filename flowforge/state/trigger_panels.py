"""What the panel of a trigger shows beside its form, drawn anew with it."""

import reflex as rx

from flowforge.services.zap_views import ZapView
from flowforge.state import app_trigger, doors, watching


async def show(tab: rx.State, caller: doors.Caller, zap: ZapView) -> None:
    """For the draft that the builder shows."""
    await app_trigger.show(tab, caller, zap)
    await watching.show(tab, caller, zap)

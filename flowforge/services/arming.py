"""What of a zap is going on outside its runs, made to fit what the zap is now.

Promise: it changes in the transaction that changes the zap, whichever that is: publishing, switching
on or off, deleting. Doing it again changes nothing.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from flowforge.models import Zap
from flowforge.services import registrations, timers


async def rearm(session: AsyncSession, zap: Zap) -> None:
    """``zap`` is locked by the caller; its ``trigger`` is that of its live version."""
    await timers.arm(session, zap)
    await registrations.arm(session, zap)

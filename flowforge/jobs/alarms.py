"""Tells owners of schedules that do not run."""

import structlog

from flowforge.infra.mail import Mailer, MailRefused
from flowforge.infra.runtime import Runtime
from flowforge.services import alarms

log = structlog.get_logger()


async def raise_alarms(runtime: Runtime, mailer: Mailer) -> None:
    """Mail whoever is to be told now; what a transport refuses for now is tried at the next sweep."""
    async with runtime.db.transaction() as session:
        mails = await alarms.raise_due(session, runtime.settings)
    for one in mails:
        try:
            await mailer.send(one.message, one.key)
        except MailRefused as problem:
            log.warning("alarm not mailed", timer_id=one.timer_id, for_good=problem.permanent)
            if not problem.permanent:
                async with runtime.db.transaction() as session:
                    await alarms.not_told(session, one.timer_id)

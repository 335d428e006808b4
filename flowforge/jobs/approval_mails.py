"""Sends the mails that ask approvers. Runs never wait for it: what is due stands in the database,
and whoever comes first sends it.
"""

import asyncio

import structlog

from flowforge.errors import Unavailable
from flowforge.infra.mail import Mailer, MailRefused
from flowforge.infra.runtime import Runtime
from flowforge.services import approval_mails
from flowforge.services.approval_mails import ApprovalMail

log = structlog.get_logger()


class ApprovalMails:
    """One per worker process."""

    def __init__(self, runtime: Runtime, mailer: Mailer) -> None:
        self._runtime = runtime
        self._mailer = mailer
        self._is_sending = False
        self._rang = False

    def ring(self) -> None:
        """Mail may be due; returns at once."""
        self._rang = True
        if not self._is_sending:
            self._is_sending = True
            self._runtime.errands.start(self._send_while_rung(), name="approval mails")

    async def send_due(self) -> None:
        """Send all that is due now; what a transport refuses is due again later."""
        while batch := await self._claimed():
            done = await asyncio.gather(*map(self._send, batch), return_exceptions=True)
            approval_mails.tell(self._runtime.signals, batch)
            for problem in done:
                if problem is not None:
                    raise problem

    async def _send_while_rung(self) -> None:
        try:
            while self._rang:
                self._rang = False
                await self.send_due()
        except Unavailable:
            log.warning("approval mails wait for the database")
        finally:
            self._is_sending = False

    async def _claimed(self) -> list[ApprovalMail]:
        async with self._runtime.db.transaction() as session:
            return await approval_mails.claim(session, self._runtime.settings, self._runtime.vault)

    async def _send(self, one: ApprovalMail) -> None:
        try:
            await self._mailer.send(one.message, one.key)
        except MailRefused as problem:
            # Without any transport it is refused as well, and an operator may set one yet.
            for_good = problem.permanent and self._runtime.settings.has_mail_transport
            log.warning("approval mail not sent", approver_id=one.approver_id, for_good=for_good)
            async with self._runtime.db.transaction() as session:
                await approval_mails.note_refused(
                    session, one.approver_id, str(problem), for_good=for_good
                )
        else:
            async with self._runtime.db.transaction() as session:
                await approval_mails.note_sent(session, one.approver_id)

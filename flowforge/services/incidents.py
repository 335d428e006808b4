"""What a project's admins are told by mail because nobody would see it otherwise."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from flowforge.infra.runtime import Runtime
from flowforge.models import Destination, Member, User
from flowforge.services import letters, mailbox
from flowforge.services.access import Role


async def mail_admins(session: AsyncSession, running: Runtime, destination: Destination) -> None:
    """Mail, once the transaction has committed, that ``destination`` was switched off by itself."""
    admins = await session.scalars(
        select(User)
        .join(Member, col(Member.user_id) == col(User.id))
        .where(
            col(Member.project_id) == destination.project_id,
            col(Member.role) == Role.ADMIN,
            col(User.deactivated_at).is_(None),
        )
        .order_by(col(User.id))
    )
    for user in admins.all():
        letter = letters.destination_disabled(
            running.settings,
            user.name,
            user.email,
            destination=destination.name or destination.url,
            reason=destination.disabled_reason or "",
        )
        key = (
            f"destination-disabled:{destination.id}:{destination.updated_at.isoformat()}:{user.id}"
        )
        await mailbox.post(session, running, letter, key)

"""The tables, without behaviour. Importing this package registers every table with SQLModel."""

from flowforge.models.account import Mail, MailToken, Member, Project, User, UserSession
from flowforge.models.event import Event
from flowforge.models.file import File
from flowforge.models.run import Attempt, OutboxEntry, Run, StoreEntry
from flowforge.models.zap import Version, Zap

__all__ = [
    "Attempt",
    "Event",
    "File",
    "Mail",
    "MailToken",
    "Member",
    "OutboxEntry",
    "Project",
    "Run",
    "StoreEntry",
    "User",
    "UserSession",
    "Version",
    "Zap",
]

"""The tables, without behaviour. Importing this package registers every table with SQLModel."""

from flowforge.models.account import Mail, MailToken, Member, Project, User, UserSession
from flowforge.models.approval import Approval, Approver
from flowforge.models.event import Event
from flowforge.models.file import File
from flowforge.models.folder import Folder, Tag
from flowforge.models.notice import Delivery, Destination, Notice
from flowforge.models.run import (
    Attempt,
    Batch,
    Gate,
    OutboxEntry,
    Run,
    Sample,
    StoreEntry,
    WorkerEntry,
)
from flowforge.models.snapshot import Snapshot
from flowforge.models.tally import Tally, TallyMark
from flowforge.models.trigger import AppSource, Registration, Slot, Timer
from flowforge.models.zap import Version, Zap

__all__ = [
    "AppSource",
    "Approval",
    "Approver",
    "Attempt",
    "Batch",
    "Delivery",
    "Destination",
    "Event",
    "File",
    "Folder",
    "Gate",
    "Mail",
    "MailToken",
    "Member",
    "Notice",
    "OutboxEntry",
    "Project",
    "Registration",
    "Run",
    "Sample",
    "Slot",
    "Snapshot",
    "StoreEntry",
    "Tag",
    "Tally",
    "TallyMark",
    "Timer",
    "User",
    "UserSession",
    "Version",
    "WorkerEntry",
    "Zap",
]

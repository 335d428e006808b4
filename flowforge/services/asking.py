"""Approvals as the carrying of runs sees them: rows to ask, what was decided, questions to close.

An approval has the id of the attempt that waits for it. Lock order, here and in ``approvals``: the
run's outbox entry first, then the approval.
"""

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Table

from flowforge.engine.protocol import Ask, Decided, ErrorInfo
from flowforge.infra.bulk import Bulk, Rows, moment
from flowforge.infra.db import new_id
from flowforge.models import Approval, Approver

LONGEST_QUESTION = 10_000
MOST_APPROVERS = 100
MOST_SIGNALS = 100

_APPROVAL: Table = Approval.__table__  # type: ignore[attr-defined]
_APPROVER: Table = Approver.__table__  # type: ignore[attr-defined]
_ASKED = (
    "id",
    "project_id",
    "run_id",
    "path",
    "number",
    "question",
    "required",
    "veto",
    "status",
    "created_at",
    "expires_at",
)
_PEOPLE = ("id", "approval_id", "email", "comment", "mail_due_at")
_ADDRESS = re.compile(r"[^\s,;<>@]+@[^\s,;<>@]+")

# The attempt must still wait: of an older one (before a retry) nobody wants to hear.
_DECIDED = (
    "SELECT a.id, a.run_id, a.path, a.status, a.required FROM approval a "
    "JOIN attempt t ON t.id = a.id "
    "WHERE a.status IN ('approved', 'rejected') AND t.status = 'running' AND a.run_id IN :ids"
)
_SAID = (
    "SELECT p.approval_id, p.email, p.approved, p.comment, p.decided_at, u.email AS member "
    'FROM approver p LEFT JOIN "user" u ON u.id = p.user_id '
    "WHERE p.approval_id IN :ids ORDER BY p.decided_at, p.id"
)


@dataclass(frozen=True, slots=True)
class Said:
    """What one of the asked has said so far: ``approved`` is None for nothing."""

    approver: str
    approved: bool | None
    comment: str
    at: dt.datetime | None


def refusal(command: Ask) -> ErrorInfo | None:
    """Why this cannot be asked; None: it can."""
    if len(command.question) > LONGEST_QUESTION:
        return ErrorInfo(
            "question_too_long",
            f"The question has {len(command.question):,} characters. It may have "
            f"{LONGEST_QUESTION:,}: put what is longer behind a link.",
        )
    people = addresses(command)
    for email in people:
        if not _ADDRESS.fullmatch(email) or not email.isprintable():
            return ErrorInfo("bad_approver", f"'{email[:100]}' is no e-mail address.")
    if len(people) > MOST_APPROVERS:
        return ErrorInfo(
            "too_many_approvers", f"{len(people)} people are too many: {MOST_APPROVERS} at most."
        )
    if command.approvers and command.required > len(people):
        return ErrorInfo(
            "too_few_approvers",
            f"{command.required} approvals are required, but only {len(people)} "
            f"{'person is' if len(people) == 1 else 'people are'} asked.",
        )
    return None


def addresses(command: Ask) -> list[str]:
    """The people to ask, each once; one text may hold several, separated by commas."""
    parts = (part.strip().lower() for text in command.approvers for part in re.split(r"[,;]", text))
    return list(dict.fromkeys(part for part in parts if part))


def approval_rows(
    run_id: str,
    project_id: str,
    command: Ask,
    attempt_id: str,
    *,
    asked_at: dt.datetime,
    expires_at: dt.datetime | None,
) -> list[Rows]:
    """What to insert in the transaction that opens ``attempt_id``; afterwards mail is due."""
    asked = (
        attempt_id,
        project_id,
        run_id,
        command.path,
        command.number,
        storable(command.question),
        command.required,
        command.veto,
        "pending",
        asked_at,
        expires_at,
    )
    people = [(new_id(), attempt_id, email, "", asked_at) for email in addresses(command)]
    return [(_APPROVAL, _ASKED, [asked]), (_APPROVER, _PEOPLE, people)]


def storable(text: str) -> str:
    """``text`` without what no database takes: NUL, and halves of surrogate pairs."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


async def outcomes(tx: Bulk, run_ids: Sequence[str]) -> dict[str, list[Decided]]:
    """What was decided about approvals that these runs still wait for, by run.

    To be read after the runs' outbox entries are locked or leased, and before time-outs are drawn
    from a clock: then a decision that was acknowledged is never taken for a time-out.
    """
    decided = await tx.select(_DECIDED, run_ids)
    if not decided:
        return {}
    said: defaultdict[str, list[Said]] = defaultdict(list)
    for row in await tx.select(_SAID, [row["id"] for row in decided]):
        said[row["approval_id"]].append(_said(row))
    found: defaultdict[str, list[Decided]] = defaultdict(list)
    for row in decided:
        is_approved = row["status"] == "approved"
        output = result(said[row["id"]], row["required"], approved=is_approved)
        found[row["run_id"]].append(Decided(row["path"], is_approved, output))
    return dict(found)


def result(said: Sequence[Said], required: int, *, approved: bool) -> dict[str, Any]:
    """The output of an approval step.

    ``total``: who was asked; members who answer unasked (nobody was named) count as they do.
    """
    answered = [one for one in said if one.approved is not None]
    total = max(len(said), required)
    return {
        "approved": approved,
        "timed_out": False,
        "total": total,
        "succeeded": sum(one.approved is True for one in answered),
        "rejected": sum(one.approved is False for one in answered),
        "pending": total - len(answered),
        "signals": [
            {
                "approver": one.approver,
                "approved": one.approved,
                "comment": one.comment,
                "at": one.at.isoformat() if one.at else None,
            }
            for one in answered[:MOST_SIGNALS]
        ],
    }


async def close(
    tx: Bulk, attempt_ids: Sequence[str], status: Literal["expired", "given_up"]
) -> None:
    """Nobody can answer any more what these attempts asked; what was decided stays as it is.

    Attempts that are no approvals may be among them.
    """
    if not attempt_ids:
        return
    await tx.select(
        f"UPDATE approval SET status = '{status}', decided_at = {tx.now} "  # noqa: S608 - our own constants
        "WHERE status = 'pending' AND id IN :ids RETURNING id",
        attempt_ids,
    )
    await tx.select(
        "UPDATE approver SET mail_due_at = NULL "
        "WHERE mail_due_at IS NOT NULL AND approval_id IN :ids RETURNING id",
        attempt_ids,
    )


def _said(row: Any) -> Said:
    return Said(
        approver=row["email"] or row["member"] or "a former member",
        approved=None if row["approved"] is None else bool(row["approved"]),
        comment=row["comment"],
        at=moment(row["decided_at"]) if row["decided_at"] is not None else None,
    )

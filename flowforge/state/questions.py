"""What a run asks people, as its page shows it."""

from dataclasses import dataclass, field

from flowforge.services.approvals import ApprovalView
from flowforge.state import shown


@dataclass(frozen=True)
class Person:
    """Somebody who was asked: what they said, or what became of their mail."""

    email: str
    said: str
    comment: str
    trouble: str


@dataclass(frozen=True)
class Asked:
    """A question that a run waits for, or waited for."""

    id: str = ""
    question: str = ""
    status: str = ""
    counts: str = ""
    may_decide: bool = False
    people: list[Person] = field(default_factory=list)


NOT_ASKED = Asked()


def asked_of(approval: ApprovalView) -> Asked:
    said = [one.approved for one in approval.approvers]
    return Asked(
        id=approval.id,
        question=shown.line(approval.question),
        status=approval.status,
        counts=f"{said.count(True)} of {approval.required} needed",
        may_decide=approval.may_decide,
        people=[
            Person(
                email=shown.line(one.email),
                said={True: "approved", False: "rejected", None: "no answer yet"}[one.approved],
                comment=shown.line(one.comment),
                trouble=f"The mail could not be sent yet. {shown.line(one.mail_error or '')}"
                if one.mail == "failed"
                else "",
            )
            for one in approval.approvers
        ],
    )

"""Mail through the operator's transport: Resend, SMTP or the local mailbox."""

from html import escape
from typing import Any

from pydantic import Field, field_validator, model_validator

from flowforge.actions.sdk import (
    MEGABYTE,
    ActionError,
    Context,
    FatalError,
    Inputs,
    Letter,
    OutcomeUnknown,
    Output,
    RetryableError,
    SomeFiles,
    action,
    missing,
    read_all,
)

DEFAULT_SUBJECT = "FlowForge automation triggered"
MOST_ATTACHED = 10
MOST_BYTES = 20 * MEGABYTE
LONGEST_ADDRESS = 254  # RFC 5321, 4.5.3.1.3


class Email(Inputs):
    to: str = Field(
        title="To",
        description="One address.",
        examples=["grace@example.com"],
        json_schema_extra={"placeholder": "grace@example.com", "formerly": ["email"]},
    )
    subject: str = Field(
        default=DEFAULT_SUBJECT, title="Subject", description="One line.", max_length=998
    )
    body: str = Field(
        title="Body",
        description="Plain text; line breaks are kept.",
        json_schema_extra={"widget": "textarea"},
    )
    attachments: SomeFiles = Field(
        default_factory=list,
        max_length=MOST_ATTACHED,
        title="Attachments",
        description=f"At most {MOST_ATTACHED}, together 20 MB. "
        "{{ trigger.body.attachment }} is what a form received.",
    )

    @model_validator(mode="before")
    @classmethod
    def _to_or_email(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        rest = {key: value for key, value in data.items() if key not in {"to", "email"}}
        given = [
            value
            for value in (data.get("to"), data.get("email"))
            if value is not None and (not isinstance(value, str) or value.strip())
        ]
        if not given:
            raise missing("email")
        if len(given) > 1:
            raise ValueError("give either 'to' or 'email', not both")
        return {**rest, "to": given[0]}

    @field_validator("to")
    @classmethod
    def _one_address(cls, value: str) -> str:
        value = value.strip()
        name, _, domain = value.rpartition("@")
        odd = any(not c.isprintable() or c in ' ,;<>"()[]\\' for c in value)
        if not name or "@" in name or odd or "." in (domain[:1], domain[-1:]) or not domain:
            raise ValueError("must be one address such as grace@example.com")
        if len(value) > LONGEST_ADDRESS:
            raise ValueError(f"is longer than {LONGEST_ADDRESS} characters")
        return value

    @field_validator("subject", mode="before")
    @classmethod
    def _one_line(cls, value: object) -> object:
        # A line break would start another header; the words of the owner are kept on one line.
        if value is None:
            return DEFAULT_SUBJECT
        if isinstance(value, str):
            line = " ".join("".join(c if c.isprintable() else " " for c in value).split())
            return line or DEFAULT_SUBJECT
        return value


class Sent(Output):
    id: str = Field(title="Message id", description="The transport's id of the mail.")
    to: str = Field(title="To")


@action("email", name="Send Email", keywords=("mail", "smtp", "letter", "message"))
async def send_email(ctx: Context[None], inputs: Email) -> Sent:
    """Send a plain-text email, with files where there are any."""
    mailer = ctx.config.mailer
    if mailer is None:
        raise FatalError(
            "This FlowForge cannot send mail: ask its operator to set FLOWFORGE_RESEND_API_KEY "
            "or FLOWFORGE_SMTP_URL."
        )
    letter = Letter(
        to=inputs.to,
        subject=inputs.subject,
        text=inputs.body,
        html=as_html(inputs.body),
        attachments=tuple(await read_all(ctx.files, inputs.attachments, MOST_BYTES)),
    )
    try:
        message_id = await mailer.send(letter, ctx.idempotency_key)
    except mailer.refused as refusal:
        raise _failure(refusal) from refusal
    return Sent(id=message_id, to=inputs.to)


def _failure(refusal: Exception) -> ActionError:
    if getattr(refusal, "uncertain", False):
        return OutcomeUnknown(str(refusal))
    if getattr(refusal, "permanent", True):
        return FatalError(str(refusal))
    return RetryableError(str(refusal), retry_after=getattr(refusal, "retry_after", None))


def as_html(text: str) -> str:
    """The text as HTML that looks the same and can contain no markup."""
    return f'<div style="white-space: pre-wrap">{escape(text)}</div>'

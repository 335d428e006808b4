"""The words of the mails of the house: plain text and HTML, each with a link that works.

Links start at PUBLIC_URL, never at what a request claims to be its host.
"""

import unicodedata
from dataclasses import dataclass
from html import escape

from flowforge.config import Settings
from flowforge.infra.mail import Message

VERIFY_PATH = "/verify-email"
RESET_PATH = "/reset-password"
APPROVAL_PATH = "/approvals"
DESTINATIONS_PATH = "/destinations"
LONGEST_NAME = 100
# Embeddings, overrides and isolates: they can make "pay 10" read as "pay 01".
_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True)
class _Letter:
    """``quoted`` stands in a frame of its own: words that are not ours."""

    subject: str
    opening: str
    button: str
    link: str
    expiry: str
    closing: str
    quoted: str = ""


def verification(settings: Settings, name: str, email: str, token: str) -> Message:
    return _message(
        name,
        email,
        _Letter(
            subject="Verify your email for FlowForge",
            opening="Welcome to FlowForge. One click and your account is ready.",
            button="Verify my email",
            link=f"{settings.effective_public_url}{VERIFY_PATH}?token={token}",
            expiry="The link works once and expires in 24 hours.",
            closing="You did not sign up? Then ignore this mail and nothing happens.",
        ),
    )


def password_reset(settings: Settings, name: str, email: str, token: str) -> Message:
    return _message(
        name,
        email,
        _Letter(
            subject="Reset your FlowForge password",
            opening="Somebody asked to reset the password of your FlowForge account.",
            button="Choose a new password",
            link=f"{settings.effective_public_url}{RESET_PATH}?token={token}",
            expiry="The link works once and expires in 15 minutes.",
            closing="It was not you? Then ignore this mail: your password stays as it is.",
        ),
    )


def approval(
    settings: Settings, email: str, token: str, *, zap_name: str, question: str, expiry: str
) -> Message:
    """``question`` may hold anything that a webhook brought along."""
    return _message(
        "",
        email,
        _Letter(
            subject=f"Your approval is asked for: {_one_line(zap_name)}",
            opening=f"The zap “{_one_line(zap_name)}” waits for your answer to this:",
            button="See and answer",
            link=f"{settings.effective_public_url}{APPROVAL_PATH}/{token}",
            expiry=f"The link is yours alone and takes one answer. {expiry}".rstrip(),
            closing="Opening it decides nothing. You do not know what this is? Then ignore it.",
            quoted=plain_text(question),
        ),
    )


def destination_disabled(
    settings: Settings, name: str, email: str, *, destination: str, reason: str
) -> Message:
    """``reason`` may quote what the receiver's server said."""
    return _message(
        name,
        email,
        _Letter(
            subject=f"Switched off: the event destination {_one_line(destination)}",
            opening=(
                f"FlowForge sends nothing more to the event destination “{_one_line(destination)}”:"
            ),
            button="See it and switch it on again",
            link=f"{settings.effective_public_url}{DESTINATIONS_PATH}",
            expiry="What it is owed is kept for 30 days and sent once it is switched on again.",
            closing="You get this because you manage the project.",
            quoted=plain_text(reason),
        ),
    )


def does_not_run(
    settings: Settings,
    name: str,
    email: str,
    *,
    zap_name: str,
    zap_id: str,
    since: str,
    schedule: str,
) -> Message:
    """``schedule``: in words; ``since``: when a run began last, in words."""
    return _message(
        name,
        email,
        _Letter(
            subject=f"Does not run: {_one_line(zap_name)}",
            opening=(
                f"The zap “{_one_line(zap_name)}” ought to run, and no run of it has begun since "
                f"{since}. Its schedule:"
            ),
            button="See its schedule",
            link=f"{settings.effective_public_url}/zaps/{zap_id}/schedule",
            expiry="You are told once; again only after it has run in between.",
            closing="You get this because you own the zap and its schedule asks for this alarm.",
            quoted=plain_text(schedule),
        ),
    )


def plain_text(words: str) -> str:
    """``words`` without characters that change what a reader sees of the others."""
    return "".join(
        letter
        for letter in words
        if letter in "\n\t" or unicodedata.category(letter) not in {"Cc", "Cs"}
        if letter not in _DIRECTIONS
    )


def _one_line(words: str) -> str:
    line = " ".join(plain_text(words).split())
    return "".join(letter for letter in line if letter.isprintable())[:LONGEST_NAME] or "unnamed"


def _message(name: str, email: str, letter: _Letter) -> Message:
    lines = "\n".join(f"    {line}" for line in letter.quoted.splitlines())
    quoted = f"{lines}\n\n" if lines else ""
    text = (
        f"Hello{_named(name)},\n\n{letter.opening}\n\n{quoted}"
        f"{letter.button}:\n{letter.link}\n\n"
        f"{letter.expiry}\n\n{letter.closing}\n\n-- \nFlowForge\n"
    )
    return Message(to=email, subject=letter.subject, text=text, html=_html(name, letter))


# Tables and inline styles: mail programs know little else.
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{subject}</title></head>
<body style="margin:0;padding:32px 16px;background:#f4f5f7;\
font-family:system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;color:#1c2333">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0"><tr><td align="center">
<table role="presentation" cellpadding="0" cellspacing="0" style="max-width:480px;width:100%;\
background:#ffffff;border:1px solid #e3e6ec;border-radius:12px">
<tr><td style="padding:32px;font-size:16px;line-height:1.5">
<p style="margin:0 0 24px;font-weight:700;font-size:18px;color:#4f46e5">FlowForge</p>
<p style="margin:0 0 12px">Hello{name},</p>
<p style="margin:0 0 24px">{opening}</p>
{quoted}<p style="margin:0 0 24px"><a href="{link}" style="display:inline-block;padding:12px 24px;\
background:#4f46e5;color:#ffffff;border-radius:8px;text-decoration:none;font-weight:600">{button}</a></p>
<p style="margin:0 0 4px;font-size:14px;color:#5b6478">Or copy this link into your browser:</p>
<p style="margin:0 0 24px;font-size:14px;word-break:break-all">\
<a href="{link}" style="color:#4f46e5">{link}</a></p>
<p style="margin:0 0 4px;font-size:14px;color:#5b6478">{expiry}</p>
<p style="margin:0;font-size:14px;color:#5b6478">{closing}</p>
</td></tr></table></td></tr></table>
</body>
</html>
"""

_QUOTE = """<p dir="auto" style="margin:0 0 24px;padding:12px 16px;border-left:4px solid #4f46e5;\
background:#f4f5f7;white-space:pre-wrap;word-break:break-word">{words}</p>
"""


def _named(name: str) -> str:
    return f" {name}" if name else ""


def _html(name: str, letter: _Letter) -> str:
    return _PAGE.format(
        name=escape(_named(name)),
        quoted=_QUOTE.format(words=escape(letter.quoted)) if letter.quoted else "",
        subject=escape(letter.subject),
        opening=escape(letter.opening),
        button=escape(letter.button),
        link=escape(letter.link),
        expiry=escape(letter.expiry),
        closing=escape(letter.closing),
    )

"""The words of the mails about accounts: plain text and HTML, each with a link that works.

Links start at PUBLIC_URL, never at what a request claims to be its host.
"""

from dataclasses import dataclass
from html import escape

from flowforge.config import Settings
from flowforge.infra.mail import Message

VERIFY_PATH = "/verify-email"
RESET_PATH = "/reset-password"


@dataclass(frozen=True)
class _Letter:
    subject: str
    opening: str
    button: str
    link: str
    expiry: str
    closing: str


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


def _message(name: str, email: str, letter: _Letter) -> Message:
    text = (
        f"Hello {name},\n\n{letter.opening}\n\n{letter.button}:\n{letter.link}\n\n"
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
<p style="margin:0 0 12px">Hello {name},</p>
<p style="margin:0 0 24px">{opening}</p>
<p style="margin:0 0 24px"><a href="{link}" style="display:inline-block;padding:12px 24px;\
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


def _html(name: str, letter: _Letter) -> str:
    return _PAGE.format(
        name=escape(name),
        subject=escape(letter.subject),
        opening=escape(letter.opening),
        button=escape(letter.button),
        link=escape(letter.link),
        expiry=escape(letter.expiry),
        closing=escape(letter.closing),
    )

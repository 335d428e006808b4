"""The page behind the link in an approval's mail: plain HTML, no script, nothing to sign in to.

Promise: whatever a question, a name or a comment holds is shown as text; looking changes nothing.
"""

import base64
import datetime as dt
import hashlib
from html import escape
from http import HTTPStatus

from starlette.responses import HTMLResponse

from flowforge.services.approvals import Question
from flowforge.services.deciding import LONGEST_COMMENT
from flowforge.services.letters import plain_text

# The tokens of assets/flowforge.css that one small page needs.
_STYLE = """
:root{color-scheme:light dark;--bg:#f8f8fa;--surface:#fff;--sunken:#f2f3f6;--line:#e5e7ec;
--control:#878e9d;--ink:#14161c;--ink-2:#454b58;--accent:#4f46e5;--accent-strong:#4338ca;
--ok:#0b7a48;--bad:#b3261e;--bad-line:#f3bbb7}
@media(prefers-color-scheme:dark){:root{--bg:#0e1014;--surface:#16191f;--sunken:#101318;
--line:#262b35;--control:#6e7686;--ink:#f2f3f6;--ink-2:#bcc2cd;--accent:#5b54ee;
--accent-strong:#6f6af8;--ok:#56d597;--bad:#ff9088;--bad-line:#6b2b28}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;background:var(--bg);color:var(--ink);
font:400 16px/1.55 ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
display:grid;place-items:start center;padding:8vh 16px 48px}
main{width:100%;max-width:560px;background:var(--surface);border:1px solid var(--line);
border-radius:14px;padding:32px;box-shadow:0 6px 20px -6px rgb(20 22 28/12%)}
.brand{margin:0 0 20px;font-weight:700;color:var(--ink-2);font-size:15px}
h1{margin:0 0 6px;font-size:22px;line-height:1.25;letter-spacing:-.01em;overflow-wrap:anywhere}
p{margin:0 0 16px}.muted{color:var(--ink-2);font-size:14.5px;overflow-wrap:anywhere}
.asked{margin:20px 0;padding:16px 18px;background:var(--sunken);border:1px solid var(--line);
border-radius:9px;white-space:pre-wrap;overflow-wrap:anywhere;max-height:50vh;overflow:auto}
label{display:block;margin:0 0 6px;font-weight:600;font-size:14.5px}
textarea{width:100%;min-height:84px;padding:10px 12px;border:1px solid var(--control);
border-radius:9px;background:var(--surface);color:var(--ink);font:inherit;resize:vertical}
.row{display:flex;flex-wrap:wrap;gap:12px;margin:20px 0 0}
button{flex:1 1 180px;min-height:46px;padding:10px 20px;border-radius:9px;font:inherit;
font-weight:600;cursor:pointer;border:1px solid transparent}
.yes{background:var(--accent);color:#fff}.yes:hover{background:var(--accent-strong)}
.no{background:var(--surface);color:var(--bad);border-color:var(--bad-line)}
.no:hover{background:var(--sunken)}
:focus-visible{outline:3px solid var(--accent-strong);outline-offset:2px}
.approved{color:var(--ok)}.rejected{color:var(--bad)}
"""
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_DIGEST}'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{title} · FlowForge</title>
<style>{style}</style></head>
<body><main>
<p class="brand">FlowForge</p>
{content}
</main></body>
</html>
"""
_ASKS = """<h1>Your approval is asked for</h1>
<p class="muted">The zap “<bdi>{zap}</bdi>” of “<bdi>{project}</bdi>” waits for the answer of
<bdi>{email}</bdi>. {expiry}</p>
<div class="asked" dir="auto" tabindex="0" role="region" aria-label="Question">{question}</div>
<form method="post">
<label for="comment">Comment, if you like</label>
<textarea id="comment" name="comment" maxlength="{most}" dir="auto"></textarea>
<div class="row">
<button class="yes" name="answer" value="approve" data-testid="approve">Approve</button>
<button class="no" name="answer" value="reject" data-testid="reject">Reject</button>
</div>
</form>
"""
_TELLS = """<h1 class="{look}" data-testid="answer">{title}</h1>
<p class="muted">{text}</p>
{asked}"""
_ASKED = '<div class="asked" dir="auto" tabindex="0" role="region" aria-label="Question">{}</div>'


def asking(question: Question) -> HTMLResponse:
    """The question with its two buttons, or what became of it."""
    if question.status == "pending" and question.approved is None:
        content = _ASKS.format(
            zap=_text(question.zap_name),
            project=_text(question.project_name),
            email=_text(question.email),
            expiry=f"You can answer until {_moment(question.expires_at)}."
            if question.expires_at
            else "",
            question=_text(question.question),
            most=LONGEST_COMMENT,
        )
        return _page("Your approval", content)
    title, text, look = _ended(question)
    asked = _ASKED.format(_text(question.question))
    zap = _text(question.zap_name)
    told = f"{text} It is about the zap “<bdi>{zap}</bdi>”."
    return _page(title, _TELLS.format(title=title, text=told, look=look, asked=asked))


def problem(status: int, message: str, *, headers: dict[str, str] | None = None) -> HTMLResponse:
    """Nothing to answer here, and why."""
    title = {
        404: "This link leads nowhere",
        429: "Too many requests",
        503: "Try again shortly",
    }.get(status, "This cannot be read")
    content = _TELLS.format(title=title, text=_text(message), look="", asked="")
    return _page(title, content, status=status, headers=headers)


def _ended(question: Question) -> tuple[str, str, str]:
    """Title, text and look of a page without buttons."""
    if question.approved is not None:
        said = "approved" if question.approved else "rejected"
        so_far = {
            "pending": "Others have still to answer.",
            "approved": "It is approved.",
            "rejected": "It is rejected.",
        }.get(question.status, "")
        return f"You {said} this", f"On {_moment(question.decided_at)}. {so_far}", said
    if question.status in {"approved", "rejected"}:
        text = f"Others {question.status} it before you answered. Nothing is needed from you."
        return f"This was {question.status}", text, question.status
    if question.status == "expired":
        text = "Nobody decided in time, and the zap went on without. Nothing was changed."
        return "The time to answer is over", text, ""
    text = "What asked for it has ended. Nothing is needed from you, and nothing was changed."
    return "No answer is needed any more", text, ""


def _page(
    title: str, content: str, *, status: int = HTTPStatus.OK, headers: dict[str, str] | None = None
) -> HTMLResponse:
    page = _PAGE.format(title=escape(title), style=_STYLE, content=content)
    return HTMLResponse(page, status_code=status, headers=_HEADERS | (headers or {}))


def _text(words: str) -> str:
    return escape(plain_text(words))


def _moment(at: dt.datetime | None) -> str:
    at = at.astimezone(dt.UTC) if at else None
    return f"{at.day} {at:%B %Y, %H:%M} UTC" if at else "an unknown day"

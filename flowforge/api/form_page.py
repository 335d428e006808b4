"""The page of a form trigger: plain HTML, no script, nothing to sign in to.

Promise: whatever a form's owner or whoever fills it in wrote is shown as text; what was typed stays
where it was until it is taken.
"""

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from http import HTTPStatus
from typing import Any

from starlette.responses import HTMLResponse

from flowforge.engine.triggers import FormField, FormSettings
from flowforge.infra.db import new_id
from flowforge.services.answers import LONGEST_LINE, LONGEST_TEXT, label_of
from flowforge.services.forms import ONCE, TRAP
from flowforge.services.letters import plain_text

# The tokens of assets/flowforge.css that one small page needs.
_STYLE = """
:root{color-scheme:light dark;--bg:#f8f8fa;--surface:#fff;--line:#e5e7ec;--control:#878e9d;
--ink:#14161c;--ink-2:#454b58;--accent:#4f46e5;--accent-strong:#4338ca;--bad:#b3261e;
--bad-soft:#fdf1f0;--bad-line:#f3bbb7;--ok:#0b7a48}
@media(prefers-color-scheme:dark){:root{--bg:#0e1014;--surface:#16191f;--line:#262b35;
--control:#6e7686;--ink:#f2f3f6;--ink-2:#bcc2cd;--accent:#5b54ee;--accent-strong:#8f8bff;
--bad:#ff9088;--bad-soft:#2a1716;--bad-line:#6b2b28;--ok:#56d597}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;background:var(--bg);color:var(--ink);
font:400 16px/1.55 ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;
display:grid;place-items:start center;padding:7vh 16px 48px}
main{width:100%;max-width:600px;background:var(--surface);border:1px solid var(--line);
border-radius:14px;padding:32px;box-shadow:0 6px 20px -6px rgb(20 22 28/12%)}
h1{margin:0 0 6px;font-size:24px;line-height:1.25;letter-spacing:-.012em;overflow-wrap:anywhere}
p{margin:0 0 16px;overflow-wrap:anywhere}
.about{color:var(--ink-2);white-space:pre-line;margin-bottom:22px}
.field{margin:0 0 20px}
label,legend{display:block;margin:0 0 6px;padding:0;font-weight:600;font-size:15px;
overflow-wrap:anywhere}
fieldset{border:0;margin:0 0 20px;padding:0;min-width:0}
.optional{font-weight:400;color:var(--ink-2);font-size:13.5px}
.help{margin:-2px 0 7px;color:var(--ink-2);font-size:14px}
input,select,textarea{width:100%;min-height:46px;padding:10px 12px;border:1px solid var(--control);
border-radius:9px;background:var(--surface);color:var(--ink);font:inherit}
textarea{min-height:120px;resize:vertical}
input[type=file]{padding:9px}
.tick{display:flex;gap:11px;align-items:flex-start;font-weight:500;margin:0;cursor:pointer}
.tick input{flex:none;width:22px;min-height:22px;height:22px;margin:1px 0 0;
accent-color:var(--accent)}
[aria-invalid=true]{border-color:var(--bad)}
.wrong{margin:7px 0 0;color:var(--bad);font-size:14.5px}
.wrong::before{content:"⚠ ";}
.summary{margin:0 0 22px;padding:12px 15px;background:var(--bad-soft);
border:1px solid var(--bad-line);border-radius:9px}
.summary a{color:var(--bad)}.summary ul{margin:6px 0 0;padding-left:20px}
button{width:100%;min-height:48px;margin-top:4px;padding:10px 20px;border-radius:9px;font:inherit;
font-weight:600;cursor:pointer;border:0;background:var(--accent);color:#fff;overflow-wrap:anywhere}
button:hover{background:var(--accent-strong)}
:focus-visible{outline:3px solid var(--accent-strong);outline-offset:2px}
.trap{position:absolute;left:-9999px;width:1px;height:1px;overflow:hidden}
.made{margin:26px 0 0;color:var(--ink-2);font-size:13px;text-align:center}
.ok{color:var(--ok)}
@media(max-width:480px){body{padding:16px 0 32px}main{border-width:1px 0;border-radius:0;
padding:24px 18px}}
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
<meta name="robots" content="noindex"><title>{title}</title>
<style>{style}</style></head>
<body><main>
{content}
<p class="made">Made with FlowForge</p>
</main></body>
</html>
"""
_FORM = """<h1 dir="auto">{title}</h1>
{about}{summary}<form method="post" enctype="multipart/form-data" accept-charset="utf-8" novalidate>
{fields}
<div class="trap" aria-hidden="true"><label for="{trap}">Leave this empty</label>
<input id="{trap}" name="{trap}" tabindex="-1" autocomplete="off"></div>
<input type="hidden" name="{once_name}" value="{once}">
<button data-testid="send" dir="auto">{button}</button>
</form>
"""
_INPUT_TYPES = {"email": "email", "date": "date", "file": "file"}


def asking(
    settings: FormSettings,
    given: Mapping[str, Any] | None = None,
    problems: Mapping[str, str] | None = None,
    *,
    status: int = HTTPStatus.OK,
) -> HTMLResponse:
    """The form; with what was ``given`` so far and the ``problems`` of it, by field."""
    given, problems = given or {}, problems or {}
    once = given.get(ONCE)
    about = f'<p class="about" dir="auto">{_text(settings.description)}</p>'
    content = _FORM.format(
        title=_text(settings.title) or "Form",
        about=about if settings.description.strip() else "",
        summary=_summary(settings, problems),
        fields="\n".join(
            _field(field, given.get(field.name), problems.get(field.name, ""))
            for field in settings.fields
        ),
        trap=TRAP,
        once_name=ONCE,
        once=escape(once) if isinstance(once, str) and once else new_id(),
        button=_text(settings.button) or "Send",
    )
    wrong = "Please check: " if problems else ""
    return _page(f"{wrong}{settings.title or 'Form'}", content, status=status)


def thanks(settings: FormSettings) -> HTMLResponse:
    """It is stored."""
    said = _text(settings.thanks) or "Thank you."
    content = (
        f'<h1 class="ok" dir="auto">{_text(settings.title) or "Sent"}</h1>'
        f'<p class="about" dir="auto" role="status" data-testid="thanks">{said}</p>'
    )
    return _page(settings.title or "Sent", content)


def problem(status: int, message: str, *, headers: dict[str, str] | None = None) -> HTMLResponse:
    """Nothing to fill in here, or nothing was stored, and why."""
    title = {
        404: "This form is closed",
        408: "That took too long",
        413: "That is too large",
        429: "Too many at once",
        503: "Try again shortly",
    }.get(status, "This cannot be read")
    content = f'<h1 data-testid="problem">{title}</h1><p class="about">{_text(message)}</p>'
    return _page(title, content, status=status, headers=headers)


def _summary(settings: FormSettings, problems: Mapping[str, str]) -> str:
    if not problems:
        return ""
    lines = "".join(
        f'<li><a href="#f-{field.name}">{_text(label_of(field))}</a></li>'
        for field in settings.fields
        if field.name in problems
    )
    return (
        '<div class="summary" role="alert" data-testid="summary">Nothing was sent yet. '
        f"Please look at:<ul>{lines}</ul></div>"
    )


def _field(field: FormField, value: Any, wrong: str) -> str:
    """One field with its label, its help, what was typed and what is wrong with that."""
    name = field.name
    notes = [f"h-{name}"] if field.help.strip() else []
    notes += [f"e-{name}"] if wrong else []
    shared = f'id="f-{name}" name="{name}"'
    shared += f' aria-describedby="{" ".join(notes)}"' if notes else ""
    shared += ' aria-invalid="true"' if wrong else ""
    shared += ' required aria-required="true"' if field.required else ""
    help_text = f'<p class="help" id="h-{name}" dir="auto">{_text(field.help)}</p>'
    said = f'<p class="wrong" id="e-{name}" data-testid="error-{name}">{_text(wrong)}</p>'
    below = said if wrong else ""
    above = help_text if field.help.strip() else ""
    optional = "" if field.required else ' <span class="optional">(optional)</span>'
    label = f"{_text(label_of(field))}{optional}"
    if field.kind == "yes_no":
        ticked = " checked" if value in ("yes", "on", "true") else ""
        box = f'<input type="checkbox" value="yes" {shared}{ticked}>'
        tick = f'<label class="tick">{box}<span dir="auto">{label}</span></label>'
        return f'<div class="field">{above}{tick}{below}</div>'
    head = f'<label for="f-{name}" dir="auto">{label}</label>'
    return f'<div class="field">{head}{above}{_control(field, shared, value)}{below}</div>'


def _control(field: FormField, shared: str, value: Any) -> str:
    text = escape(value) if isinstance(value, str) else ""
    match field.kind:
        case "long_text":
            # The first line break after the tag would be swallowed.
            return (
                f'<textarea {shared} rows="5" maxlength="{LONGEST_TEXT}" dir="auto">\n'
                f"{text}</textarea>"
            )
        case "choice":
            options = "".join(
                f'<option value="{escape(one.strip())}"{" selected" if one.strip() == value else ""}>'
                f"{_text(one)}</option>"
                for one in field.options
            )
            return f'<select {shared}><option value="">Choose…</option>{options}</select>'
        case "file":
            return f'<input type="file" {shared}>'
        case "number":
            return f'<input inputmode="decimal" {shared} value="{text}">'
    kind = _INPUT_TYPES.get(field.kind, "text")
    return f'<input type="{kind}" {shared} maxlength="{LONGEST_LINE}" dir="auto" value="{text}">'


def _page(
    title: str, content: str, *, status: int = HTTPStatus.OK, headers: dict[str, str] | None = None
) -> HTMLResponse:
    page = _PAGE.format(title=_text(title), style=_STYLE, content=content)
    return HTMLResponse(page, status_code=status, headers=_HEADERS | (headers or {}))


def _text(words: str) -> str:
    return escape(plain_text(words))

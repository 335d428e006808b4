"""Keys and passwords that stand as plain text where anybody sees them: for the hints. Pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from flowforge.actions import REGISTRY
from flowforge.engine.definition import ActionStep, CodeStep, ReplyStep, Step, ZapStep
from flowforge.engine.expressions import is_template
from flowforge.infra.redaction import is_secret_name

_MESSAGE = (
    "This looks like a key or password as plain text: whoever sees the zap or its runs can read it. "
    "Put it into a header such as Authorization, whose value is hidden, and replace the key."
)
# The forms that issuers give their keys, so that a scanner can know them.
_KEY = re.compile(
    r"\b(?:sk|rk)_(?:live|test)_\w{10,}"
    r"|\bsk-[A-Za-z0-9_-]{20,}"
    r"|\bxox[abeprs]-[\w-]{10,}"
    r"|\bgh[opsur]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{15,}"
    r"|\bAKIA[0-9A-Z]{16}\b|\bAIza[\w-]{30,}"
    r"|-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----"
    r"|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\."
    r"|://[^/\s:@{}]{1,100}:[^/\s@{}]{4,200}@"
    r"|[?&](?:api_?key|access_token|auth_token|token|secret|password)=[^&{}\s]{6,}",
    re.IGNORECASE,
)


def findings(step: Step) -> Iterator[tuple[str, str]]:
    """The path and the sentence of each. What is named like a secret is hidden anyway."""
    path = f"steps.{step.id}"
    match step:
        case ActionStep():
            known = REGISTRY.get(step.action)
            hidden = known.secret_fields if known else frozenset[str]()
            shown = {name: value for name, value in step.inputs.items() if name not in hidden}
            yield from _walk(shown, f"{path}.inputs")
        case CodeStep():
            yield from _walk(step.inputs, f"{path}.inputs")
            yield from _walk(step.code, f"{path}.code")
        case ZapStep():
            yield from _walk(step.input, f"{path}.input")
        case ReplyStep():
            yield from _walk(step.body, f"{path}.body")
            yield from _walk(step.headers, f"{path}.headers")


def named(values: Any) -> list[str]:
    """Names in ``values`` under which a secret stands as it was typed: runs hide it, the form does
    not.
    """
    items = values.items() if isinstance(values, Mapping) else ()
    return [
        str(name)
        for name, value in items
        if is_secret_name(str(name)) and value not in (None, "") and not is_template(value)
    ]


def _walk(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        if _KEY.search(value):
            yield path, _MESSAGE
    elif isinstance(value, Mapping):
        for name, each in value.items():
            if not is_secret_name(str(name)):
                yield from _walk(each, f"{path}.{name}")
    elif isinstance(value, list | tuple):
        for at, each in enumerate(value):
            yield from _walk(each, f"{path}[{at}]")

"""The first FlowForge's ``{a.b}``, put into today's ``{{ … }}`` once, when metadata arrive.

``{comment.email}`` named a value of the webhook's body; here it becomes
``{{trigger.body.comment.email}}``. Everything else that has braces (``{}``, ``{unclosed``, JSON
text) stays as it is. Promise: ``to_seed(to_liquid(text)) == text`` for the placeholders that
``to_liquid`` finds, so metadata are read back as they were sent.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from flowforge.engine import expressions

_SEGMENT = r"[\w$@-]+"
_PLACEHOLDER = re.compile(rf"\{{({_SEGMENT}(?:\.{_SEGMENT})*)\}}")
# What could begin an expression, in the order in which it is tried at each place.
_BRACES = re.compile(rf"\{{\{{(?P<inner>[^{{}}]*)\}}\}}|{_PLACEHOLDER.pattern}|\{{+%?")
_NAME = re.compile(r"[A-Za-z_]\w*")
_INDEX = re.compile(r"\d{1,9}")
_OURS = re.compile(r"\{\{trigger\.body((?:\.\w+|\[\d+\]|\['[^']+'\])+)\}\}")
_PART = re.compile(r"\.(\w+)|\[(\d+)\]|\['([^']+)'\]")
_LITERAL = re.compile(r"\{\{ '(\{+%?)' \}\}")
# Possessive, and the end may be missing: a text of nothing but quotes takes linear time.
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_ROOTS = ("trigger", "steps", "run", "connections")


def to_liquid(value: Any, *, may_open: bool = False) -> Any:
    """``value`` with the placeholders of every text in it translated; keys stay.

    ``may_open``: a text that is a JSON object or list becomes that object or list, so that a
    value with quotes in it cannot break out of its place.
    """
    match value:
        case str():
            opened = _opened(value) if may_open else None
            return _text(value) if opened is None else to_liquid(opened)
        case Mapping():
            return {key: to_liquid(each) for key, each in value.items()}
        case list():
            return [to_liquid(each) for each in value]
    return value


def to_seed(value: Any) -> Any:
    """What ``to_liquid`` made, back in the words of the first FlowForge."""
    match value:
        case str():
            plain = _OURS.sub(lambda found: f"{{{_dotted(found[1])}}}", value)
            return _LITERAL.sub(lambda found: found[1], plain)
        case Mapping():
            return {key: to_seed(each) for key, each in value.items()}
        case list():
            return [to_seed(each) for each in value]
    return value


def _text(text: str) -> str:
    return _BRACES.sub(_replacement, text) if "{" in text else text


def _replacement(found: re.Match[str]) -> str:
    inner, path = found["inner"], found[2]
    if inner is not None:
        return _doubled(found[0], inner.strip())
    if path is not None:
        return _expression(path)
    # Braces that today's language would read are written as a text inside an expression; a
    # single one only where a placeholder follows it directly.
    is_open = len(found[0]) > 1 or found.string[found.end() : found.end() + 1] == "{"
    return f"{{{{ '{found[0]}' }}}}" if is_open else found[0]


def _doubled(whole: str, inner: str) -> str:
    """``{{ … }}``: today's language where it names one of its roots, else a payload's path."""
    if _ROOTS_AT_START.match(inner) and _is_readable(whole):
        return whole
    if _PLACEHOLDER.fullmatch(f"{{{inner}}}"):
        return _expression(inner)
    return f"{{{{ '{{{{' }}}}{whole[2:]}"


_ROOTS_AT_START = re.compile(rf"(?:{'|'.join(_ROOTS)})\b")


def _is_readable(source: str) -> bool:
    try:
        expressions.compile_template(source)
    except expressions.ExpressionError:
        return False
    return True


def _expression(path: str) -> str:
    return f"{{{{trigger.body{''.join(_step(part) for part in path.split('.'))}}}}}"


def _step(part: str) -> str:
    if _INDEX.fullmatch(part):
        return f"[{int(part)}]"
    return f".{part}" if _NAME.fullmatch(part) else f"['{part}']"


def _dotted(steps: str) -> str:
    return ".".join(name or index or quoted for name, index, quoted in _PART.findall(steps))


def _opened(text: str) -> Any:
    """The object or list that ``text`` is as JSON, also where a placeholder stands bare in it
    (``{"n": {n}}``); None where it is neither.
    """
    if not text.lstrip().startswith(("{", "[")) or _PLACEHOLDER.fullmatch(text.strip()):
        return None
    for candidate in (text, _quoted(text)):
        try:
            value = json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        return value if isinstance(value, dict | list) else None
    return None


def _quoted(text: str) -> str:
    """``text`` with each placeholder that stands outside of strings made a string."""
    pieces, position = [], 0
    for string in _JSON_STRING.finditer(text):
        pieces += [_PLACEHOLDER.sub(r'"\g<0>"', text[position : string.start()]), string[0]]
        position = string.end()
    return "".join((*pieces, _PLACEHOLDER.sub(r'"\g<0>"', text[position:])))

"""JSON that a person edits in a box: the text of a value, the value of a text, and what is wrong."""

import json
from typing import Any

from flowforge.errors import FlowForgeError, Invalid, Malformed
from flowforge.infra import documents

LONGEST = 1_000_000
MOST_SENTENCES = 5


def text_of(value: Any) -> str:
    """``value`` as somebody would write it."""
    return json.dumps(value, indent=2, ensure_ascii=False)


def value_of(text: str) -> Any:
    """What the text says.

    Raises: Invalid with line and column where it is no JSON.
    """
    if len(text) > LONGEST:
        raise Invalid(f"This is too long to edit here: at most {LONGEST:,} characters.")
    try:
        json.loads(text)
    except json.JSONDecodeError as problem:
        raise Invalid(
            f"Line {problem.lineno}, column {problem.colno}: {_plain(problem.msg)}."
        ) from None
    except RecursionError:
        raise Invalid("This is nested too deeply.") from None
    try:
        # The reader of the house: it knows what cannot be stored.
        return documents.parse(text, what="text", unique_keys=True)
    except Malformed as problem:
        raise Invalid(problem.message) from None


def sentence_of(problem: FlowForgeError) -> str:
    """What is wrong, place by place, a line each."""
    details = [
        f"{one['path']}: {one['message']}" if one.get("path") else str(one["message"])
        for one in problem.details or ()
    ]
    more = len(details) - MOST_SENTENCES
    shown = details[:MOST_SENTENCES] + ([f"… and {more} more"] if more > 0 else [])
    return "\n".join(shown) or problem.message


def _plain(message: str) -> str:
    """Python's words for it, less technical where they are."""
    return {
        "Expecting value": "a value is missing here",
        "Expecting property name enclosed in double quotes": "a name in double quotes is missing "
        "here (or there is a comma too many)",
        "Expecting ',' delimiter": "a comma or a closing bracket is missing here",
        "Expecting ':' delimiter": "a colon is missing here",
        "Extra data": "this comes after the end",
        "Unterminated string starting at": "this text has no closing quote",
        "Invalid control character at": "a line break inside of a text is written \\n",
    }.get(message, message)

"""What to do about a failed attempt, in one sentence for the owner of the zap. Pure.

Promise: it never repeats what was received or sent; where nothing useful is known, it says nothing.
"""

import re
from collections.abc import Mapping
from typing import Any

# As the actions say it: "POST to https://… failed with status 404".
_STATUS = re.compile(r"failed with status (\d{3})\b")
_CREDENTIALS = (
    "The other side does not accept these credentials. Check the key or token in this step."
)
_AGAIN = "It is tried again by itself as long as attempts are left; after that, press Retry."

_BY_STATUS = {
    400: "The other side did not understand what was sent. Compare the input below with what its documentation asks for.",
    401: _CREDENTIALS,
    403: "The other side does not allow this. Check the key or token in this step, and what it may do there.",
    404: "There is nothing at this address. Check the URL, and the ids in it.",
    405: "This address does not take this method. Choose another one in the step.",
    408: f"The other side waited too long. {_AGAIN}",
    409: "The other side says that this is there already or was changed meanwhile. Look there before you retry.",
    410: "What was at this address is gone for good. Ask its owner for the new one.",
    413: "This is more than the other side takes at once. Send less, or in parts with a loop.",
    415: "The other side wants another format. Set the header Content-Type that it asks for.",
    422: "The other side read it, and a value does not suit it. Its answer says which; compare it with the input below.",
    429: f"Too many calls. {_AGAIN} Fewer rounds side by side, or a limit on the zap, keep it from happening.",
}
_OF_SERVERS = f"The other side has a problem of its own. {_AGAIN}"
_OF_MOVED = "This address moved. Put the new one into the step."

_BY_CODE = {
    "bad_input": "Open the step and fill in what the message names; a value that an expression did not find is empty.",
    "expression": "Open the step and mend the expression; the builder shows its value with the last sample.",
    "unknown_action": "This server does not have the action any more. Choose another one for the step.",
    "timeout": "Give the step more time under “When it fails”, or ask the other side for less at once.",
    "outcome_unknown": "Look at the other side whether it happened before you run it again.",
    "code_error": "The message names the line. Open the step, run the code there with this input, and mend it.",
    "code_syntax": "The message names the line. Open the step and mend it.",
    "time_limit": "Give the code more time under “When it fails”, or let it do less.",
    "memory_limit": "Let the code work on less at once, for example in a loop.",
    "not_allowed": "Code has no files and no network: fetch what it needs in a step before it.",
    "not_json": "Let the last line be texts, numbers, lists and objects only.",
    "worker_lost": "The process that worked on it was lost. If nothing was sent twice by it, press Retry.",
    "recursion_limit": "The code calls itself too often. Use a loop in it instead.",
    "result_too_large": "Let the code give less: only what the next steps need.",
    "too_many_rounds": "Narrow the list down before the loop, or raise its limit where it has one.",
    "deadline": "The whole run took too long. Look at the timeline for the step that waited.",
    "too_many_items": "Narrow the list down in a code step before the loop.",
}


def what_to_do(error: Mapping[str, Any] | None) -> str:
    """``error``: as an attempt keeps it, ``{"code", "message"}``. Empty for no advice."""
    if not error:
        return ""
    said = _STATUS.search(str(error.get("message", "")))
    if said:
        return _of_status(int(said[1]))
    return _BY_CODE.get(str(error.get("code", "")), "")


def _of_status(status: int) -> str:
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    match status // 100:
        case 3:
            return _OF_MOVED
        case 5:
            return _OF_SERVERS
    return ""

"""Steps as text that people copy, send around and paste: between zaps, projects and forums.

Pure. What is copied holds no secret and no connection; what is pasted may be anything that somebody
found, and what is wrong with it is told in words.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from flowforge.errors import FlowForgeError, Invalid, Malformed, TooLarge
from flowforge.infra import documents
from flowforge.services import curls, drafts, editing_copies, editing_places, portable, transfer
from flowforge.services.editing_places import Draft, Place, Step

FORMAT = 1
LARGEST_BYTES = 1024 * 1024

# Where steps may begin. A cURL line stands at the beginning of a line, maybe behind a prompt, or
# is set as code; anywhere else "curl" is a word.
_BEGINS = re.compile(
    r"(?m)(?:^[ \t]*(?:[$>%#][ \t]+)?|(?P<tick>`))(?P<curl>curl(?:\.exe)?\s)|[{\[]"
)
_OURS = re.compile(r'[{\[]\s*(?:{\s*)?"(?:flowforge|steps|definition|schema_version|kind|trigger)"')
_DECODER = json.JSONDecoder()
_EXPECTED = (
    "Paste steps that were copied in FlowForge, the file of an exported zap, or a cURL line."
)


def copied_text(definition: Mapping[str, Any], ids: Collection[str]) -> str:
    """The steps with these ids in the order in which they stand, each with all that is in it; one
    that is inside another of them comes with that one, and ids that are gone are passed over.

    Raises: Invalid where nothing remains.
    """
    inner: set[str] = set()
    chosen: list[Step] = []
    for step in drafts.all_steps(definition):
        if step["id"] in ids and step["id"] not in inner:
            chosen.append(step)
            inner |= editing_places.inside(step)
    if not chosen:
        raise Invalid("Choose at least one step to copy.")
    bare = portable.without_secrets({"steps": chosen})
    steps = drafts.map_steps(bare, _unconnected)["steps"]
    return json.dumps({"flowforge": FORMAT, "steps": steps}, ensure_ascii=False, indent=2)


def pasted(definition: Draft, text: str, place: Place, at: int) -> tuple[Draft, list[str]]:
    """The draft with the steps of ``text`` before position ``at`` (clipped) of the list ``place``,
    under ids of their own, and those of the outermost ones.

    Raises: as ``steps_in``; NotFound for a place that is gone. Whether the draft has become too
    large is seen when it is saved.
    """
    taken = {step["id"] for step in drafts.all_steps(definition)}
    steps = editing_copies.copied(steps_in(text), taken)

    def among(others: list[Step]) -> list[Step]:
        before = max(0, at)
        return [*others[:before], *steps, *others[before:]]

    return editing_places.with_list(definition, place, among), [step["id"] for step in steps]


def steps_in(text: str) -> list[Step]:
    """The first steps in ``text``: what ``copied_text`` gives, a bare step or a list of them, an
    exported zap, a definition, or a cURL line; alone, in a fence or amid prose.

    Raises: TooLarge over 1 MB; Invalid with what is wrong, or with what was expected.
    """
    if len(text.encode(errors="replace")) > LARGEST_BYTES:
        raise TooLarge("This text is larger than 1 MB. Paste a part of it.")
    refusal: FlowForgeError | None = None
    for found in _candidates(text):
        if isinstance(found, FlowForgeError):
            refusal = refusal or found
            continue
        return found
    if refusal is not None:
        raise refusal
    raise Invalid(f"There are no steps in this text. {_EXPECTED}")


def _candidates(text: str) -> Iterator[list[Step] | FlowForgeError]:
    """Steps, or why what looks like some cannot be read, in the order in which they stand."""
    at = 0
    while begins := _BEGINS.search(text, at):
        if begins["curl"]:
            at = begins.end()
            yield _curl(text[begins.start("curl") :], is_code=bool(begins["tick"]))
        else:
            start = begins.start()
            at, value = _document(text, start)
            if isinstance(value, FlowForgeError):
                if start == len(text) - len(text.lstrip()) or _OURS.match(text, start):
                    yield value
            elif (holder := _holder(value)) is not None:
                yield _read(holder)


def _curl(text: str, *, is_code: bool) -> list[Step] | FlowForgeError:
    try:
        return [curls.step(text.partition("`")[0] if is_code else text)]
    except Invalid as refusal:
        return refusal


def _document(text: str, start: int) -> tuple[int, Any]:
    """Where the JSON document at ``start`` ends, and its value or what is wrong with it.

    What cannot be read ends where the reader stopped: so each character is looked at once.
    """
    try:
        _, end = _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as problem:
        message = f"The JSON breaks off at line {problem.lineno} column {problem.colno}:"
        return max(start + 1, problem.pos), Invalid(f"{message} {problem.msg.lower()}.")
    except (RecursionError, ValueError):
        return len(text), Invalid("This JSON is nested too deeply, or has a number too large.")
    try:
        return end, documents.parse(text[start:end], what="text")
    except Malformed as problem:
        return end, Invalid(problem.message)


def _holder(value: Any) -> dict[str, Any] | None:
    """What has ``steps`` and maybe says how it was written; None for what is none of ours."""
    match value:
        case {"kind": str()}:
            return {"steps": [value]}
        case {"steps": list()} | {"definition": dict()}:
            return dict(value)
        case [{"kind": str()}, *_]:
            return {"steps": value}
    return None


def _read(holder: dict[str, Any]) -> list[Step] | FlowForgeError:
    if holder.get("flowforge", FORMAT) != FORMAT:
        return Invalid("These steps were copied in a newer release of FlowForge. Update this one.")
    try:
        if isinstance(given := holder.get("definition"), dict):
            version = holder.get("schema_version", transfer.SCHEMA_VERSION)
            holder = transfer.migrated(given, version if type(version) is int else 0)
        return _readable(holder.get("steps"))
    except (Invalid, TooLarge) as refusal:
        return refusal


def _readable(steps: Any) -> list[Step]:
    """Raises: Invalid that names the step and the key."""
    if not steps:
        raise Invalid(f"There is no step in this. {_EXPECTED}")
    definition = {"steps": _with_ids(steps)}
    try:
        drafts.readable(definition)
    except Invalid as refusal:
        first = (refusal.details or [{"path": "", "message": refusal.message}])[0]
        where = f"{first['path']}: " if first["path"] else ""
        message = f"These steps cannot be pasted. {where}{first['message']}"
        raise Invalid(message, details=refusal.details) from None
    placed: list[Step] = drafts.map_steps(definition, _unconnected)["steps"]
    return placed


def _with_ids(steps: Any) -> Any:
    """Ids for steps that were written by hand and have none; of the outermost list."""
    if not isinstance(steps, list):
        return steps
    taken = {str(step["id"]) for step in steps if isinstance(step, dict) and "id" in step}
    found = []
    for step in steps:
        if isinstance(step, dict) and "id" not in step:
            name = editing_copies.free(taken, str(step.get("action") or step.get("kind") or ""))
            taken.add(name)
            found.append({"id": name, **step})
        else:
            found.append(step)
    return found


def _unconnected(step: Step) -> Step:
    """A zap that a step runs keeps its id: within the project it means what it meant, and anywhere
    else the draft's problems say that there is none.
    """
    return portable.unplaced(step) | ({"zap_id": step["zap_id"]} if "zap_id" in step else {})

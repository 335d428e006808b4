"""Sticky notes of the canvas: text beside the steps, for people only. Pure, like the other gestures.

A draft's ``notes`` may also be one text, as a script wrote it: on the canvas it is a note (or several,
where it is longer than one may be), and the first gesture on it keeps it that way.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from flowforge.engine.definition import LONGEST_NOTE, MOST_NOTES, NOTE_COLORS
from flowforge.errors import Invalid, NotFound
from flowforge.services.editing_places import Draft

Note = dict[str, Any]

WIDTH, HEIGHT = 220, 140
_LEAST, _MOST = 80, 2_000
_FARTHEST = 1_000_000
# Left of the steps, one below the other.
_BESIDE, _BELOW = -420, 160


def notes_of(draft: Mapping[str, Any]) -> list[Note]:
    """The draft's notes, with everything spelled out."""
    notes = draft.get("notes") or []
    if isinstance(notes, str):
        parts = [notes[at : at + LONGEST_NOTE] for at in range(0, len(notes), LONGEST_NOTE)]
        notes = [
            {"id": f"note_{number}", "text": part, "x": _BESIDE, "y": (number - 1) * _BELOW}
            for number, part in enumerate(parts, start=1)
        ]
    return [
        {"text": "", "width": WIDTH, "height": HEIGHT, "color": NOTE_COLORS[0], **note}
        for note in notes
    ]


def add(draft: Draft, x: float, y: float) -> tuple[Draft, str]:
    """One more, empty, with its middle there, and its id. Raises: Invalid beyond ``MOST_NOTES``."""
    notes = notes_of(draft)
    if len(notes) >= MOST_NOTES:
        raise Invalid(f"A zap has at most {MOST_NOTES} notes. Delete one first.")
    taken = {note["id"] for note in notes}
    number = next(each for each in range(1, MOST_NOTES + 1) if f"note_{each}" not in taken)
    note = {
        "id": f"note_{number}",
        "text": "",
        "x": _within(x - WIDTH / 2, -_FARTHEST, _FARTHEST),
        "y": _within(y - HEIGHT / 2, -_FARTHEST, _FARTHEST),
        "width": WIDTH,
        "height": HEIGHT,
        "color": NOTE_COLORS[0],
    }
    return {**draft, "notes": [*notes, note]}, str(note["id"])


def write(draft: Draft, note_id: str, text: str) -> Draft:
    """Raises: Invalid for a text that is too long, NotFound."""
    if len(text) > LONGEST_NOTE:
        raise Invalid(f"A note has at most {LONGEST_NOTE:,} characters, this one {len(text):,}.")
    return _changed(draft, note_id, lambda note: {**note, "text": text})


def place(draft: Draft, note_id: str, box: Mapping[str, Any]) -> Draft:
    """Somewhere else, or of another size: any of ``x``, ``y``, ``width``, ``height``, clipped to
    what a note may be. Raises: Invalid for what is no number, NotFound.
    """
    limits = {"x": -_FARTHEST, "y": -_FARTHEST, "width": _LEAST, "height": _LEAST}
    after = {
        key: _within(box[key], least, _FARTHEST if least < 0 else _MOST)
        for key, least in limits.items()
        if key in box
    }
    return _changed(draft, note_id, lambda note: {**note, **after})


def paint(draft: Draft, note_id: str, color: str) -> Draft:
    """Raises: Invalid, NotFound."""
    if color not in NOTE_COLORS:
        raise Invalid(f"A note is one of these: {', '.join(NOTE_COLORS)}.")
    return _changed(draft, note_id, lambda note: {**note, "color": color})


def remove(draft: Draft, note_id: str) -> Draft:
    """Raises: NotFound."""
    return _changed(draft, note_id, lambda _: None)


def _changed(draft: Draft, note_id: str, change: Callable[[Note], Note | None]) -> Draft:
    notes = notes_of(draft)
    if all(note["id"] != note_id for note in notes):
        raise NotFound("This note is gone. Reload the page to see the zap as it is now.")
    after = [change(note) if note["id"] == note_id else note for note in notes]
    return {**draft, "notes": [note for note in after if note is not None]}


def _within(number: Any, least: int, most: int) -> int:
    if not isinstance(number, int | float) or not math.isfinite(number):
        raise Invalid("The place and the size of a note are numbers.")
    return round(max(least, min(most, number)))

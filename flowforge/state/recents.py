"""What somebody chose last, kept by their browser: what comes back is looked up before it is shown."""

import reflex as rx

MOST = 8
_LONGEST = 100


class Recents(rx.State):
    """Keys, the newest first, a line each: of steps that were added, and of lines of the palette."""

    steps: str = rx.LocalStorage("", name="recent-steps")
    lines: str = rx.LocalStorage("", name="recent-lines")


def steps(kept: Recents) -> list[str]:
    return _read(kept.steps)


def lines(kept: Recents) -> list[str]:
    return _read(kept.lines)


def note_step(kept: Recents, key: str) -> None:
    kept.steps = _with(kept.steps, key)


def note_line(kept: Recents, key: str) -> None:
    kept.lines = _with(kept.lines, key)


def _read(kept: str) -> list[str]:
    # A browser may send anything.
    return [each for each in kept.split("\n", MOST)[:MOST] if 0 < len(each) <= _LONGEST]


def _with(kept: str, key: str) -> str:
    others = [each for each in _read(kept) if each != key]
    return "\n".join([key, *others][:MOST])

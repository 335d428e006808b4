"""How well a few typed letters fit what can be chosen.

Pure. Every word counts: one that fits nowhere leaves the thing out. Case and order mean nothing.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

LONGEST = 100
_MOST_WORDS = 8
_LEAST_INSIDE = 3
_WORD = re.compile(r"\w+")

T = TypeVar("T")


@dataclass(frozen=True)
class Said:
    """What a thing is called, by which other words people look for it, and what is told of it."""

    name: str
    keywords: Sequence[str] = ()
    rest: str = ""


def best(things: Iterable[T], query: str, said: Callable[[T], Said]) -> list[T]:
    """The things that fit, best first; equals, and all of them for an empty query, as they came."""
    words = query[:LONGEST].lower().split()[:_MOST_WORDS]
    placed = [(one, place(words, said(one))) for one in things]
    fitting = [(one, at) for one, at in placed if at is not None]
    return [one for one, _ in sorted(fitting, key=lambda each: each[1])]


def place(words: Sequence[str], said: Said) -> int | None:
    """How far from the best, all words together; None where one fits nowhere."""
    found = [_place(word, said) for word in words]
    known = [each for each in found if each is not None]
    return sum(known) if len(known) == len(found) else None


def _place(word: str, said: Said) -> int | None:
    """The best first. A keyword that is typed whole is meant; one that only begins so may be chance."""
    name, rest, keywords = said.name.lower(), said.rest.lower(), list(map(str.lower, said.keywords))
    # Two letters are in the middle of everything.
    is_long = len(word) >= _LEAST_INSIDE
    fits = (
        name == word,
        name.startswith(word) or word in keywords,
        any(each.startswith(word) for each in _WORD.findall(name)),
        any(each.startswith(word) for each in keywords),
        is_long and word in name,
        word in rest if is_long else any(each.startswith(word) for each in _WORD.findall(rest)),
        _is_scattered(word, name),
    )
    return next((at for at, is_so in enumerate(fits) if is_so), None)


def _is_scattered(word: str, name: str) -> bool:
    """Whether the letters stand in ``name`` in this order, from the beginning of a word and not far
    apart: ``wbhk`` is a webhook.
    """
    if len(word) < _LEAST_INSIDE:
        return False
    for begin in _WORD.finditer(name):
        at = begin.start()
        if name[at] != word[0]:
            continue
        for letter in word[1:]:
            at = name.find(letter, at + 1)
            if at < 0:
                break
        if 0 <= at < begin.start() + 2 * len(word):
            return True
    return False

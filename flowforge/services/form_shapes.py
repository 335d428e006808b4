"""What a form is made of, as a page draws it: plain frozen data, texts all of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

NO_BRANCH = -1


@dataclass(frozen=True)
class Pair:
    """One line of a list of names and values."""

    name: str
    value: str


@dataclass(frozen=True)
class Option:
    """One of several things to choose; ``is_on``: it is chosen."""

    value: str
    label: str
    is_on: bool = False


@dataclass(frozen=True)
class Cell:
    """One control of a row. Its ``name`` is empty where a row is one text."""

    name: str
    label: str
    widget: str
    value: str
    placeholder: str
    options: list[Option]


@dataclass(frozen=True)
class Row:
    """One item of a list."""

    place: int
    cells: list[Cell]
    is_first: bool
    is_last: bool


@dataclass(frozen=True)
class Span:
    """A stretch of text. ``look``: plain, strong, em, code or link; only a link has an ``href``."""

    look: str
    text: str
    href: str = ""


@dataclass(frozen=True)
class Block:
    """A paragraph, or an item of a list."""

    is_item: bool
    spans: list[Span]


@dataclass(frozen=True)
class Field:
    """One control. ``is_set``: a secret that is stored and not shown. ``may_switch``: it could hold
    an expression instead, and ``is_expression``: it does. ``said``: what its value comes to;
    ``size``: how large a value is of which only the beginning is shown. Of options that are asked
    for: ``asks`` names what they depend on, ``stage`` is "", loading, ready or failed.
    """

    name: str
    widget: str
    label: str = ""
    hint: str = ""
    is_required: bool = False
    placeholder: str = ""
    value: str = ""
    options: list[Option] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    look: str = ""
    is_set: bool = False
    error: str = ""
    is_gap: bool = False
    may_switch: bool = False
    is_expression: bool = False
    said: str = ""
    size: str = ""
    asks: str = ""
    stage: str = ""
    trouble: str = ""
    searches: bool = False
    chosen: str = ""
    has_more: bool = False


@dataclass(frozen=True)
class Found:
    """What was found out for a control: its options, or the controls that it stands for.

    ``asks``: what it depended on then; ``names``: those of values that were seen before.
    """

    asks: str
    stage: str
    trouble: str = ""
    options: tuple[tuple[str, str], ...] = ()
    has_more: bool = False
    schema: Mapping[str, Any] | None = None
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Tab:
    """What a tab knows of the ``card`` whose form it shows, beside the draft: which ``branch`` is
    open, which controls hold an expression or are shown ``whole``, what was ``found``, and the zap's
    own ``urls``.
    """

    card: str = ""
    branch: int = 0
    urls: Mapping[str, str] = field(default_factory=dict)
    by_hand: frozenset[str] = frozenset()
    whole: frozenset[str] = frozenset()
    found: Mapping[str, Found] = field(default_factory=dict)

    def of(self, card: str) -> "Tab":
        """Of another card it knows nothing."""
        return self if card == self.card else Tab(card, urls=self.urls)

    def with_found(self, name: str, found: Found) -> "Tab":
        before = self.found.get(name)
        names = {**(before.names if before else {}), **dict(found.options)}
        return replace(self, found={**self.found, name: replace(found, names=names)})

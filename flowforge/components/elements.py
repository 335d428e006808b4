"""Our custom elements (assets/flowforge.js): they draw their own text, React only their attributes."""

from typing import Any

import reflex as rx
from reflex_base.constants.compiler import MemoizationDisposition, MemoizationMode
from reflex_components_core.el.elements.base import BaseHTML


class _Custom(BaseHTML):
    # A memoized component is named after its tag, and a tag with a dash is no name in JavaScript.
    _memoization_mode = MemoizationMode(disposition=MemoizationDisposition.NEVER)


class _Time(_Custom):
    tag = "ff-time"
    at: rx.Var[str]
    shows: rx.Var[str]


class _Countdown(_Custom):
    tag = "ff-countdown"
    until: rx.Var[str]
    words: rx.Var[str]


class _Elapsed(_Custom):
    tag = "ff-elapsed"
    since: rx.Var[str]


class _Copy(_Custom):
    tag = "ff-copy"
    value: rx.Var[str]
    label: rx.Var[str]


class _Json(_Custom):
    tag = "ff-json"
    text: rx.Var[str]


class _Anchor(BaseHTML):
    tag = "a"
    href: rx.Var[str]


class _News(_Custom):
    tag = "ff-news"
    revision: rx.Var[int]


class _Opens(_Custom):
    tag = "ff-opens"
    dialog: rx.Var[str]


class _Saved(_Custom):
    tag = "ff-saved"
    saves: rx.Var[int]
    state: rx.Var[str]


def anchor(*content: Any, href: Any, testid: Any, look: str = "", **props: Any) -> rx.Component:
    """A link that the browser follows itself: to the API, or to a place on this page.

    ``rx.el.a`` would hand it to the router, which knows pages only.
    """
    return _Anchor.create(*content, href=href, class_name=look, data_testid=testid, **props)


def when(at: Any) -> rx.Component:
    """A moment as a relative time that stays true, the exact one on hover. ``at``: ISO text."""
    return _Time.create(at=at)


def day(at: Any) -> rx.Component:
    """A moment as its day, such as 05 Jun 2026, the exact time on hover."""
    return _Time.create(at=at, shows="day")


def countdown(until: Any, words: Any = "next try") -> rx.Component:
    """How long until then: next try in 4 s."""
    return _Countdown.create(until=until, words=words)


def elapsed(since: Any) -> rx.Component:
    """How long something has been going on, counting."""
    return _Elapsed.create(since=since)


def copy(value: Any, label: Any, testid: Any) -> rx.Component:
    """A button that copies ``value`` and says so."""
    return _Copy.create(value=value, label=label, data_testid=testid)


def json(text: Any, label: Any) -> rx.Component:
    """Text in JSON's colours, scrolling in itself; never markup, whatever it says."""
    return _Json.create(text=text, aria_label=label, role="region")


def news(notice: Any, revision: Any) -> rx.Component:
    """Presses the button inside when nobody is typing (assets/safety.js); until then it is seen."""
    return _News.create(notice, revision=revision)


def opens(dialog_id: str) -> rx.Component:
    """Opens that dialog when it is drawn."""
    return _Opens.create(dialog=dialog_id)


def saved(saves: Any, state: Any) -> rx.Component:
    """Says Saving… from the first keystroke until ``saves`` has counted on."""
    return _Saved.create(saves=saves, state=state, data_testid="save-state")

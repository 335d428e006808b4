"""A JSON value to look around in: a tree that opens level by level, raw text, search, and what can be
taken along: the value, its path as an expression, all of it as a file. See assets/values.js.
"""

from typing import Any

import reflex as rx
from reflex_base.constants.compiler import MemoizationDisposition, MemoizationMode
from reflex_components_core.el.elements.base import BaseHTML


class _Value(BaseHTML):
    tag = "ff-value"
    # A memoized component is named after its tag, and a tag with a dash is no name in JavaScript.
    _memoization_mode = MemoizationMode(disposition=MemoizationDisposition.NEVER)

    label: rx.Var[str]
    text: rx.Var[str]
    size: rx.Var[str]
    bytes: rx.Var[int]
    url: rx.Var[str]
    root: rx.Var[str]


def value(title: str, shown: Any, testid: Any, *, root: Any = "") -> rx.Component:
    """``shown``: see state/shown.py; of one without text all is fetched when it comes in sight.
    ``root``: what expressions call the value; empty for one that none can name.
    """
    return _Value.create(
        label=title,
        text=shown.text,
        size=shown.size,
        bytes=shown.bytes,
        url=shown.url,
        root=root,
        class_name="json-box value-box",
        data_testid=testid,
    )

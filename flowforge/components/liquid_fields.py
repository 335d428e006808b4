"""Fields that know Liquid: expressions are marked, completed and shown with their values.

Whatever has ``data-takes-data`` takes part; its text stays the browser's own (assets/liquid.js).
"""

import reflex as rx
from reflex_base.constants.compiler import MemoizationDisposition, MemoizationMode
from reflex_components_core.el.elements.base import BaseHTML

from flowforge.infra import documents
from flowforge.services import previews
from flowforge.state.builder import Builder
from flowforge.state.preview import Preview


class _Liquid(BaseHTML):
    tag = "ff-liquid"
    _memoization_mode = MemoizationMode(disposition=MemoizationDisposition.NEVER)

    answers: rx.Var[str]
    card: rx.Var[str]
    filters: rx.Var[str]


def liquid() -> rx.Component:
    """Once on a page: it asks on behalf of all fields and hands out the answers."""
    return rx.fragment(
        _Liquid.create(
            answers=Preview.answers,
            card=f"{Builder.form.card}-{Builder.version}",
            filters=documents.dump(previews.filters()),
        ),
        # What liquid.js writes here is the question.
        rx.el.input(
            id="liquid-question",
            type="text",
            hidden=True,
            tab_index=-1,
            aria_hidden="true",
            default_value="",
            on_change=Preview.look,
        ),
    )

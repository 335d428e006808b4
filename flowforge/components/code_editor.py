"""Python in a field: coloured, completed from the step's inputs and their samples, run by Ctrl+Enter,
with the line that is wrong marked.

It is CodeMirror, wrapped by code_editor.jsx, and comes only once a code step is open.
"""

from typing import Any

import reflex as rx

from flowforge.components import field_parts
from flowforge.state.attaching import Attaching
from flowforge.state.builder import Builder
from flowforge.state.trial import Trial

_SCRIPT = rx.asset("code_editor.jsx", shared=True)


class _CodeEditor(rx.NoSSRComponent):
    library = _SCRIPT.importable_path
    tag = "CodeEditor"
    lib_dependencies: list[str] = [  # noqa: RUF012 - Reflex copies defaults
        "@codemirror/autocomplete@6.20.4",
        "@codemirror/commands@6.11.1",
        "@codemirror/lang-python@6.2.1",
        "@codemirror/language@6.13.1",
        "@codemirror/state@6.7.6",
        "@codemirror/view@6.43.15",
        "@lezer/highlight@1.2.5",
    ]

    name: rx.Var[str]
    label: rx.Var[str]
    value: rx.Var[str]
    errors: rx.Var[list[str]]
    fields: rx.Var[list[Any]]
    on_change: rx.EventHandler[lambda text: [text]]  # type: ignore[type-arg,valid-type]
    on_take: rx.EventHandler[lambda name, expression, code: [name, expression, code]]  # type: ignore[type-arg,valid-type]
    on_run: rx.EventHandler[rx.event.no_args_event_spec]  # type: ignore[type-arg,valid-type]


def code(field: Any) -> rx.Component:
    """The control of ``field``. What it cannot be read for, or what the last test of it ended with,
    marks its line.
    """
    tried = rx.cond(Trial.result.card == Builder.form.card, Trial.result.error, "")
    return _CodeEditor.create(
        name=field.name,
        label=field.label,
        value=field.value,
        errors=[field.error, tried],
        fields=Builder.fields,
        on_change=field_parts.save(field),
        on_take=lambda name, expression, text: Attaching.take(
            Builder.form.card, name, expression, text
        ),
        on_run=Trial.try_step(Builder.form.card, False),
    )

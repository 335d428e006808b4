"""Something that happens when a part of a page is there, and again whenever it is about something else."""

from typing import Any

import reflex as rx

_APPEARS = rx.asset("appears.jsx", shared=True)


class _Appears(rx.Component):
    library = _APPEARS.importable_path
    tag = "Appears"
    of: rx.Var[Any]
    on_appear: rx.EventHandler[rx.event.no_args_event_spec]  # type: ignore[type-arg,valid-type]


def appears(of: Any, do: Any) -> rx.Component:
    """Draws nothing; ``do`` is called once for each ``of``."""
    return _Appears.create(of=of, on_appear=do)

"""What a person does in a form, as gestures on a draft. Pure: a text comes in, and another draft
comes of it; Invalid says in words for that person what a control cannot be.
"""

from collections.abc import Callable, Mapping
from typing import Any

from flowforge.errors import Invalid
from flowforge.services import date_texts, editing, file_rows, form_inputs, form_reading
from flowforge.services.editing import Draft
from flowforge.services.form_inputs import Control
from flowforge.services.form_shapes import Tab

Gesture = Callable[[Draft], Draft]
_NOWHERE = Tab()


def filling(card: str, field: str, text: str, tab: Tab = _NOWHERE) -> Gesture:
    """What stands in a control now becomes the value."""
    return _changing(card, field, tab, lambda control, _: form_reading.meant(control, text))


def setting(card: str, field: str, value: Any) -> Gesture:
    """A value as it is, or none (``None``): of a secret, whose control shows nothing."""
    return lambda draft: form_inputs.with_value(draft, card, field, value)


def filling_moment(card: str, field: str, text: str, minutes: int) -> Gesture:
    """What was picked by a clock that is ``minutes`` east of UTC."""
    return _changing(card, field, _NOWHERE, lambda *_: date_texts.with_zone(text, minutes))


def filling_pair(card: str, field: str, place: int, part: str, text: str) -> Gesture:
    """One name or value of a list of both."""
    return _changing(
        card, field, _NOWHERE, lambda _, value: form_reading.with_pair(value, place, part, text)
    )


def dropping_pair(card: str, field: str, place: int) -> Gesture:
    return _changing(
        card, field, _NOWHERE, lambda _, value: form_reading.without_pair(value, place)
    )


def filling_item(  # noqa: PLR0917 - where in the draft, where in the list, and what
    card: str, field: str, place: int, part: str, text: str, tab: Tab = _NOWHERE
) -> Gesture:
    """One item of a list, or a ``part`` of it."""
    return _changing(
        card,
        field,
        tab,
        lambda control, value: form_reading.with_item(control, value, place, part, text),
    )


def attaching(card: str, field: str, file: Mapping[str, Any], tab: Tab = _NOWHERE) -> Gesture:
    """An uploaded file after the others, or in the place of the one that was there."""
    return _changing(
        card,
        field,
        tab,
        lambda control, value: file_rows.with_line(control, value, file_rows.MOST_LINES, file),
    )


def taking(card: str, name: str, expression: str, code: str) -> Gesture:
    """Code that has come to use an input, and that input."""

    def gesture(draft: Draft) -> Draft:
        coded = form_inputs.with_value(draft, card, "code", code)
        inputs = form_inputs.value_of(coded, card, "inputs")
        known = inputs if isinstance(inputs, Mapping) else {}
        return form_inputs.with_value(coded, card, "inputs", {**known, name: expression})

    return gesture


def adding_item(card: str, field: str) -> Gesture:
    return _changing(card, field, _NOWHERE, lambda _, value: form_reading.with_new_item(value))


def dropping_item(card: str, field: str, place: int) -> Gesture:
    return _changing(
        card, field, _NOWHERE, lambda _, value: form_reading.without_item(value, place)
    )


def moving_item(card: str, field: str, place: int, by: int) -> Gesture:
    return _changing(
        card, field, _NOWHERE, lambda _, value: form_reading.with_item_moved(value, place, by)
    )


def choosing(card: str, field: str, choice: str, *, is_on: bool, tab: Tab = _NOWHERE) -> Gesture:
    """One of several that may be chosen."""
    return _changing(
        card,
        field,
        tab,
        lambda control, value: form_reading.with_choice(control, value, choice, is_on=is_on),
    )


def setting_option(card: str, option: str, text: str) -> Gesture:
    """A setting of the step itself; an empty text is the same as leaving it as it is by itself."""

    def gesture(draft: Draft) -> Draft:
        value = _OPTIONS.get(option, _plain)(text.strip())
        return editing.set_option(draft, card, option, value)

    return gesture


def _changing(card: str, field: str, tab: Tab, change: Callable[[Control, Any], Any]) -> Gesture:
    def gesture(draft: Draft) -> Draft:
        control = form_inputs.control_of(draft, card, field, tab)
        before = form_inputs.value_of(draft, card, field)
        after = change(control, before)
        return form_inputs.with_value(draft, card, field, None if after in ({}, []) else after)

    return gesture


def _plain(text: str) -> str | None:
    return text or None


def _number(least: float, most: float, unit: str, *, whole: bool = False) -> Any:
    def read(text: str) -> float | int | None:
        if not text:
            return None
        try:
            number = int(text) if whole else float(text)
        except ValueError:
            number = -1
        if not least <= number <= most:
            raise Invalid(f"Give a number from {least:,g} to {most:,g}{unit}.", code="out_of_range")
        return int(number) if number == int(number) else number

    return read


_DAY = 86_400
_OPTIONS: dict[str, Callable[[str], Any]] = {
    "name": lambda text: text[:200] or None,
    "skip": lambda text: text == "true" or None,
    "on_error": lambda text: "continue" if text == "continue" else None,
    "attempts": _number(1, 20, "", whole=True),
    "first_wait": _number(0, _DAY, " seconds"),
    "factor": _number(1, 100, ""),
    "longest_wait": _number(0, _DAY, " seconds"),
    "timeout_seconds": _number(1, 600, " seconds"),
}

"""What narrows the run list down: status, zap, days, the step that failed, words, tests."""

from typing import Any

import reflex as rx

from flowforge.components import bulk_replay, controls
from flowforge.state.run_choices import FILTERS
from flowforge.state.runs import Option, Runs


def tools() -> rx.Component:
    groups: Any = Runs.groups
    return rx.el.div(
        rx.el.div(
            _chip("", "All", groups.length() == 0),
            *(
                _chip(group, words, groups.contains(group), Runs.counts[group])
                for group, words in FILTERS.items()
            ),
            class_name="filters",
            role="group",
            aria_label="Status: one or more",
        ),
        rx.el.div(
            controls.icon("search", 15),
            rx.el.input(
                type="search",
                placeholder="Id, key:…, error or data",
                title="The whole id of a run or event; key: and a whole dedupe key; "
                "or words of the error, of what was received or of what a step gave",
                aria_label="Search runs by id, key, error or data",
                class_name="input",
                key=f"search-{Runs.version}",
                default_value=Runs.sought,
                on_change=Runs.search.debounce(300),
                data_testid="runs-search",
            ),
            class_name="search",
        ),
        _choice("Zap", "All zaps", Runs.zap_options, Runs.zap_id, Runs.choose_zap),
        rx.cond(
            Runs.zap_name,
            _choice("Failed step", "Any step", Runs.step_options, Runs.step, Runs.choose_step),
        ),
        _day("From", Runs.first, Runs.choose_first),
        _day("To", Runs.last, Runs.choose_last),
        rx.el.label(
            controls.switch(
                Runs.shows_tests,
                "Show tests of drafts",
                testid="runs-tests",
                on_change=Runs.show_tests,
            ),
            "Tests",
            class_name="on-off",
        ),
        bulk_replay.button(),
        class_name="run-tools",
    )


def _chip(group: str, words: str, is_on: Any, count: Any = "") -> rx.Component:
    return rx.el.button(
        words,
        rx.cond(count, rx.el.span(count, class_name="count num", data_testid="filter-count")),
        type="button",
        aria_pressed=rx.cond(is_on, "true", "false"),
        on_click=Runs.choose(group),
        data_testid=f"filter-{words.lower().replace(' ', '-')}",
    )


def _choice(label: str, nothing: str, options: Any, value: Any, choose: Any) -> rx.Component:
    return rx.el.select(
        rx.el.option(nothing, value=""),
        rx.foreach(options, _option),
        value=value,
        aria_label=label,
        class_name="input run-choice",
        on_change=choose,
        data_testid=f"runs-{label.lower().replace(' ', '-')}",
    )


def _option(option: rx.vars.ObjectVar[Option]) -> rx.Component:
    return rx.el.option(option.words, value=option.value)


def _day(label: str, value: Any, choose: Any) -> rx.Component:
    zone = rx.cond(Runs.zone, Runs.zone, "UTC")
    return rx.el.label(
        rx.el.span(label),
        rx.el.input(
            type="date",
            value=value,
            max="9998-12-31",
            title=f"A day of {zone}, so that this address finds the same runs everywhere",
            aria_label=f"{label}, a day of {zone}",
            class_name="input",
            on_change=choose,
            data_testid=f"runs-{label.lower()}",
        ),
        class_name="run-day",
    )

"""The step picker's search: names, other words for them, and what was picked last."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.actions import REGISTRY
from flowforge.services import choices, ranking
from flowforge.services.ranking import Said
from flowforge.services.step_kinds import KINDS


def _first(query: str) -> str:
    return choices.of_steps(query)[0].key


@pytest.mark.parametrize(
    ("query", "key"),
    [
        *((word, "webhook") for word in ("http", "api", "request", "rest", "curl", "HTTP web")),
        *((word, "router") for word in ("if", "switch", "branch", "case")),
        *((word, "loop") for word in ("foreach", "iterate", "each")),
        *((word, "delay") for word in ("wait", "sleep", "del")),
        *((word, "email") for word in ("mail", "smtp", "send em")),
        ("python", "code"),
        ("human", "approval"),
        ("subflow", "zap"),
        ("respond", "reply"),
        ("fork", "parallel"),
        ("crypto", "send-sol"),
        ("wbhk", "webhook"),
        ("httpw", "webhook"),
    ],
)
def test_a_step_is_found_by_whatever_people_call_it(query: str, key: str) -> None:
    assert _first(query) == key


@pytest.mark.parametrize(
    ("query", "key"),
    [("cron", "schedule"), ("api", "webhook"), ("survey", "form"), ("rss", "poll:rss")],
)
def test_so_is_what_starts_a_zap(query: str, key: str) -> None:
    assert choices.of_triggers(query)[0].key == key


def test_every_action_and_kind_is_found_by_its_own_name_first() -> None:
    named = [(one.name, one.key) for one in REGISTRY.values()]
    named += [(kind.name, kind.key) for kind in KINDS.values() if kind.is_offered]
    assert [_first(name) for name, _ in named] == [key for _, key in named]


def test_without_a_query_what_was_picked_last_comes_first_under_its_own_title() -> None:
    found = choices.of_steps("", ["loop", "gone", "email"])
    assert [(one.key, one.head) for one in found[:2]] == [("loop", "Recent"), ("email", "")]
    assert found[2].head == "Apps"
    assert sorted(one.key for one in found) == sorted(one.key for one in choices.of_steps())
    heads = [one.head for one in choices.of_steps() if one.head]
    assert heads[0] == "Apps"
    assert heads[-1] == "Flow"
    assert len(heads) == len(set(heads))


def test_two_letters_are_not_found_in_the_middle_of_words() -> None:
    assert [one.key for one in choices.of_steps("if")] == ["router", "filter"]


def test_a_search_has_no_titles() -> None:
    assert not any(one.head for one in choices.of_steps("e", ["loop"]))


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (Said("Mail"), Said("Mailing list")),
        (Said("Mail someone"), Said("Send mail")),
        (Said("Send mail"), Said("Letter", ["mailing"])),
        (Said("Letter", ["mail"]), Said("Send mail")),
        (Said("Letter", ["mailing"]), Said("Email")),
        (Said("Email"), Said("Letter", (), "goes by mail")),
        (Said("Letter", (), "goes by mail"), Said("Many italic letters")),
    ],
)
def test_the_name_counts_more_than_other_words_and_those_more_than_what_is_told(
    better: Said, worse: Said
) -> None:
    first, second = ranking.place(["mail"], better), ranking.place(["mail"], worse)
    assert first is not None
    assert second is None or first < second


@given(st.text(max_size=200))
def test_any_text_may_be_searched_for(text: str) -> None:
    assert isinstance(choices.of_steps(text), list)

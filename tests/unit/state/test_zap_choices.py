"""The address of My Zaps: what was chosen, for somebody else to open."""

from hypothesis import given
from hypothesis import strategies as st

from flowforge.state import zap_choices
from flowforge.state.zap_choices import Choices

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60).map(str.strip)


@given(folder=WORDS, tag=WORDS, sought=WORDS)
def test_what_an_address_says_is_what_was_chosen(folder: str, tag: str, sought: str) -> None:
    chosen = Choices(folder, tag, sought)
    path, _, query = zap_choices.address("/dashboard", chosen).partition("?")
    assert (path, zap_choices.of_query(query)) == ("/dashboard", chosen)


def test_nothing_chosen_is_the_bare_address_and_too_much_is_cut() -> None:
    assert zap_choices.address("/dashboard", Choices()) == "/dashboard"
    assert zap_choices.of_query("") == Choices()
    assert len(zap_choices.of_query(f"q={'x' * 5000}").sought) == zap_choices.LONGEST


def test_an_address_holds_nothing_that_ends_a_script() -> None:
    address = zap_choices.address("/dashboard", Choices(sought="</script>'\"\\<"))
    assert not set(address) & set("<>'\"\\")

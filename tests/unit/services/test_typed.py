"""What people type: cleaned or refused with a sentence."""

from collections.abc import Callable

import pytest

from flowforge.services import typed


@pytest.mark.parametrize(
    ("clean", "given", "expected"),
    [
        (typed.name, "  Ada  ", "Ada"),
        (typed.name, "José", "José"),
        (typed.name, "x" * 100, "x" * 100),
        (typed.email, " Ada.L+zap@Example.COM ", "ada.l+zap@example.com"),
        (typed.email, "ada@localhost", "ada@localhost"),
        (typed.email, "ада@пример.рф", "ада@пример.рф"),
        (typed.password, "sechs6", "sechs6"),
        (typed.password, " spaces stay ", " spaces stay "),
        (typed.password, "é" * 36, "é" * 36),
    ],
)
def test_what_is_fine_is_cleaned(clean: Callable[[str], str], given: str, expected: str) -> None:
    assert clean(given) == expected


@pytest.mark.parametrize("address", ["JOSÉ@example.com", "josé@example.com"])
def test_one_address_has_one_spelling_however_it_was_composed(address: str) -> None:
    assert typed.email(address) == "josé@example.com"


@pytest.mark.parametrize(
    "given",
    [
        "",
        "ada",
        "ada@",
        "@example.com",
        "a@b@c",
        "a b@example.com",
        "ada@example.com, bob@example.com",
        "Ada <ada@example.com>",
        "ada@example.com\nBcc: bob@example.com",
        "ada\u0000@example.com",
        "ada\u202e@example.com",
        "ada@example..com",
        "ada@.example.com",
        "ada@example.com.",
        "x" * 250 + "@b.c",
        "\ud800@example.com",
    ],
)
def test_what_is_no_single_address_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"email address|characters"):
        typed.email(given)


@pytest.mark.parametrize("given", ["", "  ", "x" * 101, "a\nb", "a\u0000b", "\u202eadA", "\ud800"])
def test_a_name_is_one_printable_line(given: str) -> None:
    with pytest.raises(ValueError, match=r"name|characters"):
        typed.name(given)


@pytest.mark.parametrize("given", ["", "12345", "x" * 73, "é" * 37, "\ud800" * 25])
def test_a_password_has_6_characters_and_at_most_72_bytes(given: str) -> None:
    with pytest.raises(ValueError, match=r"At (least|most)"):
        typed.password(given)

"""The mails about accounts say what to do, until when, and carry no foreign markup."""

from collections.abc import Callable

import pytest

from flowforge.infra.mail import Message
from flowforge.services import letters
from tests.house import GivenSettings

SETTINGS = GivenSettings(public_url="https://flow.example.com")


@pytest.mark.parametrize(
    ("write", "path", "expiry"),
    [
        (letters.verification, "/verify-email?token=abc", "24 hours"),
        (letters.password_reset, "/reset-password?token=abc", "15 minutes"),
    ],
)
def test_a_letter_has_a_button_a_copyable_link_and_its_expiry(
    write: Callable[..., Message], path: str, expiry: str
) -> None:
    mail = write(SETTINGS, "Ada", "ada@example.com", "abc")
    link = f"https://flow.example.com{path}"
    assert link in mail.text
    assert mail.html.count(f'href="{link}"') == 2
    assert f">{link}<" in mail.html
    assert expiry in mail.text
    assert expiry in mail.html
    assert mail.subject.isprintable()


def test_a_name_cannot_bring_markup_into_a_letter() -> None:
    mail = letters.verification(SETTINGS, "<b>{x}</b>", "ada@example.com", "abc")
    assert "<b>" not in mail.html
    assert "&lt;b&gt;{x}" in mail.html

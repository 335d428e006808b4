"""What answers amount to."""

from dataclasses import replace

import pytest

from flowforge.engine.protocol import Ask
from flowforge.services.approval_mails import wait_after
from flowforge.services.asking import addresses, refusal
from flowforge.services.deciding import verdict

YES, NO = True, False
ASK = Ask("ok", "ok", "Ship it?", ("bob@example.com",))


@pytest.mark.parametrize(
    ("said", "required", "veto", "outstanding", "outcome"),
    [
        ([], 1, True, 1, None),
        ([YES], 1, True, 0, "approved"),
        ([NO], 1, True, 5, "rejected"),
        ([NO], 1, False, 1, None),
        ([NO], 1, False, 0, "rejected"),
        ([YES], 2, True, 1, None),
        ([YES, YES], 2, True, 3, "approved"),
        ([YES, NO], 2, False, 1, None),
        ([YES, NO], 2, False, 0, "rejected"),
        ([NO, YES], 2, False, 2, None),
        # Whoever approves does not reject, though too few members are there today.
        ([YES], 3, True, 0, None),
    ],
)
def test_answers_amount_to(
    said: list[bool], required: int, veto: bool, outstanding: int, outcome: str | None
) -> None:
    assert verdict(said, required=required, veto=veto, outstanding=outstanding) == outcome


def test_each_person_is_asked_once_however_they_are_written() -> None:
    command = replace(ASK, approvers=("Bob@Example.com, eve@example.com;", "bob@example.com", ""))
    assert addresses(command) == ["bob@example.com", "eve@example.com"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"question": "x" * 10_001}, "question_too_long"),
        ({"approvers": ("nobody",)}, "bad_approver"),
        ({"approvers": ("a@b\r\nBcc: c@d",)}, "bad_approver"),
        ({"approvers": ("a@b\x7f",)}, "bad_approver"),
        ({"approvers": tuple(f"p{n}@example.com" for n in range(101))}, "too_many_approvers"),
        ({"approvers": ("bob@example.com", "BOB@example.com"), "required": 2}, "too_few_approvers"),
        ({"approvers": ("",), "required": 1}, "too_few_approvers"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_sentence(
    changes: dict[str, object], code: str
) -> None:
    refused = refusal(replace(ASK, **changes))  # type: ignore[arg-type]
    assert refused is not None
    assert refused.code == code
    assert refused.message.endswith(".")


def test_what_can_be_asked_is_not_refused() -> None:
    assert refusal(ASK) is None
    assert refusal(replace(ASK, approvers=(), required=3)) is None


def test_a_mail_is_tried_again_later_and_later_but_at_least_each_hour() -> None:
    assert [wait_after(number) for number in (1, 2, 3, 6, 1000)] == [120, 240, 480, 3600, 3600]

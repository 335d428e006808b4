"""Reading what the other side said: Retry-After, excerpts."""

from datetime import timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.actions.sdk import FatalError, excerpt, raise_for_answer, retry_after

NOTHING = timedelta(0)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("0", NOTHING),
        (" 120 ", timedelta(seconds=120)),
        ("999999999999", DAY),
        ("Wed, 21 Oct 2015 07:28:00 GMT", NOTHING),
        ("Wed, 21 Oct 2015 07:28:00", NOTHING),
        ("Fri, 31 Dec 9999 23:59:59 GMT", DAY),
        ("-1", None),
        ("1.5", None),
        ("²", None),
        ("soon", None),
        ("", None),
        ("9" * 400, None),
    ],
)
def test_retry_after_is_a_wait_between_nothing_and_a_day(
    value: str, wait: timedelta | None
) -> None:
    assert retry_after({"retry-after": value}) == wait


@given(st.text())
def test_no_retry_after_breaks_an_attempt(value: str) -> None:
    wait = retry_after({"retry-after": value})
    assert wait is None or NOTHING <= wait <= DAY


@given(st.text())
def test_an_excerpt_is_one_short_printable_line(text: str) -> None:
    line = excerpt(text)
    assert line.isprintable()
    assert len(line) <= 201


def test_a_message_of_its_own_replaces_the_url() -> None:
    response = httpx.Response(404, request=httpx.Request("POST", "https://x.example/s3cr3t"))
    with pytest.raises(FatalError) as failure:
        raise_for_answer(response, said="Posting")
    assert str(failure.value) == "Posting failed with status 404"

"""What somebody is told to do about a failed attempt."""

import pytest

from flowforge.services.advice import what_to_do


@pytest.mark.parametrize(
    ("error", "word"),
    [
        ({"code": "refused", "message": "POST to https://a.b failed with status 404: no"}, "URL"),
        ({"code": "refused", "message": "POST to https://a.b failed with status 401"}, "key"),
        ({"code": "temporary", "message": "GET to https://a.b failed with status 429"}, "limit"),
        ({"code": "temporary", "message": "GET to https://a.b failed with status 502"}, "Retry"),
        ({"code": "refused", "message": "GET to https://a.b failed with status 308"}, "moved"),
        ({"code": "bad_input", "message": "[action:email] to: is missing"}, "fill in"),
        ({"code": "timeout", "message": "The step took longer than 5 seconds."}, "more time"),
        ({"code": "not_allowed", "message": "open is not allowed"}, "step before"),
    ],
)
def test_each_failure_has_a_next_step(error: dict[str, str], word: str) -> None:
    assert word in what_to_do(error)


@pytest.mark.parametrize(
    "error",
    [None, {}, {"code": "no_such_code", "message": "?"}, {"message": "failed with status 418"}],
)
def test_where_nothing_is_known_nothing_is_said(error: dict[str, str] | None) -> None:
    assert what_to_do(error) == ""


def test_what_was_received_is_not_repeated() -> None:
    secret = "sesame-4711"
    error = {"code": "refused", "message": f"failed with status 400: {secret}"}
    assert secret not in what_to_do(error)

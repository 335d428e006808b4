"""From Pydantic's findings to ours."""

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError

from flowforge.api import errors
from flowforge.errors import TooMany, Unauthenticated


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int


class Outer(BaseModel):
    model_config = ConfigDict(extra="forbid")
    items: list[Inner]


def _details(given: Any) -> list[dict[str, Any]]:
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(given)
    found = errors.invalid(caught.value.errors()).details
    assert found is not None
    return found


def test_a_field_is_named_by_its_path() -> None:
    [detail] = _details({"items": [{"size": 1}, {"size": "the secret"}]})
    assert detail["path"] == "items.1.size"
    assert "secret" not in detail["message"]


def test_an_unknown_field_is_refused_by_name_but_not_at_any_length() -> None:
    [detail] = _details({"items": [], "x" * 10_000: 1})
    assert detail["message"] == "Unknown field"
    assert detail["path"] == "x" * 200


def test_a_thousand_mistakes_are_told_as_fifty() -> None:
    assert len(_details({"items": [{}] * 1000})) == 50


def test_a_refusal_says_when_to_come_back_and_how_to_sign_in() -> None:
    assert errors.of(TooMany("Wait.", retry_after=7)).headers["retry-after"] == "7"
    assert errors.of(Unauthenticated("Who?")).headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("status", [404, 405, 408, 413, 418, 500])
def test_every_status_has_words(status: int) -> None:
    answer = errors.plain(status)
    assert answer.status_code == status
    assert bytes(answer.body).startswith(b'{"error":{"code":"')

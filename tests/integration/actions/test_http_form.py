"""Web forms: fields in their order, names as often as they come, and answers that are fine as well."""

from typing import Any
from urllib.parse import parse_qsl

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from flowforge.actions.http_form import send_form
from flowforge.actions.sdk import FatalError, InputsRefused, RetryableError
from tests.integration.actions.conftest import MakeContext

FIELDS = [{"name": "tag", "value": "a"}, {"name": "tag", "value": "ü&="}, {"name": "n", "value": 3}]


def _sheet(url: str, **more: Any) -> Any:
    return send_form.validate({"url": url, "fields": FIELDS, **more})


async def test_fields_are_sent_in_their_order_with_the_key_of_the_attempt(
    context: MakeContext, httpserver: HTTPServer
) -> None:
    def take(request: Request) -> Response:
        assert request.content_type == "application/x-www-form-urlencoded"
        assert request.headers["Idempotency-Key"] == "run-1:step"
        return Response(str(parse_qsl(request.get_data(as_text=True))))

    httpserver.expect_oneshot_request("/form", method="POST").respond_with_handler(take)
    answer = await send_form(context(), _sheet(httpserver.url_for("/form")))
    assert answer.body == "[('tag', 'a'), ('tag', 'ü&='), ('n', '3')]"
    httpserver.check_assertions()


async def test_an_answer_that_is_fine_as_well_is_no_failure(
    context: MakeContext, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/form").respond_with_json({"error": "is there"}, status=409)
    url = httpserver.url_for("/form")
    with pytest.raises(FatalError, match="409"):
        await send_form(context(), _sheet(url))
    answer = await send_form(context(), _sheet(url, also_fine=["409"]))
    assert (answer.status, answer.body) == (409, {"error": "is there"})


async def test_a_busy_server_is_asked_again_later(
    context: MakeContext, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/form").respond_with_data("", 429, headers={"Retry-After": "7"})
    with pytest.raises(RetryableError) as refusal:
        await send_form(context(), _sheet(httpserver.url_for("/form")))
    assert refusal.value.retry_after is not None
    assert refusal.value.retry_after.total_seconds() == 7


def test_a_form_has_fields_and_each_has_a_name() -> None:
    with pytest.raises(InputsRefused) as refusal:
        send_form.validate({"url": "https://x.example", "fields": [{"name": " ", "value": "x"}]})
    assert [one.path for one in refusal.value.problems] == ["fields.0.name"]
    with pytest.raises(InputsRefused):
        send_form.validate({"url": "https://x.example", "fields": []})

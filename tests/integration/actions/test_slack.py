"""The Slack action against a server that answers as Slack does."""

from datetime import timedelta

import pytest
from pytest_httpserver import HTTPServer

from flowforge.actions.sdk import FatalError, OutcomeUnknown, RetryableError
from flowforge.actions.slack import Posted, post_message
from tests.integration.actions.conftest import MakeContext
from tests.servers.rude_http import rude_server

SECRET_PATH = "/services/T000/B000/s3cr3t"


async def post(context: MakeContext, url: str, message: str = "Hello *Ada*") -> Posted:
    return await post_message(
        context(), post_message.validate({"webhookUrl": url, "message": message})
    )


async def test_the_message_arrives_as_text(httpserver: HTTPServer, context: MakeContext) -> None:
    httpserver.expect_oneshot_request(
        SECRET_PATH,
        method="POST",
        json={"text": "Hello *Ada*"},
        headers={"Idempotency-Key": "run-1:step"},
    ).respond_with_data("ok")
    assert (await post(context, httpserver.url_for(SECRET_PATH))).status == 200
    httpserver.check_assertions()


async def test_a_refusal_fails_for_good_without_showing_the_url(
    httpserver: HTTPServer, context: MakeContext
) -> None:
    httpserver.expect_request(SECRET_PATH).respond_with_data("no_service", 404)
    with pytest.raises(FatalError) as failure:
        await post(context, httpserver.url_for(SECRET_PATH))
    assert str(failure.value) == "Posting to Slack failed with status 404: no_service"


async def test_a_limit_is_tried_again_when_slack_says(
    httpserver: HTTPServer, context: MakeContext
) -> None:
    httpserver.expect_request(SECRET_PATH).respond_with_data(
        "rate_limited", 429, headers={"Retry-After": "30"}
    )
    with pytest.raises(RetryableError) as failure:
        await post(context, httpserver.url_for(SECRET_PATH))
    assert failure.value.retry_after == timedelta(seconds=30)


async def test_a_failure_of_slack_is_tried_later(
    httpserver: HTTPServer, context: MakeContext
) -> None:
    httpserver.expect_request(SECRET_PATH).respond_with_data("", 503)
    with pytest.raises(RetryableError, match="failed with status 503"):
        await post(context, httpserver.url_for(SECRET_PATH))


async def test_a_malformed_answer_leaves_the_outcome_unknown_and_the_url_out(
    context: MakeContext,
) -> None:
    async with rude_server(b"what?\r\n\r\n") as (url, _):
        with pytest.raises(OutcomeUnknown) as failure:
            await post(context, url.replace("/hook", SECRET_PATH))
    assert "s3cr3t" not in str(failure.value)

"""The built-in target: what it says to whom, through the client that actions use."""

from collections.abc import AsyncIterator

import httpx
import pytest

from flowforge.infra import echo
from flowforge.infra.http import guarded_client

ADDRESS = f"http://{echo.HOST}"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with guarded_client((), timeout_seconds=2) as made:
        yield made


async def test_it_sends_back_what_came(client: httpx.AsyncClient) -> None:
    answer = await client.request(
        "PUT", f"{ADDRESS}/orders?id=7", headers={"X-Mine": "1"}, json={"n": [1, None]}
    )
    seen = answer.json()
    assert (answer.status_code, seen["method"], seen["path"]) == (200, "PUT", "/orders")
    assert (seen["query"], seen["body"]) == ({"id": "7"}, {"n": [1, None]})
    assert seen["headers"]["x-mine"] == "1"


async def test_credentials_do_not_come_back(client: httpx.AsyncClient) -> None:
    answer = await client.request(
        "GET", ADDRESS, headers={"Authorization": "Bearer sesame", "X-Api-Key": "sesame"}
    )
    assert "sesame" not in answer.text
    assert answer.json()["body"] is None


async def test_a_body_that_is_no_json_is_its_text(client: httpx.AsyncClient) -> None:
    answer = await client.post(ADDRESS, content=b"\xff{")
    assert answer.json()["body"] == "\N{REPLACEMENT CHARACTER}{"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/status/404", 404),
        ("/status/204", 204),
        ("/status/500", 500),
        ("/status/100", 200),
        ("/status/999", 200),
        ("/status/abc", 200),
    ],
)
async def test_a_status_may_be_asked_for(client: httpx.AsyncClient, path: str, status: int) -> None:
    assert (await client.post(f"{ADDRESS}{path}", json={})).status_code == status


async def test_it_fails_as_often_as_it_is_asked_to(client: httpx.AsyncClient) -> None:
    statuses = [
        (await client.post(f"{ADDRESS}/fail/2", headers={echo.ATTEMPT: number})).status_code
        for number in ("1", "2", "3", "x")
    ]
    assert statuses == [503, 503, 200, 503]


async def test_a_slow_answer_is_subject_to_the_time_limit(client: httpx.AsyncClient) -> None:
    with pytest.raises(httpx.ReadTimeout):
        await client.get(f"{ADDRESS}/delay/30", timeout=0.05)
    assert (await client.get(f"{ADDRESS}/delay/0")).status_code == 200


async def test_a_large_body_is_refused(client: httpx.AsyncClient) -> None:
    large = await client.post(ADDRESS, content=b"x" * (echo.LARGEST_BYTES + 1))
    assert large.status_code == 413


async def test_only_that_very_name_is_answered(client: httpx.AsyncClient) -> None:
    for host in (f"x.{echo.HOST}", f"{echo.HOST}.", "echo.flowforge.internal.example"):
        with pytest.raises(httpx.ConnectError):
            await client.get(f"http://{host}/")

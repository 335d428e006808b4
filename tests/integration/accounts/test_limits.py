"""Limits on guessing: per client address and per account."""

import asyncio

import pytest

from tests.house import PASSWORD, House
from tests.integration.accounts.conftest import Post

FIFTY = {"auth_rate_limit": "50/minute"}
GUESS = {"email": "nobody@example.com", "password": "wrong one"}


@pytest.mark.parametrize("changes", [FIFTY, FIFTY | {"redis_url": ""}])
async def test_the_51st_request_of_a_minute_is_refused_on_every_auth_route(
    house: House, post: Post
) -> None:
    first = await post("verify-email", {"token": "x"})
    assert first.headers["ratelimit-limit"] == "50"
    assert first.headers["ratelimit-remaining"] == "49"
    answers = await asyncio.gather(*(post("verify-email", {"token": "x"}) for _ in range(49)))
    assert {answer.status_code for answer in answers} == {400}
    for path, body in (("verify-email", {"token": "x"}), ("signin", GUESS), ("signup", {})):
        refused = await post(path, body)
        assert refused.status_code == 429, path
        assert refused.json()["error"]["code"] == "too_many_requests"
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.headers["ratelimit-remaining"] == "0"
    seed = await house.client.get("/api/v1/user/verify-email?token=x")
    assert seed.status_code == 429


@pytest.mark.parametrize("changes", [{"auth_rate_limit": "3/minute"}])
async def test_a_made_up_forwarded_address_does_not_help(post: Post) -> None:
    statuses = [
        (
            await post("verify-email", {"token": "x"}, headers={"X-Forwarded-For": f"9.9.9.{n}"})
        ).status_code
        for n in range(5)
    ]
    assert statuses == [400, 400, 400, 429, 429]


@pytest.mark.parametrize(
    "changes", [{"auth_rate_limit": "1/minute", "trusted_proxies": "127.0.0.0/8"}]
)
async def test_behind_a_trusted_proxy_each_client_counts_for_itself(post: Post) -> None:
    body = {"token": "x"}
    one, two = {"X-Forwarded-For": "9.9.9.1"}, {"X-Forwarded-For": "9.9.9.2"}
    assert (await post("verify-email", body, headers=one)).status_code == 400
    assert (await post("verify-email", body, headers=two)).status_code == 400
    assert (await post("verify-email", body, headers=one)).status_code == 429


@pytest.mark.parametrize("changes", [{"auth_rate_limit": "1/minute"}])
async def test_who_is_signed_in_may_look_and_leave_without_limit(house: House, post: Post) -> None:
    ada = await house.sign_up()
    await post("verify-email", {"token": "x"})
    for _ in range(3):
        me = await house.client.get("/api/v1/auth/me", headers=ada.headers)
        assert me.status_code == 200
    assert (await post("signout", headers=ada.headers)).status_code == 200


@pytest.mark.parametrize("email", ["ada@example.com", "nobody@example.com"])
async def test_ten_wrong_passwords_close_an_account_for_a_while_known_or_not(
    house: House, post: Post, email: str
) -> None:
    await house.sign_up("ada@example.com")
    for _ in range(10):
        wrong = await post("signin", {"email": email, "password": "wrong one"})
        assert wrong.status_code == 401
    for password in ("wrong one", PASSWORD):
        closed = await post("signin", {"email": email.upper(), "password": password})
        assert closed.status_code == 429
        assert 0 < int(closed.headers["retry-after"]) <= 900


async def test_right_passwords_are_not_counted(house: House, post: Post) -> None:
    ada = await house.sign_up("ada@example.com")
    right = {"email": ada.email, "password": PASSWORD}
    statuses = [(await post("signin", right)).status_code for _ in range(12)]
    assert set(statuses) == {200}

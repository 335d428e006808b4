"""Links out of mails: once, for one purpose, for a limited time, and telling strangers nothing."""

import asyncio
import datetime as dt
import statistics
import time
from typing import Any

import pytest

from flowforge.errors import Malformed
from flowforge.infra.db import utc_now
from flowforge.services import accounts
from tests.house import House
from tests.integration.accounts.conftest import PERSON, Post

NEW = "battery staple"


async def _verify(house: House, token: str, later: dt.timedelta) -> None:
    async with house.db.transaction() as session:
        await accounts.verify_email(session, house.runtime, token, now=utc_now() + later)


async def _reset(house: House, token: str, later: dt.timedelta) -> None:
    async with house.db.transaction() as session:
        await accounts.reset_password(
            session, house.runtime, token=token, password_hash="x", now=utc_now() + later
        )


async def test_a_verification_link_works_once(post: Post, mailed_token: Any) -> None:
    await post("signup", PERSON)
    token = {"token": await mailed_token("verify-email")}
    assert (await post("verify-email", token)).status_code == 200
    again = await post("verify-email", token)
    assert again.status_code == 400
    assert again.json()["error"]["code"] == "invalid_token"


async def test_of_parallel_uses_of_one_link_one_succeeds(post: Post, mailed_token: Any) -> None:
    await post("signup", PERSON)
    token = {"token": await mailed_token("verify-email")}
    answers = await asyncio.gather(*(post("verify-email", token) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400, 400, 400]


async def test_a_verification_link_lives_24_hours(
    house: House, post: Post, mailed_token: Any
) -> None:
    await post("signup", PERSON)
    token = await mailed_token("verify-email")
    with pytest.raises(Malformed):
        await _verify(house, token, dt.timedelta(hours=24, seconds=5))
    await _verify(house, token, dt.timedelta(hours=23, minutes=59))


async def test_a_reset_link_lives_15_minutes(
    house: House, post: Post, ada: Any, mailed_token: Any
) -> None:
    await post("forgot-password", {"email": ada["email"]})
    token = await mailed_token("reset-password")
    with pytest.raises(Malformed):
        await _reset(house, token, dt.timedelta(minutes=16))
    await _reset(house, token, dt.timedelta(minutes=14))


async def test_no_kind_of_link_passes_for_another(
    house: House, post: Post, mailed_token: Any
) -> None:
    await post("signup", PERSON)
    await post("forgot-password", {"email": PERSON["email"]})
    verify, reset = await mailed_token("verify-email"), await mailed_token("reset-password")
    assert (await post("verify-email", {"token": reset})).status_code == 400
    crossed = await post("reset-password", {"token": verify, "password": NEW})
    assert crossed.status_code == 400
    # Neither attempt used anything up, and asking for a reset left the verification alone.
    assert (await post("verify-email", {"token": verify})).status_code == 200
    assert (await post("reset-password", {"token": reset, "password": NEW})).status_code == 200


async def test_a_reset_changes_the_password_once_and_ends_every_session(
    house: House, post: Post, ada: Any, mailed_token: Any
) -> None:
    old = [(await post("signin", ada)).json()["token"] for _ in range(2)]
    await post("forgot-password", {"email": ada["email"]})
    spare = await mailed_token("reset-password")
    await post("forgot-password", {"email": ada["email"]})
    token = await mailed_token("reset-password")
    assert spare != token
    assert (await post("reset-password", {"token": token, "password": NEW})).status_code == 200
    for bearer in old:
        answer = await house.client.get(
            "/api/v1/auth/me", headers={"Authorization": f"Bearer {bearer}"}
        )
        assert answer.status_code == 401
    assert (await post("signin", ada)).status_code == 401
    assert (await post("signin", ada | {"password": NEW})).status_code == 200
    for dead in (token, spare):
        again = await post("reset-password", {"token": dead, "password": "third one"})
        assert again.status_code == 400
    assert (await post("signin", ada | {"password": NEW})).status_code == 200


async def test_a_bad_new_password_does_not_use_the_link_up(
    post: Post, ada: Any, mailed_token: Any
) -> None:
    await post("forgot-password", {"email": ada["email"]})
    token = await mailed_token("reset-password")
    refused = await post("reset-password", {"token": token, "password": "short"})
    assert refused.status_code == 422
    assert refused.json()["error"]["details"][0]["path"] == "password"
    assert (await post("reset-password", {"token": token, "password": NEW})).status_code == 200


async def test_a_reset_does_not_verify_the_address(post: Post, mailed_token: Any) -> None:
    await post("signup", PERSON)
    await post("forgot-password", {"email": PERSON["email"]})
    token = await mailed_token("reset-password")
    await post("reset-password", {"token": token, "password": NEW})
    answer = await post("signin", {"email": PERSON["email"], "password": NEW})
    assert answer.json()["error"]["code"] == "email_not_verified"


async def test_a_lost_verification_mail_can_be_sent_again(
    house: House, post: Post, mailed_token: Any
) -> None:
    await post("signup", PERSON)
    first = await mailed_token("verify-email")
    await post("resend-verification", {"email": PERSON["email"]})
    second = await mailed_token("verify-email")
    assert first != second
    assert (await post("verify-email", {"token": second})).status_code == 200
    await post("resend-verification", {"email": PERSON["email"]})
    assert len(await house.mailbox()) == 2


@pytest.mark.parametrize("path", ["forgot-password", "resend-verification"])
async def test_known_and_unknown_addresses_get_the_same_answer_in_the_same_time(
    house: House, post: Post, path: str
) -> None:
    await post("signup", PERSON)
    taken: dict[str, list[float]] = {"known": [], "unknown": []}
    answers = set()
    for turn in range(6):
        for kind, email in (("known", PERSON["email"]), ("unknown", f"n{turn}@example.com")):
            begins = time.perf_counter()
            answer = await post(path, {"email": email})
            taken[kind].append(time.perf_counter() - begins)
            answers.add((answer.status_code, answer.text))
    assert len(answers) == 1
    assert answers.pop()[0] == 200
    known, unknown = (statistics.median(taken[kind]) for kind in ("known", "unknown"))
    assert abs(known - unknown) < 0.03
    assert {mail["to"] for mail in await house.mailbox()} == {PERSON["email"]}


async def test_nobody_can_be_flooded_with_mail(house: House, post: Post) -> None:
    await post("signup", PERSON)
    answers = await asyncio.gather(
        *(post("forgot-password", {"email": PERSON["email"]}) for _ in range(15))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len(await house.mailbox()) == 1 + 10

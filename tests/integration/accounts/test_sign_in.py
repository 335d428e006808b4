"""Sessions: opened by a password, ended by sign-out, forged by nobody."""

import datetime as dt
import statistics
import time
from typing import Any

import jwt
import pytest
from sqlalchemy import update
from sqlmodel import col

from flowforge.infra.db import utc_now
from flowforge.models import User
from flowforge.services import sessions
from tests.house import House
from tests.integration.accounts.conftest import PERSON, Post


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def _status(house: House, token: str) -> int:
    return (await house.client.get("/api/v1/auth/me", headers=_bearer(token))).status_code


async def test_sign_in_waits_for_the_email_to_be_verified(post: Post, mailed_token: Any) -> None:
    await post("signup", PERSON)
    right = {"email": PERSON["email"], "password": PERSON["password"]}
    early = await post("signin", right)
    assert early.status_code == 403
    assert early.json()["error"]["code"] == "email_not_verified"
    # Only whoever knows the password learns that the address waits.
    assert (await post("signin", right | {"password": "wrong one"})).status_code == 401
    await post("verify-email", {"token": await mailed_token("verify-email")})
    assert (await post("signin", right)).status_code == 200


async def test_a_session_lives_for_the_configured_time(house: House, post: Post, ada: Any) -> None:
    answer = (await post("signin", ada)).json()
    ends = dt.datetime.fromisoformat(answer["expires_at"])
    assert answer["user"]["email"] == ada["email"]
    assert abs((ends - utc_now()).total_seconds() - house.settings.jwt_ttl_seconds) < 60
    me = await house.client.get("/api/v1/auth/me", headers=_bearer(answer["token"]))
    assert me.json()["user"] == {"id": 1, "name": "Ada", "email": "ada@example.com"}
    assert me.json()["role"] == "admin"
    async with house.db.reading() as session:
        for later, is_somebody in ((-5, True), (5, False)):
            now = ends + dt.timedelta(seconds=later)
            actor = await sessions.actor_from_token(
                session, house.settings, answer["token"], now=now
            )
            assert (actor is not None) == is_somebody


async def test_the_email_may_be_typed_in_any_case(post: Post, ada: Any) -> None:
    assert (await post("signin", ada | {"email": " ADA@Example.com"})).status_code == 200


async def test_unknown_address_and_wrong_password_get_one_answer(post: Post, ada: Any) -> None:
    wrong = await post("signin", ada | {"password": "wrong one"})
    unknown = await post("signin", ada | {"email": "nobody@example.com"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()


async def test_unknown_address_and_wrong_password_take_the_same_time(post: Post, ada: Any) -> None:
    taken: dict[str, list[float]] = {"known": [], "unknown": []}
    for turn in range(8):
        for kind, email in (("known", ada["email"]), ("unknown", f"nobody{turn}@example.com")):
            begins = time.perf_counter()
            await post("signin", {"email": email, "password": f"wrong {turn}"})
            taken[kind].append(time.perf_counter() - begins)
    known, unknown = (statistics.median(taken[kind]) for kind in ("known", "unknown"))
    # Without the made-up hash the unknown one would be ten times as quick.
    assert 0.5 < known / unknown < 2


async def test_a_password_beyond_72_bytes_is_wrong_even_if_its_start_is_right(
    house: House, post: Post, mailed_token: Any
) -> None:
    long = "x" * 72
    await post("signup", PERSON | {"password": long})
    await post("verify-email", {"token": await mailed_token("verify-email")})
    assert (await post("signin", {"email": PERSON["email"], "password": long})).status_code == 200
    longer = {"email": PERSON["email"], "password": long + "y"}
    assert (await post("signin", longer)).status_code == 401


async def test_sign_out_kills_this_token_and_no_other(house: House, post: Post, ada: Any) -> None:
    one, two = [(await post("signin", ada)).json()["token"] for _ in range(2)]
    assert (await post("signout", headers=_bearer(one))).status_code == 200
    assert await _status(house, one) == 401
    assert await _status(house, two) == 200
    assert (await post("signout", headers=_bearer(one))).status_code == 401


async def test_a_deactivated_user_is_out_at_once_and_cannot_come_back(
    house: House, post: Post, ada: Any
) -> None:
    token = (await post("signin", ada)).json()["token"]
    async with house.db.transaction() as session:
        await session.execute(
            update(User).where(col(User.id) == 1).values(deactivated_at=utc_now())
        )
    assert await _status(house, token) == 401
    answer = await post("signin", ada)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "account_deactivated"


def _forgeries(house: House, token: str) -> dict[str, str]:
    claims = jwt.decode(token, options={"verify_signature": False})
    head, body, signature = token.split(".")
    other_key = b"another key that is long enough to sign"
    raw_key = house.settings.secret_key.get_secret_value()
    return {
        "unsigned": jwt.encode(claims, "", algorithm="none"),
        "another key": jwt.encode(claims, other_key, algorithm="HS256"),
        "the bare secret as key": jwt.encode(claims, raw_key, algorithm="HS256"),
        "another algorithm": jwt.encode(claims, raw_key * 2, algorithm="HS512"),
        "signature cut off": f"{head}.{body}.",
        "body of another": f"{head}.{jwt.encode(claims | {'sub': '2'}, other_key).split('.')[1]}."
        + signature,
        "not a token": "ff_something",
        "empty": "",
        "very long": token + "x" * 100_000,
        "odd characters": "é\x7f" * 20,
    }


async def test_a_forged_token_is_nobody(house: House, post: Post, ada: Any) -> None:
    token = (await post("signin", ada)).json()["token"]
    for name, forged in _forgeries(house, token).items():
        headers = [(b"authorization", b"Bearer " + forged.encode("latin-1"))]
        answer = await house.client.get("/api/v1/auth/me", headers=headers)
        assert answer.status_code == 401, name
        assert answer.json()["error"]["code"] == "not_signed_in"
    assert await _status(house, token) == 200


@pytest.mark.parametrize(
    "claims",
    [{"sub": "2"}, {"sid": "no-such-session"}, {"sid": 7}, {"exp": 1}, {"exp": "soon"}],
)
async def test_a_well_signed_token_with_a_wrong_claim_is_nobody(
    house: House, claims: dict[str, Any]
) -> None:
    ada = await house.sign_up("ada@example.com")
    await house.sign_up("bob@example.com")
    key = sessions._key(house.settings)
    true = jwt.decode(ada.token, key, algorithms=["HS256"])
    assert await _status(house, jwt.encode(true, key)) == 200
    assert await _status(house, jwt.encode(true | claims, key)) == 401

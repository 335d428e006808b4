"""Signing up, being first, being refused."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select

from flowforge.models import MailToken, Member, Project, User
from tests.house import House
from tests.integration.accounts.conftest import PERSON, Post


async def test_sign_up_answers_the_user_and_sends_a_link_that_starts_at_public_url(
    house: House, post: Post
) -> None:
    answer = await post("signup", PERSON | {"email": " Ada@Example.COM "})
    assert answer.status_code == 201
    assert answer.json()["user"] == {"id": 1, "name": "Ada", "email": "ada@example.com"}
    [mail] = await house.mailbox()
    assert mail["to"] == "ada@example.com"
    for body in (mail["text"], mail["html"]):
        assert "http://localhost:3000/verify-email?token=" in body
        assert "24 hours" in body


async def test_the_password_is_stored_as_bcrypt_of_cost_10_and_nowhere_else(
    house: House, post: Post
) -> None:
    await post("signup", PERSON)
    assert (await house.user(PERSON["email"])).password_hash.startswith("$2b$10$")
    assert PERSON["password"] not in str(await house.mailbox())


async def test_a_mailed_token_is_stored_as_a_digest_only(
    house: House, post: Post, mailed_token: Any
) -> None:
    await post("signup", PERSON)
    token = await mailed_token("verify-email")
    async with house.db.reading() as session:
        digest = (await session.scalars(select(MailToken.digest))).one()  # type: ignore[call-overload]
    assert len(digest) == 64
    assert digest != token


async def test_sign_up_makes_a_personal_project_with_its_admin(house: House, post: Post) -> None:
    await post("signup", PERSON)
    async with house.db.reading() as session:
        member = (await session.scalars(select(Member))).one()
        project = (await session.scalars(select(Project))).one()
    assert (member.user_id, member.project_id, member.role) == (1, project.id, "admin")


async def test_only_the_first_user_runs_the_place(house: House, post: Post) -> None:
    await post("signup", PERSON)
    await post("signup", PERSON | {"email": "bob@example.com"})
    assert (await house.user("ada@example.com")).is_admin
    assert not (await house.user("bob@example.com")).is_admin


async def test_of_many_first_users_at_once_exactly_one_runs_the_place(
    house: House, post: Post
) -> None:
    people = [PERSON | {"email": f"p{n}@example.com"} for n in range(6)]
    answers = await asyncio.gather(*(post("signup", person) for person in people))
    assert {answer.status_code for answer in answers} == {201}
    async with house.db.reading() as session:
        users = (await session.scalars(select(User))).all()
    assert sum(user.is_admin for user in users) == 1


async def test_a_taken_email_is_409_in_any_case_and_changes_nothing(
    house: House, post: Post
) -> None:
    await post("signup", PERSON)
    before = await house.user(PERSON["email"])
    answer = await post("signup", PERSON | {"email": "ADA@example.com", "password": "another"})
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "email_taken"
    assert (await house.user(PERSON["email"])).password_hash == before.password_hash
    assert len(await house.mailbox()) == 1


async def test_of_parallel_sign_ups_with_one_email_one_wins(house: House, post: Post) -> None:
    answers = await asyncio.gather(*(post("signup", PERSON) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409]
    async with house.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Project)) == 1


@pytest.mark.parametrize("changes", [{"signup": "invite"}])
async def test_where_sign_up_is_closed_only_the_first_user_gets_in(post: Post) -> None:
    assert (await post("signup", PERSON)).status_code == 201
    answer = await post("signup", PERSON | {"email": "bob@example.com"})
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "signup_closed"


@pytest.mark.parametrize("changes", [{"host": "0.0.0.0"}])
async def test_without_any_way_to_send_mail_sign_up_says_so_and_stores_nothing(
    house: House, post: Post
) -> None:
    answer = await post("signup", PERSON)
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "mail_not_configured"
    async with house.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(User)) == 0


@pytest.mark.parametrize(
    ("wrong", "path", "words"),
    [
        ({"name": " "}, "name", "name"),
        ({"name": "x" * 101}, "name", "100"),
        ({"name": "a\nb"}, "name", "one line"),
        ({"email": "nobody"}, "email", "email address"),
        ({"email": "a@b\r\nBcc: c@d"}, "email", "email address"),
        ({"email": "a\u0000@b.c"}, "email", "email address"),
        ({"password": "short"}, "password", "6"),
        ({"password": "é" * 37}, "password", "72 bytes"),
        ({"password": 123456}, "password", "string"),
        ({"is_admin": True}, "is_admin", "Unknown field"),
    ],
)
async def test_a_wrong_field_is_named_and_never_repeated(
    post: Post, wrong: dict[str, Any], path: str, words: str
) -> None:
    answer = await post("signup", PERSON | wrong)
    assert answer.status_code == 422
    [detail] = answer.json()["error"]["details"]
    assert detail["path"] == path
    assert words in detail["message"]
    assert PERSON["password"] not in answer.text
    assert "é" not in answer.text

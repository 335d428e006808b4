"""Clients of the first FlowForge find the routes, statuses and words that they know."""

from typing import Any

import pytest

from tests.house import House

PERSON = {"username": "ada@example.com", "password": "correct horse", "name": "Ada"}
SIGN_IN = {"username": PERSON["username"], "password": PERSON["password"]}


async def _post(house: House, path: str, body: Any) -> tuple[int, Any]:
    answer = await house.client.post(f"/api/v1/user/{path}", json=body)
    return answer.status_code, answer.json()


async def _get(house: House, path: str, **more: Any) -> tuple[int, Any]:
    answer = await house.client.get(f"/api/v1/user/{path}", **more)
    return answer.status_code, answer.json()


async def _token(house: House) -> str:
    text: str = (await house.mailbox())[0]["text"]
    return text.partition("?token=")[2].split()[0]


async def test_the_whole_story_in_the_words_of_the_first(house: House) -> None:
    created = "Account created. Please check your email to verify your account."
    assert await _post(house, "signup", PERSON) == (200, {"message": created})
    early = await _post(house, "signin", SIGN_IN)
    assert early == (403, {"message": "Please verify your email before signing in"})
    token = await _token(house)
    done = {"message": "Email verified successfully. You can now sign in."}
    gone = {"message": "Invalid or expired verification token"}
    assert await _get(house, f"verify-email?token={token}") == (200, done)
    assert await _get(house, f"verify-email?token={token}") == (400, gone)
    status, body = await _post(house, "signin", SIGN_IN)
    assert (status, list(body)) == (200, ["token"])
    who = await _get(house, "", headers={"Authorization": f"Bearer {body['token']}"})
    assert who == (200, {"user": {"name": "Ada", "email": "ada@example.com"}})


async def test_a_known_email_is_403(house: House) -> None:
    await _post(house, "signup", PERSON)
    assert await _post(house, "signup", PERSON) == (403, {"message": "User already exists"})


@pytest.mark.parametrize(
    "body",
    [
        PERSON | {"password": "short"},
        PERSON | {"password": "x" * 73},
        PERSON | {"name": "Al"},
        PERSON | {"username": "a@b"},
        PERSON | {"username": "nobody at home"},
        {"username": PERSON["username"]},
        PERSON | {"name": 7},
        [],
        "text",
        None,
    ],
)
async def test_bad_input_is_411(house: House, body: Any) -> None:
    assert await _post(house, "signup", body) == (411, {"message": "Incorrect inputs"})


@pytest.mark.parametrize("body", [{}, {"username": "ada@example.com"}, [], {"username": 1}])
async def test_a_badly_shaped_sign_in_is_411(house: House, body: Any) -> None:
    assert await _post(house, "signin", body) == (411, {"message": "Incorrect inputs"})


async def test_wrong_user_and_wrong_password_are_the_same_403(house: House) -> None:
    await house.sign_up("ada@example.com")
    sorry = (403, {"message": "Sorry, credentials are incorrect"})
    assert await _post(house, "signin", SIGN_IN | {"password": "wrong one"}) == sorry
    assert await _post(house, "signin", SIGN_IN | {"username": "no@example.com"}) == sorry


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer x"}, {"Authorization": "x"}])
async def test_who_am_i_without_a_good_token_is_403(house: House, headers: Any) -> None:
    nobody = (403, {"message": "You are not logged in"})
    assert await _get(house, "", headers=headers) == nobody


async def test_verification_needs_a_token(house: House) -> None:
    needed = (400, {"message": "Verification token is required"})
    assert await _get(house, "verify-email") == needed
    assert await _get(house, "verify-email?token=") == needed


async def test_forgetting_a_password_says_the_same_for_every_address(house: House) -> None:
    await house.sign_up("ada@example.com")
    said = (200, {"message": "If that email exists, a reset link has been sent."})
    for email in ("ada@example.com", "nobody@example.com", "not an address"):
        assert await _post(house, "forgot-password", {"email": email}) == said
    assert await _post(house, "forgot-password", {}) == (400, {"message": "Email is required"})


async def test_resetting_a_password_in_the_words_of_the_first(house: House) -> None:
    ada = await house.sign_up("ada@example.com")
    await _post(house, "forgot-password", {"email": ada.email})
    token = await _token(house)
    missing = (400, {"message": "Token and password are required"})
    assert await _post(house, "reset-password", {"token": token}) == missing
    assert await _post(house, "reset-password", {"password": "battery staple"}) == missing
    short = (400, {"message": "Password must be at least 6 characters"})
    assert await _post(house, "reset-password", {"token": token, "password": "short"}) == short
    new = {"token": token, "password": "battery staple"}
    done = (200, {"message": "Password reset successfully. You can now sign in."})
    assert await _post(house, "reset-password", new) == done
    gone = (400, {"message": "Invalid or expired reset token"})
    assert await _post(house, "reset-password", new) == gone
    assert (await _get(house, "", headers=ada.headers))[0] == 403
    assert (await _post(house, "signin", SIGN_IN | {"password": "battery staple"}))[0] == 200

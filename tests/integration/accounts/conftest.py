"""How the tests of accounts act: as a person with a mail program does."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from tests.house import House

Post = Callable[..., Awaitable[httpx.Response]]
PERSON = {"name": "Ada", "email": "ada@example.com", "password": "correct horse"}


@pytest.fixture
def post(house: House) -> Post:
    async def send(path: str, body: Any = None, **more: Any) -> httpx.Response:
        return await house.client.post(f"/api/v1/auth/{path}", json=body, **more)

    return send


@pytest.fixture
def mailed_token(house: House) -> Callable[..., Awaitable[str]]:
    """The token in the newest mail to ``to`` whose link leads to ``page``."""

    async def find(page: str, to: str = PERSON["email"]) -> str:
        for mail in await house.mailbox():
            found = re.search(
                rf"http://localhost:3000/{page}\?token=([0-9a-f]{{64}})", mail["text"]
            )
            if found and mail["to"] == to:
                return found[1]
        raise AssertionError(f"no mail to {to} leads to {page}")

    return find


@pytest.fixture
async def ada(post: Post, mailed_token: Callable[..., Awaitable[str]]) -> dict[str, str]:
    """Signed up and verified over HTTP."""
    assert (await post("signup", PERSON)).status_code == 201
    token = await mailed_token("verify-email")
    assert (await post("verify-email", {"token": token})).status_code == 200
    return {"email": PERSON["email"], "password": PERSON["password"]}

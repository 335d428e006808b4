"""The cookie: set for our own pages, invisible to scripts, useless to other sites."""

from typing import Any

import httpx
import pytest

from tests.house import PASSWORD, House

SIGN_IN = "/api/v1/auth/browser/signin"
SIGN_OUT = "/api/v1/auth/browser/signout"
OWN = {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:3000"}
PERSON = {"email": "ada@example.com", "password": PASSWORD}


async def _sign_in(house: House, **more: Any) -> httpx.Response:
    await house.sign_up(PERSON["email"])
    return await house.client.post(SIGN_IN, json=PERSON, headers=OWN, **more)


async def _me(house: House) -> int:
    return (await house.client.get("/api/v1/auth/me")).status_code


async def test_signing_in_from_our_page_sets_a_cookie_that_no_script_can_read(
    house: House,
) -> None:
    answer = await _sign_in(house)
    assert answer.json() == {
        "ok": True,
        "user": {"id": 1, "name": "Ada", "email": "ada@example.com"},
    }
    cookie = answer.headers["set-cookie"]
    for flag in ("ff_session=", "HttpOnly", "SameSite=lax", "Path=/", "Max-Age=604800"):
        assert flag in cookie
    assert "Secure" not in cookie
    assert await _me(house) == 200


@pytest.mark.parametrize("changes", [{"public_url": "https://flow.example.com"}])
async def test_behind_https_the_cookie_is_secure(house: House) -> None:
    answer = await _sign_in(house)
    assert "Secure" in answer.headers["set-cookie"]
    assert "max-age" in answer.headers["strict-transport-security"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost:3000"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost:3000.evil.example"},
    ],
)
async def test_another_sites_page_can_neither_sign_in_nor_use_the_cookie(
    house: House, headers: dict[str, str]
) -> None:
    await house.sign_up(PERSON["email"])
    refused = await house.client.post(SIGN_IN, json=PERSON, headers=headers)
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "cross_site"
    assert "set-cookie" not in refused.headers

    await house.client.post(SIGN_IN, json=PERSON, headers=OWN)
    for path in ("/api/v1/auth/signout", SIGN_OUT):
        answer = await house.client.post(path, headers=headers)
        assert answer.json()["error"]["code"] == "cross_site"
    assert await _me(house) == 200


async def test_a_page_under_another_name_of_this_machine_is_still_our_page(house: House) -> None:
    await house.sign_up(PERSON["email"])
    headers = {"Origin": "http://192.168.1.7:3000", "Host": "192.168.1.7:3000"}
    assert (await house.client.post(SIGN_IN, json=PERSON, headers=headers)).status_code == 200


async def test_signing_out_ends_the_session_and_clears_the_cookie(house: House) -> None:
    await _sign_in(house)
    kept = house.client.cookies["ff_session"]
    answer = await house.client.post(SIGN_OUT, headers=OWN)
    assert answer.json() == {"ok": True}
    assert "Max-Age=0" in answer.headers["set-cookie"]
    old = await house.client.get("/api/v1/auth/me", headers={"Cookie": f"ff_session={kept}"})
    assert old.status_code == 401
    assert (await house.client.post(SIGN_OUT, headers=OWN)).status_code == 200


async def test_a_bad_bearer_token_is_not_saved_by_a_good_cookie(house: House) -> None:
    await _sign_in(house)
    headers = {"Authorization": "Bearer nonsense"}
    assert (await house.client.get("/api/v1/auth/me", headers=headers)).status_code == 401


@pytest.mark.parametrize(
    "cookie", ["", "ff_session", "ff_session=", "ff_session=x.y.z", "a=b; ff_session=\x07;;=,"]
)
async def test_a_broken_cookie_is_nobody(house: House, cookie: str) -> None:
    answer = await house.client.get("/api/v1/auth/me", headers={"Cookie": cookie})
    assert answer.status_code == 401


async def test_a_native_form_works_without_any_script(house: House) -> None:
    await house.sign_up(PERSON["email"])
    form = PERSON | {"next": "/zaps/7?tab=runs"}
    answer = await house.client.post(SIGN_IN, data=form, headers=OWN)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/zaps/7?tab=runs"
    assert await _me(house) == 200
    answer = await house.client.post(SIGN_OUT, data={}, headers=OWN | {"Content-Type": FORM})
    assert answer.status_code == 303
    assert await _me(house) == 401


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    "target",
    ["https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example", "evil", ""],
)
async def test_a_form_never_leads_to_another_site(house: House, target: str) -> None:
    await house.sign_up(PERSON["email"])
    answer = await house.client.post(SIGN_IN, data=PERSON | {"next": target}, headers=OWN)
    assert answer.headers["location"] == "/dashboard"


async def test_a_refused_form_goes_back_to_the_sign_in_page(house: House) -> None:
    form = PERSON | {"next": "/runs"}
    answer = await house.client.post(SIGN_IN, data=form, headers=OWN)
    assert answer.status_code == 303
    assert answer.headers["location"] == "/signin?error=wrong_credentials&next=%2Fruns"
    assert "set-cookie" not in answer.headers

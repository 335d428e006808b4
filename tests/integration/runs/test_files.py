"""Downloads: a signed link opens one file for seven days, and nothing else opens it."""

import datetime as dt
from urllib.parse import parse_qs, urlsplit

import pytest

from flowforge.infra.db import new_id, utc_now
from flowforge.services import files
from tests.house import House

PAGE = b"<script>alert(1)</script>"


async def stored(house: House, name: str = "page.html", kind: str = "text/html") -> str:
    ada = await house.sign_up()
    file = await files.keep(house.runtime.blobs, ada.project_id, name, kind, PAGE)
    file_id = file.id
    async with house.db.transaction() as session:
        session.add(file)
    return file_id


def link(house: House, file_id: str, *, age: dt.timedelta = dt.timedelta(0)) -> str:
    url = files.link(house.runtime.vault, "http://localhost:3000", file_id, now=utc_now() - age)
    return url.removeprefix("http://localhost:3000")


async def test_a_link_gives_the_bytes_as_an_attachment(house: House) -> None:
    file_id = await stored(house)
    answer = await house.client.get(link(house, file_id))
    assert (answer.status_code, answer.content) == (200, PAGE)
    assert answer.headers["content-disposition"].startswith('attachment; filename="page.html"')
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["content-length"] == str(len(PAGE))


async def test_a_link_lives_seven_days(house: House) -> None:
    file_id = await stored(house)
    young = link(house, file_id, age=dt.timedelta(days=6, hours=23))
    old = link(house, file_id, age=dt.timedelta(days=7, seconds=1))
    assert (await house.client.get(young)).status_code == 200
    assert (await house.client.get(old)).status_code == 403


async def test_an_altered_link_is_refused(house: House) -> None:
    file_id = await stored(house)
    good = link(house, file_id)
    query = parse_qs(urlsplit(good).query)
    expires, signature = query["expires"][0], query["signature"][0]
    base = f"/api/v1/files/{file_id}"
    wrong = signature[:-1] + ("A" if signature[-1] != "A" else "B")
    for url in (
        base,
        f"{base}?expires={expires}&signature={wrong}",
        f"{base}?expires={int(expires) + 1}&signature={signature}",
        f"{base}?expires={expires}&signature=",
        f"{base}?expires=x&signature={signature}",
        f"{base}?expires={expires}&signature=%C3%BC",
        f"/api/v1/files/{new_id()}?expires={expires}&signature={signature}",
        f"/api/v1/files/..%2F..%2Fsecret_key?expires={expires}&signature={signature}",
    ):
        answer = await house.client.get(url)
        assert answer.status_code in {403, 404}, url
        assert PAGE not in answer.content


async def test_a_good_link_to_what_is_gone_is_not_found(house: House) -> None:
    await house.sign_up()
    assert (await house.client.get(link(house, new_id()))).status_code == 404


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../../etc/passwd", "image/png"),
        ('a"; filename="evil.exe', 'text/html"; x'),
        ("line\r\nSet-Cookie: a=b", "text/html\r\nX: y"),
        ("Ünïcode 🦆.txt", "text/plain; charset=utf-8"),
        ("\ud800", "/"),
        ("", ""),
        ("x" * 5000, "a/b/c"),
    ],
)
async def test_a_name_is_a_label_whatever_it_says(house: House, name: str, kind: str) -> None:
    file_id = await stored(house, name, kind)
    answer = await house.client.get(link(house, file_id))
    assert (answer.status_code, answer.content) == (200, PAGE)
    assert "set-cookie" not in answer.headers
    assert "x" not in answer.headers
    disposition = answer.headers["content-disposition"]
    assert "/" not in disposition.split("filename*")[0]
    assert disposition.split("filename*")[0].count('"') == 2

"""Everything a stranger may get wrong, on every URL of a hook: a precise 4xx, never more than a row."""

import gzip
import json
from typing import Any

import pytest
from sqlalchemy import func, select

from flowforge.models import Run
from flowforge.services.zap_views import ZapView
from tests.house import House
from tests.integration.ingest.inbox import all_events, our_path
from tests.zapping import owed, path_of, published

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STOP = {"id": "end", "kind": "stop"}
MODES = ("", "/sync", "/draft", "/draft/sync", "/test")
JSON = {"content-type": "application/json"}
FORM = {"content-type": "multipart/form-data; boundary=b"}
URLENCODED = {"content-type": "application/x-www-form-urlencoded"}
PART = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nvalue\r\n'
LARGE = 10 * 1024 * 1024

Raw = list[tuple[bytes, bytes]]


async def asking(house: House, **settings: Any) -> ZapView:
    ada = await house.sign_up()
    return await published(house, ada, STOP, trigger={"kind": "webhook", "settings": settings})


def urls(zap: ZapView) -> list[str]:
    return [path_of(zap), *(f"{our_path(zap)}{mode}" for mode in MODES)]


def at_once(zap: ZapView) -> list[str]:
    """Those that wait for no run."""
    return [url for url in urls(zap) if not url.endswith("sync")]


async def refused_by(
    house: House, zap: ZapView, status: int, code: str, said: str = "", **sent: Any
) -> None:
    """Every URL answers that, and keeps a row which says why; nothing runs."""
    for url in urls(zap):
        target = url + sent.get("query", "")
        before = len(await all_events(house))
        answer = await house.client.post(
            target, content=sent.get("content", b"{}"), headers=sent.get("headers")
        )
        assert (answer.status_code, answer.json()["error"]["code"]) == (status, code), target
        assert answer.headers["content-type"] == "application/json"
        assert said in answer.json()["message"]
        events = await all_events(house)
        assert len(events) == before + 1
        assert (events[-1].verdict, events[-1].status_code) == ("rejected", status)
        assert events[-1].reason == answer.json()["message"]
    async with house.db.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Run)) == 0
    assert await owed(house) == 0


UNREADABLE: dict[str, tuple[bytes, dict[str, str], str]] = {
    "invalid UTF-8": (b'{"a":"\xff"}', JSON, "UTF-8"),
    "half a pair": (b'{"a":"\\ud800"}', JSON, "JSON"),
    "half a pair as a key": (b'{"\\udc00":1}', JSON, "JSON"),
    "encoded surrogates": (b'{"a":"\xed\xa0\x80"}', JSON, "UTF-8"),
    "lists 100,000 deep": (b"[" * 100_000 + b"]" * 100_000, JSON, "deeper"),
    "objects 100,000 deep": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, JSON, "deeper"),
    "only opened": (b"[" * 100_000, JSON, "deeper"),
    "NaN": (b'{"a":NaN}', JSON, "JSON"),
    "1e309": (b'{"a":1e309}', JSON, "too large"),
    "400 digits": (b"1" * 400, JSON, "too large"),
    "nothing": (b" ", JSON, "empty"),
    "no boundary": (PART + b"--b--\r\n", {"content-type": "multipart/form-data"}, "boundary"),
    "cut off": (PART[:-4], FORM, "closing boundary"),
    "no form": (b"--b", FORM, "form"),
    "part without a name": (b"--b\r\n\r\nvalue\r\n--b--\r\n", FORM, "form"),
    "1,001 parts": (PART * 1001 + b"--b--\r\n", FORM, "form"),
    "10,001 fields": (b"a=1&" * 10_001, URLENCODED, "10000 fields"),
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_what_cannot_be_read_is_400_on_every_url(house: House, name: str) -> None:
    content, headers, said = UNREADABLE[name]
    zap = await asking(house)
    await refused_by(house, zap, 400, "malformed", said, content=content, headers=headers)


async def test_of_a_key_that_comes_twice_the_last_counts_everywhere(house: House) -> None:
    zap = await asking(house, schema={"properties": {"n": {"const": 2}}})
    for url in at_once(zap):
        fine = await house.client.post(url, content=b'{"n":1,"n":2}', headers=JSON)
        assert fine.status_code in {200, 202}
    for url in urls(zap):
        wrong = await house.client.post(url, content=b'{"n":2,"n":1}', headers=JSON)
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "does_not_fit")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, gzip", "x-made-up", "GZIP"])
async def test_nothing_compressed_is_unpacked(house: House, coding: str) -> None:
    """A bomb of a hundred megabytes is a hundred kilobytes here, and stays so."""
    bomb = gzip.compress(b"0" * 100_000_000, 9)
    zap = await asking(house)
    for kind in ("application/json", "text/plain", "image/png"):
        await refused_by(
            house,
            zap,
            415,
            "encoding_not_supported",
            coding.lower(),
            content=bomb,
            headers={"content-encoding": coding, "content-type": kind},
        )


@pytest.mark.parametrize("coding", ["identity", "", "UTF-8"])
async def test_what_is_not_compressed_may_say_so(house: House, coding: str) -> None:
    zap = await asking(house)
    headers = JSON | {"content-encoding": coding}
    answer = await house.client.post(path_of(zap), content=b"{}", headers=headers)
    assert answer.status_code == 200
    empty = await house.client.get(path_of(zap), headers={"content-encoding": "gzip"})
    assert empty.status_code == 200, "there is nothing to unpack"


async def test_64_kilobytes_of_headers_are_too_many_and_not_kept(house: House) -> None:
    zap = await asking(house)
    long: Raw = [(b"x-long", b"x" * 64 * 1024)]
    await refused_by(house, zap, 431, "headers_too_large", "65536", headers=long)
    many: Raw = [(f"x-{n}".encode(), b"y" * 100) for n in range(1000)]
    await refused_by(house, zap, 431, "headers_too_large", "65536", headers=many)
    same: Raw = [(b"x-same", b"z" * 100)] * 1000
    await refused_by(house, zap, 431, "headers_too_large", "65536", headers=same)
    assert {json.dumps(one.headers) for one in await all_events(house)} == {"{}"}


@pytest.mark.parametrize("changes", [{"hook_body_limit": LARGE}])
async def test_10_megabytes_and_one_byte(house: House) -> None:
    zap = await asking(house)
    content = b"x" * (LARGE + 1)
    await refused_by(house, zap, 413, "too_large", str(LARGE), content=content)
    assert {one.size for one in await all_events(house)} == {0}
    fine = await house.client.post(path_of(zap), content=content[1:])
    assert fine.status_code == 200


async def test_nul_and_rubbish_in_paths_and_queries(house: House) -> None:
    zap = await asking(house)
    for url in urls(zap):
        for path in (f"{url}%00", f"{url}/%00", f"{url}%2f..", f"{url}%ff", f"%00{url}"):
            answer = await house.client.post(path if path.startswith("/") else f"/{path}")
            assert answer.status_code in {404, 405}, path
        assert await all_events(house) == []
    for url in at_once(zap):
        taken = await house.client.post(f"{url}?a=%00&%00=b&c=%ED%A0%80&%")
        assert taken.status_code in {200, 202}, url
    await refused_by_query(house, zap)


async def refused_by_query(house: House, zap: ZapView) -> None:
    for url in urls(zap):
        answer = await house.client.post(f"{url}?{'a=&' * 10_001}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "malformed")

"""What a stranger may send without ever getting a 500, and without anything being lost."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.house import House
from tests.integration.ingest.inbox import (
    all_events,
    blob_files,
    client_of,
    door_of,
    listening,
    post,
    tally,
    trigger_of,
)
from tests.zapping import events_of, path_of

JSON = "application/json"
CLOSED = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nvalue\r\n--b--\r\n'

REFUSED: list[tuple[str, bytes, str]] = [
    (JSON, b"{", "JSON"),
    (JSON, b"   ", "empty"),
    (JSON, b"{'a': 1}", "JSON"),
    (JSON, b'{"a":1}}', "JSON"),
    (JSON, b'{"a": "\x00"}', "JSON"),
    (JSON, b'{"a":"\\ud800"}', "JSON"),
    (JSON, b'{"\\udfff":1}', "JSON"),
    (JSON, b'{"a":NaN}', "JSON"),
    (JSON, b'{"a":-Infinity}', "JSON"),
    (JSON, b'{"a":1e400}', "too large"),
    (JSON, b'{"a":' + b"9" * 400 + b"}", "too large"),
    (JSON, b'{"a":"\xff"}', "UTF-8"),
    (JSON, b"\xff\xfe{", "JSON"),
    (JSON, b"[" * 100_000 + b"]" * 100_000, "deeper"),
    (JSON, b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "deeper"),
    (JSON, b"[" * 201 + b"]" * 201, "deeper"),
    ("application/json; charset=utf-16", b'{"a":1}', "utf-16"),
    ("application/json; charset=idna", b'{"a":1}', "idna"),
    ("application/json; charset=undefined", b'{"a":1}', "undefined"),
    ("application/x-www-form-urlencoded", b"a=1&" * 10_001, "10000 fields"),
    ("multipart/form-data", CLOSED, "boundary"),
    ("multipart/form-data; boundary=b", b"no form at all", "form"),
    ("multipart/form-data; boundary=b", CLOSED[:-8], "closing boundary"),
    ("multipart/form-data; boundary=b", CLOSED[:50], "closing boundary"),
    ("multipart/form-data; boundary=b; charset=undefined", CLOSED, "form"),
]


@pytest.mark.parametrize(
    ("content_type", "content", "said"),
    REFUSED,
    ids=[f"{kind[-20:]}-{content[:14]!r}" for kind, content, _ in REFUSED],
)
async def test_what_cannot_be_read_is_refused_with_a_reason_and_kept(
    house: House, content_type: str, content: bytes, said: str
) -> None:
    _, zap = await listening(house)
    answer = await post(house, zap, content, content_type)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "malformed"
    assert said in answer.json()["message"]
    (event,) = await events_of(house, zap)
    assert (event.verdict, event.reason) == ("rejected", answer.json()["message"])
    assert event.size == len(content)
    blob = await house.runtime.blobs.get(event.blob_key) if event.blob_key else event.raw
    assert blob == content


TAKEN: list[tuple[str, bytes, object]] = [
    (JSON, b'{"a":1,"a":2}', {"a": 2}),
    (JSON, b'{"a\\u0000b":"c\\u0000"}', {"a\0b": "c\0"}),
    (JSON, b'{"a":"\\ud83d\\ude00"}', {"a": "\U0001f600"}),
    (JSON, b'{"n":' + b"9" * 300 + b"}", {"n": int("9" * 300)}),
    (JSON, b'{"n":-' + b"1" * 30 + b"}", {"n": -int("1" * 30)}),
    (JSON, b"[" * 199 + b"]" * 199, None),
    (JSON, b'{"":{"":[]}}', {"": {"": []}}),
    ("text/plain", b"\x00", "\0"),
    ("text/plain", b"\xed\xa0\x80", "���"),
    ("text/plain; charset=undefined", b"a", "a"),
    ("text/plain; charset=idna", b"xn--a.-", "xn--a.-"),
    ("text/plain; charset=utf-7", b"+2AA-", "+2AA-"),
    ("text/plain; charset=unicode_escape", b"\\ud800", "\\ud800"),
    ("text/plain; charset=hex", b"zz", "zz"),
    ("text/plain; charset=utf-16", b"\x00\xd8", "�"),
    ("application/x-www-form-urlencoded", b"a=%00&%00=b", {"a": "\0", "\0": "b"}),
    ("application/x-www-form-urlencoded", b"a=%ED%A0%80", {"a": "���"}),
    ("application/x-www-form-urlencoded", b"&&&=&%", {"": "", "%": ""}),
]


@pytest.mark.parametrize(
    ("content_type", "content", "body"),
    TAKEN,
    ids=[f"{kind[-20:]}-{content[:14]!r}" for kind, content, _ in TAKEN],
)
async def test_odd_but_readable_bodies_arrive_as_they_are(
    house: House, content_type: str, content: bytes, body: object
) -> None:
    _, zap = await listening(house)
    trigger = await trigger_of(house, await post(house, zap, content, content_type))
    if body is not None:
        assert trigger["body"] == body
    (event,) = await events_of(house, zap)
    assert event.raw == content


async def test_nul_and_rubbish_in_the_query_do_no_harm(house: House) -> None:
    _, zap = await listening(house)
    answer = await house.client.post(f"{path_of(zap)}?a=%00&%00=b&c=%ED%A0%80&d=%FF&%")
    trigger = await trigger_of(house, answer)
    assert trigger["query"] == {"a": "\0", "\0": "b", "c": "���", "d": "�", "%": ""}


async def test_a_query_of_too_many_fields_is_refused(house: House) -> None:
    _, zap = await listening(house)
    answer = await house.client.post(f"{path_of(zap)}?{'a=&' * 10_001}")
    assert answer.status_code == 400
    assert "query" in answer.json()["message"]
    assert tally(await events_of(house, zap)) == {"rejected": 1}


async def test_nul_in_every_part_of_a_form_does_no_harm(house: House) -> None:
    _, zap = await listening(house)
    content = (
        b'--b\r\nContent-Disposition: form-data; name="a\0b"; filename="x\0.txt"\r\n'
        b"Content-Type: te\0xt/plain\r\n\r\nhi\0\r\n"
        b'--b\r\nContent-Disposition: form-data; name="\xff\xed\xa0\x80"\r\n\r\n\0\xff\r\n--b--\r\n'
    )
    trigger = await trigger_of(
        house, await post(house, zap, content, "multipart/form-data; boundary=b")
    )
    file = trigger["body"]["a\0b"]
    assert (file["name"], file["content_type"], file["size"]) == (
        "x.txt",
        "application/octet-stream",
        3,
    )


async def test_odd_headers_do_no_harm(house: House) -> None:
    _, zap = await listening(house)
    answer = await house.client.post(
        path_of(zap),
        headers=[
            (b"x-latin", b"caf\xe9"),
            (b"x-long", b"x" * 50_000),
            (b"content-type", b"text/\xff\xfe; charset=\xff"),
            (b"x-idempotency-key", b"k\xe9"),
        ],
        content=b"a",
    )
    trigger = await trigger_of(house, answer)
    assert trigger["headers"]["x-latin"] == "café"
    assert trigger["body"] == "a"


async def chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size):
        yield b"x" * 1024 * 1024


@pytest.mark.parametrize("is_chunked", [False, True], ids=["with length", "chunked"])
async def test_26_megabytes_are_too_large(house: House, *, is_chunked: bool) -> None:
    _, zap = await listening(house)
    content = chunks(26) if is_chunked else b"x" * 26 * 1024 * 1024
    answer = await house.client.post(path_of(zap), content=content)
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    (event,) = await events_of(house, zap)
    assert (event.verdict, event.raw, event.size) == ("rejected", None, 0)
    assert event.reason == answer.json()["message"]
    assert blob_files(house) == []


@pytest.mark.parametrize("changes", [{"hook_body_limit": 1024}])
@pytest.mark.parametrize(("size", "status"), [(1024, 200), (1025, 413)])
async def test_the_limit_is_exact(house: House, size: int, status: int) -> None:
    _, zap = await listening(house)
    assert (await house.client.post(path_of(zap), content=b"x" * size)).status_code == status


async def test_a_length_that_is_a_lie_changes_nothing(house: House) -> None:
    _, zap = await listening(house)
    for length, status in ((b"9" * 4000, 413), (b"-5", 200), (b"\xb2", 200)):
        answer = await house.client.post(
            path_of(zap), content=b"x", headers=[(b"content-length", length)]
        )
        assert answer.status_code == status


async def test_a_body_that_dribbles_in_is_cut_off_and_noted(house: House) -> None:
    _, zap = await listening(house)

    async def slowly() -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.sleep(30)

    async with asyncio.timeout(10), client_of(door_of(house, body_seconds=0.2)) as client:
        answer = await client.post(path_of(zap), content=slowly())
    assert (answer.status_code, answer.json()["error"]["code"]) == (408, "too_slow")
    (event,) = await events_of(house, zap)
    assert (event.verdict, event.reason) == ("rejected", answer.json()["message"])


async def test_nothing_is_stored_for_a_client_that_hangs_up_in_the_middle(house: House) -> None:
    _, zap = await listening(house)
    told: list[dict[str, object]] = [
        {"type": "http.request", "body": b'{"a":', "more_body": True},
        {"type": "http.disconnect"},
    ]
    sent: list[int] = []

    async def receive() -> dict[str, object]:
        return told.pop(0)

    async def send(message: dict[str, object]) -> None:
        if message["type"] == "http.response.start":
            sent.append(int(str(message["status"])))

    scope = {
        "type": "http",
        "method": "POST",
        "path": path_of(zap),
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"1000")],
        "client": ("127.0.0.1", 40000),
    }
    await door_of(house)(scope, receive, send)  # type: ignore[arg-type]
    assert sent == [400]
    assert await all_events(house) == []

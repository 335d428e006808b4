"""Every kind of body, and what ``trigger`` is in the run that follows."""

import gzip
import json
from typing import Any

import pytest
from sqlalchemy import select

from flowforge.models import File
from tests.house import House
from tests.integration.ingest.inbox import UNKNOWN_ID, blob_files, listening, post, trigger_of
from tests.zapping import events_of, path_of

PLAIN = {"method": "POST", "query": {}}

KINDS: list[tuple[str, bytes, Any]] = [
    ("application/json", b'{"a": [1, 2.5, null, true]}', {"a": [1, 2.5, None, True]}),
    ("application/JSON; charset=UTF-8", b'{"a":"\xc3\xa9"}', {"a": "é"}),
    ("application/vnd.acme.v2+json", b'{"a":1}', {"a": 1}),
    ("application/cloudevents+json; charset=utf-8", b'{"a":1}', {"a": 1}),
    ("application/json", b'[{"a":1},{"a":2}]', [{"a": 1}, {"a": 2}]),
    ("application/json", b"7", 7),
    ("application/json", b'"text"', "text"),
    ("application/json", b"true", True),
    ("application/json", b"null", None),
    ("application/json; charset=utf-16", '{"a":"é"}'.encode("utf-16"), {"a": "é"}),
    ("application/json; charset=latin-1", '{"a":"é"}'.encode("latin-1"), {"a": "é"}),
    ("application/json", b'\xef\xbb\xbf{"a":1}', {"a": 1}),
    ("application/x-www-form-urlencoded", b"a=1&b=x+y&c=", {"a": "1", "b": "x y", "c": ""}),
    (
        "application/x-www-form-urlencoded",
        b"tag=a&tag=b&n=1&tag=c",
        {"tag": ["a", "b", "c"], "n": "1"},
    ),
    ("application/x-www-form-urlencoded", b"na%C3%AFve=%E2%82%AC", {"naïve": "€"}),
    ("application/x-www-form-urlencoded; charset=latin-1", b"a=\xe9", {"a": "é"}),
    # What `curl -d '{…}'` sends.
    ("application/x-www-form-urlencoded", b'{"a":1}', {"a": 1}),
    ("application/x-www-form-urlencoded", b'{"a=1', {'{"a': "1"}),
    ("text/plain", b"hello", "hello"),
    ("text/plain", b'{"a":1}', {"a": 1}),
    ("text/plain", b"{no json", "{no json"),
    ("text/plain; charset=ISO-8859-1", b"caf\xe9", "café"),
    ("text/plain; charset=no-such-thing", b"caf\xc3\xa9", "café"),
    ("text/plain", b"\xff", "�"),
    ("text/html", b"<p>{}</p>", "<p>{}</p>"),
    ("application/xml", b"<a>1</a>", "<a>1</a>"),
    ("", b'{"a":1}', {"a": 1}),
    ("", b"hello", "hello"),
    ("not a media type;;;=", b"hello", "hello"),
]


@pytest.mark.parametrize(
    ("content_type", "content", "body"),
    KINDS,
    ids=[f"{kind or 'none'}-{content[:12]!r}" for kind, content, _ in KINDS],
)
async def test_the_body_is_what_its_type_says(
    house: House, content_type: str, content: bytes, body: Any
) -> None:
    _, zap = await listening(house)
    trigger = await trigger_of(house, await post(house, zap, content, content_type))
    assert trigger["body"] == body
    assert type(trigger["body"]) is type(body)
    assert {name: trigger[name] for name in PLAIN} == PLAIN
    assert trigger["raw_body"] == content.decode("utf-8", "replace")
    assert set(trigger) == {"method", "headers", "query", "body", "raw_body"}
    (event,) = await events_of(house, zap)
    assert (event.raw, event.size) == (content, len(content))


@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain", "image/png", "multipart/form-data", ""]
)
async def test_an_empty_body_is_no_body(house: House, content_type: str) -> None:
    _, zap = await listening(house)
    trigger = await trigger_of(house, await post(house, zap, b"", content_type))
    assert (trigger["body"], trigger["raw_body"]) == (None, "")


async def test_the_query_and_the_headers_are_there_with_names_in_lower_case(house: House) -> None:
    _, zap = await listening(house)
    answer = await house.client.get(
        f"{path_of(zap)}?a=1&tag=x&tag=y&empty=&e=%C3%A9",
        headers=[("X-Shop-Name", "Ada's"), ("X-Twice", "one"), ("x-twice", "two")],
    )
    trigger = await trigger_of(house, answer)
    assert trigger["method"] == "GET"
    assert trigger["query"] == {"a": "1", "tag": ["x", "y"], "empty": "", "e": "é"}
    assert trigger["headers"]["x-shop-name"] == "Ada's"
    assert trigger["headers"]["x-twice"] == "one, two"
    assert all(name == name.lower() for name in trigger["headers"])


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_other_methods_bring_their_body(house: House, method: str) -> None:
    _, zap = await listening(house)
    answer = await house.client.request(method, path_of(zap), json={"a": 1})
    trigger = await trigger_of(house, answer)
    assert (trigger["method"], trigger["body"]) == (method, {"a": 1})


async def test_the_idempotency_key_is_not_mixed_into_the_body(house: House) -> None:
    _, zap = await listening(house)
    forged = {"_idempotencyKey": "mine", "a": 1}
    answer = await house.client.post(
        path_of(zap), json=forged, headers={"X-Idempotency-Key": "real"}
    )
    assert (await trigger_of(house, answer))["body"] == forged
    (event,) = await events_of(house, zap)
    assert event.dedupe_key == "real"


async def test_a_multipart_form_brings_its_fields_and_its_files(house: House) -> None:
    _, zap = await listening(house)
    picture = bytes(range(256))
    answer = await house.client.post(
        path_of(zap),
        data={"name": "Ada", "tag": ["a", "b"]},
        files=[
            ("photo", ("..\\..//etc/héllo.png", picture, "image/png")),
            ("doc", ("a.txt", b"one", "text/plain")),
            ("doc", ("b.txt", b"two", "text/plain")),
        ],
    )
    body = (await trigger_of(house, answer))["body"]
    assert (body["name"], body["tag"]) == ("Ada", ["a", "b"])
    assert [one["name"] for one in body["doc"]] == ["a.txt", "b.txt"]
    photo = body["photo"]
    assert (photo["name"], photo["content_type"], photo["size"]) == ("héllo.png", "image/png", 256)
    fetched = await house.client.get(photo["file_url"])
    assert (fetched.status_code, fetched.content) == (200, picture)


@pytest.mark.parametrize(
    "content_type",
    ["image/png", "application/pdf", "application/octet-stream", "application/gzip", "audio/mpeg"],
)
async def test_a_binary_body_becomes_a_file(house: House, content_type: str) -> None:
    _, zap = await listening(house)
    content = gzip.compress(bytes(range(256)))
    trigger = await trigger_of(house, await post(house, zap, content, content_type))
    file = trigger["body"]
    assert (file["content_type"], file["size"]) == (content_type, len(content))
    assert trigger["raw_body"] is None
    fetched = await house.client.get(file["file_url"])
    assert (fetched.status_code, fetched.content) == (200, content)


async def test_a_file_of_an_unknown_zap_leaves_nothing_behind(house: House) -> None:
    ada, zap = await listening(house)
    wrong = f"/hooks/catch/{ada.user_id}/{UNKNOWN_ID}"
    for content, kind in ((b"\x89PNG", "image/png"), (b"x" * 600_000, "text/plain")):
        answer = await house.client.post(wrong, content=content, headers={"content-type": kind})
        assert answer.status_code == 404
    assert blob_files(house) == []
    for _ in range(2):
        answer = await house.client.post(
            path_of(zap),
            content=b"\x89PNG",
            headers={"content-type": "image/png", "x-idempotency-key": "k"},
        )
        assert answer.status_code == 200
    assert len(blob_files(house)) == 1
    async with house.db.reading() as session:
        assert len((await session.scalars(select(File))).all()) == 1


async def test_a_body_of_a_megabyte_reaches_the_run_whole(house: House) -> None:
    _, zap = await listening(house)
    content = json.dumps({"text": "é" * 500_000, "last": 1}, ensure_ascii=False).encode()
    trigger = await trigger_of(house, await post(house, zap, content, "application/json"))
    assert trigger["body"] == json.loads(content)
    assert trigger["raw_body"] == content.decode()
    (event,) = await events_of(house, zap)
    assert (event.raw, event.size) == (None, len(content))
    assert blob_files(house) == [event.blob_key]


@pytest.mark.parametrize(
    ("content_type", "headers"),
    [
        ("application/json", {}),
        ("multipart/form-data; boundary=b", {}),
        ("text/plain", {"x-idempotency-key": "k" * 256}),
    ],
    ids=["garbage json", "garbage form", "key too long"],
)
async def test_a_large_body_that_is_refused_is_kept_beside_its_row(
    house: House, content_type: str, headers: dict[str, str]
) -> None:
    _, zap = await listening(house)
    content = b"{" + b"x" * 600_000
    answer = await house.client.post(
        path_of(zap), content=content, headers={"content-type": content_type, **headers}
    )
    assert answer.status_code == 400
    (event,) = await events_of(house, zap)
    assert (event.verdict, event.raw, event.size) == ("rejected", None, len(content))
    assert event.blob_key is not None
    assert await house.runtime.blobs.get(event.blob_key) == content

"""Bytes to data: exact where the sender was clear, never an exception but ``Malformed``."""

from contextlib import suppress
from encodings.aliases import aliases
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.errors import Malformed
from flowforge.infra import documents
from flowforge.services.payload import (
    MOST_FORM_FIELDS,
    ContentType,
    LoadedRequest,
    read_body,
    read_fields,
    read_text,
    trigger_data,
)

FORM = "application/x-www-form-urlencoded"
ALIASES = sorted({*aliases, *aliases.values(), "idna", "undefined", "punycode", "utf_7", "x" * 500})
TYPES = ["", "application/json", FORM, "text/plain", "a/b+json", "text/html"]


@pytest.mark.parametrize(
    ("header", "media", "charset"),
    [
        ("", "", "utf-8"),
        ("Text/HTML", "text/html", "utf-8"),
        ('text/plain; charset="ISO-8859-1"', "text/plain", "iso-8859-1"),
        ("text/plain;CHARSET = x ; charset=utf-16", "text/plain", "utf-16"),
        (";;;", "", "utf-8"),
    ],
)
def test_a_content_type_is_media_and_charset(header: str, media: str, charset: str) -> None:
    assert ContentType.of(header) == ContentType(media, charset)


@pytest.mark.parametrize("charset", ALIASES)
def test_no_charset_in_the_world_breaks_the_reading_of_text(charset: str) -> None:
    for raw in (bytes(range(256)), b"\\ud800+2AA-", b"xn--a\xff", b"\xd8\x00\x00\xd8", b"a-" * 99):
        text = read_text(raw, charset)
        assert text.encode().decode() == text
        with suppress(Malformed):
            read_body(raw, f"application/json; charset={charset}")


@given(raw=st.binary(max_size=200), kind=st.sampled_from(TYPES), charset=st.sampled_from(ALIASES))
def test_whatever_comes_is_read_or_malformed_and_can_be_stored(
    raw: bytes, kind: str, charset: str
) -> None:
    try:
        body = read_body(raw, f"{kind}; charset={charset}")
    except Malformed:
        return
    assert documents.parse(documents.dump(body)) == body


@given(
    st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"])),
            st.text(st.characters(exclude_categories=["Cs"])),
        )
    )
)
def test_form_fields_come_back_as_they_were_sent(pairs: list[tuple[str, str]]) -> None:
    expected: dict[str, object] = {}
    for name in dict.fromkeys(name for name, _ in pairs):
        values = [value for other, value in pairs if other == name]
        expected[name] = values if len(values) > 1 else values[0]
    assert read_fields(urlencode(pairs)) == expected


def test_more_fields_than_the_limit_are_refused() -> None:
    assert len(read_fields("&".join(f"f{n}=" for n in range(MOST_FORM_FIELDS)))) == MOST_FORM_FIELDS
    with pytest.raises(Malformed, match="more than 10000 fields"):
        read_fields("a=&" * MOST_FORM_FIELDS + "b=")


def test_only_what_claims_to_be_json_must_be_json() -> None:
    assert read_body(b'{"a":1}', FORM) == {"a": 1}
    assert read_body(b"[1", "text/plain") == "[1"
    with pytest.raises(Malformed):
        read_body(b"[1", "application/json")


def test_an_upload_is_its_description_and_has_no_raw_body() -> None:
    upload = LoadedRequest("POST", "image/png", {"a": "b"}, {}, {"file_url": "x"})
    assert trigger_data(upload, b"") == {
        "method": "POST",
        "headers": {"a": "b"},
        "query": {},
        "body": {"file_url": "x"},
        "raw_body": None,
    }


def test_a_request_without_anything_has_empty_headers_and_query() -> None:
    assert trigger_data(LoadedRequest("GET", "", None, None, None), b"") == {
        "method": "GET",
        "headers": {},
        "query": {},
        "body": None,
        "raw_body": "",
    }

"""Which origins are ours, and which paths stay here."""

from collections.abc import Mapping

import pytest

from flowforge.services import origin
from tests.house import GivenSettings

SETTINGS = GivenSettings(public_url="https://flow.example.com")
OWN = "https://flow.example.com"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://Flow.Example.com/path?x=1", "https://flow.example.com"),
        ("https://flow.example.com:443", "https://flow.example.com"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("null", ""),
        ("file:///etc/passwd", ""),
        ("http://host:port", ""),
        ("", ""),
    ],
)
def test_an_origin_is_spelled_as_browsers_spell_it(url: str, expected: str) -> None:
    assert origin.origin_of(url) == expected


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-origin", "origin": OWN}, True),
        ({"origin": OWN}, True),
        ({"origin": "http://10.0.0.7:3000", "host": "10.0.0.7:3000"}, True),
        ({}, False),
        ({"host": "flow.example.com"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "same-site", "origin": OWN}, False),
        ({"sec-fetch-site": "cross-site", "origin": OWN}, False),
        ({"origin": "null", "host": "null"}, False),
        ({"origin": "https://evil.example", "host": "flow.example.com"}, False),
        ({"origin": "https://flow.example.com.evil.example"}, False),
        ({"origin": "http://flow.example.com"}, False),
        ({"origin": "https://flow.example.com/path"}, False),
        ({"origin": "", "host": ""}, False),
    ],
)
def test_only_a_page_of_our_own_origin_is_ours(headers: Mapping[str, str], is_ours: bool) -> None:
    assert origin.is_own_page(headers, SETTINGS) is is_ours


@pytest.mark.parametrize("path", ["/", "/zaps/1?tab=runs#top", "/a//b"])
def test_a_local_path_is_kept(path: str) -> None:
    assert origin.local_path(path, "/home") == path


@pytest.mark.parametrize(
    "path",
    ["", "zaps", "//evil", "/\\evil", "\\\\evil", "https://evil", "/\t/evil", "/\n", "/\u2028"],
)
def test_any_other_target_becomes_the_fallback(path: str) -> None:
    assert origin.local_path(path, "/home") == "/home"

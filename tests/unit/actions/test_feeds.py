"""Feeds of all kinds are read, and what is none is refused in a sentence."""

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowforge.actions import feeds
from flowforge.actions.feeds import FeedRefused, read
from flowforge.actions.moments import moment_of

ATOM = """<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom">
<title>T</title><entry><id>urn:1</id><title type="html">One &amp;lt;b&amp;gt;</title>
<link rel="enclosure" href="https://example.com/a.mp3"/><link href="https://example.com/1"/>
<published>2026-08-01T10:00:00+02:00</published><updated>2026-08-02T10:00:00Z</updated>
<author><name>Ada</name><email>ada@example.com</email></author><category term="news"/>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">Hello <b>you</b></div></content>
</entry></feed>"""

RDF = """<?xml version="1.0" encoding="ISO-8859-1"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><channel/><item rdf:about="https://example.com/caf\xe9">
<title>Caf\xe9</title><link>https://example.com/c</link><dc:creator>Bob</dc:creator>
<dc:date>2026-08-01</dc:date></item></rdf:RDF>"""

BOMB = (
    '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY a{n} "{"&a" + (str(n - 1) if n else "") + ";"}">' for n in range(1, 9))
    + "]><rss><channel><item><title>&a8;</title></item></channel></rss>"
)
EXTERNAL = (
    '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    "<rss><channel><item><title>&x;</title></item></channel></rss>"
)
PARAMETER = (
    '<!DOCTYPE r [<!ENTITY % p SYSTEM "http://127.0.0.1:1/evil.dtd"> %p;]>'
    "<rss><channel><item><title>x</title></item></channel></rss>"
)


def test_an_atom_entry_says_all_that_it_says() -> None:
    (entry,) = read(ATOM.encode(), None)
    assert (entry.key, entry.link, entry.author) == ("urn:1", "https://example.com/1", "Ada")
    assert entry.title == "One &lt;b&gt;"
    assert entry.content == "Hello you"
    assert str(entry.published_at) == "2026-08-01 08:00:00+00:00"
    assert (entry.categories, entry.enclosures) == (("news",), ("https://example.com/a.mp3",))


def test_the_first_rss_is_read_in_its_own_encoding() -> None:
    (entry,) = read(RDF.encode("latin-1"), "utf-8")
    assert (entry.title, entry.author, entry.key) == ("Café", "Bob", "https://example.com/café")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_a_byte_order_mark_is_believed(encoding: str) -> None:
    text = "<rss><channel><item><title>Grüße</title></item></channel></rss>"
    mark = "\ufeff" if encoding == "utf-16-le" else ""
    (entry,) = read((mark + text).encode(encoding), None)
    assert entry.title == "Grüße"


def test_an_entry_without_an_id_is_known_by_what_it_says() -> None:
    raw = (
        b"<rss><channel><item><title>A</title></item><item><title>B</title></item></channel></rss>"
    )
    one, other = read(raw, None)
    assert one.key != other.key
    assert [entry.key for entry in read(raw, None)] == [one.key, other.key]


def test_a_feed_with_an_old_doctype_is_read_and_nothing_is_fetched() -> None:
    raw = (
        '<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" '
        '"http://127.0.0.1:1/rss-0.91.dtd"><rss><channel><item><title>A&nbsp;B</title>'
        "</item></channel></rss>"
    )
    (entry,) = read(raw.encode(), None)
    assert entry.title.startswith("A")


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "empty"),
        (b"<!doctype html><html><head></head><body>Hi</body></html>", "web page, not a feed"),
        (b"<?xml version='1.0'?><!-- x --><html xmlns='x'></html>", "web page, not a feed"),
        (
            b"<html><head><link rel='alternate' type='application/rss+xml' href='/feed.xml'></head>",
            "/feed.xml",
        ),
        (b"<opml></opml>", "XML, and no feed: it begins with <opml>"),
        (b"{}", "broken at line 1"),
        (b"<rss><channel><item>", "broken at line 1"),
        (BOMB.encode(), "declares entities"),
        (EXTERNAL.encode(), "declares entities"),
        (PARAMETER.encode(), "declares entities"),
        (b'<?xml version="1.0" encoding="klingon"?><rss/>', "'klingon', which is unknown"),
        (b'<?xml version="1.0" encoding="punycode"?><rss/>', "'punycode', which is unknown"),
        (b'<?xml version="1.0" encoding="hex"?><rss/>', "'hex', which is unknown"),
        (b"<rss><title>\xff\xfe\xfd</title></rss>", "at byte 12 it is not"),
        (b"<rss>" + b"<a>" * 200 + b"</a>" * 200 + b"</rss>", "nested deeper"),
        (b"<rss>" + b"<a/>" * (feeds.MOST_ELEMENTS + 1) + b"</rss>", "more than 200,000 elements"),
    ],
)
def test_what_is_no_feed_is_refused_in_a_sentence(raw: bytes, said: str) -> None:
    with pytest.raises(FeedRefused) as refusal:
        read(raw, None)
    assert said in str(refusal.value)


@pytest.mark.parametrize(
    "raw",
    [
        b"<!---->" * 100_000,
        b"<?x?>" * 100_000,
        b"<html>" + b"<link application/rss+xml " * 40_000,
        b"<rss>" + b"<a b='" + b"x" * 5_000_000 + b"'/></rss>",
        b"<rss><channel>" + b"<item><title>x</title></item>" * 60_000 + b"</channel></rss>",
        b"<!DOCTYPE x [" + b"<!ATTLIST a b CDATA 'x'>" * 20_000 + b"]><rss/>",
    ],
    ids=["comments", "instructions", "links", "attribute", "items", "attlist"],
)
def test_nothing_takes_long(raw: bytes) -> None:
    begun = time.thread_time()
    with suppress(FeedRefused):
        read(raw, None)
    assert time.thread_time() - begun < 8


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"<rss>", b"<feed>", b"<?xml version='1.0'?>"])
)
def test_whatever_comes_is_entries_or_a_sentence(raw: bytes, head: bytes) -> None:
    with suppress(FeedRefused):
        assert all(entry.key for entry in read(head + raw, None))


@pytest.mark.parametrize(
    "text", ["", "x", "2026-99-99", "99999999999", "Mon, 99 Foo 2026", "-" * 200, "0000"]
)
def test_a_time_that_is_none_is_none(text: str) -> None:
    assert moment_of(text) is None

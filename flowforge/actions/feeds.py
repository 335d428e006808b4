"""Feeds as data: RSS 0.9x, 1.0 and 2.0 and Atom, read without trusting a byte of them.

No entity is declared, nothing outside is fetched, and depth and number of elements have limits:
whatever is sent is either entries or a `FeedRefused` with a sentence for its reader.
"""

import codecs
import datetime as dt
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from flowforge.actions.moments import moment_of

MOST_ELEMENTS = 200_000
DEEPEST = 100
_HEAD = 4096
# Decoders that read any input in linear time; a feed may not name just any codec of Python's.
_ENCODINGS = re.compile(
    r"utf-(8|8-sig|16|16-le|16-be|32)|ascii|iso8859-\d+|cp125\d|cp866|koi8-[rut]|mac-roman|gb2312|gbk"
    r"|gb18030|big5|euc_(jp|kr)|shift_jis|cp932|cp949|iso2022_jp|tis-620"
)
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
_WEB_PAGE = re.compile(r"<(!doctype\s+html|html)\b", re.IGNORECASE)
_ALTERNATE = re.compile(
    r"<link\b[^>]{0,500}application/(?:rss|atom)\+xml[^>]{0,500}>", re.IGNORECASE
)
_HREF = re.compile(r"""href\s*=\s*["']([^"'<>\s]{1,500})["']""", re.IGNORECASE)
_ROOTS = {"rss", "feed", "rdf"}


class FeedRefused(Exception):
    """No feed that can be read; the message says why, to its reader."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a feed; what it does not say is empty. ``key`` makes it this one for ever."""

    key: str
    title: str
    link: str
    summary: str
    content: str
    author: str
    published_at: dt.datetime | None
    updated_at: dt.datetime | None
    categories: tuple[str, ...]
    enclosures: tuple[str, ...]


def read(raw: bytes, charset: str | None) -> list[Entry]:
    """The entries as they stand in the feed, usually newest first.

    ``charset``: what the transport says of the bytes. Raises: FeedRefused.
    """
    if not raw.strip():
        raise FeedRefused("The answer is empty, so it is no feed.")
    text = _decoded(raw, charset)
    _refuse_web_page(text)
    root = _tree(text)
    if _name(root) not in _ROOTS:
        raise FeedRefused(
            f"The answer is XML, and no feed: it begins with <{_name(root)[:40]}>, where RSS begins "
            "with <rss> and Atom with <feed>."
        )
    return [_entry(element) for element in root.iter() if _name(element) in {"item", "entry"}]


def _decoded(raw: bytes, charset: str | None) -> str:
    declared = _DECLARED.match(raw[:_HEAD])
    name = next((encoding for bom, encoding in _BOMS if raw.startswith(bom)), None) or (
        declared.group(1).decode() if declared else charset or "utf-8"
    )
    try:
        found = codecs.lookup(name).name
    except LookupError:
        found = ""
    if not _ENCODINGS.fullmatch(found):
        raise FeedRefused(f"The feed says that it is written in {name[:40]!r}, which is unknown.")
    try:
        return raw.decode(found)
    except UnicodeDecodeError as problem:
        raise FeedRefused(
            f"The feed says that it is written in {name[:40]}, and at byte {problem.start:,} it is "
            "not. Its publisher must mend that."
        ) from None


def _refuse_web_page(text: str) -> None:
    if not _WEB_PAGE.match(_from_first_tag(text[:_HEAD])):
        return
    link = _ALTERNATE.search(text[:100_000])
    href = _HREF.search(link.group()) if link else None
    hint = f" It names its feed: {href.group(1)}" if href else ""
    raise FeedRefused(f"This address gives a web page, not a feed.{hint}")


def _from_first_tag(text: str) -> str:
    """``text`` without what may stand before the first element: declarations and comments."""
    text = text.lstrip("\ufeff \t\r\n")
    while text.startswith(("<?", "<!--")):
        _, _, text = text.partition("?>" if text.startswith("<?") else "-->")
        text = text.lstrip()
    return text


class _Reader:
    """Expat, and a tree of what it says."""

    def __init__(self) -> None:
        self._builder = TreeBuilder()
        self._depth = self._number = 0
        self._parser = expat.ParserCreate("utf-8", "}")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._builder.data
        self._parser.EntityDeclHandler = self._declared
        self._parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)

    def read(self, text: str) -> Element:
        try:
            # The text says which encoding it had, and has another one now.
            self._parser.Parse(text.encode("utf-8", errors="replace"), True)
        except expat.ExpatError as problem:
            said = expat.ErrorString(problem.code) or "not well formed"
            raise FeedRefused(
                f"The feed is broken at line {problem.lineno:,}, column {problem.offset:,}: {said}."
            ) from None
        return self._builder.close()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._number += 1
        if self._depth > DEEPEST:
            raise FeedRefused(f"The feed is nested deeper than {DEEPEST} elements.")
        if self._number > MOST_ELEMENTS:
            raise FeedRefused(f"The feed has more than {MOST_ELEMENTS:,} elements.")
        self._builder.start(name, attributes)

    def _end(self, name: str) -> None:
        self._depth -= 1
        self._builder.end(name)

    def _declared(self, *_: Any) -> None:
        raise FeedRefused("The feed declares entities of its own. That is not read, for safety.")


def _tree(text: str) -> Element:
    return _Reader().read(text)


def _entry(element: Element) -> Entry:
    found = {name: child for child in reversed(element) if (name := _name(child))}
    link = _link(element)
    title, summary = _text(found, "title"), _text(found, "description", "summary")
    content = _text(found, "encoded", "content")
    key = _text(found, "guid", "id") or _attribute(element, "about") or link
    if not key:
        told = f"{title}\0{summary}\0{content}".encode(errors="replace")
        key = hashlib.sha256(told).hexdigest()
    return Entry(
        key=key,
        title=title,
        link=link,
        summary=summary,
        content=content,
        author=_author(found),
        published_at=moment_of(_text(found, "pubDate", "published", "issued", "date")),
        updated_at=moment_of(_text(found, "updated", "modified")),
        categories=tuple(_categories(element)),
        enclosures=tuple(_enclosures(element)),
    )


def _link(element: Element) -> str:
    links = [child for child in element if _name(child) == "link"]
    for link in links:
        if "href" in link.attrib and link.get("rel", "alternate") == "alternate":
            return link.attrib["href"].strip()
    return next((link.text.strip() for link in links if link.text and link.text.strip()), "")


def _author(found: dict[str, Element]) -> str:
    author = found.get("author")
    if author is not None:
        named = next((child.text for child in author if _name(child) == "name"), None)
        return (named or "".join(author.itertext())).strip()
    return _text(found, "creator")


def _categories(element: Element) -> Iterator[str]:
    for child in element:
        if _name(child) in {"category", "subject"}:
            said = (child.get("term") or child.text or "").strip()
            if said:
                yield said


def _enclosures(element: Element) -> Iterator[str]:
    for child in element:
        is_link = _name(child) == "link" and child.get("rel") == "enclosure"
        url = child.get("href") if is_link else child.get("url")
        if url and (is_link or _name(child) == "enclosure"):
            yield url.strip()


def _text(found: dict[str, Element], *names: str) -> str:
    """The text of the first of ``names`` that has one, with that of what is inside."""
    for name in names:
        element = found.get(name)
        if element is not None and (text := "".join(element.itertext()).strip()):
            return text
    return ""


def _attribute(element: Element, name: str) -> str:
    return next((value for key, value in element.attrib.items() if _local(key) == name), "")


def _name(element: Element) -> str:
    name = _local(element.tag)
    return name.lower() if name.lower() in _ROOTS else name


def _local(name: str) -> str:
    return name.rpartition("}")[2]

"""A small part of Markdown as plain data: paragraphs and lists of bold, italic, code and links.

Pure. Promise: nothing but text comes of it, whatever it is given: no markup, and only links to
the web.
"""

import re
from collections.abc import Iterator

from flowforge.services.form_shapes import Block, Span

LONGEST = 5_000
_ITEM = re.compile(r"\s*[-*] +")
_INLINE = re.compile(
    r"`(?P<code>[^`]+)`"
    r"|\*\*(?P<strong>[^*]+)\*\*"
    r"|\*(?P<em>[^*]+)\*"
    r"|\[(?P<text>[^\]]+)\]\((?P<href>https?://[^\s()]+)\)"
)


def blocks(text: str) -> list[Block]:
    """Lines that follow each other are one paragraph; an empty line ends it."""
    found: list[Block] = []
    paragraph: list[str] = []

    def end() -> None:
        if paragraph:
            found.append(Block(is_item=False, spans=list(_spans(" ".join(paragraph)))))
            paragraph.clear()

    for line in text[:LONGEST].splitlines():
        item = _ITEM.match(line)
        if item or not line.strip():
            end()
        if item:
            found.append(Block(is_item=True, spans=list(_spans(line[item.end() :]))))
        elif line.strip():
            paragraph.append(line.strip())
    end()
    return found


def _spans(text: str) -> Iterator[Span]:
    end = 0
    for found in _INLINE.finditer(text):
        if found.start() > end:
            yield Span("plain", text[end : found.start()])
        if found["href"]:
            yield Span("link", found["text"], found["href"])
        else:
            look = str(found.lastgroup)
            yield Span(look, found[look])
        end = found.end()
    if end < len(text):
        yield Span("plain", text[end:])

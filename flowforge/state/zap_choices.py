"""What a person chose in My Zaps, and the address that says it: a list can be sent to somebody.

Pure. A folder is named by its id: in another project there is none of that id, and all zaps are shown.
"""

from typing import NamedTuple
from urllib.parse import parse_qs, urlencode

LONGEST = 200


class Choices(NamedTuple):
    """``folder``: the id of one, or ``none`` for zaps in none; empty for all, as ``tag``."""

    folder: str = ""
    tag: str = ""
    sought: str = ""


def of_query(query: str) -> Choices:
    """What the part of an address behind its question mark asks for."""
    asked = parse_qs(query)

    def said(name: str) -> str:
        return asked.get(name, [""])[0].strip()[:LONGEST]

    return Choices(folder=said("folder"), tag=said("tag"), sought=said("q"))


def address(path: str, chosen: Choices) -> str:
    named = {"folder": chosen.folder, "tag": chosen.tag, "q": chosen.sought}
    query = urlencode({name: value for name, value in named.items() if value})
    return f"{path}{'?' + query if query else ''}"

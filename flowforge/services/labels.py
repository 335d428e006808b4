"""What people call zaps, folders and tags: as it is shown, and as it is compared. Pure."""

import unicodedata

from flowforge.errors import Invalid
from flowforge.services import search

_FIRST_PRINTABLE = " "


def label(
    text: str,
    longest: int,
    *,
    path: str = "name",
    missing: str = "Give it a name.",
    noun: str = "name",
) -> str:
    """``text`` without surrounding space.

    Raises: Invalid at ``path`` where it is empty, too long or has characters that no name has.
    """
    cleaned = text.strip()
    message = ""
    if not cleaned:
        message = missing
    elif len(cleaned) > longest:
        message = f"The {noun} may have at most {longest} characters."
    elif (
        any(letter < _FIRST_PRINTABLE for letter in cleaned) or search.storable(cleaned) != cleaned
    ):
        message = f"The {noun} may not have control characters."
    if message:
        raise Invalid(message, details=[{"path": path, "message": message}])
    return cleaned


def key_of(name: str) -> str:
    """Equal for names that differ in case, or in how their letters are put together, alone."""
    return unicodedata.normalize("NFKC", search.storable(name).strip().casefold())

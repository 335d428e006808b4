"""Files that a step is given: uploaded ones of its project, what a trigger received, web addresses.

Inputs only name a file; its bytes are read when an action asks for them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Protocol
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from flowforge.actions.failures import FatalError
from flowforge.actions.web import LONGEST_URL, opened

MEGABYTE = 1024 * 1024
_ANY_TYPE = "application/octet-stream"


class Named(BaseModel):
    """Where a file is: ``file_id`` of one that is stored, or else its ``url``."""

    model_config = ConfigDict(frozen=True, json_schema_extra={"widget": "file"})

    file_id: str = Field(default="", max_length=100)
    url: str = Field(default="", max_length=LONGEST_URL)
    name: str = ""

    @property
    def label(self) -> str:
        """What people call it."""
        last = unquote(urlsplit(self.url).path.rpartition("/")[2]) if self.url else ""
        return self.name or last or "file"


@dataclass(frozen=True)
class Content:
    """A file that was read."""

    name: str
    content_type: str = _ANY_TYPE
    data: bytes = b""


class Files(Protocol):
    """Reads what inputs name; of stored files only those of the step's own project."""

    async def read(self, file: Named, most_bytes: int, /) -> Content:
        """Raises: FatalError, RetryableError with a sentence for the owner."""
        ...


class NoFiles:
    """Where there are none to be read."""

    async def read(self, file: Named, _most_bytes: int, /) -> Content:
        raise FatalError(f"'{file.label}' cannot be read here: no files are kept.")


async def read_all(files: Files, named: Iterable[Named], most_bytes: int) -> list[Content]:
    """All of them, at most ``most_bytes`` together. Raises: as ``Files.read``."""
    found: list[Content] = []
    for each in named:
        content = await files.read(each, most_bytes)
        most_bytes -= len(content.data)
        found.append(content)
    return found


def _named(value: Any) -> Any:
    """What a person or an expression gives for a file."""
    found = opened(value) if isinstance(value, str) and value.lstrip()[:1] == "{" else value
    match found:
        case Named():
            return found
        case str() if found.strip():
            return {"url": _address(found.strip())}
        case {"file_id": str(file_id), **rest} if file_id:
            return {"file_id": file_id, "name": str(rest.get("name") or "")}
        case {"file_url": str(url), **rest} if url:
            return {"url": _address(url), "name": str(rest.get("name") or "")}
    raise ValueError(
        "must be a web address, or a file such as {{ trigger.body.attachment }} of a form"
    )


def _address(text: str) -> str:
    if not text.startswith(("https://", "http://")):
        raise ValueError("must be a full URL such as https://example.com/report.pdf")
    return text


def _one(value: Any) -> Any:
    listed = _flat(value)
    if not listed:
        raise PydanticCustomError("blank", "is empty")
    if len(listed) > 1:
        raise ValueError(f"must be one file; these are {len(listed)}")
    return _named(listed[0])


def _flat(value: Any) -> list[Any]:
    """One, several, or an expression that found several; what is empty was not attached."""
    given = value
    if isinstance(value, str) and value.lstrip()[:1] == "[":
        given = opened(value)
    if isinstance(given, list | tuple):
        return [one for each in given for one in _flat(each)]
    is_blank = given is None or given == {} or (isinstance(given, str) and not given.strip())
    return [] if is_blank else [given]


File = Annotated[Named, BeforeValidator(_one)]
SomeFiles = Annotated[list[Annotated[Named, BeforeValidator(_named)]], BeforeValidator(_flat)]

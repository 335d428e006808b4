"""Large values and uploaded files, kept as files under one directory.

A key is made here and nowhere else, so no input can ever name a path. What `put` returned is on
disk, whole; what it did not finish leaves nothing behind but a temporary file's name.
"""

import asyncio
import hashlib
import os
import re
import secrets
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from flowforge.errors import NotFound

CHUNK_BYTES = 256 * 1024
KEY_BYTES = 16
_KEY = re.compile(r"[0-9a-f]{32}")


class Blob(NamedTuple):
    """What was stored: ``sha256`` is hex."""

    key: str
    size: int
    sha256: str


class Blobs:
    """Files named by random keys in 256 directories under ``root``."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(self, content: bytes | AsyncIterator[bytes]) -> Blob:
        """Stores all of ``content``, durably, under a fresh key.

        An error of the iterator passes through and nothing is stored: this is where callers stop
        an upload that is too large.
        """
        key = secrets.token_hex(KEY_BYTES)
        path = self._path(key)
        if isinstance(content, bytes):
            return await asyncio.to_thread(_store_bytes, path, key, content)
        temporary, file = await asyncio.to_thread(_open_temporary, path)
        digest, size = hashlib.sha256(), 0
        try:
            async for chunk in content:
                digest.update(chunk)
                size += len(chunk)
                await asyncio.to_thread(file.write, chunk)
            await asyncio.to_thread(_finish, file, temporary, path)
        finally:
            await asyncio.to_thread(_discard, file, temporary)
        return Blob(key, size, digest.hexdigest())

    async def get(self, key: str) -> bytes:
        """The content.

        Raises: NotFound.
        """
        path = self._path(key)
        try:
            return await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError:
            raise NotFound("This file is no longer stored.") from None

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        """The content in chunks, for large files.

        Raises: NotFound, at the first chunk.
        """
        path = self._path(key)
        try:
            file = await asyncio.to_thread(path.open, "rb")
        except FileNotFoundError:
            raise NotFound("This file is no longer stored.") from None
        try:
            while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
                yield chunk
        finally:
            await asyncio.to_thread(file.close)

    async def delete(self, keys: Iterable[str]) -> None:
        """What is already gone is no error."""
        paths = [self._path(key) for key in keys]
        await asyncio.to_thread(_unlink, paths)

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise NotFound("This file is no longer stored.")
        return self._root / key[:2] / key


def _open_temporary(path: Path) -> tuple[Path, BinaryIO]:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return temporary, os.fdopen(descriptor, "wb")


def _store_bytes(path: Path, key: str, content: bytes) -> Blob:
    temporary, file = _open_temporary(path)
    try:
        file.write(content)
        _finish(file, temporary, path)
    finally:
        _discard(file, temporary)
    return Blob(key, len(content), hashlib.sha256(content).hexdigest())


def _finish(file: BinaryIO, temporary: Path, path: Path) -> None:
    file.flush()
    os.fsync(file.fileno())
    temporary.rename(path)
    # The name is in the directory, and that is a file of its own.
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _discard(file: BinaryIO, temporary: Path) -> None:
    """After success there is nothing left under the temporary name."""
    with suppress(OSError):
        file.close()
    temporary.unlink(missing_ok=True)


def _unlink(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)

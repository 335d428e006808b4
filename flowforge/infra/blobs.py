"""Large values and uploaded files, kept as files under one directory.

A key is made here and nowhere else, so no input can ever name a path. What `put` returned is on
disk, whole; what it did not finish leaves nothing behind but a temporary file's name.
"""

import asyncio
import hashlib
import os
import re
import secrets
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

from flowforge.errors import NotFound
from flowforge.infra.failpoints import reach

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
        key = self.new_key()
        if isinstance(content, bytes):
            return await self.put_as(key, content)
        path = self._path(key)
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

    @staticmethod
    def new_key() -> str:
        """A key nobody has yet: rows can name a blob before it is written."""
        return secrets.token_hex(KEY_BYTES)

    async def put_as(self, key: str, content: bytes) -> Blob:
        """Stores ``content``, durably, under a key of ``new_key``; once more does no harm."""
        path = self._path(key)
        blob = await asyncio.to_thread(_store_bytes, path, key, content)
        reach("blob.after_write")
        return blob

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

    async def missing(self, keys: Iterable[str]) -> set[str]:
        """Those of the keys under which nothing is stored any more."""
        wanted = {key: self._path(key) for key in keys}

        def look() -> set[str]:
            return {key for key, path in wanted.items() if not path.exists()}

        return await asyncio.to_thread(look) if wanted else set()

    async def delete(self, keys: Iterable[str]) -> None:
        """What is already gone is no error."""
        paths = [self._path(key) for key in keys]
        await asyncio.to_thread(_unlink, paths)

    async def old(self, seconds: float) -> AsyncIterator[list[str]]:
        """The keys of what was stored longer ago than this, a few hundred at a time. What a
        process that died has left unfinished is removed by the way.
        """
        before = time.time() - seconds
        for first in range(256):
            folder = self._root / f"{first:02x}"
            if keys := await asyncio.to_thread(_old_in, folder, before):
                yield keys

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


def _old_in(folder: Path, before: float) -> list[str]:
    keys = []
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                if entry.stat().st_mtime >= before:
                    continue
                if _KEY.fullmatch(entry.name):
                    keys.append(entry.name)
                elif entry.name.startswith("."):
                    Path(entry.path).unlink()
    return keys


def _unlink(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)

"""Blobs are stored whole or not at all, under keys that nobody chose."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from flowforge.errors import NotFound
from flowforge.infra.blobs import Blobs


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs")


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 1_000_000])
async def test_what_is_put_is_what_is_got(blobs: Blobs, content: bytes) -> None:
    key, size, sha256 = await blobs.put(content)
    assert await blobs.get(key) == content
    assert b"".join([chunk async for chunk in blobs.stream(key)]) == content
    assert (size, sha256) == (len(content), hashlib.sha256(content).hexdigest())


async def test_a_stream_is_stored_like_bytes(blobs: Blobs) -> None:
    blob = await blobs.put(chunks(b"one ", b"", b"two"))
    assert await blobs.get(blob.key) == b"one two"
    assert (blob.size, blob.sha256) == (7, hashlib.sha256(b"one two").hexdigest())


async def test_an_upload_that_breaks_off_leaves_nothing(blobs: Blobs, tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ValueError("the sender hung up")

    with pytest.raises(ValueError, match="hung up"):
        await blobs.put(broken())
    assert files(tmp_path) == []


async def test_a_stored_file_is_for_its_owner_only(blobs: Blobs, tmp_path: Path) -> None:
    await blobs.put(b"private")
    (stored,) = files(tmp_path)
    assert stored.stat().st_mode & 0o077 == 0


async def test_the_same_content_twice_is_two_blobs(blobs: Blobs) -> None:
    assert (await blobs.put(b"a")).key != (await blobs.put(b"a")).key


async def test_a_deleted_blob_is_gone_and_deleting_again_is_no_error(blobs: Blobs) -> None:
    first, second = await blobs.put(b"a"), await blobs.put(b"b")
    await blobs.delete([first.key])
    await blobs.delete([first.key])
    with pytest.raises(NotFound):
        await blobs.get(first.key)
    assert await blobs.get(second.key) == b"b"


@pytest.mark.parametrize(
    "key",
    [
        "../secret", "..", "", "/etc/passwd", "a" * 31, "A" * 32, "a" * 32 + "\n",
        "aa/" + "a" * 29, "..%2f" + "a" * 27, "\0" * 32, "." + "a" * 31,
    ],
)  # fmt: skip
async def test_no_key_names_a_path(blobs: Blobs, tmp_path: Path, key: str) -> None:
    (tmp_path / "secret").write_text("kept")
    with pytest.raises(NotFound):
        await blobs.get(key)
    with pytest.raises(NotFound):
        await anext(aiter(blobs.stream(key)))
    with pytest.raises(NotFound):
        await blobs.delete([key])
    assert (tmp_path / "secret").read_text() == "kept"

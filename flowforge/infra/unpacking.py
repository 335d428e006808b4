"""Compressed answers in bounded pieces: a bomb is met piece by piece, never whole in memory."""

import zlib
from collections.abc import Callable, Iterator

import httpx

PIECE_BYTES = 256 * 1024

Unpack = Callable[[bytes], Iterator[bytes]]


def unpacker(content_encoding: str) -> Unpack:
    """Turns the packed chunks of one answer into unpacked ones, given one after the other.

    Raises (while unpacking): httpx.DecodingError for broken data or an encoding nobody asked for.
    """
    match content_encoding.strip().lower():
        case "" | "identity":
            return _as_it_is
        case "gzip" | "x-gzip" | "deflate":
            return _Inflate()
    return _refused


def _as_it_is(packed: bytes) -> Iterator[bytes]:
    yield packed


def _refused(_packed: bytes) -> Iterator[bytes]:
    raise httpx.DecodingError("The answer is compressed in a way that was not asked for.")


class _Inflate:
    """gzip and deflate, the latter with or without its header: servers disagree on it."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        self._is_fresh = True

    def __call__(self, packed: bytes) -> Iterator[bytes]:
        while packed:
            try:
                piece = self._stream.decompress(packed, PIECE_BYTES)
            except zlib.error:
                if not self._is_fresh:
                    raise httpx.DecodingError("The compressed answer is damaged.") from None
                self._stream, self._is_fresh = zlib.decompressobj(wbits=-zlib.MAX_WBITS), False
                continue
            self._is_fresh = False
            if piece:
                yield piece
            packed = self._stream.unconsumed_tail
            if self._stream.eof:
                # gzip may be several members in a row; anything else behind the end is ignored.
                packed = self._next_member(self._stream.unused_data)

    def _next_member(self, rest: bytes) -> bytes:
        if not rest.startswith(b"\x1f\x8b"):
            return b""
        self._stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        return rest

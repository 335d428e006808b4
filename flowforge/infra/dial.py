"""Guarded connections that are no HTTP: to public addresses and the allow-list, to none besides.

The address that was checked is the one that is dialled.
"""

import asyncio
import socket
import ssl
from asyncio import StreamReader, StreamWriter

from aiohttp.abc import ResolveResult

from flowforge.infra.egress import AddressRefused, EgressBlocked, Gate

LONGEST_LINE = 64 * 1024


async def dial(
    gate: Gate, host: str, port: int, trust: ssl.SSLContext | None
) -> tuple[StreamReader, StreamWriter]:
    """A connection to the first address of ``host`` that takes it; with ``trust`` encrypted from
    the first byte.

    Raises: EgressBlocked, OSError (ssl.SSLError among them).
    """
    gate.check_literal(host)
    problem: OSError | None = None
    for found in await gate.resolve(host, port):
        try:
            return await _open(gate, host, found, trust)
        except AddressRefused:
            raise EgressBlocked(host) from None
        except ssl.SSLError:
            raise
        except OSError as refusal:
            problem = refusal
    raise problem or OSError(f"{host} has no address")


async def _open(
    gate: Gate, host: str, found: ResolveResult, trust: ssl.SSLContext | None
) -> tuple[StreamReader, StreamWriter]:
    family = socket.AddressFamily(found["family"])
    address = (found["host"], found["port"])
    dialled = gate.open_socket((family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address))
    try:
        dialled.setblocking(False)
        await asyncio.get_running_loop().sock_connect(dialled, address)
        return await asyncio.open_connection(
            sock=dialled,
            ssl=trust,
            server_hostname=host if trust else None,
            limit=LONGEST_LINE,
        )
    except BaseException:
        dialled.close()
        raise

"""Where this server may connect to on behalf of a user's text: public addresses, and the allow-list.

The rule is applied to addresses, never to names, and a second time to the very address that is
dialled.
"""

import asyncio
import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache

import httpx
from aiohttp.abc import AbstractResolver, ResolveResult

from flowforge.config import Network

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Lookup = Callable[[str, int], Awaitable[list[str]]]

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
# What the standard library counts as global, but is not the public internet.
_NOT_PUBLIC: tuple[Network, ...] = (
    ipaddress.IPv4Network("192.88.99.0/24"),
    ipaddress.IPv6Network("3fff::/20"),
)
# Forms such as 2130706433, 0x7f.1 and 127.1, that only sockets take for addresses.
_LEGACY_ADDRESS = re.compile(r"(0x[0-9a-f]*|\d+)(\.(0x[0-9a-f]*|\d+)){0,3}\.?", re.IGNORECASE)


class EgressBlocked(httpx.ConnectError):
    """The target is inside: nothing was sent, and trying again will not help."""

    blocked = True

    def __init__(self, host: str) -> None:
        self.host = host
        super().__init__(
            f"{host} is not a public address, so FlowForge does not connect to it. "
            "An administrator may allow it with FLOWFORGE_EGRESS_ALLOW."
        )


class AddressRefused(OSError):
    """The last gate, as the error that aiohttp passes through: see `Gate.open_socket`."""


@lru_cache(maxsize=1024)
def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that ``host`` is, or None for a name."""
    try:
        return ipaddress.ip_address(host.strip("[]").split("%", maxsplit=1)[0])
    except ValueError:
        return None


class Gate(AbstractResolver):
    """Resolves a name once, checks every answer, and checks again what is dialled.

    A name with one forbidden answer is refused whole: which answer is dialled is a race.
    """

    def __init__(self, allow: Sequence[Network], lookup: Lookup | None = None) -> None:
        self._allow = tuple(allow)
        self._lookup = lookup or _system_lookup

    def check_literal(self, host: str) -> None:
        """For literal addresses: aiohttp asks no resolver about them.

        Raises: EgressBlocked.
        """
        address = _literal(host)
        if address is None:
            if _LEGACY_ADDRESS.fullmatch(host):
                raise EgressBlocked(host)
        elif not is_allowed(address, self._allow):
            raise EgressBlocked(host)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The checked addresses of a name.

        Raises: EgressBlocked, OSError.
        """
        found = list(dict.fromkeys(await self._lookup(host, port)))
        if not found:
            raise OSError(f"{host} has no address")
        if not all(self._allows(text) for text in found):
            raise EgressBlocked(host)
        return [_answer(host, text, port) for text in found]

    async def close(self) -> None:
        """Holds nothing open."""

    def open_socket(
        self,
        addr_info: tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]],
    ) -> socket.socket:
        """A socket for exactly this address; every connection passes here.

        Raises: AddressRefused.
        """
        family, kind, protocol, _, dialled = addr_info
        if family not in {socket.AF_INET, socket.AF_INET6} or not self._allows(dialled[0]):
            raise AddressRefused("This address may not be dialled.")
        return socket.socket(family, kind, protocol)

    def _allows(self, text: str) -> bool:
        # A zone (fe80::1%eth0) belongs to link-local addresses, which are never public.
        return is_allowed(ipaddress.ip_address(text.split("%", maxsplit=1)[0]), self._allow)


def is_allowed(address: Address, allow: Sequence[Network]) -> bool:
    """True for a public address, or one that the allow-list names, in whatever form it comes."""
    meant = effective(address)
    if any(form in network for network in allow for form in (address, meant)):
        return True
    if any(form in network for network in _NOT_PUBLIC for form in (address, meant)):
        return False
    if isinstance(meant, ipaddress.IPv6Address) and meant not in _GLOBAL_UNICAST:
        return False
    return meant.is_global and not meant.is_multicast and not meant.is_reserved


def effective(address: Address) -> Address:
    """The address that is reached in the end: mapped, translated and tunnelled forms unwrapped."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)


def _answer(host: str, text: str, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=text,
        port=port,
        family=socket.AF_INET6 if ":" in text else socket.AF_INET,
        proto=0,
        flags=socket.AI_NUMERICHOST,
    )


async def _system_lookup(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(info[4][0]) for info in infos]

"""The addresses that our own requests may go to: the guard against server-side request forgery (OWASP A10:2021)."""

import asyncio
import contextlib
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# An executor of our own: the end of an event loop waits for its default one, and a name server may take half a minute.
RESOLVERS: Final = ThreadPoolExecutor(64, thread_name_prefix="resolver")
NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are the IPv4 address that is meant

# RFC 7526: once the way to the nearest relay of 6to4. A network may lead it anywhere today.
RELAYS: Final = ipaddress.IPv4Network("192.88.99.0/24")


class AddressRefused(Exception):
    """The host stands for an address that is not public, or for none; the text is fit to be shown to an admin."""


def is_public_address(address: Address) -> bool:
    """Return whether it is a unicast address of the public internet, and doesn't lead to another kind of address."""
    if isinstance(address, ipaddress.IPv6Address):
        for embedded in _embedded(address):
            return is_public_address(embedded)
        if address.is_site_local:
            return False
    return address.is_global and not (
        address in RELAYS
        or address.is_multicast
        or address.is_reserved
        or address.is_loopback
        or address.is_link_local
        or address.is_unspecified
    )


def _embedded(address: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """Return the IPv4 address that a gateway or the system's own stack would take this one for."""
    if address in NAT64:
        return [ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)]
    return [found for found in (address.ipv4_mapped,) if found is not None]


def parse_address(host: str) -> Address | None:
    """Return the address that `host` is written as, else None: it is a name.

    The resolver of the system also takes the old forms of an IPv4 address, such as `0x7f.1` and `2130706433`.
    """
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host.strip("[]"))
    with contextlib.suppress(OSError, ValueError):
        return ipaddress.IPv4Address(socket.inet_aton(host))
    return None


async def resolve_public(host: str, port: int, *, is_private_allowed: bool) -> list[str]:
    """Return the addresses of a host, in the system's order, each of them checked. Raises AddressRefused.

    Connect to one of these and never to the name: it may stand for something else a moment later (DNS rebinding).
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.run_in_executor(RESOLVERS, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as error:
        raise AddressRefused(f"The host {host} could not be resolved.") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        # One private address among public ones is a trick or a mistake: not even the others are used.
        if not is_private_allowed and not is_public_address(ipaddress.ip_address(address)):
            raise AddressRefused(f"The host {host} leads to {address}, which is not a public address.")
    if not addresses:
        raise AddressRefused(f"The host {host} has no address.")
    return addresses

"""Which hosts a webhook may call: none of the inside, whatever its name looks like.

The name is resolved once, every address that it has is looked at, and the connection is made to one
of these addresses: a name that means another host a moment later changes nothing. Notations such
as 0x7f.1 or 2130706433 are for the system to read, as it would when it connects.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

from exportapp.exceptions import NoticeRefused

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
"""An IPv4 address is in its last 32 bits (RFC 6052)."""


def addresses(host: str, port: int, allowed: Sequence[str]) -> list[str]:
    """Where to connect for `host`: its addresses in the system's order, each of them permitted.

    `allowed` are names of hosts and networks of the inside that may be called all the same. Raises
    NoticeRefused for any other host of the inside, OSError for a name that cannot be resolved.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    texts = list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))
    if host.casefold() not in map(str.casefold, allowed):
        for text in texts:
            _require_permitted(host, ipaddress.ip_address(text), allowed)
    return texts


def network(text: str) -> Network | None:
    """The network that an entry of the list of allowed ones is; None for the name of a host."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        return None


def _require_permitted(host: str, address: Address, allowed: Sequence[str]) -> None:
    networks = [found for found in map(network, allowed) if found]
    for meant in _meant(address):
        inside = meant.is_multicast or not meant.is_global
        if inside and not any(meant in known for known in networks):
            raise NoticeRefused(
                f"The webhook's host {host} has the address {address}, which is no public one; "
                "EXPORTAPP_WEBHOOK_HOSTS names those of the inside that may be called."
            )


def _meant(address: Address) -> Iterator[Address]:
    """The address, and those that it stands for: packets to it may end up there."""
    inner: Any = None
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    if not (inner and inner == getattr(address, "ipv4_mapped", None)):
        yield address
    if inner:
        yield inner

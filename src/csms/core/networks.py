"""Which addresses are of the public network: whoever else is asked to connect somewhere must not reach into the operator's own."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052; what is behind it is the IPv4 address in its last four bytes
_COMPATIBLE = IPv6Network("::/96")  # RFC 4291 §2.5.5.1, deprecated

_REFUSED: tuple[Network, ...] = (
    IPv4Network("192.0.0.0/24"),  # IETF protocol assignments; one cloud's metadata is at 192.0.0.192
    IPv4Network("168.63.129.16/32"),  # another cloud's host, as its guests see it
    IPv6Network("64:ff9b:1::/48"),  # NAT64 of a network's own (RFC 8215)
    IPv6Network("fec0::/10"),  # site-local, deprecated
)
"""Not public although ``ipaddress`` of every Python that we run on does not say so."""


def embedded(address: Address) -> Address:
    """The IPv4 address to which an IPv6 address leads, else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def is_public(address: Address, allowed: Iterable[Network] = ()) -> bool:
    """Whether an address is one of the public network, or of a network that is allowed by name.

    What is neither: this machine, private, shared (100.64/10), link-local (where clouds answer for their metadata), multicast, reserved.
    """
    behind = embedded(address)
    if any(behind in network for network in allowed if network.version == behind.version):
        return True
    if any(behind in network for network in _REFUSED if network.version == behind.version):
        return False
    return behind.is_global and not (behind.is_multicast or behind.is_reserved or behind.is_unspecified)


def literal(host: str) -> Address | None:
    """The address that a host name is by itself; None for a name, which leads wherever its owner says at the moment."""
    try:
        return ip_address(host)
    except ValueError:
        return None

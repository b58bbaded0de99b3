"""Whose address a connection has, when proxies may stand before us."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address


class Proxies:
    """The proxies whose ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are believed; anybody else's are ignored."""

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks: tuple[IPv4Network | IPv6Network, ...] = tuple(ip_network(network, strict=False) for network in networks)

    def trusts(self, address: str) -> bool:
        """Whether a peer is one of the trusted proxies."""
        parsed = _parse(address)
        return parsed is not None and any(parsed in network for network in self._networks if network.version == parsed.version)

    def __bool__(self) -> bool:
        return bool(self._networks)

    def client(self, peer: str, hops: Sequence[str]) -> str:
        """The client's address: the peer's, or, behind trusted proxies, the nearest hop that is not one of them.

        ``hops`` are the items of ``X-Forwarded-For``, in order.
        """
        if not self._networks or not self.trusts(peer):
            return peer
        address = peer
        for hop in reversed(hops):
            parsed = _parse(hop)
            if parsed is None:
                break
            address = str(parsed)
            if not self.trusts(address):
                break
        return address

    def secure(self, peer: str, schemes: Sequence[str], tls: bool = False) -> bool:
        """Whether the client came in over TLS: as a trusted proxy says (``schemes``: the items of ``X-Forwarded-Proto``), else as the
        peer came to us."""
        if not self._networks or not self.trusts(peer):
            return tls
        return schemes[-1].lower() in {"https", "wss"} if schemes else tls


def _parse(text: str) -> Address | None:
    """An address, with or without port and brackets; an IPv4 one that is mapped into IPv6 is the IPv4 one."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if mapped is not None else address

"""HTTP to URLs that somebody outside gave: only to addresses of the public network, checked where the connection is made."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Any

import httpcore
import httpx
import trio

from csms.core.networks import Network, is_public
from csms.core.ports import HttpAnswer

KEPT_BYTES = 4096
"""How much of an answer's body is read."""
MOST_IDLE = 32
MOST_TRIED = 4
"""Addresses of one name that are tried."""


class PrivateAddress(httpcore.ConnectError):
    """The name stands for an address that must not be reached."""


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Resolves a name once, and connects to an address that was checked: what the name says a moment later does not count."""

    def __init__(self, allowed: Sequence[Network]) -> None:
        self._allowed = tuple(allowed)
        self._beneath = httpcore.TrioBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of ``host`` that may be reached and answers. Raises ``httpcore.ConnectError``."""
        found = await self._resolve(host, port)
        public = [each for each in found if is_public(ip_address(each), self._allowed)]
        if not public:
            raise PrivateAddress(f"{host} is no address of the public network" if found else f"{host} has no address")
        failed: Exception = httpcore.ConnectError(f"{host} cannot be reached")
        for each in public[:MOST_TRIED]:
            try:
                return await self._beneath.connect_tcp(each, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        """Never. Raises ``PrivateAddress``."""
        raise PrivateAddress("a socket of this machine")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await trio.sleep(seconds)

    async def _resolve(self, host: str, port: int) -> list[str]:
        try:
            found = await trio.socket.getaddrinfo(host, port, type=trio.socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host}: {error}") from error
        # a zone (fe80::1%eth0) names an interface of this machine
        return list(dict.fromkeys(str(each[4][0]).partition("%")[0] for each in found))


class PublicHttp:
    """The side of the HTTP client that asks public addresses only. It follows no redirect, uses no proxy and keeps no cookies."""

    def __init__(self, allowed_networks: Iterable[str] = ()) -> None:
        network = CheckedNetwork([ip_network(each) for each in allowed_networks])
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl.create_default_context(),
            network_backend=network,
            max_connections=None,  # whoever asks says how many at a time
            max_keepalive_connections=MOST_IDLE,
            keepalive_expiry=15.0,
        )

    async def request(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, timeout_s: float) -> HttpAnswer:
        """One request, with the beginning of its answer. Raises ``OSError`` when there was none in time."""
        try:
            asked = httpx.Request(method, url, headers={"Accept-Encoding": "identity", **headers}, content=body)
            target = httpcore.URL(
                scheme=asked.url.raw_scheme, host=asked.url.raw_host, port=asked.url.port, target=asked.url.raw_path
            )
            times = {"connect": timeout_s, "read": timeout_s, "write": timeout_s, "pool": timeout_s}
            with trio.fail_after(timeout_s):
                async with self._pool.stream(
                    method.encode(), target, headers=asked.headers.raw, content=body, extensions={"timeout": times}
                ) as answer:
                    kept = await _beginning(answer.aiter_stream())
            said = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
            return HttpAnswer(answer.status, said, kept)
        except (httpx.InvalidURL, httpx.HTTPError) as error:
            raise OSError(f"no URL: {error}") from error
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
            raise OSError(str(error) or type(error).__name__) from error
        except (trio.TooSlowError, httpcore.TimeoutException):
            raise OSError(f"no answer within {timeout_s:g} s") from None

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()


async def _beginning(chunks: AsyncIterator[bytes]) -> bytes:
    kept = b""
    async for chunk in chunks:
        kept += chunk[: KEPT_BYTES - len(kept)]
        if len(kept) >= KEPT_BYTES:
            break
    return kept

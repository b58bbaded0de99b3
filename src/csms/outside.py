"""The real clock, randomness, threads and HTTP behind the ports; the only place that calls them."""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from http.cookiejar import CookieJar, DefaultCookiePolicy
from random import SystemRandom
from typing import TypeVar

import httpx
import trio

from csms.core.ports import HttpAnswer
from csms.public_http import PublicHttp

T = TypeVar("T")

THREADS = {"hash": 2, "file": 4, "plugin": 8, "picture": 1}
"""Threads per kind of blocking work, so that one kind cannot starve another; any other kind gets ``OTHER_THREADS``."""
OTHER_THREADS = 4
MAX_ANSWER_BYTES = 10 * 1024 * 1024


class SystemClock:
    """The machine's wall clock."""

    def now(self) -> int:
        """The present instant."""
        return time.time_ns() // 1_000_000


class SystemEntropy:
    """Randomness from the operating system."""

    def __init__(self) -> None:
        self._random = SystemRandom()

    def token(self, n_bytes: int) -> str:
        """A URL-safe secret of ``n_bytes`` random bytes."""
        return secrets.token_urlsafe(n_bytes)

    def message_id(self) -> str:
        """A random UUID: 36 characters, the most OCPP allows (OCPP-J 1.6 §4.1.4)."""
        return str(uuid.uuid4())  # noqa: TID251 - this is the port

    def uniform(self, low: float, high: float) -> float:
        """A float between two bounds."""
        return self._random.uniform(low, high)


class Threads:
    """Blocking calls in worker threads, each kind under a limiter of its own."""

    def __init__(self) -> None:
        self._limiters = {kind: trio.CapacityLimiter(count) for kind, count in THREADS.items()}

    async def run(self, kind: str, function: Callable[..., T], /, *arguments: object) -> T:
        """Run ``function`` in a thread; an abandoned wait leaves the thread to finish under its limiter."""
        limiter = self._limiters.get(kind)
        if limiter is None:
            limiter = self._limiters[kind] = trio.CapacityLimiter(OTHER_THREADS)
        return await trio.to_thread.run_sync(function, *arguments, limiter=limiter, abandon_on_cancel=True)


class HttpClient:
    """An HTTP client that follows no redirects, keeps no cookies and reads bounded answers."""

    def __init__(self, allowed_networks: Iterable[str] = ()) -> None:
        """``allowed_networks`` may be reached by ``public_only`` requests although they are private."""
        self._allowed_networks = tuple(allowed_networks)

    # Made when they are needed: reading the authorities that one trusts takes a while, and most servers speak to nobody.

    @cached_property
    def _client(self) -> httpx.AsyncClient:
        # one client serves every plugin: what a server says to one must not be shown with another's request
        no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
        return httpx.AsyncClient(follow_redirects=False, cookies=no_cookies, limits=httpx.Limits(max_connections=64))

    @cached_property
    def _public(self) -> PublicHttp:
        return PublicHttp(self._allowed_networks)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        timeout_s: float,
        public_only: bool = False,
    ) -> HttpAnswer:
        """One request. Raises ``OSError`` when there was no whole answer in time, or one that is too large.

        ``public_only``: see ``core.ports.Http``.
        """
        if public_only:
            return await self._public.request(method, url, headers=headers, body=body, timeout_s=timeout_s)
        try:
            with trio.fail_after(timeout_s):
                async with self._client.stream(method, url, headers=dict(headers), content=body, timeout=timeout_s) as response:
                    chunks, size = [], 0
                    async for chunk in response.aiter_bytes():
                        size += len(chunk)
                        if size > MAX_ANSWER_BYTES:
                            raise OSError(f"{method} {url}: answer larger than {MAX_ANSWER_BYTES} bytes")
                        chunks.append(chunk)
                    return HttpAnswer(response.status_code, dict(response.headers), b"".join(chunks))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise OSError(f"{method} {url}: {error or type(error).__name__}") from error
        except trio.TooSlowError:
            raise OSError(f"{method} {url}: no answer within {timeout_s:g} s") from None

    async def aclose(self) -> None:
        """Close all connections."""
        made = vars(self)
        try:
            if "_client" in made:
                await self._client.aclose()
        finally:
            if "_public" in made:
                await self._public.aclose()

"""HTTP to URLs of strangers: no address of ours is reached, whatever the name says, and when."""

from __future__ import annotations

from collections.abc import AsyncIterator
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import urlsplit

import pytest
import trio

from csms.core.networks import is_public
from csms.outside import HttpClient
from csms.public_http import KEPT_BYTES
from csms.testing.receiver import Receiver, receiving


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "192.0.0.192",
        "168.63.129.16",
        "198.18.0.1",
        "224.0.0.1",
        "239.255.255.250",
        "255.255.255.255",
        "240.0.0.1",
        "::",
        "::1",
        "fe80::1",
        "fec0::1",
        "64:ff9b:1::a9fe:a9fe",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2002:c0a8:101::1",
        "2001:db8::1",
    ],
)
def test_what_is_not_public(address: str) -> None:
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_what_is(address: str) -> None:
    assert is_public(ip_address(address))


def test_networks_may_be_allowed_by_name() -> None:
    allowed = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
    assert is_public(ip_address("10.1.2.3"), allowed)
    assert is_public(ip_address("::ffff:10.1.2.3"), allowed)
    assert is_public(ip_address("fd12::1"), allowed)
    assert not is_public(ip_address("192.168.1.1"), allowed)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


async def ask(http: HttpClient, url: str, timeout_s: float = 5.0) -> Any:
    return await http.request("POST", url, headers={"X-Test": "1"}, body=b"hello", timeout_s=timeout_s, public_only=True)


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.aclose()


@pytest.fixture
async def friendly() -> AsyncIterator[HttpClient]:
    client = HttpClient(("127.0.0.0/8",))
    yield client
    await client.aclose()


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"]
)
async def test_no_spelling_of_this_machine_gets_through(http: HttpClient, receiver: Receiver, host: str) -> None:
    port = urlsplit(receiver.url).port
    with pytest.raises(OSError):
        await ask(http, f"http://{host}:{port}/hook")
    assert not receiver.received
    assert (await http.request("POST", receiver.url, headers={}, timeout_s=5)).status == 200, "others of ours may ask it"


class Names(trio.abc.HostnameResolver):
    """Names as a test wants them; each look-up of one that has several answers takes the next."""

    def __init__(self, **names: list[str]) -> None:
        self.names = names
        self.asked = 0

    async def getaddrinfo(self, host: Any, port: Any, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0) -> Any:
        self.asked += 1
        name = host.decode() if isinstance(host, bytes) else host
        if (found := self.names.get(name.partition(".")[0])) is None:
            return [(2, 1, 6, "", (name, port))]
        address = found.pop(0) if len(found) > 1 else found[0]
        return [(2, 1, 6, "", (each, port)) for each in address.split()]

    async def getnameinfo(self, sockaddr: Any, flags: int) -> Any:
        raise NotImplementedError


async def test_a_name_is_looked_up_once_and_what_was_checked_is_connected_to(friendly: HttpClient, receiver: Receiver) -> None:
    names = Names(rebound=["127.0.0.1", "10.0.0.1"], inside=["10.0.0.1"], mixed=["10.0.0.1 127.0.0.1"])
    trio.socket.set_custom_hostname_resolver(names)
    port = urlsplit(receiver.url).port
    assert (await ask(friendly, f"http://rebound.test:{port}/hook")).status == 200
    assert names.asked == 1, "between the check and the connection nobody asks again"
    assert receiver.received[0].headers["host"] == f"rebound.test:{port}"
    with pytest.raises(OSError, match=r"inside\.test is no address of the public network"):
        await ask(friendly, f"http://inside.test:{port}/hook")
    assert (await ask(friendly, f"http://mixed.test:{port}/hook")).status == 200, "one of its addresses may be reached"


async def test_no_proxy_of_the_environment_is_used(
    friendly: HttpClient, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receiving() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        client = HttpClient(("127.0.0.0/8",))
        assert (await ask(client, receiver.url)).status == 200
        await client.aclose()
    assert not proxy.received


async def test_a_redirect_is_an_answer(friendly: HttpClient, receiver: Receiver) -> None:
    receiver.status, receiver.headers = 302, (("Location", receiver.url + "/inside"),)
    answer = await ask(friendly, receiver.url)
    assert (answer.status, len(receiver.refused), answer.headers["location"]) == (302, 1, receiver.url + "/inside")


async def test_of_a_long_answer_the_beginning_is_enough(friendly: HttpClient, receiver: Receiver) -> None:
    receiver.answer = b"x" * 1_000_000
    answer = await ask(friendly, receiver.url)
    assert (answer.status, len(answer.body)) == (200, KEPT_BYTES)
    receiver.answer = b"ok"
    assert (await ask(friendly, receiver.url)).body == b"ok"


async def test_an_answer_that_does_not_come(friendly: HttpClient, receiver: Receiver) -> None:
    receiver.wait_s = 60
    with pytest.raises(OSError, match=r"no answer within 0\.1 s"):
        await ask(friendly, receiver.url, timeout_s=0.1)


@pytest.mark.parametrize(
    "url", ["", "nonsense", "ftp://127.0.0.1/", "http://", "http://[::1", "http://127.0.0.1:99999/", "unix:///x"]
)
async def test_what_is_no_url(friendly: HttpClient, url: str) -> None:
    with pytest.raises(OSError):
        await ask(friendly, url)

"""A key change whose answer may be lost: both keys open until the charger shows which one it has (1.6 security whitepaper A01)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import attrs
import pytest
import trio

from csms.core.errors import Invalid, NotFound, Refused
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Admission, Handshake, Ports, Turned
from csms.domain.stations import flows, keys, service, store
from csms.testing.stores import SettableClock

Events = Callable[..., Awaitable[list[dict[str, Any]]]]
OLD, NEW, NEWER = b"old-key-old-key-old-key", b"new-key-new-key-new-key", b"newer-key-newer-key-new"


def hand(key: bytes) -> Handshake:
    return Handshake(charger_id="CP1", subprotocols=(), remote_address="192.0.2.7", username="CP1", password=key)


async def do(ports: Ports, verb: Callable[..., Any], *arguments: Any) -> Any:
    return await ports.database.write(verb, "CP1", *arguments, tenant=DEFAULT_TENANT)


async def offer(ports: Ports, key: bytes, expires_at: int | None = None) -> str:
    sealed = keys.seal(key, ports.random)
    await do(ports, service.offer_key, sealed, expires_at)
    return sealed


@pytest.fixture
async def opens(ports: Ports, settings: Any) -> Callable[[bytes], Awaitable[bool]]:
    """Whether a key lets the charger in, which has one already."""
    verb = partial(service.add_charger, sealed_key=keys.seal(OLD, ports.random))
    await ports.database.write(verb, "CP1", tenant=DEFAULT_TENANT)

    async def tried(key: bytes) -> bool:
        answer = await flows.admit(ports, settings, hand(key))
        assert isinstance(answer, Admission) or answer.http_status == 401
        return isinstance(answer, Admission)

    return tried


async def test_both_keys_open_until_the_new_one_is_shown(ports: Ports, opens: Any, events: Events) -> None:
    assert not await opens(NEW)
    await offer(ports, NEW)
    assert await opens(OLD)
    assert await opens(OLD), "the old one settles nothing: the charger may not have heard of the new one"
    assert await events("charger_key_changed") == []
    assert await opens(NEW)
    assert [each["origin"] for each in await events("charger_key_changed")] == ["offered"]
    assert not await opens(OLD)
    assert await opens(NEW)
    assert len(await events("charger_key_changed")) == 1


async def test_a_key_that_was_offered_as_hexadecimal_opens_as_bytes_too(ports: Ports, opens: Any) -> None:
    """A00.FR.205: some chargers show the bytes, some the text."""
    key = keys.new_key(ports.random)
    await offer(ports, key.encode())
    assert await opens(bytes.fromhex(key))
    assert await opens(key.encode())


async def test_a_refused_key_is_withdrawn(ports: Ports, opens: Any) -> None:
    await offer(ports, NEW)
    assert await do(ports, service.withdraw_key) == 1
    assert not await opens(NEW)
    assert await opens(OLD)
    assert await do(ports, service.withdraw_key) == 0


async def test_a_second_offer_leaves_the_first_one_open(ports: Ports, opens: Any) -> None:
    """The answer to the first may be lost as well, and a charger may take its key only at its next restart."""
    await offer(ports, NEW)
    refused = await offer(ports, NEWER)
    assert await do(ports, service.withdraw_key, refused) == 1
    assert not await opens(NEWER)
    await offer(ports, NEWER)
    assert await opens(NEW)
    assert not await opens(OLD)
    assert await opens(NEWER), "offered later than what it shows: it may yet take effect"
    assert not await opens(NEW)


async def test_an_earlier_offer_ends_with_a_later_one(ports: Ports, opens: Any) -> None:
    await offer(ports, NEW)
    await offer(ports, NEWER)
    assert await opens(NEWER)
    assert not await opens(NEW)
    assert not await opens(OLD)


async def test_an_operator_who_knows_confirms(ports: Ports, opens: Any, events: Events) -> None:
    await offer(ports, NEW)
    assert await do(ports, service.confirm_key)
    assert not await do(ports, service.confirm_key)
    assert not await opens(OLD)
    assert await opens(NEW)
    assert len(await events("charger_key_changed")) == 1


async def test_an_offer_may_expire(ports: Ports, opens: Any, clock: SettableClock) -> None:
    await offer(ports, NEW, clock.now() + 1000)
    clock.advance(1000)
    assert not await opens(NEW)
    assert not await do(ports, service.confirm_key)
    with pytest.raises(Invalid):
        await offer(ports, NEW, clock.now())


async def test_offers_are_bounded_and_expired_ones_make_room(ports: Ports, opens: Any, clock: SettableClock) -> None:
    for number in range(service.MOST_OFFERS):
        await offer(ports, b"key-of-many-%d-of-many" % number, clock.now() + 1000)
    with pytest.raises(Refused, match="withdraw them first"):
        await offer(ports, NEW)
    clock.advance(1000)
    await offer(ports, NEW)
    assert await opens(NEW)


async def test_a_key_given_by_the_operator_ends_all_offers(ports: Ports, opens: Any, events: Events) -> None:
    await offer(ports, NEW)
    await do(ports, service.set_key, keys.seal(NEWER, ports.random))
    assert [await opens(key) for key in (OLD, NEW, NEWER)] == [False, False, True]
    assert [each["origin"] for each in await events("charger_key_changed")] == ["given"]


async def test_nobody_is_offered_a_key_who_is_not_there(ports: Ports) -> None:
    with pytest.raises(NotFound):
        await offer(ports, NEW)
    assert not await do(ports, service.confirm_key)


async def test_two_connections_at_once_with_the_offered_key_are_both_let_in(ports: Ports, opens: Any, events: Events) -> None:
    await offer(ports, NEW)
    came: list[bool] = []

    async def come() -> None:
        came.append(await opens(NEW))

    async with trio.open_nursery() as nursery:
        for _ in range(3):
            nursery.start_soon(come)
    assert came == [True] * 3
    assert len(await events("charger_key_changed")) == 1


async def test_a_key_that_is_withdrawn_while_it_is_shown_opens_nothing(ports: Ports, opens: Any, settings: Any) -> None:
    await offer(ports, NEW)

    class Meanwhile:
        async def ask(self, hook: str, /, **question: Any) -> None:
            await do(ports, service.withdraw_key)

    answer = await flows.admit(attrs.evolve(ports, decisions=Meanwhile()), settings, hand(NEW))
    assert isinstance(answer, Turned)
    charger = await ports.database.read(store.charger, "CP1", tenant=DEFAULT_TENANT)
    assert charger is not None
    assert charger.key_origin == "given"


async def test_whom_a_plugin_turns_away_confirms_nothing(ports: Ports, opens: Any, settings: Any) -> None:
    await offer(ports, NEW)
    decisions: Any = ports.decisions
    decisions.answers["admit_charger"] = Turned(403, "no")
    assert isinstance(await flows.admit(ports, settings, hand(NEW)), Turned)
    decisions.answers.clear()
    assert await opens(OLD)


async def test_every_key_is_tried_whichever_opens(ports: Ports, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    opens = keys.opens

    def counting(sealed: str, presented: bytes) -> bool:
        tried.append(sealed)
        return opens(sealed, presented)

    monkeypatch.setattr(keys, "opens", counting)
    sealed = [keys.seal(key, ports.random) for key in (OLD, NEW, NEWER)]
    assert keys.opened(sealed, OLD) == sealed[0]
    assert keys.opened(sealed, b"none of them") == ""
    assert tried == sealed * 2

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import attrs
import pytest
import trio

from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Admission, Database, Handshake, Ports, Turned
from csms.core.reports import Booted
from csms.domain.stations import flows, keys, service, store
from csms.domain.stations.model import BootPolicy
from csms.domain.stations.service import links
from csms.domain.tenants import service as tenants

Events = Callable[..., Awaitable[list[dict[str, Any]]]]
KEY = "0123456789abcdef0123"


def hand(charger_id: str, key: bytes | None = None, username: str | None = None) -> Handshake:
    return Handshake(
        charger_id=charger_id,
        subprotocols=("ocpp1.6",),
        remote_address="192.0.2.7:4711",
        username=username if username is not None or key is None else charger_id,
        password=key,
    )


async def add(ports: Ports, charger_id: str, *, key: str = KEY, approval: str = "accepted") -> None:
    sealed = keys.seal(key.encode(), ports.random) if key else ""
    await ports.database.write(
        partial(service.add_charger, approval=approval, sealed_key=sealed), charger_id, tenant=DEFAULT_TENANT
    )


async def test_a_known_charger_with_its_key_is_let_in(ports: Ports, settings: Any) -> None:
    await add(ports, "CP1")
    admission = await flows.admit(ports, settings, hand("CP1", KEY.encode()))
    expected = Admission(charger_id="CP1", tenant=DEFAULT_TENANT, heartbeat_interval_s=300, security_profile=1)
    assert admission == attrs.evolve(expected, time_zone="Asia/Kolkata")
    assert admission.authenticated


class Counting:
    """A database that counts what is asked of it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.asked.append(name)
        return getattr(self._database, name)


async def test_a_reconnect_costs_one_read_and_no_write(ports: Ports, settings: Any, database: Database) -> None:
    await add(ports, "CP1")
    counting: Any = Counting(database)
    assert isinstance(await flows.admit(attrs.evolve(ports, database=counting), settings, hand("CP1", KEY.encode())), Admission)
    assert counting.asked == ["read"]


@pytest.mark.parametrize("engine", ["sqlite"])  # no SQL of its own
@pytest.mark.parametrize(
    "handshake",
    [hand("CP1"), hand("CP1", b"wrong"), hand("CP1", KEY.encode(), username="CP2"), hand("CP1", b"")],
    ids=["no key", "wrong key", "wrong user name", "empty key"],
)
async def test_anything_but_the_key_is_401_and_asks_no_plugin(ports: Ports, settings: Any, handshake: Handshake) -> None:
    await add(ports, "CP1")
    answer = await flows.admit(ports, settings, handshake)
    assert isinstance(answer, Turned)
    assert answer.http_status == 401
    assert KEY not in answer.reason
    decisions: Any = ports.decisions
    assert decisions.asked == []


async def test_ids_compare_exactly(ports: Ports, settings: Any) -> None:
    await add(ports, "CP1")
    answer = await flows.admit(ports, settings, hand("cp1", KEY.encode()))
    assert answer == Turned(404, "unknown charger")
    await add(ports, "cp1", key="another-key-for-it")
    assert isinstance(await flows.admit(ports, settings, hand("cp1", b"another-key-for-it")), Admission)


@pytest.mark.parametrize("engine", ["sqlite"])  # no SQL of its own
@pytest.mark.parametrize("charger_id", ["", "a\x00b", "a\nb", "\udc80", "x" * 256])
async def test_what_cannot_be_an_id_is_turned_away_unread(ports: Ports, settings: Any, charger_id: str) -> None:
    settings.unknown_chargers = "accepted"
    assert await flows.admit(ports, settings, hand(charger_id, KEY.encode())) == Turned(404, "not a charger id")


@pytest.mark.parametrize("charger_id", ["räksmörgås 1", "a/b?c#d%", "*-_=:+|@.", "車" * 255])
async def test_any_printable_id_is_an_id(ports: Ports, settings: Any, charger_id: str) -> None:
    await add(ports, charger_id)
    answer = await flows.admit(ports, settings, hand(charger_id, KEY.encode()))
    assert isinstance(answer, Admission)
    assert answer.charger_id == charger_id


async def test_unknown_chargers_are_turned_away_by_default(ports: Ports, settings: Any, database: Database) -> None:
    assert await flows.admit(ports, settings, hand("CP1", KEY.encode())) == Turned(404, "unknown charger")
    assert await database.read(store.list_chargers, tenant=DEFAULT_TENANT) == []


async def test_a_pending_stranger_is_kept_for_the_operator(ports: Ports, settings: Any, database: Database, events: Events) -> None:
    settings.unknown_chargers = "pending"
    answer = await flows.admit(ports, settings, hand("CP1"))
    assert isinstance(answer, Admission)
    assert (answer.tenant, answer.registration, answer.authenticated) == (DEFAULT_TENANT, "", False)
    waiting = await database.read(partial(store.list_chargers, approval="pending"), tenant=DEFAULT_TENANT)
    assert [charger.id for charger in waiting] == ["CP1"]
    (event,) = await events("charger_registration_changed")
    assert (event["charger_id"], event["approval"]) == ("CP1", "pending")
    assert isinstance(await flows.admit(ports, settings, hand("CP1")), Admission)
    assert len(await events("charger_registration_changed")) == 1


async def test_a_pending_strangers_first_key_becomes_its_key(ports: Ports, settings: Any, database: Database) -> None:
    settings.unknown_chargers = "pending"
    assert isinstance(await flows.admit(ports, settings, hand("CP1")), Admission)
    first = await flows.admit(ports, settings, hand("CP1", b"the first key it showed"))
    assert isinstance(first, Admission)
    assert first.authenticated
    for wrong in (hand("CP1"), hand("CP1", b"somebody else's key ...")):
        answer = await flows.admit(ports, settings, wrong)
        assert isinstance(answer, Turned)
        assert answer.http_status == 401
    await database.write(service.approve, "CP1", tenant=DEFAULT_TENANT)
    assert isinstance(await flows.admit(ports, settings, hand("CP1", b"the first key it showed")), Admission)


async def test_trust_on_first_use_needs_a_key_and_keeps_it(ports: Ports, settings: Any, database: Database) -> None:
    settings.unknown_chargers = "accepted"
    keyless = await flows.admit(ports, settings, hand("CP1"))
    assert isinstance(keyless, Turned)
    assert keyless.http_status == 401
    assert await database.read(store.charger, "CP1", tenant=DEFAULT_TENANT) is None
    assert isinstance(await flows.admit(ports, settings, hand("CP1", b"the first key")), Admission)
    charger = await database.read(store.charger, "CP1", tenant=DEFAULT_TENANT)
    assert charger is not None
    assert (charger.approval, charger.key_origin) == ("accepted", "first_use")
    other = await flows.admit(ports, settings, hand("CP1", b"another key"))
    assert other == Turned(401, "wrong key")


async def test_of_two_first_contacts_one_key_wins(ports: Ports, settings: Any) -> None:
    settings.unknown_chargers = "accepted"
    answers: list[Admission | Turned] = []

    async def come(key: bytes) -> None:
        answers.append(await flows.admit(ports, settings, hand("CP1", key)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(come, b"key of the one box")
        nursery.start_soon(come, b"key of the other box")
    assert sorted(type(answer).__name__ for answer in answers) == ["Admission", "Turned"]


async def test_an_accepted_charger_without_a_key_is_not_anybodys(ports: Ports, settings: Any) -> None:
    await add(ports, "CP1", key="")
    answer = await flows.admit(ports, settings, hand("CP1", b"any key at all"))
    assert answer == Turned(401, "accepted without a key: give it one")
    key = await flows.new_key(ports, DEFAULT_TENANT, "CP1")
    assert isinstance(await flows.admit(ports, settings, hand("CP1", key.encode())), Admission)


async def test_a_rejected_charger_comes_in_to_be_told_so_but_cannot_choose_its_key(ports: Ports, settings: Any) -> None:
    await add(ports, "CP1", key="", approval="rejected")
    for key in (b"one key", b"another key"):
        answer = await flows.admit(ports, settings, hand("CP1", key))
        assert isinstance(answer, Admission)


async def test_a_new_key_ends_the_old_one(ports: Ports, settings: Any) -> None:
    await add(ports, "CP1")
    key = await flows.new_key(ports, DEFAULT_TENANT, "CP1")
    assert isinstance(await flows.admit(ports, settings, hand("CP1", key.encode())), Admission)
    assert await flows.admit(ports, settings, hand("CP1", KEY.encode())) == Turned(401, "wrong key")


async def test_without_authentication_no_key_is_asked_or_kept(ports: Ports, settings: Any, database: Database) -> None:
    settings.authentication, settings.unknown_chargers = False, "accepted"
    answer = await flows.admit(ports, settings, hand("CP1", b"whatever it shows"))
    assert isinstance(answer, Admission)
    assert answer.authenticated
    charger = await database.read(store.charger, "CP1", tenant=DEFAULT_TENANT)
    assert charger is not None
    assert charger.key_origin == ""
    await add(ports, "CP2")
    assert isinstance(await flows.admit(ports, settings, hand("CP2")), Admission)


async def test_a_plugin_can_turn_away_but_not_let_in(ports: Ports, settings: Any) -> None:
    await add(ports, "CP1")
    decisions: Any = ports.decisions
    decisions.answers["admit_charger"] = Turned(403, "not at night")
    assert await flows.admit(ports, settings, hand("CP1", KEY.encode())) == Turned(403, "not at night")
    ((hook, question),) = decisions.asked
    assert (hook, question["known"], question["handshake"].charger_id) == ("admit_charger", True, "CP1")
    decisions.answers["admit_charger"] = True
    assert await flows.admit(ports, settings, hand("CP2", KEY.encode())) == Turned(404, "unknown charger")


async def test_a_plugin_turns_a_stranger_away_before_it_is_stored(ports: Ports, settings: Any, database: Database) -> None:
    settings.unknown_chargers = "pending"
    decisions: Any = ports.decisions
    decisions.answers["admit_charger"] = Turned(403, "no strangers")
    assert await flows.admit(ports, settings, hand("CP1")) == Turned(403, "no strangers")
    assert await database.read(store.list_chargers, tenant=DEFAULT_TENANT) == []


async def test_only_so_many_strangers_may_wait(ports: Ports, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.unknown_chargers = "pending"
    monkeypatch.setattr(links, "PENDING_LIMIT", 2)
    for charger_id in ("CP1", "CP2"):
        assert isinstance(await flows.admit(ports, settings, hand(charger_id)), Admission)
    assert await flows.admit(ports, settings, hand("CP3")) == Turned(503, "too many chargers wait for approval")
    assert isinstance(await flows.admit(ports, settings, hand("CP2")), Admission)


async def test_another_tenants_charger_is_let_in_as_theirs(ports: Ports, settings: Any, database: Database) -> None:
    add_tenant = partial(tenants.add, slug="other", name="Other", currency="EUR", time_zone="UTC")
    other = await database.write(add_tenant, tenant=DEFAULT_TENANT)
    sealed = keys.seal(KEY.encode(), ports.random)
    await database.write(partial(service.add_charger, sealed_key=sealed), "CP1", tenant=other)
    answer = await flows.admit(ports, settings, hand("CP1", KEY.encode()))
    assert isinstance(answer, Admission)
    assert answer.tenant == other


async def test_a_removed_charger_is_unknown(ports: Ports, settings: Any) -> None:
    await add(ports, "CP1")
    await flows.remove_charger(ports, DEFAULT_TENANT, "CP1")
    assert await flows.admit(ports, settings, hand("CP1", KEY.encode())) == Turned(404, "unknown charger")
    chargers: Any = ports.chargers
    assert chargers.dropped == ["CP1"]


async def test_what_is_known_of_a_charger_reaches_its_next_link(ports: Ports, settings: Any, database: Database) -> None:
    await add(ports, "CP1")
    policy = BootPolicy(heartbeat_interval_s=300, retry_interval_s=60)
    boot = Booted(charger_id="CP1", received_at=5, vendor="V", model="M")
    await database.write(service.boot, boot, policy, tenant=DEFAULT_TENANT)
    await database.write(service.set_heartbeat_interval, "CP1", 45, tenant=DEFAULT_TENANT)
    await database.write(service.set_subprotocol_fallback, "CP1", "ocpp1.6", tenant=DEFAULT_TENANT)
    admission = await flows.admit(ports, settings, hand("CP1", KEY.encode()))
    assert isinstance(admission, Admission)
    await flows.pongs(ports, admission, True)
    again = await flows.admit(ports, settings, hand("CP1", KEY.encode()))
    assert again == attrs.evolve(
        admission, registration="accepted", heartbeat_interval_s=45, subprotocol_fallback="ocpp1.6", answers_pings=True
    )

"""Certificates on their way and at the door: handed over, in use, superseded, renewed, revoked, expired."""

from __future__ import annotations

from typing import Any

import pytest

from csms.config import SecurityConfig
from csms.core.commands import (
    Answered,
    CallError,
    CertificateSigned,
    GetVariables,
    Lost,
    NotSupported,
    Outcome,
    QueueFull,
    SetVariables,
    TimedOut,
    TriggerMessage,
)
from csms.core.errors import NotFound, Refused
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Handshake
from csms.domain.security import flows, service
from csms.domain.security.model import ChargerCertificate
from csms.domain.stations import service as stations
from csms.pki import certificates
from csms.testing.stores import START_AT

from .conftest import CP, World, csr

DAY_MS = 86_400_000


def handshake(known: ChargerCertificate, charger_id: str = CP) -> Handshake:
    return Handshake(
        charger_id=charger_id,
        subprotocols=("ocpp1.6",),
        remote_address="",
        secure=True,
        certificate_cn=charger_id,
        certificate_serial=known.serial,
        certificate_fingerprint=known.fingerprint,
        certificate_expires_at=known.not_after_at,
    )


def stranger(fingerprint: str = "ab" * 32) -> Handshake:
    return Handshake(
        charger_id=CP,
        subprotocols=("ocpp1.6",),
        remote_address="",
        secure=True,
        certificate_cn=CP,
        certificate_serial="1f",
        certificate_fingerprint=fingerprint,
        certificate_expires_at=1_800_000_000_000,
    )


async def judge(world: World, shown: Handshake, *, strangers: bool = False) -> str:
    return await flows.judge(world.ports, shown, DEFAULT_TENANT, strangers=strangers)


async def renew(world: World) -> int:
    return await flows.renew_due(world.settings, world.ports, DEFAULT_TENANT)


# --- handing over ---------------------------------------------------------------------------------------------------------------


async def issued(world: World) -> None:
    await world.add()
    await world.request(csr())
    await world.sign()


async def test_it_is_handed_over_once_the_charger_is_there(world: World) -> None:
    await issued(world)
    await world.deliver()
    assert world.fleet.sent == []
    await world.link("one")
    await world.deliver()
    (known,) = await world.certificates()
    assert world.fleet.sent == [(CP, CertificateSigned(known.chain))]
    assert known.state == "active"
    await world.deliver()
    assert len(world.fleet.sent) == 1


@pytest.mark.parametrize("outcome", [Answered("Rejected"), CallError("InternalError")])
async def test_refused_it_is_tried_again_on_other_connections_and_then_given_up(world: World, outcome: Outcome) -> None:
    await issued(world)
    world.fleet.answers["CertificateSigned"] = [outcome] * 9
    for number in range(7):
        await world.link(f"connection {number}")
        await world.deliver()
        await world.deliver()
        await world.unlink()
    assert len(world.fleet.sent) == 5
    assert await world.states() == ["rejected"]
    assert await world.noted() == ["CertificateNotTaken"]


@pytest.mark.parametrize("outcome", [TimedOut(), Lost()])
async def test_unanswered_it_is_tried_again_also_on_the_same_connection(world: World, outcome: Outcome) -> None:
    await issued(world)
    world.fleet.answers["CertificateSigned"] = [outcome]
    await world.link("one")
    await world.deliver()
    await world.deliver()
    assert (len(world.fleet.sent), await world.states()) == (1, ["issued"])
    world.clock.advance(300_000)
    await world.deliver()
    assert await world.states() == ["active"]


async def test_what_was_not_sent_does_not_count(world: World) -> None:
    await issued(world)
    world.fleet.answers["CertificateSigned"] = [QueueFull()] * 10
    await world.link("one")
    for _ in range(10):
        await world.deliver()
        world.clock.advance(10_000)
    (known,) = await world.certificates()
    assert (known.state, known.deliveries) == ("issued", 0)
    await world.deliver()
    assert await world.states() == ["active"]


async def test_a_charger_that_cannot_take_one_is_not_asked_again(world: World) -> None:
    await issued(world)
    world.fleet.answers["CertificateSigned"] = [NotSupported("not in this version")]
    await world.link("one")
    await world.deliver()
    (known,) = await world.certificates()
    assert (known.state, known.reason) == ("rejected", "NotSupported: not in this version")


async def test_asked_for_again_it_is_handed_over_again(world: World) -> None:
    await world.add()
    text = csr()
    await world.request(text)
    await world.sign()
    await world.link("one")
    world.fleet.answers["CertificateSigned"] = [Answered("Rejected")]
    await world.deliver()
    assert await world.request(text) == "Accepted"
    await world.deliver()
    assert await world.states() == ["active"]


async def test_a_crash_between_sending_and_noting_counts_as_an_attempt(world: World) -> None:
    await issued(world)
    await world.link("one")
    (known,) = await world.certificates()
    await world.write(service.handing_over, known.id, "one")
    await world.deliver()
    assert world.fleet.sent == []
    world.clock.advance(300_000)
    await world.deliver()
    assert await world.states() == ["active"]


async def test_a_long_chain_is_cut_to_what_the_charger_takes(world: World) -> None:
    await issued(world)
    (known,) = await world.certificates()
    long = known.chain * 3

    def lengthen(tx: Any) -> None:
        tx.run("UPDATE charger_certificates SET chain = :chain WHERE tenant = :tenant", chain=long)

    await world.write(lengthen)
    world.fleet.answers["GetVariables"] = [
        Answered("Accepted", {"variables": [{"name": "CertificateSignedMaxChainSize", "value": str(len(known.chain) * 2 + 10)}]})
    ]
    await world.link("one")
    await world.deliver()
    asked, told = (command for _, command in world.fleet.sent)
    assert isinstance(asked, GetVariables)
    assert isinstance(told, CertificateSigned)
    assert certificates.load_all(told.chain) == certificates.load_all(known.chain * 2)


async def test_a_limit_that_is_nonsense_limits_nothing(world: World) -> None:
    await issued(world)
    (known,) = await world.certificates()

    def lengthen(tx: Any) -> None:
        tx.run("UPDATE charger_certificates SET chain = :chain WHERE tenant = :tenant", chain=known.chain * 3)

    await world.write(lengthen)
    world.fleet.answers["GetVariables"] = [
        Answered("Accepted", {"variables": [{"name": "CertificateSignedMaxChainSize", "value": "9" * 5000}]})
    ]
    await world.link("one")
    await world.deliver()
    told = world.fleet.sent[-1][1]
    assert isinstance(told, CertificateSigned)
    assert told.chain == known.chain * 3


# --- at the door ----------------------------------------------------------------------------------------------------------------


async def test_a_log_in_with_the_new_one_supersedes_the_old_one(world: World) -> None:
    await world.add()
    await world.link("one")
    first = await world.certified()
    assert await judge(world, handshake(first)) == ""
    second = await world.certified()
    assert await world.states() == ["active", "active"]
    assert await judge(world, handshake(first)) == "", "it may not have switched yet"
    assert await world.states() == ["active", "active"]
    assert await judge(world, handshake(second)) == ""
    assert await world.states() == ["superseded", "active"]
    assert await judge(world, handshake(first)) == "", "it may fall back"
    assert await world.states() == ["superseded", "active"]


async def test_a_log_in_tells_that_it_was_taken_although_the_answer_was_lost(world: World) -> None:
    await issued(world)
    world.fleet.answers["CertificateSigned"] = [Lost()]
    await world.link("one")
    await world.deliver()
    (known,) = await world.certificates()
    assert await judge(world, handshake(known)) == ""
    assert await world.states() == ["active"]


async def test_revoked_it_opens_nothing_and_its_link_is_ended(world: World) -> None:
    await world.add()
    await world.link("one")
    known = await world.certified()
    await flows.revoke(world.ports, DEFAULT_TENANT, known.id, "stolen")
    assert world.fleet.dropped == [CP]
    assert "revoked" in await judge(world, handshake(known))
    assert "revoked" in await judge(world, handshake(known))
    assert await world.noted() == ["CertificateRefused"], "not at every attempt"
    world.clock.advance(600_001)
    await judge(world, handshake(known))
    assert await world.noted() == ["CertificateRefused"] * 2
    with pytest.raises(Refused):
        await flows.revoke(world.ports, DEFAULT_TENANT, known.id)
    with pytest.raises(NotFound):
        await flows.revoke(world.ports, DEFAULT_TENANT, 4711)


async def test_one_that_nobody_here_issued(world: World) -> None:
    await world.add()
    assert "not issued here" in await judge(world, stranger())
    assert await world.certificates() == []
    assert await judge(world, stranger(), strangers=True) == ""
    (known,) = await world.certificates()
    assert (known.origin, known.state, known.subject) == ("shown", "active", "CN=CP1")
    assert known.renew_at is not None, "it is replaced by one of ours in time (A00.FR.406)"
    await flows.revoke(world.ports, DEFAULT_TENANT, known.id)
    assert "revoked" in await judge(world, stranger(), strangers=True)


async def test_one_that_was_issued_to_another_charger(world: World) -> None:
    await world.add()
    await world.add("CP2")
    await world.link("one")
    known = await world.certified()
    assert "'CP1'" in await judge(world, handshake(known, "CP2"))


async def test_certificates_of_a_removed_charger_are_revoked(world: World) -> None:
    await world.add()
    await world.link("one")
    known = await world.certified()
    await world.write(stations.remove_charger, CP)
    await flows.take_stock(world.settings, world.ports)
    await world.add()
    assert "revoked" in await judge(world, handshake(known))


# --- renewing -------------------------------------------------------------------------------------------------------------------


async def test_it_is_renewed_in_time_and_not_before(world: World) -> None:
    world.settings = SecurityConfig(certificate_days=90, renew_before_days=20)
    await world.add()
    await world.link("one")
    await world.certified()
    world.clock.advance(69 * DAY_MS)
    assert await renew(world) == 0
    world.clock.advance(DAY_MS)
    assert await renew(world) == 1
    assert world.fleet.sent[-1] == (CP, TriggerMessage("SignChargingStationCertificate"))
    assert await renew(world) == 0, "it is given time"
    await world.certified()
    world.clock.advance(2 * DAY_MS)
    assert await renew(world) == 0, "a newer one is there"


async def test_the_operator_s_name_is_told_to_a_charger_that_did_not_use_it(world: World) -> None:
    world.settings = SecurityConfig(organization="ACME")
    await world.add()
    await world.link("one")
    await flows.renew(world.settings, world.ports, DEFAULT_TENANT, CP)
    told, _ = (command for _, command in world.fleet.sent)
    assert isinstance(told, SetVariables)
    assert (told.settings[0].variable.name, told.settings[0].value) == ("OrganizationName", "ACME")
    with pytest.raises(NotFound):
        await flows.renew(world.settings, world.ports, DEFAULT_TENANT, "CP9")


async def test_a_charger_that_does_not_renew_is_told_ever_more_often_and_then_somebody_is(world: World) -> None:
    world.settings = SecurityConfig(certificate_days=90, renew_before_days=20, expiring_days=7)
    await world.add()
    await world.link("one")
    known = await world.certified()
    world.clock.advance(70 * DAY_MS)
    ends_at = known.not_after_at or 0
    attempts, told_at = [], 0
    while world.clock.now() < ends_at:
        if await renew(world):
            attempts.append(world.clock.now())
        await flows.take_stock(world.settings, world.ports)
        if not told_at and await world.events("charger_certificate_expiring"):
            told_at = world.clock.now()
        world.clock.advance(DAY_MS // 8)
    assert 20 < len(attempts) < 160
    assert 0 <= told_at - (ends_at - 7 * DAY_MS) <= DAY_MS // 8
    (event,) = await world.events("charger_certificate_expiring")
    assert (event["serial"], event["expires_at"]) == (known.serial, ends_at)
    await flows.take_stock(world.settings, world.ports)
    assert await world.states() == ["expired"]
    assert "expired" in await judge(world, handshake(known))
    assert await renew(world) == 0


async def test_an_offline_charger_is_renewed_when_it_comes_back(world: World) -> None:
    world.settings = SecurityConfig(certificate_days=90, renew_before_days=20)
    await world.add()
    await world.link("one")
    await world.certified()
    await world.unlink()
    world.clock.advance(80 * DAY_MS)
    assert await renew(world) == 0
    await world.link("two")
    assert await renew(world) == 1


async def test_somebody_is_told_of_a_charger_that_is_away_as_its_certificate_ends(world: World) -> None:
    world.settings = SecurityConfig(certificate_days=90, renew_before_days=20, expiring_days=7)
    await world.add()
    await world.link("one")
    await world.certified()
    await world.unlink()
    for days, told in ((82, 0), (84, 1), (85, 1)):
        world.clock.at = START_AT + days * DAY_MS
        await flows.take_stock(world.settings, world.ports)
        assert len(await world.events("charger_certificate_expiring")) == told, days


async def test_nobody_is_told_of_one_that_is_renewed_in_time(world: World) -> None:
    world.settings = SecurityConfig(certificate_days=3, expiring_days=7)
    await world.add()
    await world.link("one")
    await world.certified()
    world.clock.advance(2 * DAY_MS)
    assert await renew(world) == 1
    await flows.take_stock(world.settings, world.ports)
    await world.certified()
    await flows.take_stock(world.settings, world.ports)
    assert await world.events("charger_certificate_expiring") == []

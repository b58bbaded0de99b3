"""From a request to a certificate: taken or rejected, signed once, found again after a crash (A02, A03)."""

from __future__ import annotations

import attrs
import pytest

from csms.config import SecurityConfig
from csms.core.errors import Refused
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import ReadTx
from csms.core.reports import CertificateRequested, SecurityEventReported
from csms.domain.security import flows, service
from csms.domain.security.shown import CertificateRequestItem, RequestsQuery
from csms.domain.security.store import requests as store
from csms.pki import certificates

from .conftest import CP, World, csr


async def requests(world: World) -> list[CertificateRequestItem]:
    def query(tx: ReadTx) -> list[CertificateRequestItem]:
        return store.listed(tx, RequestsQuery(charger_id=CP, sort="requested_at"), 100)

    found: list[CertificateRequestItem] = await world.read(query)
    return found


async def test_a_request_is_signed_in_the_charger_s_name(world: World) -> None:
    world.settings = SecurityConfig(organization="ACME Charging", certificate_days=30)
    await world.add()
    assert await world.request(csr()) == "Accepted"
    await world.sign()
    (known,) = await world.certificates()
    assert (known.state, known.origin, known.subject) == ("issued", "signed", "CN=CP1,O=ACME Charging")
    assert certificates.read(known.chain).fingerprint == known.fingerprint
    assert known.not_after_at == world.clock.now() + 30 * 86_400_000
    assert known.renew_at == world.clock.now() + 20 * 86_400_000, "in its last third"
    (event,) = await world.events("charger_certificate_changed")
    assert (event["state"], event["previous_state"], event["serial"]) == ("issued", "", known.serial)


async def test_the_same_request_again_is_signed_once(world: World) -> None:
    await world.add()
    text = csr()
    assert await world.request(text) == "Accepted"
    assert await world.request(text) == "Accepted"
    await world.sign()
    assert await world.request(text) == "Accepted"
    await world.sign()
    assert (world.authority.signed, len(await world.certificates())) == (1, 1)


async def test_a_newer_request_replaces_one_that_waits(world: World) -> None:
    await world.add()
    await world.request(csr())
    await world.request(csr())
    await world.sign()
    assert [each.state for each in await requests(world)] == ["failed", "signed"]
    assert world.authority.signed == 1


async def test_a_newer_certificate_replaces_one_that_was_not_handed_over(world: World) -> None:
    await world.add()
    for _ in range(2):
        await world.request(csr())
        await world.sign()
    assert await world.states() == ["superseded", "issued"]


@pytest.mark.parametrize(("text", "words"), [("no request", "not a PEM"), (csr("CP2"), "'CP2'")])
async def test_what_will_not_do_is_rejected_with_its_reason(world: World, text: str, words: str) -> None:
    await world.add()
    assert await world.request(text) == "Rejected"
    (known,) = await requests(world)
    assert known.state == "rejected"
    assert words in known.reason
    (event,) = await world.events("security_event_reported")
    assert (event["kind"], event["source"], event["critical"]) == ("InvalidCertificateRequest", "csms", False)
    await world.sign()
    assert world.authority.signed == 0


async def test_another_name_is_signed_as_the_charger_s_where_that_is_configured(world: World) -> None:
    world.settings = SecurityConfig(sign_other_names=True)
    await world.add()
    assert await world.request(csr("SN-4711")) == "Accepted"
    await world.sign()
    assert [each.subject for each in await world.certificates()] == ["CN=CP1"]


async def test_without_an_authority_every_request_is_rejected(world: World) -> None:
    world.ports = attrs.evolve(world.ports, authority=None)
    await world.add()
    assert await world.request(csr()) == "Rejected"


async def test_certificates_of_other_purposes_are_rejected(world: World) -> None:
    report = CertificateRequested(charger_id=CP, received_at=0, csr=csr(), purpose="V2GCertificate")
    decision = await flows.ask_certificate(world.settings, world.ports, report, DEFAULT_TENANT)
    assert "V2GCertificate" in decision.problem


async def test_a_charger_that_nobody_knows_is_rejected(world: World) -> None:
    assert await world.request(csr()) == "Rejected"
    assert await requests(world) == []


async def test_too_many_requests_are_rejected_and_told_once(world: World) -> None:
    world.settings = SecurityConfig(requests_per_hour=3)
    await world.add()
    assert [await world.request(csr()) for _ in range(6)] == ["Accepted"] * 3 + ["Rejected"] * 3
    assert await world.noted() == ["TooManyCertificateRequests"]
    assert len(await requests(world)) == 3
    world.clock.advance(3_600_001)
    assert await world.request(csr()) == "Accepted"


async def test_a_charger_cannot_silence_what_we_notice(world: World) -> None:
    world.settings = SecurityConfig(requests_per_hour=1)
    await world.add()
    await world.write(
        service.security_event,
        SecurityEventReported(
            charger_id=CP, received_at=world.clock.at, kind="TooManyCertificateRequests", occurred_at=2**52, info="nothing to see"
        ),
    )
    assert [await world.request(csr()) for _ in range(2)] == ["Accepted", "Rejected"]
    assert await world.noted() == ["TooManyCertificateRequests"] * 2


async def test_an_authority_that_is_away_is_asked_again_later(world: World) -> None:
    await world.add()
    await world.request(csr())
    world.authority.failures = [OSError("no route"), RuntimeError("a plugin's mistake")]
    await world.sign()
    (known,) = await requests(world)
    assert (known.state, known.attempts, known.reason) == ("asked", 1, "no route")
    await world.sign()
    assert len(world.authority.failures) == 1, "not before its time"
    for _ in range(2):
        world.clock.advance(20_000)
        await world.sign()
    assert await world.states() == ["issued"]
    assert await world.noted() == ["CertificateNotSigned"], "told once"


async def test_what_the_authority_will_never_sign_fails_for_good(world: World) -> None:
    await world.add()
    await world.request(csr())
    world.authority.failures = [Refused("not in our books")]
    await world.sign()
    (known,) = await requests(world)
    assert (known.state, known.reason) == ("failed", "not in our books")
    world.clock.advance(86_400_000)
    await world.sign()
    assert world.authority.signed == 0
    (event,) = await world.events("security_event_reported")
    assert (event["kind"], event["critical"]) == ("CertificateNotSigned", True)


async def test_an_authority_that_signs_something_else_is_not_believed(world: World) -> None:
    another = csr()

    @attrs.define
    class Confused:
        async def sign(self, csr: str, *, charger_id: str, organization: str, lifetime_s: float) -> str:
            return await world.authority.real.sign(another, charger_id=CP, organization="", lifetime_s=1000)

        async def trust_anchors(self) -> str:
            return ""

    world.ports = attrs.evolve(world.ports, authority=Confused())
    await world.add()
    await world.request(csr())
    await world.sign()
    assert await world.certificates() == []
    assert "another key" in (await requests(world))[0].reason


async def test_requests_that_came_to_nothing_are_not_kept_for_ever(world: World) -> None:
    await world.add()
    for number in range(30):
        await world.request(f"nothing {number}")
        world.clock.advance(3_600_001)
    assert len(await requests(world)) <= 21

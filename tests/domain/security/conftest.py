from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from csms.config import SecurityConfig
from csms.core.commands import Answered, Command, Offline, Outcome
from csms.core.ids import DEFAULT_TENANT, charger_key
from csms.core.ports import CertificateAuthority, ConnectionInfo, Database, Ports, ReadTx
from csms.core.reports import CertificateRequested
from csms.db import StoreDatabase
from csms.domain.security import flows, service
from csms.domain.security.model import ChargerCertificate
from csms.domain.security.store import certificates as store
from csms.domain.stations import service as stations
from csms.pki.authority import BuiltInAuthority
from csms.testing.plugins import InLine, SeededRandom
from csms.testing.stores import SettableClock

CP = "CP1"
KEY = charger_key(CP)


@attrs.define
class Fleet:
    """Chargers that answer what a test says; one that is not connected is offline."""

    links: dict[str, str] = attrs.field(factory=dict)
    answers: dict[str, list[Outcome]] = attrs.field(factory=dict)
    sent: list[tuple[str, Command]] = attrs.field(factory=list)
    dropped: list[str] = attrs.field(factory=list)

    async def send(self, charger_id: str, command: Command, /, **_: Any) -> Outcome:
        if charger_id not in self.links:
            return Offline()
        self.sent.append((charger_id, command))
        waiting = self.answers.get(type(command).__name__, [])
        return waiting.pop(0) if waiting else Answered("Accepted")

    def connection(self, charger_id: str) -> ConnectionInfo | None:
        if charger_id not in self.links:
            return None
        return ConnectionInfo(
            charger_id=charger_id,
            tenant=DEFAULT_TENANT,
            connection_id=self.links[charger_id],
            protocol="ocpp1.6",
            remote_address="",
            connected_at=0,
            last_heard_at=0,
            registration="accepted",
            queued_commands=0,
        )

    async def drop(self, charger_id: str, reason: str) -> bool:
        self.dropped.append(charger_id)
        return self.links.pop(charger_id, None) is not None


@attrs.define
class Authority:
    """The built-in authority, which may fail first."""

    real: CertificateAuthority
    failures: list[Exception] = attrs.field(factory=list)
    signed: int = 0

    async def sign(self, csr: str, **what: Any) -> str:
        if self.failures:
            raise self.failures.pop(0)
        self.signed += 1
        return await self.real.sign(csr, **what)

    async def trust_anchors(self) -> str:
        return await self.real.trust_anchors()


@attrs.define
class World:
    """The slice on a store, with everything that it waits for."""

    ports: Ports
    fleet: Fleet
    authority: Authority
    clock: SettableClock
    settings: SecurityConfig = attrs.field(factory=SecurityConfig)

    async def write(self, verb: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        return await self.ports.database.write(partial(verb, **more), *arguments, tenant=DEFAULT_TENANT, keys=(KEY,))

    async def read(self, query: Callable[..., Any], *arguments: Any) -> Any:
        return await self.ports.database.read(query, *arguments, tenant=DEFAULT_TENANT)

    async def add(self, charger_id: str = CP, **more: Any) -> None:
        await self.write(stations.add_charger, charger_id, **more)

    async def link(self, connection_id: str, profile: int = 1) -> None:
        """The charger connects."""
        self.fleet.links[CP] = connection_id
        info = self.fleet.connection(CP)
        assert info is not None
        await self.write(stations.link_up, attrs.evolve(info, connected_at=self.clock.now()), profile)

    async def unlink(self) -> None:
        info = self.fleet.connection(CP)
        assert info is not None
        del self.fleet.links[CP]
        await self.write(stations.link_down, info, "lost")

    async def request(self, csr: str, charger_id: str = CP) -> str:
        """The charger asks for a certificate; what it is answered."""
        report = CertificateRequested(charger_id=charger_id, received_at=self.clock.now(), csr=csr)
        decision = await flows.ask_certificate(self.settings, self.ports, report, DEFAULT_TENANT)
        verdict = await self.write(service.request_certificate, report, decision)
        status: str = verdict.status
        return status

    async def sign(self) -> None:
        await flows.sign_due(self.settings, self.ports, DEFAULT_TENANT)

    async def deliver(self) -> None:
        await flows.deliver_due(self.ports, DEFAULT_TENANT)

    async def certificates(self) -> list[ChargerCertificate]:
        found: list[ChargerCertificate] = await self.read(store.of_charger, CP)
        return found[::-1]

    async def states(self) -> list[str]:
        return [each.state for each in await self.certificates()]

    async def certified(self) -> ChargerCertificate:
        """Have a certificate requested, signed and taken."""
        assert await self.request(csr()) == "Accepted"
        await self.sign()
        await self.deliver()
        known = (await self.certificates())[-1]
        assert known.state == "active"
        return known

    async def events(self, kind: str = "") -> list[dict[str, Any]]:
        def stored(tx: ReadTx) -> list[dict[str, Any]]:
            rows = tx.all("SELECT type, payload FROM events WHERE tenant = :tenant ORDER BY sequence")
            return [json.loads(row["payload"]) | {"type": row["type"]} for row in rows]

        return [each for each in await self.read(stored) if kind in ("", each["type"])]

    async def noted(self) -> list[str]:
        """The kinds of security events."""
        return [each["kind"] for each in await self.events("security_event_reported")]

    async def rows(self, sql: str) -> list[dict[str, Any]]:
        def query(tx: ReadTx) -> list[dict[str, Any]]:
            return [dict(row) for row in tx.all(sql)]

        found: list[dict[str, Any]] = await self.read(query)
        return found


def csr(name: str = CP) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


@pytest.fixture
async def world(database: StoreDatabase, clock: SettableClock, tmp_path: Path) -> World:
    absent: Any = None
    fleet = Fleet()
    blocking = InLine()
    real = BuiltInAuthority(folder=tmp_path / "authority", organization="ACME", clock=clock, blocking=blocking)
    authority = Authority(real)
    chargers: Any = fleet
    store: Database = database
    ports = Ports(
        database=store,
        chargers=chargers,
        decisions=absent,
        clock=clock,
        random=SeededRandom(),
        blocking=blocking,
        http=absent,
        authority=authority,
    )
    return World(ports, fleet, authority, clock)

"""A stub server and chargers in one process, in simulated time, over streams in memory; and the OCPP schemas."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import ocpp
import pytest
import trio
import trio.testing
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from simulators.charger import Address, Charger, Profile, Supply
from simulators.charger.certificates import Identity, load, new_key, pem_of
from simulators.clock import Clock
from simulators.fleet.ledger import Ledger
from simulators.frames import Call, Payload, Result
from simulators.stub import Answer, Heard, StubConnection, StubServer
from simulators.watch import Watcher, Watchers

EPOCH_MS = 1_800_000_000_000
BEGINS = datetime(2025, 1, 1, tzinfo=UTC)
"""When test certificates begin to be valid, long before the bench's time and ours."""
ADDRESS = Address("stub", 9000, "/ocpp")
SCHEMAS = Path(ocpp.__file__).parent
FOLDERS = {"1.6": "v16", "2.0.1": "v201"}


@cache
def validator(version: str, name: str) -> Any:
    """The schema of a request (``Authorize``) or response (``AuthorizeResponse``)."""
    if version == "2.0.1" and not name.endswith("Response"):
        name += "Request"
    text = (SCHEMAS / FOLDERS[version] / "schemas" / f"{name}.json").read_text(encoding="utf-8-sig")
    return jsonschema_rs.validator_for(json.loads(text))


def problems(version: str, name: str, payload: Payload) -> list[str]:
    """What a schema has against a payload."""
    return [f"{name}: {error.message} at {error.instance_path}" for error in validator(version, name).iter_errors(payload)]


class Diary(Watcher):
    """Everything that watchers hear, as tuples."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, ...]] = []

    def lost(self, call: Any) -> None:
        self.entries.append(("lost", call.action))

    def cut(self, call: Any) -> None:
        self.entries.append(("cut", call.action))

    def discarded(self, charger_id: str, action: str, why: str) -> None:
        self.entries.append(("discarded", action, why))

    def turned_away(self, charger_id: str, reason: str) -> None:
        self.entries.append(("turned_away", reason))

    def stray(self, charger_id: str, message_id: str) -> None:
        self.entries.append(("stray", message_id))

    def disconnected(self, charger_id: str, reason: str) -> None:
        self.entries.append(("disconnected", reason))


class Bench:
    """A stub server, and the chargers that were connected to it."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.nursery = nursery
        self.address = ADDRESS
        self.clock = Clock.start(epoch_ms=EPOCH_MS)
        self.server = StubServer(self.clock, record=True)
        self.reachable = True
        self.dials: list[float] = []
        self.ledger = Ledger()
        self.diary = Diary()
        self.streams: list[trio.abc.Stream] = []

    async def stream(self, address: Address) -> trio.abc.Stream:
        """What a charger dials: a stream in memory with the stub at its other end."""
        await trio.lowlevel.checkpoint()
        self.dials.append(trio.current_time())
        if not self.reachable:
            raise OSError("unreachable")
        near, far = trio.testing.memory_stream_pair()
        self.nursery.start_soon(self.server.serve_stream, far)
        self.streams.append(far)
        return near

    def make(self, version: str = "1.6", *, web: Any = None, certificates: Any = None, **profile: Any) -> Charger:
        """A charger that does not run yet; ``settings`` may be a dict, ``web`` a function that answers HTTP requests."""
        profile.setdefault("charger_id", "CH-1")
        profile["settings"] = tuple(profile.get("settings", {}).items())
        profile.setdefault("supplies", (Supply(), Supply()))
        return Charger(
            Profile(version=version, **profile),
            ADDRESS,
            clock=self.clock.another(),
            watcher=Watchers(self.ledger, self.diary),
            stream=self.stream,
            web=None if web is None else httpx.MockTransport(web),
            certificates=certificates,
        )

    async def charger(self, version: str = "1.6", *, online: bool = True, **profile: Any) -> Charger:
        """A running charger, online unless told otherwise."""
        charger = self.make(version, **profile)
        await self.nursery.start(charger.run)
        if online:
            await self.until(lambda: charger.online)
        return charger

    async def until(self, condition: Callable[[], bool], *, limit_s: float = 900) -> None:
        """Wait in simulated time until something is true."""
        with trio.fail_after(limit_s):
            while not condition():
                await trio.sleep(0.01)

    async def delivered(self, charger: Charger) -> None:
        """Wait until a charger has nothing left to say."""
        await self.until(lambda: charger.online and len(charger.outbox) == 0)

    def heard(self, *actions: str) -> list[Heard]:
        """The calls that the stub heard, of some actions or all."""
        return [heard for heard in self.server.heard if not actions or heard.action in actions]

    def statuses(self, action: str) -> list[Any]:
        """The statuses in the calls of an action, in order."""
        return [heard.payload["status"] for heard in self.heard(action)]

    def actions(self) -> list[str]:
        """Their actions, in order."""
        return [heard.action for heard in self.server.heard]

    def override(self, action: str, *answers: Answer) -> None:
        """Answer the next calls of an action differently, one after the other; then as before. None is no answer."""
        usual, left = self.server.answer, list(answers)

        def answer(connection: StubConnection, call: Call) -> Answer:
            return left.pop(0) if call.action == action and left else usual(connection, call)

        self.server.answer = answer


@pytest.fixture
def bench_type() -> type[Bench]:
    return Bench


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """A test that uses it names ``autojump_clock``, too: only then is time simulated."""
    async with trio.open_nursery() as nursery:
        yield Bench(nursery)
        nursery.cancel_scope.cancel()


@pytest.fixture
def command(bench: Bench) -> Callable[..., Any]:
    """Send a command, check request and answer against the schemas, return the answer's payload."""

    async def send(version: str, action: str, payload: Payload) -> Payload:
        assert problems(version, action, payload) == []
        answer = await bench.server.command("CH-1", action, payload)
        assert isinstance(answer, Result), answer
        assert problems(version, f"{action}Response", answer.payload) == []
        await trio.sleep(0.1)
        return answer.payload

    return send


@pytest.fixture
def order(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same for 1.6, the payload as keywords."""

    async def send(action: str, **payload: Any) -> Payload:
        answer: Payload = await command("1.6", action, payload)
        return answer

    return send


@pytest.fixture
def schema_problems() -> Callable[[str, str, Payload], list[str]]:
    return problems


class Authority:
    """A certificate authority for tests; its certificates are valid when the bench's clock says so, too."""

    def __init__(self, name: str, *, issuer: Authority | None = None) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self._sign(name, self.key.public_key(), issuer or self, ca=True)

    @property
    def pem(self) -> str:
        return pem_of([self.certificate])

    def _sign(
        self, name: str, key: Any, issuer: Authority, *, ca: bool = False, days: int = 3650, begins: datetime = BEGINS
    ) -> Any:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        own = issuer is self and ca
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if own else issuer.certificate.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(begins + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if name == "localhost":
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        return builder.sign(issuer.key, hashes.SHA256())

    def issue(self, name: str, *, kind: str = "ec", **more: Any) -> tuple[str, Any]:
        """A certificate as PEM, and its key."""
        key = new_key(kind)
        return pem_of([self._sign(name, key.public_key(), self, **more)]), key

    def sign(self, request: str, *, name: str | None = None, **more: Any) -> str:
        """The certificate for a signing request, followed by the authority's own."""
        csr = x509.load_pem_x509_csr(request.encode())
        assert csr.is_signature_valid
        subject = csr.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        return pem_of([self._sign(name or str(subject), csr.public_key(), self, **more)]) + self.pem

    def identity(self, name: str, **more: Any) -> Identity:
        """A certificate and key for a charger."""
        pem, key = self.issue(name, **more)
        return Identity(tuple(load(pem)), key)


@pytest.fixture(scope="session")
def sim_authority() -> type[Authority]:
    return Authority

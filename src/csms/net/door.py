"""One connection, from its first byte to its last: handshake, admission, and then the link."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
import trio

from csms.config import OcppConfig
from csms.core.addresses import Proxies
from csms.core.errors import StoreUnavailable
from csms.core.ports import Admission, Handshake, Random, Turned
from csms.core.reports import Oddity
from csms.ocpp.conversation import Conversation, ConversationSettings
from csms.ocpp.registry import choose, dialect_for

from .budget import Budget
from .certificates import shown_certificate, tls_failure
from .connection import Connection, Framing
from .fleet import Fleet
from .handshake import DEFAULT_ID_CHARACTERS, ID_CHARACTERS, Knock, understand
from .http import Head, Refused, read_head, refusal, switching_protocols
from .link import Link
from .logins import FailedLogins
from .observer import Observer
from .terms import Terms

Admit = Callable[[Handshake], Awaitable[Admission | Turned]]
"""Judges a handshake. It sees every key that is shown, also of a charger id with too many failed log-ins."""

HANDSHAKE_HEADROOM = 1024
"""Sockets in the handshake that are served beyond ``max_connections``, so that a charger can replace its own dead link when all are
taken. When these are taken too, whoever comes displaces the handshake that has gone on longest: peers that say nothing, or too slowly,
must not keep out those that do."""
CHECKS = 256
"""Admissions judged at a time."""
SUSPECT_CHECKS = 2
"""Admissions judged at a time for charger ids with too many failed log-ins: right keys pass, guesses cost little."""
REFUSAL_LIMIT_S = 2.0
OVERSIZE = 4
"""Up to so many times ``max_message_bytes`` a message is read all the same, to be refused in words. Cut off, a charger would connect and
send it again for ever, and everything it has queued behind it would wait; refused, it gives the message up (1.6 §3.7.1)."""
FAILURES = frozenset({401, 403, 404})
"""Refusals that count as failed log-ins."""

log = structlog.get_logger("csms.net")


class Door:
    """Lets chargers in, or turns them away."""

    def __init__(
        self,
        *,
        config: OcppConfig,
        fleet: Fleet,
        admit: Admit,
        terms: Terms,
        random: Random,
        observer: Observer,
        framing: Framing,
    ) -> None:
        self._config = config
        self._fleet = fleet
        self._admit = admit
        self.terms = terms
        self._random = random
        self._observer = observer
        self._framing = framing
        self._proxies = Proxies(config.trusted_proxies)
        self._failures = FailedLogins(config.login_failures_limit)
        self._checks = trio.CapacityLimiter(CHECKS)
        self._suspect_checks = trio.CapacityLimiter(SUSPECT_CHECKS)
        self._open = 0
        self._handshakes: dict[trio.CancelScope, None] = {}
        """The unfinished ones, the oldest first."""
        self._refusals = Budget(50, per_s=1)
        """How many refusals are logged: anybody can be refused as often as they like, and metrics count them all."""
        self._settings = ConversationSettings(
            call_timeout_s=config.call_timeout_s,
            command_queue_limit=config.command_queue_limit,
            command_ttl_s=config.command_ttl_s,
            before_boot=frozenset(config.before_boot),
            retry_interval_s=config.retry_interval_s,
            max_frame_chars=config.max_message_bytes,
        )

    async def serve(self, stream: trio.abc.Stream) -> None:
        """Deal with one connection until it is over; never raises because of one."""
        self._open += 1
        try:
            if self._open <= self._config.max_connections + HANDSHAKE_HEADROOM or self._displaced():
                await self._serve(stream)
            elif isinstance(stream, trio.SSLStream):
                self._observer.refused("limit")  # a TLS handshake would be more work than it is worth
            else:
                await self._refuse(stream, Refused(503, "too many sockets", label="limit", headers=self._later()), "", "")
        except* Exception as errors:
            log.error("charger.connection_failed", exc_info=errors)
        finally:
            self._open -= 1
            await trio.aclose_forcefully(stream)

    def _displaced(self) -> bool:
        """Whether the oldest unfinished handshake was given up for a newer one."""
        oldest = next(iter(self._handshakes), None)
        if oldest is not None:
            del self._handshakes[oldest]
            oldest.cancel()
        return oldest is not None

    async def _serve(self, stream: trio.abc.Stream) -> None:
        peer = _peer(stream)
        with trio.move_on_after(self._config.handshake_timeout_s) as limit:
            self._handshakes[limit] = None
            try:
                entered = await self._enter(stream, peer)
            finally:
                self._handshakes.pop(limit, None)
        if limit.cancelled_caught:
            timely = trio.current_time() < limit.deadline
            self._observer.refused("limit" if timely else "timeout")
            self._say_refused(address=peer, reason="displaced by a newer handshake" if timely else "handshake took too long")
        elif entered is not None:
            link, early = entered

            def take_over(nursery: trio.Nursery) -> Connection:
                return self._framing(stream, early, OVERSIZE * self._config.max_message_bytes, nursery)

            await self._fleet.serve(link, take_over)

    async def _enter(self, stream: trio.abc.Stream, peer: str) -> tuple[Link, bytes] | None:
        """The handshake: a link ready to run and what the charger sent already; None when there will be none."""
        charger_id = ""
        try:
            if isinstance(stream, trio.SSLStream):
                await stream.do_handshake()
            head = await read_head(stream)
            if head is None:
                return None
            peer = self._proxies.client(peer, head.tokens("x-forwarded-for"))
            knock = understand(head, self._config.path)
            charger_id = knock.charger_id
            secure = self._proxies.secure(_peer(stream), head.tokens("x-forwarded-proto"), isinstance(stream, trio.SSLStream))
            admission = await self._judge(knock, peer, secure, shown_certificate(stream))
            return await self._agree(stream, head, knock, admission, peer)
        except Refused as refused:
            await self._refuse(stream, refused, charger_id, peer)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            label, reason = tls_failure(error.__cause__)
            self._observer.refused(label or "broken")
            if label:  # a security event, to be told (A00.FR.323, A00.FR.408)
                self._say_refused(address=peer, reason=reason)
            else:
                log.debug("charger.handshake_broken", address=peer, charger=charger_id, error=str(error.__cause__ or error))
        return None

    async def _judge(self, knock: Knock, peer: str, secure: bool, certificate: Mapping[str, Any]) -> Admission:
        """Ask whether this charger may come in. Raises ``Refused``."""
        charger_id = knock.charger_id
        if (closed := self._fleet.closed_to(charger_id)) is not None:
            raise Refused(503, closed, label="limit", headers=self._later())
        suspect = self._failures.exhausted(charger_id, trio.current_time())
        turned: Turned | None = None
        if self._config.authentication and not certificate and knock.username not in (None, charger_id):
            turned = Turned(401, "the user name is not the charger id")
        else:
            handshake = Handshake(
                charger_id=charger_id,
                subprotocols=knock.offered or ((knock.assumed,) if knock.assumed else ()),
                remote_address=peer,
                username=knock.username,
                password=knock.password,
                secure=secure,
                **certificate,
            )
            try:
                async with self._suspect_checks if suspect else self._checks:
                    judged = await self._admit(handshake)
            except StoreUnavailable as error:
                raise Refused(503, f"store unavailable: {error}", headers=self._later()) from None
            except Exception as error:
                log.error("charger.admission_failed", charger=charger_id, address=peer, exc_info=error)
                raise Refused(500, f"admission failed: {error!r}", label="failed") from None
            if isinstance(judged, Admission):
                turned = self._fleet.objection(judged)
                if turned is None:
                    return judged
            else:
                turned = judged
        if turned.http_status in FAILURES:
            self._failures.failed(charger_id, trio.current_time())
            if suspect:
                wait_s = self._failures.wait_s(charger_id, trio.current_time())
                raise Refused(429, f"too many failed log-ins; {turned.reason}", headers=(("Retry-After", str(wait_s)),))
        headers: tuple[tuple[str, str], ...] = ()
        if turned.http_status == 401:
            headers = (("WWW-Authenticate", 'Basic realm="OCPP", charset="UTF-8"'),)
        elif turned.http_status in (429, 503):
            headers = self._later()
        raise Refused(turned.http_status, turned.reason, headers=headers)

    async def _agree(
        self, stream: trio.abc.Stream, head: Head, knock: Knock, admission: Admission, peer: str
    ) -> tuple[Link, bytes] | None:
        """Settle on an OCPP version and finish the handshake; without a common one, finish it and close (OCPP-J 1.6 §3.2)."""
        allowed = self._config.protocols
        quirks = self.terms.quirks_of(admission.vendor, admission.model, admission.firmware).at_home(admission.time_zone)
        confirmed = choose(knock.offered, allowed)
        protocol = confirmed
        if not knock.offered:
            fallback = admission.subprotocol_fallback or quirks.subprotocol or self._config.fallback_protocol
            protocol = choose([knock.assumed], allowed) or choose([fallback], allowed)
        dialect = None if protocol is None else dialect_for(protocol)
        if dialect is not None and len(admission.charger_id) > (
            most := ID_CHARACTERS.get(dialect.subprotocol, DEFAULT_ID_CHARACTERS)
        ):
            raise Refused(404, f"charger id over {most} characters, the most that {dialect.subprotocol} allows")
        await stream.send_all(switching_protocols(knock.key, confirmed))
        if dialect is None:
            await self._part(stream, knock, peer)
            return None
        connection_id = self._random.token(9)
        conversation = Conversation(
            dialect,
            charger_id=admission.charger_id,
            connection_id=connection_id,
            registration=admission.registration,
            settings=self._settings,
            new_message_id=self._random.message_id,
            quirks=quirks,
        )
        link = Link(admission, conversation, dialect, self.terms, connection_id=connection_id, remote_address=peer, quirks=quirks)
        if not knock.offered:
            link.notices.add([Oddity("subprotocol", "Sec-WebSocket-Protocol", "none offered")])
        return link, head.early

    async def _part(self, stream: trio.abc.Stream, knock: Knock, peer: str) -> None:
        """Close a connection on which no OCPP version can be spoken."""
        offered: Sequence[str] = knock.offered or ([knock.assumed] if knock.assumed else [])
        self._observer.refused("no_protocol")
        self._say_refused(charger=knock.charger_id, address=peer, reason="no common subprotocol", offered=list(offered)[:10])
        async with trio.open_nursery() as nursery:
            connection = self._framing(stream, b"", self._config.max_message_bytes, nursery)
            await connection.close(1002, f"no common subprotocol; this server speaks {', '.join(self._config.protocols)}")
            nursery.cancel_scope.cancel()

    async def _refuse(self, stream: trio.abc.Stream, refused: Refused, charger_id: str, peer: str) -> None:
        """Answer with an HTTP error. What was wrong goes to the log, never what was shown as a key."""
        self._observer.refused(refused.label)
        self._say_refused(charger=charger_id, address=peer, status=refused.status, reason=refused.reason)
        with trio.move_on_after(REFUSAL_LIMIT_S):
            try:
                await stream.send_all(refusal(refused.status, refused.headers))
                if isinstance(stream, trio.abc.HalfCloseableStream):
                    await stream.send_eof()
                # Closing with something unread would reset the connection, and the peer might never see the answer.
                while await stream.receive_some(4096):
                    pass
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass  # it did not wait for the answer

    def _say_refused(self, *, status: int = 0, **more: object) -> None:
        """Log a refusal, within bounds; of those who guess on after the limit only where debugging is logged."""
        if status == 429:
            log.debug("charger.refused", status=status, **more)
        elif (unsaid := self._refusals.take(trio.current_time())) is not None:
            log.info("charger.refused", status=status, unsaid=unsaid, **more)

    def _later(self) -> tuple[tuple[str, str], ...]:
        """When to come back, scattered so that not all come at once."""
        return (("Retry-After", str(round(self._random.uniform(5, 30)))),)


def _peer(stream: trio.abc.Stream) -> str:
    """The address at the other end of a socket, or ``""`` where there is none."""
    if isinstance(stream, trio.SSLStream):
        stream = stream.transport_stream
    if not isinstance(stream, trio.SocketStream):
        return ""
    try:
        name = stream.socket.getpeername()
    except OSError:
        return ""
    return str(name[0]) if isinstance(name, tuple) else str(name)

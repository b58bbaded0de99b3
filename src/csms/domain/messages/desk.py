"""The desk at which others have people told things: it fills the ports ``Messenger`` and ``Notifier``."""

from __future__ import annotations

import msgspec
import structlog
import trio

from csms.core.errors import CsmsError
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.messages import CannotNotify, Message, Notice
from csms.core.ports import Ports, Tx

from .carrier import Carrier
from .judging import BY_PHONE
from .model import DELIVERED, FAILED, IDENTITY_KEY, OUTBOX, READ, notice_key
from .service import sending, taking

TOKEN_BYTES = 15
MOST_WAITING = 1_000
"""One-time codes that may wait to be written to the store."""
WRITING_LIMIT_S = 5.0
RETRY_S = 1.0

log = structlog.get_logger("csms.messages")


class Desk:
    """``core.messages.Messenger``: what it takes on is stored when it returns, and sent by the carrier."""

    def __init__(self, ports: Ports, carrier: Carrier) -> None:
        """``ports`` are those of the server, as far as they are known; of ``channels`` the same mapping that is filled later."""
        self._ports = ports
        self._carrier = carrier

    def ring(self) -> None:
        """Something is due."""
        self._carrier.ring()

    async def tell(self, notice: Notice, /, *, tenant: int) -> int | None:
        """Take a notice on: its id, or None where its ``key`` was told before or nobody is to hear it.

        Raises ``Invalid`` for one that cannot be told, ``CannotNotify`` where too many wait, ``StoreUnavailable``.
        """
        if not self._ports.channels:
            taking.check(notice)
            return None
        return await self.take_on(notice, TenantId(tenant))

    async def take_on(self, notice: Notice, tenant: TenantId, *, installation: bool = False) -> int | None:
        """As ``tell``; ``installation``: it is none of the tenant's own."""
        ports = self._ports
        sealed = ports.vault.seal(msgspec.json.encode(dict(notice.secrets)).decode()) if notice.secrets else ""
        token = ports.random.token(TOKEN_BYTES)

        def verb(tx: Tx) -> int | None:
            available, most = tuple(ports.channels), self._carrier.rules.most_waiting
            return taking.take_on(tx, notice, sealed, token, available, most, installation=installation)

        found = await ports.database.write(verb, tenant=tenant, keys=(notice_key(tenant, notice.key),))
        if found is not None:
            self._carrier.ring()
        return found

    async def heard_back(self, channel: str, channel_id: str, state: str, error: str = "", /) -> None:
        """What became of a message, as its channel learnt: ``delivered``, ``read`` or ``failed``; other words tell nothing."""
        if state not in (DELIVERED, READ, FAILED) or not channel_id:
            return
        ports = self._ports
        tenant = DEFAULT_TENANT
        for _ in range(2):  # whose it is, is found by the first
            found = await ports.database.write(
                sending.hear,
                channel,
                channel_id,
                state,
                error,
                tuple(ports.channels),
                tenant=tenant,
                keys=(sending.echo_key(channel, channel_id),),
            )
            if found is None:
                break
            tenant = TenantId(found[0])
        self._carrier.ring()


class CodesDesk:
    """``core.messages.Notifier`` by the same channels. It takes a message on at once, however long the store takes: the time that a
    request takes must not tell whether there is such an account. ``run`` does the writing."""

    def __init__(self, desk: Desk, ports: Ports) -> None:
        self._desk = desk
        self._ports = ports
        self._send, self._receive = trio.open_memory_channel[Message](MOST_WAITING)

    async def notify(self, message: Message, /) -> None:
        """Take a message on. Raises ``CannotNotify`` where no channel could carry it, or too many wait."""
        if not self._carried(message.channel):
            raise CannotNotify(f"no channel carries messages by {message.channel}")
        try:
            self._send.send_nowait(message)
        except trio.WouldBlock:
            raise CannotNotify("too many messages wait to be sent") from None
        await trio.lowlevel.checkpoint()

    def _carried(self, channel: str) -> bool:
        there = self._ports.channels
        return channel in there or OUTBOX in there or (channel in BY_PHONE and any(each in there for each in BY_PHONE))

    async def run(self) -> None:
        """Store what was taken on, for ever; at the end what still waits, within a little while."""
        try:
            async for message in self._receive:
                await self._keep(message)
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + WRITING_LIMIT_S):
                while True:
                    try:
                        message = self._receive.receive_nowait()
                    except (trio.WouldBlock, trio.EndOfChannel):
                        break
                    await self._keep(message)

    async def _keep(self, message: Message) -> None:
        notice = Notice(
            key=f"{IDENTITY_KEY}{self._ports.random.token(TOKEN_BYTES)}",
            template=message.template,
            fields=message.fields,
            secrets=message.secrets,
            address=f"{message.channel}:{message.recipient}",
            urgent=True,
            language=message.language,
        )
        try:
            await self._desk.take_on(notice, DEFAULT_TENANT, installation=True)
        except CsmsError as error:
            log.error("message.lost", kind=message.kind, channel=message.channel, template=message.template, reason=str(error))

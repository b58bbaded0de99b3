"""Carries messages to their channels: the urgent ones first, each channel at its own pace, so that a slow one keeps nobody else waiting."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
import trio

from csms.core.errors import StoreUnavailable
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Ports, ReadTx

from . import flows
from .model import Rules, message_key
from .service import sending
from .store import queue

POLL_S = 5.0
"""How soon it sees what another process took on."""
STRANDED_S = 60.0
"""How often it looks for messages whose channel is not there."""
RETRY_S = 5.0
PAGE = 200

log = structlog.get_logger("csms.messages")


def _look(tx: ReadTx, channel: str, limit: int) -> tuple[Sequence[tuple[int, int]], int | None]:
    return queue.due(tx, channel, limit), queue.next_due(tx, channel)


class Carrier:
    """Sends what is due. What it was doing when the server ended is due again when its time is over."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self._bell = trio.Event()
        self._busy: dict[str, set[int]] = {}
        self._places = trio.CapacityLimiter(self.rules.parallel)

    def ring(self) -> None:
        """Something is due."""
        self._bell.set()

    async def run(self, ports: Ports) -> None:
        """Send what is due, for ever."""
        look_at = trio.current_time()
        async with trio.open_nursery() as nursery:
            while True:
                self._bell = trio.Event()
                wait_s = POLL_S
                try:
                    if ports.channels and trio.current_time() >= look_at:
                        await self._rehome(ports)
                        look_at = trio.current_time() + STRANDED_S
                    wait_s = await self._take(ports, nursery)
                except StoreUnavailable as error:
                    log.warning("messages.store_unavailable", reason=str(error))
                except Exception:
                    log.exception("messages.failed")
                    await trio.sleep(RETRY_S)
                with trio.move_on_after(wait_s):
                    await self._bell.wait()

    async def _take(self, ports: Ports, nursery: trio.Nursery) -> float:
        """Begin as much of what is due as each channel has room for; how many seconds until the next is due, ``POLL_S`` at most."""
        next_at: list[int] = []
        for channel in ports.channels:
            busy = self._busy.setdefault(channel, set())
            room = self.rules.parallel_each - len(busy)
            if room <= 0:
                continue
            found, at = await ports.database.read(_look, channel, room + len(busy), tenant=DEFAULT_TENANT)
            next_at += [] if at is None else [at]
            for tenant, message_id in [each for each in found if each[1] not in busy][:room]:
                busy.add(message_id)
                nursery.start_soon(self._carry, ports, channel, TenantId(tenant), message_id)
        return min(POLL_S, max(0.01, (min(next_at) - ports.clock.now()) / 1000)) if next_at else POLL_S

    async def _carry(self, ports: Ports, channel: str, tenant: TenantId, message_id: int) -> None:
        try:
            async with self._places:
                await flows.carry(ports, self.rules, tenant, message_id)
        except StoreUnavailable as error:
            log.warning("messages.store_unavailable", message=message_id, reason=str(error))
            await trio.sleep(RETRY_S)
        except Exception:  # a mistake in one message must not end the others
            log.exception("messages.failed", message=message_id)
            await trio.sleep(RETRY_S)
        finally:
            self._busy[channel].discard(message_id)
            self.ring()

    async def _rehome(self, ports: Ports) -> None:
        """Have messages go by other channels whose own is not there."""
        available = tuple(ports.channels)
        after = 0
        while found := await ports.database.read(queue.stranded, available, after, PAGE, tenant=DEFAULT_TENANT):
            for tenant, message_id in found:
                after = message_id
                await ports.database.write(
                    sending.rehome, message_id, available, tenant=TenantId(tenant), keys=(message_key(message_id),)
                )

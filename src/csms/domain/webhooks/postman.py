"""Carries events to receivers: each at its own pace, so that a slow one keeps nobody else waiting."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping

import structlog
import trio

from csms.core.errors import StoreUnavailable
from csms.core.events import EVENT_TYPES, Delivered
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Listener, Ports, ReadTx

from . import deliveries, flows, service, store
from .model import Addressee, Choice, Parcel
from .service import REST_AFTER, Rules

POLL_S = 1.0
"""How soon it shows what is due by time, and what another process left."""
CHOICES_S = 10.0
"""How soon a subscription counts that another process made."""
AT_ONCE = 100
RETRY_S = 5.0

log = structlog.get_logger("csms.webhooks")


class Postman:
    """Hears every durable event and writes down for whom it is; posts what is due.

    First attempts of one key (a charger, mostly) go in order. What failed is tried again later and holds up nothing: a receiver that
    needs order sorts by ``event_id``.
    """

    def __init__(self, rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self._bell = trio.Event()
        self._posting = trio.CapacityLimiter(self.rules.parallel)
        self._busy: set[int] = set()
        self._choices: dict[TenantId, tuple[float, Mapping[int, Choice]]] = {}
        self._changes = 0

    # --- hearing --------------------------------------------------------------------------------------------------------------

    def listener(self) -> Listener:
        """Its place among the consumers of events, of every durable type that there is."""
        types = frozenset(name for name, kind in EVENT_TYPES.items() if kind.durable)
        return Listener(name="webhooks", types=types, handle=self.hear)

    async def hear(self, ports: Ports, delivered: Delivered) -> None:
        """Write down for whom an event is."""
        tenant, event = TenantId(delivered.tenant), delivered.event
        choices = await self._choices_of(ports, tenant)
        if not any(choice.wants_type(event.type) for choice in choices.values()):
            return
        charger_id = str(getattr(event, "charger_id", "") or "")
        if await ports.database.write(
            service.hear,
            delivered.event_id,
            event.type,
            event.key,
            charger_id,
            tenant=tenant,
            keys=(f"webhook-event:{delivered.event_id}",),
        ):
            self.ring()

    async def _choices_of(self, ports: Ports, tenant: TenantId) -> Mapping[int, Choice]:
        found = self._choices.get(tenant)
        if found is not None and trio.current_time() < found[0]:
            return found[1]
        changes = self._changes
        choices = await ports.database.read(store.choices, tenant=tenant)
        if changes == self._changes:
            self._choices[tenant] = (trio.current_time() + CHOICES_S, choices)
        return choices

    def changed(self, tenant: TenantId) -> None:
        """A tenant's subscriptions are others than before, or have something to send."""
        self._changes += 1
        self._choices.pop(tenant, None)
        self.ring()

    def ring(self) -> None:
        """Something is due."""
        self._bell.set()

    # --- sending --------------------------------------------------------------------------------------------------------------

    async def run(self, ports: Ports) -> None:
        """Post what is due, for ever."""
        async with trio.open_nursery() as nursery:
            while True:
                self._bell = trio.Event()
                try:
                    for tenant, webhook_id in await ports.database.read(store.in_need, tenant=DEFAULT_TENANT):
                        if webhook_id not in self._busy:
                            self._busy.add(webhook_id)
                            nursery.start_soon(self._serve, ports, TenantId(tenant), webhook_id)
                except StoreUnavailable as error:
                    log.warning("webhooks.store_unavailable", reason=str(error))
                with trio.move_on_after(POLL_S):
                    await self._bell.wait()

    async def _serve(self, ports: Ports, tenant: TenantId, webhook_id: int) -> None:
        """One receiver, until nothing is due for it."""
        try:
            while await self._take_round(ports, tenant, webhook_id):
                pass
        except StoreUnavailable as error:
            log.warning("webhooks.store_unavailable", webhook=webhook_id, reason=str(error))
            await trio.sleep(RETRY_S)
        except Exception:  # a mistake in one delivery must not end the others
            log.exception("webhooks.failed", webhook=webhook_id)
            await trio.sleep(RETRY_S)
        finally:
            self._busy.discard(webhook_id)

    async def _take_round(self, ports: Ports, tenant: TenantId, webhook_id: int) -> bool:
        """Some of what is due for one receiver; whether there may be more."""
        found = await ports.database.read(_due, webhook_id, tenant=tenant)
        if found is None or not found[1]:
            return False
        to, parcels = found
        chains: dict[str, deque[Parcel]] = defaultdict(deque)
        for parcel in parcels:
            chains[parcel.event_key].append(parcel)
        waiting = deque(chains.values())
        may_go_on = True

        async def carry() -> None:
            nonlocal may_go_on
            while waiting and may_go_on:
                chain = waiting.popleft()
                while chain and may_go_on:
                    async with self._posting:
                        if not may_go_on or not await flows.deliver(ports, self.rules, to, chain.popleft()):
                            may_go_on = False

        async with trio.open_nursery() as nursery:
            for _ in range(min(self.rules.parallel_each, len(chains))):
                nursery.start_soon(carry)
        return may_go_on


def _due(tx: ReadTx, webhook_id: int) -> tuple[Addressee, list[Parcel]] | None:
    """A receiver and what is due for it: one delivery for one that was down, to see whether it is back."""
    to = store.addressee(tx, webhook_id)
    if to is None or not store.may_send(tx, webhook_id):
        return None
    return to, deliveries.due(tx, webhook_id, 1 if to.failures >= REST_AFTER else AT_ONCE)

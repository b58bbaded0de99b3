"""One table: what the core itself reacts to. Each row is a consumer of the event spine, as every plugin is one."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import attrs
import structlog
import trio

from csms import document_subjects, smart_charging
from csms.config import Config
from csms.core.errors import StoreUnavailable
from csms.core.ids import TenantId
from csms.core.ports import Listener, Ports
from csms.db.outbox import Consumer, DeadLetter
from csms.domain.alerts import flows as alerts_flows
from csms.domain.alerts import listeners as alerts
from csms.domain.analytics import listeners as analytics
from csms.domain.billing import listeners as billing
from csms.domain.invoices import listeners as invoices
from csms.domain.local_lists import listeners as local_lists
from csms.domain.messages import listeners as messages
from csms.domain.payments import listeners as payments
from csms.domain.profiles import listeners as profiles
from csms.domain.upkeep import listeners as upkeep

MOURNED_AT_ONCE = 100
"""Dead letters that may wait to become alerts."""

log = structlog.get_logger("csms.listeners")


def table(config: Config) -> list[Listener]:
    """Every slice's listeners. A name is how the database remembers the progress of its listener: never rename one."""
    return [
        *local_lists.LISTENERS,
        *alerts.LISTENERS,
        *analytics.LISTENERS,
        *messages.LISTENERS,
        *billing.LISTENERS,
        billing.prepaid_listener(partial(smart_charging.start, config)),
        *invoices.listeners(document_subjects.settings(config)),
        *upkeep.LISTENERS,
        *payments.LISTENERS,
        profiles.listener(smart_charging.rules(config)),
    ]


def consumers(ports: Ports, config: Config) -> list[Consumer]:
    """The table as consumers, named ``core.NAME``."""
    return [consumer(ports, each) for each in table(config)]


def consumer(ports: Ports, listener: Listener) -> Consumer:
    """One listener as a consumer."""
    return Consumer(f"core.{listener.name}", partial(listener.handle, ports), listener.types)


class Mourner:
    """Tells of every event that a consumer gave up: in the log, and as an alert. The dead letters themselves are stored."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._send, self._receive = trio.open_memory_channel[DeadLetter](MOURNED_AT_ONCE)

    def __call__(self, letter: DeadLetter) -> None:
        """One more; never waits."""
        log.error("event.dead_letter", **attrs.asdict(letter), hint=f"csms events replay {letter.consumer}")
        with suppress(trio.WouldBlock):  # so many at once make one alert per consumer anyway
            self._send.send_nowait(letter)

    async def run(self) -> None:
        """Raise the alerts, for ever."""
        async for letter in self._receive:
            try:
                await alerts_flows.given_up(
                    self._ports,
                    TenantId(letter.tenant),
                    consumer=letter.consumer,
                    event_id=letter.event_id,
                    event_type=letter.type,
                    error=letter.error,
                )
            except StoreUnavailable as error:
                log.warning("no alert of a dead letter", consumer=letter.consumer, event_id=letter.event_id, problem=str(error))
            except Exception:
                log.exception("no alert of a dead letter", consumer=letter.consumer, event_id=letter.event_id)

"""Consumers of durable events: each hears every event at least once, in order per key; what it cannot take becomes a dead letter."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs
import trio

from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Clock, Random

from . import deliveries
from .courier import Courier
from .database import StoreDatabase
from .deliveries import DeadLetter, Progress
from .pace import Handle, Pace
from .patience import patient

__all__ = ["Consumer", "DeadLetter", "Pace", "Progress", "dead_letters", "forget_consumer", "progress", "replay", "run_consumer"]


@attrs.frozen(slots=True)
class Consumer:
    """Somebody who reacts to events. ``name`` is how the database remembers its progress; ``types`` None means all.

    ``handle`` raises to have an event again. It must bear an event twice: after a crash, what was not saved is delivered again.
    """

    name: str
    handle: Handle
    types: frozenset[str] | None = None


async def run_consumer(
    database: StoreDatabase,
    consumer: Consumer,
    *,
    clock: Clock,
    max_attempts: int = 12,
    random: Random | None = None,
    on_dead: Callable[[DeadLetter], None] | None = None,
    from_start: bool = False,
    pace: Pace | None = None,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Deliver events to a consumer until cancelled, or until the writer stops.

    A consumer that the database does not know starts at the end of the spine, or ``from_start``. A failed event is tried again after
    a delay that doubles (with jitter, where there is ``random``), and later events of its key wait; after ``max_attempts`` it is a
    dead letter, of which ``on_dead`` hears, and its key goes on. ``task_status`` starts once the consumer's place is stored. What a
    consumer writes lets chargers and callers go first.
    """
    courier = Courier(
        database,
        consumer.name,
        consumer.handle,
        consumer.types,
        clock=clock,
        random=random,
        max_attempts=max_attempts,
        on_dead=on_dead,
        pace=pace or Pace(),
    )
    with patient():
        await courier.run(from_start, task_status.started)


async def dead_letters(database: StoreDatabase, consumer: str = "", *, after: int = 0, limit: int = 100) -> Sequence[DeadLetter]:
    """Dead letters of one consumer, or of all, in the order of their events; ``after`` is the last event id of the page before."""
    return await database.read(deliveries.dead, consumer, after, limit, tenant=DEFAULT_TENANT)


async def progress(database: StoreDatabase) -> Sequence[Progress]:
    """How far every known consumer is."""
    return await database.read(deliveries.progress, tenant=DEFAULT_TENANT)


async def replay(database: StoreDatabase, consumer: str, *, first: int | None = None, last: int | None = None) -> int:
    """Have a consumer's dead letters delivered again or, with ``first`` or ``last``, every event of that range that it has passed.

    Returns how many. A consumer that runs in another process notices within ``Pace.poll_s``. Raises ``NotFound``.
    """
    count = await database.write(deliveries.again, consumer, first, last, tenant=DEFAULT_TENANT, keys=(f"consumer:{consumer}",))
    database.replay_mark += 1
    database.wake_consumers()
    return count


async def forget_consumer(database: StoreDatabase, consumer: str) -> bool:
    """Forget a consumer that will not come back, with its dead letters: events are kept until every known consumer has them."""
    return bool(await database.write(deliveries.forget, consumer, tenant=DEFAULT_TENANT, keys=(f"consumer:{consumer}",)))

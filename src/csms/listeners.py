"""One table: what the core itself reacts to. Each row is a consumer of the event spine, as every plugin is one."""

from __future__ import annotations

from functools import partial

from csms.config import Config
from csms.core.ports import Listener, Ports
from csms.db.outbox import Consumer
from csms.domain.local_lists import listeners as local_lists


def table(config: Config) -> list[Listener]:
    """Every slice's listeners. A name is how the database remembers the progress of its listener: never rename one."""
    return [
        *local_lists.LISTENERS,
    ]


def consumers(ports: Ports, config: Config) -> list[Consumer]:
    """The table as consumers, named ``core.NAME``."""
    return [Consumer(f"core.{each.name}", partial(each.handle, ports), each.types) for each in table(config)]

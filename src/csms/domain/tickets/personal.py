"""What this slice holds of a driver as a person: to be handed out. What is forgotten of them, ``service.erase`` forgets."""

from __future__ import annotations

from typing import Any

from csms.core.ports import ReadTx

from . import store


def holdings(tx: ReadTx, driver_id: int) -> dict[str, Any]:
    """A driver's tickets with their messages; the operator's own notes about a person are that person's data, too."""
    return {
        "tickets": [
            {"ticket": each, "messages": store.messages(tx, each.id, internal=True)} for each in store.all_of_driver(tx, driver_id)
        ]
    }

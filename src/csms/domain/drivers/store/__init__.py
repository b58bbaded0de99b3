"""SQL of the drivers slice, one module per noun."""

from __future__ import annotations

from .grants import (
    delete_grant,
    insert_grant,
    list_grants,
)
from .judging import (
    all_facts,
    facts,
)
from .people import (
    delete_vehicle,
    driver,
    has_tokens,
    insert_driver,
    insert_vehicle,
    list_drivers,
    list_vehicles,
    remove_driver,
    set_driver_status,
)
from .tokens import (
    delete_token_group,
    insert_token,
    insert_token_group,
    list_token_groups,
    list_tokens,
    remove_token,
    set_group_status,
    token,
    token_group,
    update_token,
)

__all__ = [
    "all_facts",
    "delete_grant",
    "delete_token_group",
    "delete_vehicle",
    "driver",
    "facts",
    "has_tokens",
    "insert_driver",
    "insert_grant",
    "insert_token",
    "insert_token_group",
    "insert_vehicle",
    "list_drivers",
    "list_grants",
    "list_token_groups",
    "list_tokens",
    "list_vehicles",
    "remove_driver",
    "remove_token",
    "set_driver_status",
    "set_group_status",
    "token",
    "token_group",
    "update_token",
]

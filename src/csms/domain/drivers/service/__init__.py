"""Verbs of the drivers slice: whether a token may charge, and what operators do with tokens, drivers and grants."""

from __future__ import annotations

from .activity import timeline
from .grants import (
    grant,
    revoke,
)
from .judging import (
    authorize,
    judge,
    welcome,
)
from .people import (
    add_driver,
    block_driver,
    driver_for_user,
    known_driver,
    need_driver,
    remove_driver,
    restore_driver,
    unblock_driver,
)
from .tokens import (
    LONGEST_PARENT,
    add_token,
    add_token_group,
    block_token,
    block_token_group,
    change_token,
    change_token_group,
    need_token,
    need_token_group,
    remove_token,
    remove_token_group,
    unblock_token,
    unblock_token_group,
)
from .vehicles import (
    add_vehicle,
    remove_vehicle,
)

__all__ = [
    "LONGEST_PARENT",
    "add_driver",
    "add_token",
    "add_token_group",
    "add_vehicle",
    "authorize",
    "block_driver",
    "block_token",
    "block_token_group",
    "change_token",
    "change_token_group",
    "driver_for_user",
    "grant",
    "judge",
    "known_driver",
    "need_driver",
    "need_token",
    "need_token_group",
    "remove_driver",
    "remove_token",
    "remove_token_group",
    "remove_vehicle",
    "restore_driver",
    "revoke",
    "timeline",
    "unblock_driver",
    "unblock_token",
    "unblock_token_group",
    "welcome",
]

"""Verbs of the drivers slice: whether a token may charge, and what operators do with tokens, drivers and grants."""

from __future__ import annotations

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
    add_vehicle,
    block_driver,
    need_driver,
    remove_driver,
    remove_vehicle,
    unblock_driver,
)
from .tokens import (
    LONGEST_PARENT,
    add_token,
    add_token_group,
    block_token,
    block_token_group,
    change_token,
    need_token,
    need_token_group,
    remove_token,
    remove_token_group,
    unblock_token,
    unblock_token_group,
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
    "grant",
    "judge",
    "need_driver",
    "need_token",
    "need_token_group",
    "remove_driver",
    "remove_token",
    "remove_token_group",
    "remove_vehicle",
    "revoke",
    "unblock_driver",
    "unblock_token",
    "unblock_token_group",
    "welcome",
]

"""Words and write keys that drivers, tokens and groups share."""

from __future__ import annotations

ACTIVE, BLOCKED = "active", "blocked"
ARCHIVED = "archived"
"""What a removed driver or token is shown as: its row stays, because transactions name it."""

TOKENS_KEY = "tokens"
"""The key of what is told about who may charge where; whoever changes much of it at once claims it first."""


def driver_key(tenant: int, driver_id: int) -> str:
    """The write key of one driver."""
    return f"driver:{tenant}:{driver_id}"


def user_key(tenant: int, user_id: int) -> str:
    """The write key of being the driver of a user."""
    return f"driver_of_user:{tenant}:{user_id}"


def group_key(tenant: int, token_group_id: int) -> str:
    """The write key of one token group."""
    return f"token_group:{tenant}:{token_group_id}"

"""What is taken away once it is of no use: ended challenges, old counts of failed tries, logins that ended long ago."""

from __future__ import annotations

from csms.core.ports import Tx
from csms.domain.users.store import challenges, external, logins, throttles

AT_ONCE = 200
"""Rows of a kind per turn, so that the writer is not held up."""
DAY_MS = 86_400_000
LOGINS_KEPT_DAYS = 90
"""How long it can be seen where somebody was logged in."""
MESSAGES_KEPT_DAYS = 7
"""How long webhook messages are known again; a repeat is refused for its age much sooner."""


def tidy(tx: Tx) -> int:
    """Delete some of what is of no use any more; how many rows."""
    tx.claim("users:tidying")
    return (
        challenges.forget_old(tx, tx.now - DAY_MS, AT_ONCE)
        + throttles.forget_old(tx, tx.now - 2 * DAY_MS, AT_ONCE)
        + logins.forget_old(tx, tx.now - LOGINS_KEPT_DAYS * DAY_MS, AT_ONCE)
        + external.forget_old(tx, tx.now - MESSAGES_KEPT_DAYS * DAY_MS, AT_ONCE)
    )

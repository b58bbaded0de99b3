"""Verbs that count failed tries, per account and per address, with delays that grow.

A try is counted as failed before it is judged, so that many at once are not judged before the first is counted; one that was good takes
its count back.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from csms.core.ports import Tx
from csms.domain.users.model import TooSoon
from csms.domain.users.store import throttles as store

DAY_MS = 86_400_000


@attrs.frozen(slots=True, kw_only=True)
class Bucket:
    """Under which name failures are counted, how many are free, and the longest delay after that."""

    name: str
    free: int
    longest_s: int
    resets: bool = True
    """Whether a good try forgets all failures, or only its own."""


def account(name: str) -> Bucket:
    """Tries on one account, from wherever. Its owner waits five minutes at the most, or resets the password."""
    return Bucket(name=name, free=5, longest_s=300)


def address(name: str) -> Bucket:
    """Tries from one address, on whichever accounts; it may be that of a whole office. A good one does not excuse the others."""
    return Bucket(name=name, free=30, longest_s=3600, resets=False)


def codes(name: str) -> Bucket:
    """One-time codes sent to one address: they cost money, and annoy."""
    return Bucket(name=name, free=5, longest_s=3600)


def begin(tx: Tx, buckets: Sequence[Bucket]) -> int:
    """Count a try under each name, unless it comes too soon; how many seconds too soon, 0 when it may go on."""
    tx.claim(*sorted(f"throttle:{each.name}" for each in buckets))
    wait_ms = 0
    counted: list[tuple[Bucket, int]] = []
    for each in buckets:
        row = store.throttle(tx, each.name)
        if row is not None:
            wait_ms = max(wait_ms, row["blocked_until_at"] - tx.now)
        failures = 0 if row is None or tx.now - row["last_at"] > DAY_MS else row["failures"]
        counted.append((each, failures + 1))
    if wait_ms > 0:
        return -(-wait_ms // 1000)
    for each, failures in counted:
        store.save(tx, each.name, failures=failures, blocked_until_at=tx.now + 1000 * delay_s(each, failures))
    return 0


def succeed(tx: Tx, buckets: Sequence[Bucket]) -> None:
    """The try was good."""
    tx.claim(*sorted(f"throttle:{each.name}" for each in buckets))
    for each in buckets:
        row = store.throttle(tx, each.name)
        if row is None:
            continue
        if each.resets or row["failures"] <= 1:
            store.forget(tx, each.name)
        else:
            failures = row["failures"] - 1
            blocked_until_at = row["last_at"] + 1000 * delay_s(each, failures)
            store.save(tx, each.name, failures=failures, blocked_until_at=blocked_until_at)


def delay_s(bucket: Bucket, failures: int) -> int:
    """How long after so many failures no other try is taken: 1, 2, 4 ... seconds once the free ones are used up."""
    beyond = failures - bucket.free
    return 0 if beyond < 0 else min(bucket.longest_s, 2 ** min(beyond, 20))


def checked(wait_s: int) -> None:
    """Raise ``TooSoon`` for what ``begin`` says; outside the transaction, which must not be undone by it."""
    if wait_s:
        raise TooSoon(wait_s)

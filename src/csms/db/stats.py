"""What the store counts about itself, for telemetry to read: plain numbers, no metrics library."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

import attrs

from .statements import Statements, Tally

SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
"""Upper bounds of the batch-size histogram; the last bucket takes what is larger."""


@attrs.frozen(slots=True)
class BatchReport:
    """One group commit: ``seconds`` is all of it, ``commit_seconds`` the wait for the disk (with its thread)."""

    lane: str
    verbs: int
    failed: int
    rows: int
    seconds: float
    commit_seconds: float


@attrs.define(slots=True)
class Stats:
    """Counters since the database was opened."""

    batches: int = 0
    verbs: int = 0
    failed_verbs: int = 0
    rows: int = 0
    """Appended rows that were stored."""
    refused_rows: int = 0
    """Appended rows that the database refused (a constraint, say); each was logged."""
    dropped_rows: int = 0
    """Appended rows that were given up at shutdown, because the database was away."""
    reruns: int = 0
    """Verbs that ran again because they claimed a key they had not declared (PostgreSQL)."""
    replays: int = 0
    """Batches that ran again verb by verb after a deadlock or a lost connection (PostgreSQL)."""
    unavailable: int = 0
    """Batches of which nothing was written."""
    reads: int = 0
    read_seconds: float = 0.0
    batch_seconds: float = 0.0
    commit_seconds: float = 0.0
    sizes: list[int] = attrs.field(factory=lambda: [0] * (len(SIZES) + 1))
    """Batches by number of verbs, one more entry than ``SIZES``."""
    queued: int = 0
    """Verbs and rows that wait for the writer now."""
    connections: list[Statements] = attrs.field(factory=list)

    def record(self, report: BatchReport) -> None:
        """Count one group commit."""
        self.batches += 1
        self.verbs += report.verbs
        self.failed_verbs += report.failed
        self.batch_seconds += report.seconds
        self.commit_seconds += report.commit_seconds
        self.sizes[bisect_left(SIZES, report.verbs)] += 1

    def statements(self) -> dict[str, Tally]:
        """Count and seconds by a statement's short name, over all connections."""
        return merged(known.tallies for known in list(self.connections))


def merged(tallies: Iterable[dict[str, Tally]]) -> dict[str, Tally]:
    """The sum of several tables of tallies."""
    total: dict[str, Tally] = {}
    for table in tallies:
        for name, tally in list(table.items()):
            into = total.setdefault(name, Tally())
            into.count += tally.count
            into.seconds += tally.seconds
    return total

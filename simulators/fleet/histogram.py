"""Latencies in buckets that grow by a fiftieth: any number of them in a few kilobytes, quantiles within 2 %."""

from __future__ import annotations

import math

SMALLEST_S = 0.000_05
GROWTH = 1.02
_LOG_GROWTH = math.log(GROWTH)
BUCKETS = 900
"""Up to 50 µs times 1.02^900: 46 minutes."""


class Histogram:
    """How long things took."""

    __slots__ = ("_buckets", "count", "longest_s")

    def __init__(self) -> None:
        self._buckets: dict[int, int] = {}
        self.count = 0
        self.longest_s = 0.0

    def add(self, seconds: float) -> None:
        """Count one."""
        bucket = 0 if seconds <= SMALLEST_S else min(int(math.log(seconds / SMALLEST_S) / _LOG_GROWTH) + 1, BUCKETS)
        self._buckets[bucket] = self._buckets.get(bucket, 0) + 1
        self.count += 1
        self.longest_s = max(self.longest_s, seconds)

    def merge(self, other: Histogram) -> None:
        """Take another one's counts over."""
        for bucket, count in other._buckets.items():
            self._buckets[bucket] = self._buckets.get(bucket, 0) + count
        self.count += other.count
        self.longest_s = max(self.longest_s, other.longest_s)

    def quantile_s(self, share: float) -> float | None:
        """The time within which a share (0 to 1) was done, or None when nothing was counted."""
        if not self.count:
            return None
        left = math.ceil(share * self.count)
        for bucket in sorted(self._buckets):
            left -= self._buckets[bucket]
            if left <= 0:
                return min(SMALLEST_S * GROWTH**bucket, self.longest_s)
        return self.longest_s

"""Quiet hours: until when a message waits. No I/O."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import attrs

from csms.core.units import from_datetime, to_datetime

CLOCK = r"|([01]\d|2[0-3]):[0-5]\d"
"""How a time of day is written: ``22:00``; ``""`` for none."""


@attrs.frozen(slots=True)
class QuietHours:
    """From a time of day until another, which may be on the next day. None where either is ``""`` or both are the same."""

    from_time: str
    to_time: str
    time_zone: str

    def until(self, now: int) -> int | None:
        """When the quiet hours end in which ``now`` is; None where it is in none.

        The clocks on the wall count, also where they are put forward or back meanwhile: an end that does not exist on a day comes when the
        clocks have passed it; of one that comes twice it is the first.
        """
        if not self.from_time or not self.to_time or self.from_time == self.to_time:
            return None
        start, end = time.fromisoformat(self.from_time), time.fromisoformat(self.to_time)
        zone = ZoneInfo(self.time_zone)
        local = to_datetime(now).astimezone(zone)
        clock = local.time().replace(tzinfo=None, fold=0)
        is_quiet = start <= clock < end if start < end else clock >= start or clock < end
        if not is_quiet:
            return None
        ends_on = local.date() + timedelta(days=1 if start > end and clock >= start else 0)
        for fold in (0, 1):  # within the hour that comes twice its first end may be over
            found = from_datetime(datetime.combine(ends_on, end, zone).replace(fold=fold))
            if found > now:
                return found
        return None

"""What every command is."""

from __future__ import annotations

from typing import ClassVar

import attrs


@attrs.frozen(slots=True)
class Command:
    """What every command is. ``idempotent`` means that the newest of two equal ones may replace a queued older one."""

    idempotent: ClassVar[bool] = False
    title: ClassVar[str] = ""

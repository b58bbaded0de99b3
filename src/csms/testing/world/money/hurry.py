"""Waits that would take days, shortened for a world whose day has some minutes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from unittest.mock import patch

from csms.core.payments import LINK
from csms.domain.billing.flows import prepaying as prepaying_flows
from csms.domain.billing.service import looking, prepaying
from csms.domain.payments.service import timing

SECOND_MS = 1000
HURRIED: dict[ModuleType, dict[str, object]] = {
    timing: {
        "USUAL_LIFE_MS": {LINK: 240 * SECOND_MS},
        "USUAL_LIFE_ELSE_MS": 180 * SECOND_MS,
        "LONGEST_LOOK_MS": 60 * SECOND_MS,
        "LONGEST_RETRY_MS": 60 * SECOND_MS,
        "LATE_LOOKS_MS": (20 * SECOND_MS, 60 * SECOND_MS, 180 * SECOND_MS),
        "REFUND_RETRIES_MS": (10 * SECOND_MS, 20 * SECOND_MS, 40 * SECOND_MS, 60 * SECOND_MS),
        "REFUND_LOOK_MS": 10 * SECOND_MS,
        "LONGEST_REFUND_LOOK_MS": 60 * SECOND_MS,
    },
    looking: {"QUIET_MS": 20 * SECOND_MS, "LONGEST_MS": 60 * SECOND_MS},
    prepaying_flows: {"PAY_WITHIN_MS": 180 * SECOND_MS},
    prepaying: {"START_WINDOW_MS": 90 * SECOND_MS, "LATE_NEWS_MS": 120 * SECOND_MS},
}


@contextmanager
def hurried() -> Iterator[None]:
    """Wait in minutes for what is waited for in hours and days; the order of things stays."""
    with ExitStack() as stack:
        for module, values in HURRIED.items():
            for name, value in values.items():
                stack.enter_context(patch.object(module, name, value))
        yield

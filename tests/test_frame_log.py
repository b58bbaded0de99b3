"""The frame log keeps what chargers say, and not more of one than its allowance."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from trio.testing import MockClock

from csms.api.live import Feed
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Admission, FrameEntry
from csms.frame_log import CUT_CHARS, TOO_MUCH, FrameLog


@attrs.define
class Kept:
    """A store that remembers the rows."""

    rows: list[dict[str, Any]] = attrs.field(factory=list)

    async def append(self, sql: str, rows: Any, /, *, key: str, tenant: int) -> None:
        self.rows += rows


@attrs.define
class Hand:
    """Ports, of which only the store is there."""

    database: Kept = attrs.field(factory=Kept)


def entry(size: int) -> FrameEntry:
    return FrameEntry(
        connection_id="c", at=1, direction="in", kind="call", message_id="m", action="DataTransfer", text="x" * size, problem="odd"
    )


def admission(charger_id: str = "C1") -> Admission:
    return Admission(charger_id=charger_id, tenant=DEFAULT_TENANT)


def sizes(kept: Kept) -> list[int]:
    return [len(row["text"]) for row in kept.rows]


@pytest.fixture
def hand() -> Any:
    return Hand()


async def test_beyond_its_allowance_a_charger_is_cut_short_and_others_are_not(hand: Any, mock_clock: MockClock) -> None:
    log = FrameLog(hand, Feed(1), kb_per_min=6)  # 100 bytes a second, 60,000 at once
    for _ in range(7):
        await log.keep(admission(), entry(9900))
    assert sizes(hand.database) == [9900] * 6 + [CUT_CHARS]
    assert hand.database.rows[-1]["problem"] == f"{TOO_MUCH}; odd"
    await log.keep(admission("C2"), entry(9900))
    await log.keep(admission(), entry(50))
    assert sizes(hand.database)[-2:] == [9900, 50], "what is short is kept whole"
    mock_clock.jump(101)
    await log.keep(admission(), entry(9900))
    assert sizes(hand.database)[-1] == 9900


async def test_no_limit_keeps_all(hand: Any) -> None:
    log = FrameLog(hand, Feed(1), kb_per_min=0)
    for _ in range(3):
        await log.keep(admission(), entry(1_000_000))
    assert sizes(hand.database) == [1_000_000] * 3

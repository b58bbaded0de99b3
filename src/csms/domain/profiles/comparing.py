"""Where a charger's composite schedule and ours say different things."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import attrs

from .composing import Stretch

ROUNDING = Decimal("0.1")
"""Limits have one decimal place: a charger may have rounded the other way."""
EDGE_S = 1
"""Both count whole seconds, from moments that are not the same: an edge may lie on either side of one."""


@attrs.frozen(slots=True)
class Difference:
    """From ``start_s`` until ``end_s`` the limits are not the same; None is none."""

    start_s: int
    end_s: int
    computed: Decimal | None
    reported: Decimal | None


def differences(computed: Sequence[Stretch], reported: Sequence[Stretch], duration_s: int) -> tuple[Difference, ...]:
    """Every stretch of the window in which the limits differ by more than rounding, of the limits or of the seconds."""
    edges = sorted({each.start_s for each in (*computed, *reported) if each.start_s < duration_s} | {0})
    found: list[Difference] = []
    for start_s, end_s in zip(edges, [*edges[1:], duration_s], strict=True):
        ours, theirs = _at(computed, start_s), _at(reported, start_s)
        if _same(ours, theirs) or end_s - start_s <= EDGE_S:
            continue
        last = found[-1] if found else None
        if last is not None and last.end_s == start_s and (last.computed, last.reported) == (ours, theirs):
            found[-1] = attrs.evolve(last, end_s=end_s)
        else:
            found.append(Difference(start_s, end_s, ours, theirs))
    return tuple(found)


def _at(stretches: Sequence[Stretch], second: int) -> Decimal | None:
    limit = None
    for stretch in stretches:
        if stretch.start_s > second:
            break
        limit = stretch.limit
    return limit


def _same(one: Decimal | None, other: Decimal | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) <= ROUNDING

"""Where a charger and we do not say the same."""

from __future__ import annotations

from decimal import Decimal

from csms.domain.profiles.comparing import Difference, differences
from csms.domain.profiles.composing import Stretch


def stretches(*told: tuple[int, str | None]) -> list[Stretch]:
    return [Stretch(start_s, None if limit is None else Decimal(limit)) for start_s, limit in told]


def test_equal_schedules_differ_nowhere_however_they_are_cut() -> None:
    assert differences(stretches((0, "16"), (60, "6")), stretches((0, "16.0"), (30, "16"), (60, "6.1")), 600) == ()


def test_every_stretch_that_differs_is_told_once() -> None:
    found = differences(
        stretches((0, "16"), (60, "6"), (120, "6"), (300, "16")), stretches((0, "16"), (60, "10"), (300, "16")), 600
    )
    assert found == (Difference(60, 300, Decimal(6), Decimal(10)),)


def test_an_edge_within_a_second_is_the_same_edge() -> None:
    assert differences(stretches((0, "16"), (61, "6")), stretches((0, "16"), (60, "6")), 600) == ()
    assert len(differences(stretches((0, "16"), (62, "6")), stretches((0, "16"), (60, "6")), 600)) == 1


def test_no_limit_is_another_thing_than_a_limit() -> None:
    assert differences(stretches((0, None)), stretches((0, "16")), 60) == (Difference(0, 60, None, Decimal(16)),)
    assert differences(stretches((0, None)), [], 60) == ()


def test_what_lies_beyond_the_window_does_not_count() -> None:
    assert differences(stretches((0, "16"), (60, "6")), stretches((0, "16")), 60) == ()

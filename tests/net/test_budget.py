"""What may be said only so often is counted while it goes unsaid."""

from __future__ import annotations

from csms.net.budget import Budget


def test_a_budget_limits_and_counts() -> None:
    budget = Budget(2, per_s=1)
    assert [budget.take(mono) for mono in (0.0, 0.1, 0.2, 0.9)] == [0, 0, None, None]
    assert [budget.take(mono) for mono in (1.0, 1.1, 1.2)] == [2, 0, None]
    assert budget.take(9) == 1

"""THE TABLE of standing conditions: what is looked for every half minute, from when on it is an alert, and what that says.

Such an alert resolves by itself when its condition does not hold any more. What an event alone tells is in ``rules``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import attrs

from csms.core.ports import ReadTx
from csms.core.units import iso

from . import conditions
from .model import CRITICAL, ERROR, REFUSALS_WITHIN_S, WARNING, Occurrence

Look = Callable[[ReadTx, float], Iterable[tuple[str, str, str, dict[str, Any]]]]
"""``look(tx, threshold)``: subject, charger id, message and detail of everything for which the condition holds."""


@attrs.frozen(slots=True, kw_only=True)
class Watch:
    """One condition. ``threshold`` is the usual one, in ``unit``; a tenant may have its own."""

    kind: str
    about: str
    severity: str
    threshold: float
    unit: str
    least: float
    most: float
    look: Look
    of_silence: bool = False
    """Whether it is that nothing was heard: nobody could be, while the server was away."""

    def occurrences(self, tx: ReadTx, threshold: float, severity: str) -> list[Occurrence]:
        """What holds now."""
        return [
            Occurrence(kind=self.kind, severity=severity, subject=subject, charger_id=charger_id, message=message, detail=detail)
            for subject, charger_id, message, detail in self.look(tx, threshold)
        ]


def _offline(tx: ReadTx, threshold: float) -> Iterable[tuple[str, str, str, dict[str, Any]]]:
    for row in conditions.offline(tx, threshold):
        charger = row["charger_id"]
        yield f"charger:{charger}", charger, f"charger {charger} was last heard {iso(row['last_seen_at'])}", dict(row)


def _silent(tx: ReadTx, threshold: float) -> Iterable[tuple[str, str, str, dict[str, Any]]]:
    for row in conditions.silent_meters(tx, threshold):
        words = f"transaction {row['transaction_id']} at charger {row['charger_id']} was last measured {iso(row['since_at'])}"
        yield f"transaction:{row['transaction_id']}", row["charger_id"], words, dict(row)


def _stuck(tx: ReadTx, threshold: float) -> Iterable[tuple[str, str, str, dict[str, Any]]]:
    for row in conditions.long_transactions(tx, threshold):
        words = f"transaction {row['transaction_id']} at charger {row['charger_id']} goes on since {iso(row['started_at'])}"
        yield f"transaction:{row['transaction_id']}", row["charger_id"], words, dict(row)


def _hot(tx: ReadTx, threshold: float) -> Iterable[tuple[str, str, str, dict[str, Any]]]:
    for row in conditions.hot(tx, threshold):
        charger = row["charger_id"]
        yield (
            f"charger:{charger} evse {row['evse']}",
            charger,
            f"EVSE {row['evse']} of charger {charger} has {row['celsius']} °C",
            dict(row),
        )


def _refused(tx: ReadTx, threshold: float) -> Iterable[tuple[str, str, str, dict[str, Any]]]:
    for row in conditions.refused_starts(tx, threshold, REFUSALS_WITHIN_S):
        charger = row["charger_id"]
        words = f"{row['times']} starts or tokens were refused at charger {charger} within an hour"
        yield f"charger:{charger}", charger, words, dict(row)


def _drift(tx: ReadTx, threshold: float) -> Iterable[tuple[str, str, str, dict[str, Any]]]:
    for row in conditions.drifting_clocks(tx, threshold):
        charger, drift_ms = row["charger_id"], row["clock_drift_ms"]
        words = f"the clock of charger {charger} is {abs(drift_ms) // 1000} s {'fast' if drift_ms > 0 else 'slow'}"
        yield f"charger:{charger}", charger, words, dict(row)


def _odd(tx: ReadTx, threshold: float) -> Iterable[tuple[str, str, str, dict[str, Any]]]:
    for row in conditions.odd_meters(tx, threshold):
        what = (
            "its register went backwards"
            if row["energy_basis"] == "steps"
            else f"{row['energy_wh'] / 1000:g} kWh between {iso(row['started_at'])} and {iso(row['stopped_at'])}"
        )
        words = f"the meter of transaction {row['transaction_id']} at charger {row['charger_id']} is odd: {what}"
        yield f"transaction:{row['transaction_id']}", row["charger_id"], words, dict(row)


def _expiring(tx: ReadTx, threshold: float) -> Iterable[tuple[str, str, str, dict[str, Any]]]:
    for row in conditions.expiring_certificates(tx, threshold):
        charger = row["charger_id"]
        yield f"charger:{charger}", charger, f"the certificate of charger {charger} ends {iso(row['expires_at'])}", dict(row)


WATCHES: tuple[Watch, ...] = (
    Watch(
        kind="charger_offline",
        about="a charger that was here is offline for longer than this",
        severity=ERROR,
        threshold=900,
        unit="s",
        least=30,
        most=2_592_000,
        look=_offline,
        of_silence=True,
    ),
    Watch(
        kind="no_meter_values",
        about="a transaction runs and nothing was measured for longer than this",
        severity=WARNING,
        threshold=1800,
        unit="s",
        least=60,
        most=86_400,
        look=_silent,
        of_silence=True,
    ),
    Watch(
        kind="transaction_stuck",
        about="a transaction goes on for longer than this",
        severity=WARNING,
        threshold=86_400,
        unit="s",
        least=600,
        most=2_592_000,
        look=_stuck,
    ),
    Watch(
        kind="temperature",
        about="an outlet is hotter than this while it charges",
        severity=CRITICAL,
        threshold=75,
        unit="°C",
        least=20,
        most=150,
        look=_hot,
    ),
    Watch(
        kind="refused_starts",
        about="so many starts or shown tokens were refused at one charger within an hour",
        severity=WARNING,
        threshold=10,
        unit="refusals",
        least=2,
        most=10_000,
        look=_refused,
    ),
    Watch(
        kind="clock_drift",
        about="a charger's clock is wrong by more than this",
        severity=WARNING,
        threshold=300,
        unit="s",
        least=1,
        most=31_536_000,
        look=_drift,
    ),
    Watch(
        kind="meter_anomaly",
        about="a meter went backwards, or counted more than this power gives",
        severity=WARNING,
        threshold=500,
        unit="kW",
        least=1,
        most=10_000,
        look=_odd,
    ),
    Watch(
        kind="certificate_ends",
        about="the certificate that a charger logs in with ends within so many days",
        severity=WARNING,
        threshold=7,
        unit="days",
        least=0.01,
        most=365,
        look=_expiring,
    ),
)

BY_KIND = {watch.kind: watch for watch in WATCHES}

"""SQL of standing conditions: what holds now and somebody should know."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from csms.core.ports import ReadTx, Row, Tx

MOST = 500
"""Subjects of one condition that become alerts; more are one trouble, and an operator has seen it."""
LATEST_READINGS = 10
"""Readings of a transaction that are looked through for a temperature."""
DAY_MS = 86_400_000


def offline(tx: ReadTx, since_s: float) -> Sequence[Row]:
    """Accepted chargers that were here once and have not been heard for so long."""
    return tx.all(
        """
        SELECT c.id AS charger_id, c.name, s.last_seen_at FROM chargers c JOIN charger_seen s ON s.charger_id = c.id
        WHERE c.tenant = :tenant AND s.tenant = :tenant AND c.removed_at IS NULL AND c.approval = 'accepted' AND c.connection_id = ''
            AND s.last_seen_at < :before ORDER BY c.id LIMIT :most""",
        before=tx.now - int(since_s * 1000),
        most=MOST,
    )


def silent_meters(tx: ReadTx, since_s: float) -> Sequence[Row]:
    """Transactions that run at a connected charger and have not been measured for so long."""
    return tx.all(
        """
        SELECT t.id AS transaction_id, t.charger_id, t.evse, coalesce(t.last_meter_at, t.started_at) AS since_at
        FROM transactions t JOIN chargers c ON c.id = t.charger_id
        WHERE t.tenant = :tenant AND c.tenant = :tenant AND t.closed_at IS NULL AND t.state = 'running' AND c.connection_id <> ''
            AND coalesce(t.last_meter_at, t.started_at) < :before ORDER BY t.id LIMIT :most""",
        before=tx.now - int(since_s * 1000),
        most=MOST,
    )


def long_transactions(tx: ReadTx, since_s: float) -> Sequence[Row]:
    """Transactions that have been going on for so long."""
    return tx.all(
        """
        SELECT id AS transaction_id, charger_id, evse, state, started_at FROM transactions
        WHERE tenant = :tenant AND closed_at IS NULL AND started_at < :before ORDER BY id LIMIT :most""",
        before=tx.now - int(since_s * 1000),
        most=MOST,
    )


def hot(tx: ReadTx, above_celsius: float) -> list[Row]:
    """Transactions that run and whose latest reading of a temperature is above this.

    Chargers that also measure by the clock tell of temperatures in some readings and not in others.
    """
    rows = tx.all(
        """
        SELECT t.id AS transaction_id, t.charger_id, t.evse, (
            SELECT r.samples FROM (
                SELECT m.samples, m.sampled_at FROM meter_readings m WHERE m.tenant = :tenant AND m.transaction_id = t.id
                ORDER BY m.sampled_at DESC LIMIT :readings) AS r
            WHERE r.samples LIKE :temperature ORDER BY r.sampled_at DESC LIMIT 1) AS samples
        FROM transactions t WHERE t.tenant = :tenant AND t.closed_at IS NULL ORDER BY t.id LIMIT :most""",
        readings=LATEST_READINGS,
        temperature="%Temperature%",
        most=10 * MOST,
    )
    found: list[Row] = []
    for row in rows:
        celsius = _temperature(row["samples"])
        if celsius is not None and celsius > above_celsius:
            found.append({**{name: row[name] for name in ("transaction_id", "charger_id", "evse")}, "celsius": celsius})
    return found[:MOST]


def _temperature(samples: str | None) -> float | None:
    """The highest temperature among samples, in degrees Celsius."""
    if samples is None or "Temperature" not in samples:
        return None
    degrees = []
    for sample in msgspec.json.decode(samples):
        if sample.get("measurand") == "Temperature":
            value = float(sample["value"])
            unit = sample.get("unit", "Celsius")
            degrees.append({"Fahrenheit": (value - 32) / 1.8, "K": value - 273.15}.get(unit, value))
    return round(max(degrees), 1) if degrees else None


def refused_starts(tx: ReadTx, at_least: float, within_s: int) -> Sequence[Row]:
    """Chargers where at least so many starts, or tokens that were only shown, were refused of late."""
    return tx.all(
        """
        SELECT charger_id, count(*) AS times FROM (
            SELECT charger_id FROM transactions
            WHERE tenant = :tenant AND created_at > :after AND token_status NOT IN ('', 'Accepted')
            UNION ALL
            SELECT charger_id FROM token_refusals WHERE tenant = :tenant AND at > :after) AS refused
        GROUP BY charger_id HAVING count(*) >= :at_least ORDER BY charger_id LIMIT :most""",
        after=tx.now - within_s * 1000,
        at_least=int(at_least),
        most=MOST,
    )


def drifting_clocks(tx: ReadTx, above_s: float) -> Sequence[Row]:
    """Chargers whose clock was measured to be so wrong."""
    return tx.all(
        """
        SELECT id AS charger_id, clock_drift_ms FROM chargers
        WHERE tenant = :tenant AND removed_at IS NULL AND connection_id <> ''
            AND (clock_drift_ms > :above_ms OR clock_drift_ms < -:above_ms) ORDER BY id LIMIT :most""",
        above_ms=int(above_s * 1000),
        most=MOST,
    )


_ODD_METERS = """
SELECT id AS transaction_id, charger_id, evse, energy_wh, energy_basis, started_at, stopped_at FROM transactions
WHERE tenant = :tenant AND created_at > :after AND state || '' = 'completed' AND (energy_basis = 'steps'
    OR energy_wh * 3600.0 > :above_w * CASE WHEN stopped_at > started_at THEN (stopped_at - started_at) / 1000.0 ELSE 1.0 END
        AND energy_wh > 1000)
ORDER BY id LIMIT :most"""
"""By age and not by state: those of the last day are few, and those that completed are nearly all that ever were."""


def odd_meters(tx: ReadTx, above_kw: float) -> Sequence[Row]:
    """Transactions of the last day whose register went backwards, or whose energy no outlet gives in that time."""
    return tx.all(_ODD_METERS, after=tx.now - DAY_MS, above_w=above_kw * 1000, most=MOST)


def expiring_certificates(tx: ReadTx, within_days: float) -> Sequence[Row]:
    """Chargers that log in with a certificate which ends so soon."""
    return tx.all(
        """
        SELECT charger_id, max(not_after_at) AS expires_at FROM charger_certificates
        WHERE tenant = :tenant AND state = 'active' GROUP BY charger_id HAVING max(not_after_at) < :before
        ORDER BY charger_id LIMIT :most""",
        before=tx.now + int(within_days * DAY_MS),
        most=MOST,
    )


def open_alerts(tx: ReadTx, kinds: Sequence[str]) -> set[tuple[str, str]]:
    """``(kind, subject)`` of every open alert of these kinds."""
    names = [f"kind_{number}" for number in range(len(kinds))]
    rows = tx.all(
        f"SELECT kind, subject FROM alerts WHERE tenant = :tenant AND resolved_at IS NULL"  # noqa: S608 (our own names)
        f" AND kind IN ({', '.join(f':{name}' for name in names)})",
        **dict(zip(names, kinds, strict=True)),
    )
    return {(row["kind"], row["subject"]) for row in rows}


def of_what_is_gone(tx: ReadTx, kinds: Sequence[str]) -> list[tuple[str, str]]:
    """``(kind, subject)`` of open alerts of these kinds about chargers or connectors that were removed: nobody will tell of their end."""
    names = [f"kind_{number}" for number in range(len(kinds))]
    rows = tx.all(
        f"""
        SELECT a.kind, a.subject FROM alerts a
        WHERE a.tenant = :tenant AND a.resolved_at IS NULL AND a.charger_id <> '' AND a.kind IN ({", ".join(f":{name}" for name in names)})
            AND (NOT EXISTS (SELECT 1 FROM chargers c WHERE c.tenant = :tenant AND c.id = a.charger_id AND c.removed_at IS NULL)
                OR a.kind = 'charger_faulted' AND a.subject <> 'charger:' || a.charger_id || ' the whole' AND NOT EXISTS (
                    SELECT 1 FROM connectors k WHERE k.tenant = :tenant AND k.charger_id = a.charger_id
                        AND a.subject = 'charger:' || k.charger_id || ' connector ' || k.evse || '.' || k.connector))
        ORDER BY a.kind, a.subject LIMIT :most""",  # noqa: S608 (our own names)
        most=MOST,
        **dict(zip(names, kinds, strict=True)),
    )
    return [(row["kind"], row["subject"]) for row in rows]


def wishes(tx: ReadTx) -> dict[str, Row]:
    """What the tenant wants of rules, by kind, where it is not the usual."""
    rows = tx.all("SELECT kind, enabled, severity, threshold, changed_at FROM alert_rules WHERE tenant = :tenant")
    return {row["kind"]: row for row in rows}


def save_wish(tx: Tx, kind: str, *, enabled: bool, severity: str, threshold: float) -> None:
    """Store what the tenant wants of a rule."""
    tx.run(
        """
        INSERT INTO alert_rules (tenant, kind, enabled, severity, threshold, changed_at)
        VALUES (:tenant, :kind, :enabled, :severity, :threshold, :now)
        ON CONFLICT (tenant, kind) DO UPDATE SET enabled = excluded.enabled, severity = excluded.severity,
            threshold = excluded.threshold, changed_at = excluded.changed_at""",
        kind=kind,
        enabled=int(enabled),
        severity=severity,
        threshold=threshold,
    )


def drop_wish(tx: Tx, kind: str) -> None:
    """The usual rule again."""
    tx.run("DELETE FROM alert_rules WHERE tenant = :tenant AND kind = :kind", kind=kind)

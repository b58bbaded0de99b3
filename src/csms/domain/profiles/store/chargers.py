"""SQL of what smart charging knows of a charger: counters, limits, alignment; and which chargers have something to be done."""

from __future__ import annotations

from collections.abc import Sequence

from csms.core.ports import ReadTx, Row, Tx
from csms.domain.profiles.model import Limits

# --- the tenant's mark ----------------------------------------------------------------------------------------------------------


def bump(tx: Tx) -> None:
    """Templates or assignments changed: every charger of the tenant is to be aligned again."""
    tx.run(
        "INSERT INTO profile_marks (tenant, mark) VALUES (:tenant, 1) ON CONFLICT (tenant) DO UPDATE SET mark = profile_marks.mark + 1"
    )


def mark(tx: ReadTx) -> int:
    """How often that happened."""
    found: int | None = tx.value("SELECT mark FROM profile_marks WHERE tenant = :tenant")
    return found or 0


# --- one charger ----------------------------------------------------------------------------------------------------------------


def smart(tx: ReadTx, charger_id: str) -> Row | None:
    """A charger's facts that assignments go by, and with what it was aligned; None when there is no such charger."""
    return tx.one(
        """
        SELECT c.station_id, c.model, c.created_at, s.aligned_mark, s.charger_created_at
        FROM chargers c LEFT JOIN smart_chargers s ON s.charger_id = c.id
        WHERE c.id = :charger_id AND c.tenant = :tenant AND c.removed_at IS NULL""",
        charger_id=charger_id,
    )


def save_alignment(tx: Tx, charger_id: str, *, mark: int, station_id: int | None, model: str, created_at: int) -> None:
    """Note what a charger was aligned with."""
    tx.run(
        """
        INSERT INTO smart_chargers (charger_id, tenant, aligned_mark, aligned_station_id, aligned_model, charger_created_at)
        VALUES (:charger_id, :tenant, :mark, :station_id, :model, :created_at)
        ON CONFLICT (charger_id) DO UPDATE SET tenant = excluded.tenant, aligned_mark = excluded.aligned_mark,
            aligned_station_id = excluded.aligned_station_id, aligned_model = excluded.aligned_model,
            charger_created_at = excluded.charger_created_at""",
        charger_id=charger_id,
        mark=mark,
        station_id=station_id,
        model=model,
        created_at=created_at,
    )


def start_over(tx: Tx, charger_id: str) -> None:
    """Forget what was known of a charger that was removed and added again."""
    tx.run(
        "UPDATE smart_chargers SET tenant = :tenant, sends = 0, last_profile_id = 0 WHERE charger_id = :charger_id",
        charger_id=charger_id,
    )
    forget_limits(tx, charger_id)


_COUNT = """
INSERT INTO smart_chargers (charger_id, tenant, {0}, charger_created_at)
SELECT id, tenant, 1, created_at FROM chargers WHERE id = :charger_id AND tenant = :tenant
ON CONFLICT (charger_id) DO UPDATE SET {0} = smart_chargers.{0} + 1 RETURNING {0}"""
_NEXT_ID, _NEXT_SEND = _COUNT.format("last_profile_id"), _COUNT.format("sends")


def next_number(tx: Tx, charger_id: str) -> int:
    """The next number for a profile of a charger."""
    found: int = tx.value(_NEXT_ID, charger_id=charger_id)
    return found


def next_send(tx: Tx, charger_id: str) -> int:
    """The number of the next profile that is sent to a charger."""
    found: int = tx.value(_NEXT_SEND, charger_id=charger_id)
    return found


def evses(tx: ReadTx, charger_id: str) -> tuple[int, ...]:
    """The EVSEs of a charger, as far as they spoke."""
    rows = tx.all("SELECT evse FROM evses WHERE charger_id = :charger_id AND tenant = :tenant ORDER BY evse", charger_id=charger_id)
    return tuple(row["evse"] for row in rows)


# --- its limits -----------------------------------------------------------------------------------------------------------------


def limits(tx: ReadTx, charger_id: str) -> Limits:
    """What a charger can hold, as far as it said."""
    row = tx.one(
        """
        SELECT max_stack_level, units, max_periods, max_installed, limits_read_at FROM smart_chargers
        WHERE charger_id = :charger_id AND tenant = :tenant""",
        charger_id=charger_id,
    )
    if row is None:
        return Limits()
    return Limits(
        max_stack_level=row["max_stack_level"],
        units=frozenset(row["units"]),
        max_periods=row["max_periods"],
        max_installed=row["max_installed"],
        read_at=row["limits_read_at"],
    )


def keep_limits(tx: Tx, charger_id: str, found: Limits) -> None:
    """Store what a charger said of its limits."""
    tx.run(
        """
        INSERT INTO smart_chargers (charger_id, tenant, max_stack_level, units, max_periods, max_installed, limits_read_at,
            charger_created_at)
        SELECT id, tenant, :max_stack_level, :units, :max_periods, :max_installed, :read_at, created_at FROM chargers
        WHERE id = :charger_id AND tenant = :tenant
        ON CONFLICT (charger_id) DO UPDATE SET max_stack_level = excluded.max_stack_level, units = excluded.units,
            max_periods = excluded.max_periods, max_installed = excluded.max_installed, limits_read_at = excluded.limits_read_at""",
        charger_id=charger_id,
        max_stack_level=found.max_stack_level,
        units="".join(sorted(found.units)),
        max_periods=found.max_periods,
        max_installed=found.max_installed,
        read_at=found.read_at,
    )


def forget_limits(tx: Tx, charger_id: str) -> None:
    """Have a charger asked for its limits again before something is sent to it."""
    tx.run(
        """
        UPDATE smart_chargers SET max_stack_level = NULL, units = '', max_periods = NULL, max_installed = NULL, limits_read_at = NULL
        WHERE charger_id = :charger_id AND tenant = :tenant""",
        charger_id=charger_id,
    )


# --- what is to be done ---------------------------------------------------------------------------------------------------------


def stale_chargers(tx: ReadTx, limit: int) -> list[str]:
    """Chargers that stand elsewhere, are of another model, or were added anew since they were aligned; or were before a change."""
    rows = tx.all(
        """
        SELECT c.id FROM chargers c LEFT JOIN smart_chargers s ON s.charger_id = c.id
        WHERE c.tenant = :tenant AND c.removed_at IS NULL AND (s.charger_id IS NULL OR s.tenant <> c.tenant OR s.aligned_mark < :mark
            OR s.aligned_station_id IS DISTINCT FROM c.station_id OR s.aligned_model <> c.model
            OR s.charger_created_at <> c.created_at)
        ORDER BY c.id LIMIT :limit""",
        mark=mark(tx),
        limit=limit,
    )
    return [row["id"] for row in rows]


def due_chargers(tx: ReadTx, limit: int) -> Sequence[Row]:
    """``charger_id`` and ``tenant`` of connected and accepted chargers, of all tenants, to which something is due to be sent.

    A charger comes once for each of up to ``limit`` things, the longest due first.
    """
    # CROSS JOIN keeps SQLite from looking at every connected charger first: what is due is few
    return tx.system("profiles of all tenants are sent by one task").all(
        """
        SELECT p.charger_id, p.tenant FROM charger_profiles p CROSS JOIN chargers c
        WHERE c.id = p.charger_id AND p.try_at <= :now AND c.connection_id <> '' AND c.registration = 'accepted'
            AND c.approval = 'accepted' AND c.tenant = p.tenant
        ORDER BY p.try_at, p.id LIMIT :limit""",
        limit=limit,
    )

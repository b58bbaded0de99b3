"""SQL of what is excluded from downtime, and of outages in which that is to be reckoned again."""

from __future__ import annotations

from collections.abc import Sequence

from csms.core.ports import ReadTx, Row, Tx
from csms.domain.analytics.model import Exclusion, NewExclusion
from csms.domain.listing import Listing

EXCLUSIONS = Listing(
    columns="id, charger_id, from_at, until_at, reason, note, created_at",
    source="uptime_exclusions WHERE tenant = :tenant",
    filters={
        "charger_id": "charger_id = :charger_id",
        "reason": "reason = :reason",
        "stations": "charger_id IN (SELECT id FROM chargers WHERE tenant = :tenant AND station_id IN ({stations}))",
    },
    search="lower(note) LIKE :search ESCAPE '!' OR lower(charger_id) LIKE :search ESCAPE '!'",
    sorts={"from_at": "from_at"},
    unique="id",
)


def exclusion_of(row: Row) -> Exclusion:
    """A row as a noun."""
    return Exclusion(**row)


def exclusion(tx: ReadTx, exclusion_id: int) -> Exclusion | None:
    """One exclusion."""
    row = tx.one(f"SELECT {EXCLUSIONS.columns} FROM {EXCLUSIONS.source} AND id = :exclusion_id", exclusion_id=exclusion_id)  # noqa: S608
    return None if row is None else exclusion_of(row)


def insert_exclusion(tx: Tx, new: NewExclusion) -> int:
    """The id of a new exclusion."""
    return int(
        tx.value(
            "INSERT INTO uptime_exclusions (tenant, charger_id, from_at, until_at, reason, note, created_at)"
            " VALUES (:tenant, :charger_id, :from_at, :until_at, :reason, :note, :now) RETURNING id",
            charger_id=new.charger_id,
            from_at=new.from_at,
            until_at=new.until_at,
            reason=new.reason,
            note=new.note,
        )
    )


def delete_exclusion(tx: Tx, exclusion_id: int) -> bool:
    """Take an exclusion away; False when there is none."""
    return tx.run("DELETE FROM uptime_exclusions WHERE tenant = :tenant AND id = :exclusion_id", exclusion_id=exclusion_id) > 0


# --- what is excluded, and of what ------------------------------------------------------------------------------------------------


def excluded_times(tx: ReadTx, from_at: int, until_at: int, charger_id: str | None = None) -> Sequence[Row]:
    """What is excluded in a period, of all chargers or of one: exclusions, and maintenance that was planned before it began."""
    one, named = ("", {}) if charger_id is None else ("AND charger_id = :charger_id", {"charger_id": charger_id})
    return tx.all(
        f"""
        SELECT charger_id, 0 AS evse, from_at, until_at FROM uptime_exclusions
        WHERE tenant = :tenant {one} AND from_at < :until_at AND until_at > :from_at
        UNION ALL
        SELECT charger_id, evse, from_at, until_at FROM maintenance_windows
        WHERE tenant = :tenant {one} AND from_at < :until_at AND until_at > :from_at AND state <> 'cancelled'
            AND created_at <= from_at""",  # noqa: S608 (our own text)
        from_at=from_at,
        until_at=until_at,
        **named,
    )


def hours_of_stations(tx: ReadTx, station_id: int | None = None) -> dict[int, tuple[str, str]]:
    """The opening hours of stations (or one) that are not always open, as they are stored, and the time zone, ``""`` for the tenant's."""
    text = "SELECT id, opening_hours, time_zone FROM stations WHERE tenant = :tenant AND opening_hours <> ''"
    rows = tx.all(text) if station_id is None else tx.all(f"{text} AND id = :station_id", station_id=station_id)
    return {row["id"]: (row["opening_hours"], row["time_zone"]) for row in rows}


def have_recounted(tx: Tx, charger_id: str, from_at: int, until_at: int) -> int:
    """Have what is excluded of a charger's outages in a period reckoned again; how many these are."""
    return tx.run(
        "UPDATE outages SET recount = 1 WHERE tenant = :tenant AND charger_id = :charger_id"
        " AND from_at < :until_at AND until_at > :from_at AND evse > 0",
        charger_id=charger_id,
        from_at=from_at,
        until_at=until_at,
    )


def to_recount(tx: ReadTx, most: int) -> Sequence[Row]:
    """Outages whose excluded parts are to be reckoned again, the oldest first."""
    return tx.all(
        """
        SELECT o.id, o.charger_id, o.evse, o.from_at, o.until_at, o.excluded,
            CASE WHEN o.station_id IS NULL THEN c.station_id ELSE o.station_id END AS station_id
        FROM outages o LEFT JOIN chargers c ON c.id = o.charger_id AND c.tenant = o.tenant
        WHERE o.tenant = :tenant AND o.recount = 1 ORDER BY o.id LIMIT :most""",
        most=most,
    )


def save_recounted(tx: Tx, rows: Sequence[tuple[int, str]]) -> None:
    """Store ``(id, excluded)`` of outages that were reckoned again."""
    tx.many(
        "UPDATE outages SET excluded = :excluded, recount = 0 WHERE tenant = :tenant AND id = :outage_id",
        [{"outage_id": outage_id, "excluded": excluded} for outage_id, excluded in rows],
    )

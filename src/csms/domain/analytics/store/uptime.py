"""SQL of ports, outages and what is excluded from them."""

from __future__ import annotations

from collections.abc import Sequence

from csms.core.ports import ReadTx, Row, Tx
from csms.domain.analytics.model import Exclusion, NewExclusion, PortState
from csms.domain.listing import Listing

_STATE = "SELECT charger_id, evse, known_since_at, offline, status, down_since_at, why, last_event_id FROM analytics_ports"


def _port(row: Row) -> PortState:
    return PortState(**{**row, "offline": bool(row["offline"])})


def port(tx: ReadTx, charger_id: str, evse: int) -> PortState | None:
    """One port."""
    row = tx.one(_STATE + " WHERE tenant = :tenant AND charger_id = :charger_id AND evse = :evse", charger_id=charger_id, evse=evse)
    return None if row is None else _port(row)


def ports_of(tx: ReadTx, charger_id: str) -> list[PortState]:
    """The ports of a charger, its connection (EVSE 0) included."""
    return [
        _port(row)
        for row in tx.all(_STATE + " WHERE tenant = :tenant AND charger_id = :charger_id ORDER BY evse", charger_id=charger_id)
    ]


def _of(station_id: int | None, charger_id: str | None, stations: frozenset[int] | None) -> tuple[str, dict[str, int | str]]:
    """Conditions on ports, and their parameters; connections (EVSE 0) are none."""
    text = "tenant = :tenant AND evse > 0"
    named: dict[str, int | str] = {}
    if charger_id is not None:
        text += " AND charger_id = :charger_id"
        named["charger_id"] = charger_id
    if station_id is not None:
        text += " AND charger_id IN (SELECT id FROM chargers WHERE tenant = :tenant AND station_id = :station_id)"
        named["station_id"] = station_id
    if stations is not None:
        names = [f"seen_{number}" for number in range(len(stations))]
        listed = ", ".join(f":{name}" for name in names) or "NULL"
        text += f" AND charger_id IN (SELECT id FROM chargers WHERE tenant = :tenant AND station_id IN ({listed}))"  # noqa: S608
        named.update(zip(names, sorted(stations), strict=True))
    return text, named


def ports(
    tx: ReadTx, station_id: int | None = None, charger_id: str | None = None, stations: frozenset[int] | None = None
) -> list[PortState]:
    """The ports of the tenant, of a station, of a charger, or of some ``stations``."""
    where, named = _of(station_id, charger_id, stations)
    return [_port(row) for row in tx.all(f"{_STATE} WHERE {where}", **named)]


def known_since(tx: ReadTx, from_at: int, station_id: int | None, charger_id: str | None) -> list[tuple[int, int]]:
    """Since when ports are known, and how many since then; what was known at ``from_at`` already counts as since then."""
    where, named = _of(station_id, charger_id, None)
    rows = tx.all(
        "SELECT CASE WHEN known_since_at < :from_at THEN :from_at ELSE known_since_at END AS since_at, count(*) AS ports"  # noqa: S608
        f" FROM analytics_ports WHERE {where} GROUP BY 1 ORDER BY 1",
        from_at=from_at,
        **named,
    )
    return [(int(row["since_at"]), int(row["ports"])) for row in rows]


def down_since(tx: ReadTx, station_id: int | None, charger_id: str | None) -> list[int]:
    """Since when those ports are down that are down now."""
    where, named = _of(station_id, charger_id, None)
    rows = tx.all(f"SELECT down_since_at FROM analytics_ports WHERE {where} AND down_since_at IS NOT NULL", **named)  # noqa: S608
    return [int(row["down_since_at"]) for row in rows]


def save_port(tx: Tx, state: PortState) -> None:
    """Store a port's state."""
    tx.run(
        """
        INSERT INTO analytics_ports (charger_id, evse, tenant, known_since_at, offline, status, down_since_at, why, last_event_id)
        VALUES (:charger_id, :evse, :tenant, :known_since_at, :offline, :status, :down_since_at, :why, :last_event_id)
        ON CONFLICT (charger_id, evse) DO UPDATE SET tenant = excluded.tenant, known_since_at = excluded.known_since_at,
            offline = excluded.offline, status = excluded.status, down_since_at = excluded.down_since_at, why = excluded.why,
            last_event_id = excluded.last_event_id""",
        charger_id=state.charger_id,
        evse=state.evse,
        known_since_at=state.known_since_at,
        offline=int(state.offline),
        status=state.status,
        down_since_at=state.down_since_at,
        why=state.why,
        last_event_id=state.last_event_id,
    )


def add_outage(tx: Tx, charger_id: str, evse: int, from_at: int, until_at: int, why: str) -> None:
    """Store an outage that is over."""
    tx.run(
        "INSERT INTO outages (tenant, charger_id, evse, from_at, until_at, why)"
        " VALUES (:tenant, :charger_id, :evse, :from_at, :until_at, :why)",
        charger_id=charger_id,
        evse=evse,
        from_at=from_at,
        until_at=until_at,
        why=why,
    )


_CUT = "CASE WHEN o.from_at > :from_at THEN o.from_at ELSE :from_at END"
_CUT_END = "CASE WHEN o.until_at < :until_at THEN o.until_at ELSE :until_at END"


def down(tx: ReadTx, from_at: int, until_at: int) -> dict[tuple[str, int], int]:
    """How long each port was down in a period, in milliseconds, outages that go on not counted."""
    rows = tx.all(
        f"SELECT o.charger_id, o.evse, sum({_CUT_END} - {_CUT}) AS down_ms FROM outages o"  # noqa: S608 (our own text)
        " WHERE o.tenant = :tenant AND o.evse > 0 AND o.from_at < :until_at AND o.until_at > :from_at GROUP BY o.charger_id, o.evse",
        from_at=from_at,
        until_at=until_at,
    )
    return {(row["charger_id"], row["evse"]): int(row["down_ms"]) for row in rows}


def excluded_times(tx: ReadTx, from_at: int, until_at: int) -> Sequence[Row]:
    """What is excluded in a period, by charger: exclusions, and maintenance that was planned before it began."""
    return tx.all(
        """
        SELECT charger_id, 0 AS evse, from_at, until_at FROM uptime_exclusions
        WHERE tenant = :tenant AND from_at < :until_at AND until_at > :from_at
        UNION ALL
        SELECT charger_id, evse, from_at, until_at FROM maintenance_windows
        WHERE tenant = :tenant AND from_at < :until_at AND until_at > :from_at AND state <> 'cancelled' AND created_at <= from_at""",
        from_at=from_at,
        until_at=until_at,
    )


def outages_of(tx: ReadTx, charger_id: str, from_at: int, until_at: int) -> Sequence[Row]:
    """The outages of one charger's ports in a period."""
    return tx.all(
        "SELECT charger_id, evse, from_at, until_at, why FROM outages"
        " WHERE tenant = :tenant AND charger_id = :charger_id AND from_at < :until_at AND until_at > :from_at ORDER BY from_at",
        charger_id=charger_id,
        from_at=from_at,
        until_at=until_at,
    )


def outages_of_excluded(tx: ReadTx, from_at: int, until_at: int) -> Sequence[Row]:
    """The outages in a period of those chargers that have something excluded in it."""
    return tx.all(
        """
        SELECT charger_id, evse, from_at, until_at FROM outages
        WHERE tenant = :tenant AND from_at < :until_at AND until_at > :from_at AND charger_id IN (
            SELECT charger_id FROM uptime_exclusions WHERE tenant = :tenant AND from_at < :until_at AND until_at > :from_at
            UNION
            SELECT charger_id FROM maintenance_windows
            WHERE tenant = :tenant AND from_at < :until_at AND until_at > :from_at AND state <> 'cancelled' AND created_at <= from_at)
        ORDER BY from_at""",
        from_at=from_at,
        until_at=until_at,
    )


# --- exclusions -----------------------------------------------------------------------------------------------------------------

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

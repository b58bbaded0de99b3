"""SQL of ports, how long they are there, and their outages."""

from __future__ import annotations

from collections.abc import Sequence

from csms.core.ports import ReadTx, Row, Tx
from csms.domain.analytics.model import PortLife, PortState
from csms.domain.analytics.spans import Spans

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


class Lives:
    """Some ports as long as their chargers are there, those of them that are ``down`` now, and the time of all, ``known``."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.lives = tuple(PortLife(*row.values()) for row in rows)
        self.down = tuple(each for each in self.lives if each.down_since_at is not None)
        self.known = Spans((each.from_at, each.until_at) for each in self.lives)


def lives(
    tx: ReadTx, from_at: int, station_id: int | None, charger_id: str | None, stations: frozenset[int] | None
) -> tuple[Lives, Lives]:
    """The ports of the tenant, of a station, of a charger or of some ``stations`` that were there at ``from_at`` or later: those of the
    chargers that there are, and of those that were removed."""
    of, named = _at(station_id, charger_id, stations)
    here = tx.remembered(
        "SELECT p.charger_id, p.evse, c.station_id, p.known_since_at, c.removed_at, p.down_since_at"  # noqa: S608 (our own text)
        " FROM analytics_ports p LEFT JOIN chargers c ON c.id = p.charger_id AND c.tenant = p.tenant"
        f" WHERE p.tenant = :tenant AND p.evse > 0{of.format(port='p', place='c')}",
        Lives,
        **named,
    )
    gone = tx.remembered(
        "SELECT p.charger_id, p.evse, p.station_id, p.from_at, p.until_at, NULL AS down_since_at FROM analytics_ports_gone p"  # noqa: S608 (our own text)
        f" WHERE p.tenant = :tenant AND p.until_at > :from_at{of.format(port='p', place='p')}",
        Lives,
        from_at=from_at,
        **named,
    )
    return here, gone


def _at(station_id: int | None, charger_id: str | None, stations: frozenset[int] | None) -> tuple[str, dict[str, int | str]]:
    text, named = "", dict[str, int | str]()
    if charger_id is not None:
        text += " AND {port}.charger_id = :charger_id"
        named["charger_id"] = charger_id
    if station_id is not None:
        text += " AND {place}.station_id = :station_id"
        named["station_id"] = station_id
    if stations is not None:
        names = [f"seen_{number}" for number in range(len(stations))]
        text += f" AND {{place}}.station_id IN ({', '.join(f':{name}' for name in names) or 'NULL'})"
        named.update(zip(names, sorted(stations), strict=True))
    return text, named


def end_lives(tx: Tx, ports: Sequence[PortState], station_id: int | None, at: int) -> None:
    """The charger of these ports was removed: they are no more, and have been there until then."""
    tx.many(
        "INSERT INTO analytics_ports_gone (tenant, charger_id, evse, station_id, from_at, until_at)"
        " VALUES (:tenant, :charger_id, :evse, :station_id, :from_at, :until_at) ON CONFLICT DO NOTHING",
        [
            {
                "charger_id": each.charger_id,
                "evse": each.evse,
                "station_id": station_id,
                "from_at": each.known_since_at,
                "until_at": at,
            }
            for each in ports
            if each.evse and each.known_since_at < at
        ],
    )
    tx.many(
        "DELETE FROM analytics_ports WHERE tenant = :tenant AND charger_id = :charger_id AND evse = :evse",
        [{"charger_id": each.charger_id, "evse": each.evse} for each in ports],
    )


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


def add_outage(
    tx: Tx, charger_id: str, evse: int, station_id: int | None, from_at: int, until_at: int, *, why: str, excluded: str
) -> None:
    """Store an outage that is over; ``excluded`` is the JSON of the parts that do not count as down."""
    tx.run(
        "INSERT INTO outages (tenant, charger_id, evse, station_id, from_at, until_at, why, excluded)"
        " VALUES (:tenant, :charger_id, :evse, :station_id, :from_at, :until_at, :why, :excluded)",
        charger_id=charger_id,
        evse=evse,
        station_id=station_id,
        from_at=from_at,
        until_at=until_at,
        why=why,
        excluded=excluded,
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


def outages_of(tx: ReadTx, charger_id: str, from_at: int, until_at: int) -> Sequence[Row]:
    """The outages of one charger's ports in a period."""
    return tx.all(
        "SELECT charger_id, evse, from_at, until_at, why, excluded FROM outages"
        " WHERE tenant = :tenant AND charger_id = :charger_id AND from_at < :until_at AND until_at > :from_at ORDER BY from_at",
        charger_id=charger_id,
        from_at=from_at,
        until_at=until_at,
    )

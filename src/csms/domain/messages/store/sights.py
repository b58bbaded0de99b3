"""SQL of what stands around an event: where it was, and what a ticket is called."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from csms.core.ports import ReadTx, Row


def station_name(tx: ReadTx, charger_id: str, station_id: int | None = None) -> str:
    """What the station is called where a charger stands; ``""`` where it stands at none."""
    if station_id is not None:
        return str(tx.value("SELECT name FROM stations WHERE tenant = :tenant AND id = :station_id", station_id=station_id) or "")
    if not charger_id:
        return ""
    return str(
        tx.value(
            "SELECT s.name FROM chargers c JOIN stations s ON s.id = c.station_id AND s.tenant = :tenant"
            " WHERE c.tenant = :tenant AND c.id = :charger_id",
            charger_id=charger_id,
        )
        or ""
    )


def open_link(tx: ReadTx, payment_id: int) -> tuple[str, str]:
    """Where a payment is paid that can be, and what it is for; ``""`` where it cannot (any more)."""
    row = tx.one(
        "SELECT pay_url, description FROM payments WHERE tenant = :tenant AND id = :payment_id AND state = 'open'",
        payment_id=payment_id,
    )
    return ("", "") if row is None else (row["pay_url"], row["description"])


def unpaid_before(tx: ReadTx, payment_id: int, since: int, most: int) -> int:
    """How many guests wanted to pay at the same connector before this one, since an instant, and have not; ``most`` is looked for at most."""
    found: int = tx.value(
        "SELECT count(*) FROM (SELECT 1 AS one FROM prepaid_charges mine JOIN prepaid_charges p ON p.code = mine.code AND p.id < mine.id"
        " WHERE mine.tenant = :tenant AND mine.payment_id = :payment_id AND p.tenant = :tenant AND p.driver_id IS NULL"
        " AND p.state IN ('waiting', 'unpaid') AND p.created_at > :since LIMIT :most) AS few",
        payment_id=payment_id,
        since=since,
        most=most,
    )
    return found


def token_label(tx: ReadTx, token: str) -> str:
    """What a token is called, such as a card; ``""`` where it has no name."""
    sql = "SELECT label FROM tokens WHERE tenant = :tenant AND folded = :folded AND removed_at IS NULL"
    return str(tx.value(sql, folded=token.casefold()) or "")


def ticket(tx: ReadTx, ticket_id: int, message_id: int) -> tuple[str, str]:
    """What a ticket is called, and who wrote a message in it."""
    title = tx.value("SELECT title FROM tickets WHERE tenant = :tenant AND id = :ticket_id", ticket_id=ticket_id)
    author = tx.value("SELECT author FROM ticket_messages WHERE tenant = :tenant AND id = :message_id", message_id=message_id)
    return str(title or ""), str(author or "")


@attrs.frozen(slots=True, kw_only=True)
class Running:
    """A transaction that runs, as far as its driver is told of it."""

    id: int
    driver_id: int
    charger_id: str
    station_id: int | None
    evse: int
    started_at: int
    energy_wh: int | None
    soc: int | None


def running(tx: ReadTx, *, started_before: int, after: int, limit: int) -> Sequence[Running]:
    """Transactions that run, of drivers, which began before an instant."""
    rows = tx.all(
        "SELECT t.id, t.driver_id, t.charger_id, t.station_id, t.evse, t.started_at, t.meter_start_wh, t.last_meter_wh,"
        " (SELECT r.soc_percent FROM meter_readings r WHERE r.tenant = :tenant AND r.transaction_id = t.id"
        " ORDER BY r.sampled_at DESC LIMIT 1) AS soc FROM transactions t WHERE t.tenant = :tenant AND t.driver_id IS NOT NULL"
        " AND t.closed_at IS NULL AND t.started_at IS NOT NULL AND t.started_at <= :started_before AND t.id > :after"
        " ORDER BY t.id LIMIT :limit",
        started_before=started_before,
        after=after,
        limit=limit,
    )
    return [_running(row) for row in rows]


def _running(row: Row) -> Running:
    first, last = row["meter_start_wh"], row["last_meter_wh"]
    return Running(
        id=row["id"],
        driver_id=row["driver_id"],
        charger_id=row["charger_id"],
        station_id=row["station_id"],
        evse=row["evse"],
        started_at=row["started_at"],
        energy_wh=None if first is None or last is None else max(0, last - first),
        soc=None if row["soc"] is None else round(row["soc"]),
    )

"""Meter readings as rows: one per charger, place and moment."""

from __future__ import annotations

from collections.abc import Sequence

from csms.core.ids import Place
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.transactions.measuring import Measured, merged
from csms.domain.transactions.model import StoredReading

_COLUMNS = "id, evse, connector, transaction_id, sampled_at, received_at, energy_wh, power_w, soc_percent, samples"


def reading(row: Row) -> StoredReading:
    """The noun of a row."""
    return StoredReading(
        id=row["id"],
        place=Place(row["evse"], row["connector"]),
        transaction_id=row["transaction_id"],
        sampled_at=row["sampled_at"],
        received_at=row["received_at"],
        energy_wh=row["energy_wh"],
        power_w=row["power_w"],
        soc_percent=row["soc_percent"],
        samples=row["samples"],
    )


def insert(tx: Tx, charger_id: str, place: Place, measured: Measured, *, transaction_id: int | None, received_at: int) -> None:
    """Store a reading. Where this place and moment has one already, they become one."""
    inserted = tx.run(
        "INSERT INTO meter_readings (tenant, charger_id, evse, connector, transaction_id, sampled_at, received_at, sampled_at_raw,"
        " energy_wh, power_w, soc_percent, samples) VALUES (:tenant, :charger_id, :evse, :connector, :transaction_id, :sampled_at,"
        " :received_at, :sampled_at_raw, :energy_wh, :power_w, :soc_percent, :samples) ON CONFLICT DO NOTHING",
        charger_id=charger_id,
        evse=place.evse,
        connector=place.connector,
        transaction_id=transaction_id,
        sampled_at=measured.sampled_at,
        received_at=received_at,
        sampled_at_raw=measured.sampled_at_raw,
        energy_wh=measured.energy_wh,
        power_w=measured.power_w,
        soc_percent=measured.soc_percent,
        samples=measured.samples,
    )
    if not inserted:
        _merge(tx, charger_id, place, measured, transaction_id)


def _merge(tx: Tx, charger_id: str, place: Place, measured: Measured, transaction_id: int | None) -> None:
    row = tx.one(
        "SELECT id, transaction_id, samples FROM meter_readings WHERE tenant = :tenant AND charger_id = :charger_id"
        " AND evse = :evse AND connector = :connector AND sampled_at = :sampled_at",
        charger_id=charger_id,
        evse=place.evse,
        connector=place.connector,
        sampled_at=measured.sampled_at,
    )
    if row is None or (row["samples"] == measured.samples and row["transaction_id"] == transaction_id):
        return
    whole = merged(row["samples"], measured)
    tx.run(
        "UPDATE meter_readings SET energy_wh = :energy_wh, power_w = :power_w, soc_percent = :soc_percent, samples = :samples,"
        " transaction_id = COALESCE(transaction_id, :transaction_id) WHERE tenant = :tenant AND id = :id",
        energy_wh=whole.energy_wh,
        power_w=whole.power_w,
        soc_percent=whole.soc_percent,
        samples=whole.samples,
        transaction_id=transaction_id,
        id=row["id"],
    )


def adopt(tx: Tx, charger_id: str, evse: int, *, since: int, transaction_id: int) -> int:
    """Give a transaction the readings of its EVSE that came before its start did; how many there were."""
    return tx.run(
        "UPDATE meter_readings SET transaction_id = :transaction_id WHERE tenant = :tenant AND charger_id = :charger_id"
        " AND evse = :evse AND sampled_at >= :since AND transaction_id IS NULL",
        transaction_id=transaction_id,
        charger_id=charger_id,
        evse=evse,
        since=since,
    )


def first(tx: ReadTx, transaction_id: int) -> int | None:
    """The register at a transaction's first reading, in Wh."""
    found: int | None = tx.value(
        "SELECT energy_wh FROM meter_readings WHERE tenant = :tenant AND transaction_id = :id AND energy_wh IS NOT NULL"
        " ORDER BY sampled_at, energy_wh LIMIT 1",
        id=transaction_id,
    )
    return found


def last(tx: ReadTx, transaction_id: int) -> tuple[int, int] | None:
    """The instant and the register, in Wh, of a transaction's last reading."""
    row = tx.one(
        "SELECT sampled_at, energy_wh FROM meter_readings WHERE tenant = :tenant AND transaction_id = :id"
        " AND energy_wh IS NOT NULL ORDER BY sampled_at DESC, energy_wh DESC LIMIT 1",
        id=transaction_id,
    )
    return None if row is None else (row["sampled_at"], row["energy_wh"])


def registers(tx: ReadTx, transaction_id: int, *, until: int) -> Sequence[int]:
    """The register at each reading of a transaction until an instant, in order of time, in Wh."""
    return [
        row["energy_wh"]
        for row in tx.all(
            "SELECT energy_wh FROM meter_readings WHERE tenant = :tenant AND transaction_id = :id AND energy_wh IS NOT NULL"
            " AND sampled_at <= :until ORDER BY sampled_at, energy_wh",
            id=transaction_id,
            until=until,
        )
    ]


def of_transaction(tx: ReadTx, transaction_id: int, *, after: int = 0, limit: int = 1000) -> Sequence[StoredReading]:
    """Readings of a transaction in order of time; ``after`` is the instant of the last one seen."""
    sql = (
        f"SELECT {_COLUMNS} FROM meter_readings WHERE tenant = :tenant AND transaction_id = :id"  # noqa: S608 our own column names
        " AND sampled_at > :after ORDER BY sampled_at, id LIMIT :limit"
    )
    return [reading(row) for row in tx.all(sql, id=transaction_id, after=after, limit=limit)]

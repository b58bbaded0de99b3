"""Meter readings as rows: one per charger, place and moment."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from csms.core.ids import Place
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.transactions.measuring import Measured, merged
from csms.domain.transactions.model import NAMED, StoredReading

_COLUMNS = "id, evse, connector, transaction_id, guessed, sampled_at, sampled_at_raw, received_at, energy_wh, power_w, soc_percent, samples"


def reading(row: Row) -> StoredReading:
    """The noun of a row."""
    return StoredReading(
        id=row["id"],
        place=Place(row["evse"], row["connector"]),
        transaction_id=row["transaction_id"],
        guessed=row["guessed"],
        sampled_at=row["sampled_at"],
        sampled_at_raw=row["sampled_at_raw"],
        received_at=row["received_at"],
        energy_wh=row["energy_wh"],
        power_w=row["power_w"],
        soc_percent=row["soc_percent"],
        samples=row["samples"],
    )


@attrs.frozen(slots=True)
class Kept:
    """What became of a reading: ``news`` says that the register at that moment, or the power, was not known so before; ``loser`` is the
    transaction that it was taken from."""

    news: bool
    loser: int | None = None


_REGISTER, _OTHER = Kept(news=True), Kept(news=False)

_INSERT = (
    "INSERT INTO meter_readings (tenant, charger_id, evse, connector, transaction_id, guessed, sampled_at, received_at, sampled_at_raw,"
    " energy_wh, power_w, soc_percent, samples) VALUES (:tenant, :charger_id, :evse, :connector, :transaction_id, :guessed, :sampled_at,"
    " :received_at, :sampled_at_raw, :energy_wh, :power_w, :soc_percent, :samples) ON CONFLICT DO NOTHING"
)


def insert(
    tx: Tx,
    charger_id: str,
    place: Place,
    measured: Measured,
    *,
    transaction_id: int | None,
    received_at: int,
    guessed: int = NAMED,
) -> Kept:
    """Store a reading. Where this place and moment has one already, they become one, which belongs to whoever has the surer claim
    (``guessed``: see ``StoredReading``)."""
    inserted = tx.run(
        _INSERT,
        charger_id=charger_id,
        evse=place.evse,
        connector=place.connector,
        transaction_id=transaction_id,
        guessed=guessed,
        sampled_at=measured.sampled_at,
        received_at=received_at,
        sampled_at_raw=measured.sampled_at_raw,
        energy_wh=measured.energy_wh,
        power_w=measured.power_w,
        soc_percent=measured.soc_percent,
        samples=measured.samples,
    )
    if inserted:
        return _OTHER if measured.energy_wh is None else _REGISTER
    return _merge(tx, charger_id, place, measured, transaction_id, guessed)


def _merge(tx: Tx, charger_id: str, place: Place, measured: Measured, transaction_id: int | None, guessed: int) -> Kept:
    row = tx.one(
        "SELECT id, transaction_id, guessed, energy_wh, power_w, samples FROM meter_readings WHERE tenant = :tenant AND charger_id = :charger_id"
        " AND evse = :evse AND connector = :connector AND sampled_at = :sampled_at",
        charger_id=charger_id,
        evse=place.evse,
        connector=place.connector,
        sampled_at=measured.sampled_at,
    )
    if row is None:
        return _OTHER
    before: int | None = row["transaction_id"]
    owner, sure = before, row["guessed"]
    if transaction_id is not None and (before is None or guessed < sure):
        owner, sure = transaction_id, guessed
    if row["samples"] == measured.samples and (before, row["guessed"]) == (owner, sure):
        return _OTHER
    whole = merged(row["samples"], measured)
    tx.run(
        "UPDATE meter_readings SET energy_wh = :energy_wh, power_w = :power_w, soc_percent = :soc_percent, samples = :samples,"
        " transaction_id = :transaction_id, guessed = :guessed WHERE tenant = :tenant AND id = :id",
        energy_wh=whole.energy_wh,
        power_w=whole.power_w,
        soc_percent=whole.soc_percent,
        samples=whole.samples,
        transaction_id=owner,
        guessed=sure,
        id=row["id"],
    )
    same = before == owner and (whole.energy_wh, whole.power_w) == (row["energy_wh"], row["power_w"])
    return Kept(news=whole.energy_wh is not None and not same, loser=before if before != owner else None)


_ORPHANS = """
charger_id = :charger_id AND evse = :evse AND sampled_at >= :since AND sampled_at <= :until AND transaction_id IS NULL"""
_UNNAMED = _ORPHANS.replace(
    "transaction_id IS NULL", "(transaction_id IS NULL OR (guessed = 2 AND transaction_id <> :transaction_id))"
)
_OWNERS = "SELECT DISTINCT transaction_id FROM meter_readings WHERE tenant = :tenant AND "
_ADOPT = "UPDATE meter_readings SET transaction_id = :transaction_id, guessed = 2 WHERE tenant = :tenant AND "


def any_unsure(tx: ReadTx, charger_id: str, evse: int, since: int) -> bool:
    """Whether there are readings of an EVSE since an instant that belong to nobody, or to a transaction for their place and time alone."""
    found = tx.value(
        "SELECT id FROM meter_readings WHERE tenant = :tenant AND charger_id = :charger_id AND evse = :evse AND sampled_at >= :since"
        " AND (transaction_id IS NULL OR guessed = 2) LIMIT 1",
        charger_id=charger_id,
        evse=evse,
        since=since,
    )
    return found is not None


def adopt(
    tx: Tx, charger_id: str, evse: int, *, since: int, until: int, transaction_id: int, orphans_only: bool = False
) -> Sequence[int | None]:
    """Give a transaction the readings of its EVSE and time that nobody named a transaction for: whose they seemed to be, None nobody's.

    ``orphans_only`` takes none from another transaction.
    """
    window = {"charger_id": charger_id, "evse": evse, "since": since, "until": until}
    which = _ORPHANS if orphans_only else _UNNAMED
    mine = {} if orphans_only else {"transaction_id": transaction_id}
    owners = [row["transaction_id"] for row in tx.all(_OWNERS + which, **window, **mine)]
    if owners:
        tx.run(_ADOPT + which, **window, transaction_id=transaction_id)
    return owners


def release(tx: Tx, transaction_id: int, *, since: int, until: int) -> int:
    """Take from a transaction the readings outside its time that it had for their place and time alone; how many."""
    return tx.run(
        "UPDATE meter_readings SET transaction_id = NULL WHERE tenant = :tenant AND transaction_id = :id AND guessed = 2"
        " AND (sampled_at < :since OR sampled_at > :until)",
        id=transaction_id,
        since=since,
        until=until,
    )


def release_stop(tx: Tx, transaction_id: int) -> int:
    """Take from a transaction the readings that came inside a stop which is not its own after all; how many."""
    return tx.run(
        "UPDATE meter_readings SET transaction_id = NULL, guessed = 2 WHERE tenant = :tenant AND transaction_id = :id AND guessed = 1",
        id=transaction_id,
    )


def first(tx: ReadTx, transaction_id: int) -> int | None:
    """The register at a transaction's first reading, in Wh."""
    found: int | None = tx.value(
        "SELECT energy_wh FROM meter_readings WHERE tenant = :tenant AND transaction_id = :id AND energy_wh IS NOT NULL"
        " ORDER BY sampled_at, energy_wh LIMIT 1",
        id=transaction_id,
    )
    return found


def last(tx: ReadTx, transaction_id: int, *, until: int = 2**63 - 1) -> tuple[int, int] | None:
    """The instant and the register, in Wh, of a transaction's last reading until an instant."""
    row = tx.one(
        "SELECT sampled_at, energy_wh FROM meter_readings WHERE tenant = :tenant AND transaction_id = :id"
        " AND energy_wh IS NOT NULL AND sampled_at <= :until ORDER BY sampled_at DESC, energy_wh DESC LIMIT 1",
        id=transaction_id,
        until=until,
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


def of_transaction(
    tx: ReadTx, transaction_id: int, *, after: tuple[int, int] = (-(2**63), 0), limit: int = 1000
) -> Sequence[StoredReading]:
    """Readings of a transaction in order of time; ``after`` is the instant and the id of the last one seen."""
    sql = (
        f"SELECT {_COLUMNS} FROM meter_readings WHERE tenant = :tenant AND transaction_id = :id"  # noqa: S608 our own column names
        " AND sampled_at >= :seen_at AND (sampled_at > :seen_at OR id > :seen_id) ORDER BY sampled_at, id LIMIT :limit"
    )
    return [reading(row) for row in tx.all(sql, id=transaction_id, seen_at=after[0], seen_id=after[1], limit=limit)]

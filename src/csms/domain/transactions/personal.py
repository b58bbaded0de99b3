"""What this slice holds of a driver as a person: to be handed out, and to be forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from csms.core.errors import Refused
from csms.core.ids import charger_key
from csms.core.ports import ReadTx, Row, Tx

PAGE = 500


def transactions_after(tx: ReadTx, driver_id: int, after: int) -> list[Row]:
    """A driver's transactions by id, a page after one."""
    return list(
        tx.all(
            "SELECT * FROM transactions WHERE tenant = :tenant AND driver_id = :driver_id AND id > :after ORDER BY id LIMIT :limit",
            driver_id=driver_id,
            after=after,
            limit=PAGE,
        )
    )


def readings(tx: ReadTx, transaction_id: int, after: int) -> list[Row]:
    """A transaction's meter readings by id, a page after one."""
    return list(
        tx.all(
            "SELECT id, charger_id, evse, connector, transaction_id, sampled_at, energy_wh, power_w, soc_percent, samples"
            " FROM meter_readings WHERE tenant = :tenant AND transaction_id = :transaction_id AND id > :after ORDER BY id LIMIT :limit",
            transaction_id=transaction_id,
            after=after,
            limit=PAGE,
        )
    )


def holdings(tx: ReadTx, driver_id: int) -> dict[str, Any]:
    """Everything but the readings, by name."""
    found: list[Row] = []
    while some := transactions_after(tx, driver_id, found[-1]["id"] if found else 0):
        found += some
    return {"transactions": found}


def erase(tx: Tx, driver_id: int, tokens: Mapping[int, str]) -> None:
    """Put pseudonyms in the place of a driver's tokens (by the tokens' ids). Raises ``Refused`` while one of them charges.

    Of one place, token and moment there is one transaction: a token's pseudonym is its own, so that this stays so.
    """
    open_ones = _open(tx, driver_id, tokens)
    if open_ones:
        raise Refused(f"the driver charges (transaction {open_ones[0]['id']}); stop it first, or wait for its end")
    chargers = tx.all(
        "SELECT DISTINCT charger_id FROM transactions WHERE tenant = :tenant AND driver_id = :driver_id", driver_id=driver_id
    )
    tx.claim(*sorted(charger_key(row["charger_id"]) for row in chargers))
    for token_id, name in tokens.items():
        values: dict[str, Any] = {"token_id": token_id, "name": name}
        tx.run(
            "UPDATE transactions SET stop_token = :name WHERE tenant = :tenant AND driver_id = :driver_id AND token_id = :token_id"
            " AND stop_token <> '' AND lower(stop_token) = lower(token)",
            driver_id=driver_id,
            **values,
        )
        for table in ("transactions", "transaction_events"):
            folded = ", token_folded = :name" if table == "transactions" else ""
            tx.run(
                f"UPDATE {table} SET token = :name{folded} WHERE tenant = :tenant AND token_id = :token_id AND token <> ''",  # noqa: S608
                **values,
            )
    # a token that is not (any more) the driver's, or was never issued: nothing tells it from others, so each row gets its own
    tx.run(
        "UPDATE transactions SET token = 'erased-transaction-' || CAST(id AS TEXT),"
        " token_folded = 'erased-transaction-' || CAST(id AS TEXT), stop_token = CASE WHEN stop_token = '' THEN '' ELSE 'erased' END"
        " WHERE tenant = :tenant AND driver_id = :driver_id AND token <> '' AND token NOT LIKE 'erased-token-%'",
        driver_id=driver_id,
    )
    tx.run(
        "UPDATE transaction_events SET token = 'erased' WHERE tenant = :tenant AND driver_id = :driver_id"
        " AND token <> '' AND token NOT LIKE 'erased-%'",
        driver_id=driver_id,
    )
    tx.run(
        "UPDATE transactions SET note = '' WHERE tenant = :tenant AND driver_id = :driver_id AND note <> ''", driver_id=driver_id
    )


def _open(tx: ReadTx, driver_id: int, tokens: Mapping[int, str]) -> list[Row]:
    found = tx.all(
        "SELECT id FROM transactions WHERE tenant = :tenant AND driver_id = :driver_id AND closed_at IS NULL LIMIT 1",
        driver_id=driver_id,
    )
    rows = list(found)
    for token_id in tokens:
        rows += tx.all(
            "SELECT t.id FROM tokens k JOIN transactions t ON t.token_folded = k.folded AND t.tenant = k.tenant"
            " WHERE k.tenant = :tenant AND t.tenant = :tenant AND k.id = :token_id AND t.closed_at IS NULL LIMIT 1",
            token_id=token_id,
        )
    return rows

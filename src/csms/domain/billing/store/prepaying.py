"""SQL of charges that are paid for before they start, and of the places where they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from csms.core.ids import TenantId
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.billing.model.prepaying import Prepaid

_NAMES = tuple(field.name for field in attrs.fields(Prepaid))
_COLUMNS = ", ".join(_NAMES)
_SELECT = f"SELECT {_COLUMNS} FROM prepaid_charges WHERE tenant = :tenant"  # noqa: S608 (our own names)


def _one(tx: ReadTx, sql: str, **parameters: Any) -> Prepaid | None:
    row = tx.one(sql, **parameters)
    return None if row is None else Prepaid(**row)


def by_id(tx: ReadTx, prepaid_id: int) -> Prepaid | None:
    """One prepaid charge."""
    return _one(tx, f"{_SELECT} AND id = :id", id=prepaid_id)


def by_payment(tx: ReadTx, payment_id: int) -> Prepaid | None:
    """The one that a payment is for."""
    return _one(tx, f"{_SELECT} AND payment_id = :payment_id", payment_id=payment_id)


def by_secret(tx: ReadTx, secret_hash: str) -> tuple[TenantId, int] | None:
    """Whose tenant's and which one a payer follows by this word; whoever knows it need not say where."""
    row = tx.system("a payer is known by a word alone").one(
        "SELECT tenant, id FROM prepaid_charges WHERE secret_hash = :secret_hash", secret_hash=secret_hash
    )
    return None if row is None else (TenantId(row["tenant"]), int(row["id"]))


def insert(tx: Tx, **values: Any) -> int:
    """Keep a new one; its id."""
    names = ", ".join(values)
    found: int = tx.value(
        f"INSERT INTO prepaid_charges (tenant, {names}, created_at, changed_at)"  # noqa: S608 (names of our own code)
        f" VALUES (:tenant, {', '.join(':' + name for name in values)}, :now, :now) RETURNING id",
        **values,
    )
    return found


def update(tx: Tx, prepaid_id: int, **values: Any) -> None:
    """Change columns of one."""
    sets = ", ".join(f"{name} = :{name}" for name in values)
    tx.run(
        f"UPDATE prepaid_charges SET {sets}, changed_at = :now WHERE tenant = :tenant AND id = :id",  # noqa: S608 (our own names)
        id=prepaid_id,
        **values,
    )


def due(tx: ReadTx, limit: int) -> Sequence[Row]:
    """Those of all tenants that are to be looked at, the longest due first: tenant and id."""
    return tx.system("a job looks at every tenant's").all(
        "SELECT tenant, id FROM prepaid_charges WHERE look_at <= :now ORDER BY look_at, id LIMIT :limit", limit=limit
    )


def of_driver(tx: ReadTx, driver_id: int) -> Sequence[Row]:
    """What a driver prepaid, to be handed out."""
    return tx.all(
        "SELECT payment_id, charger_id, evse, token, promo_code, energy_wh, state, note, transaction_id, created_at, paid_at, ended_at"
        " FROM prepaid_charges WHERE tenant = :tenant AND driver_id = :driver_id ORDER BY id",
        driver_id=driver_id,
    )


def others_at(tx: ReadTx, charger_id: str, evse: int, besides: int) -> bool:
    """Whether another one that was paid goes on at a place, or is about to."""
    found = tx.value(
        "SELECT id FROM prepaid_charges WHERE tenant = :tenant AND charger_id = :charger_id AND evse = :evse"
        " AND state IN ('paid', 'starting', 'charging') AND id <> :besides LIMIT 1",
        charger_id=charger_id,
        evse=evse,
        besides=besides,
    )
    return found is not None


def taken(tx: ReadTx, charger_id: str, evse: int) -> bool:
    """Whether somebody charges at a place, or is waited for. What only a cable began is nobody's yet."""
    found = tx.value(
        "SELECT id FROM transactions WHERE tenant = :tenant AND charger_id = :charger_id AND evse = :evse AND closed_at IS NULL"
        " AND token <> '' LIMIT 1",
        charger_id=charger_id,
        evse=evse,
    )
    return found is not None


_STARTED_BY = """
SELECT t.id FROM charge_wishes w JOIN transactions t ON t.tenant = w.tenant AND (t.id = w.transaction_id
    OR (t.charger_id = :charger_id AND t.remote_start_id = w.transaction_id))
WHERE w.tenant = :tenant AND w.payment_id = :payment_id
ORDER BY CASE WHEN t.started_at IS NULL THEN 1 ELSE 0 END, t.id DESC LIMIT 1"""


def transaction_of(tx: ReadTx, payment_id: int, charger_id: str) -> int | None:
    """The transaction that a payment started: the one that began, else the latest that was asked for."""
    found: int | None = tx.value(_STARTED_BY, payment_id=payment_id, charger_id=charger_id)
    return found


def forget_guests(tx: Tx, before: int, limit: int) -> int:
    """Forget how guests can be reached whose payments are that old; how many."""
    return tx.run(
        "UPDATE payments SET customer = '{}', return_url = '' WHERE tenant = :tenant AND id IN (SELECT p.id FROM prepaid_charges c"
        " JOIN payments p ON p.tenant = c.tenant AND p.id = c.payment_id WHERE c.tenant = :tenant AND c.driver_id IS NULL"
        " AND c.look_at IS NULL AND p.created_at < :before AND p.customer <> '{}' LIMIT :limit)",
        before=before,
        limit=limit,
    )


# --- places ---------------------------------------------------------------------------------------------------------------------

_SITE = """
SELECT n.currency, COALESCE(NULLIF(s.time_zone, ''), n.time_zone) AS time_zone, c.id AS charger_id, s.id AS station_id, s.state AS station_state,
    COALESCE(NULLIF(s.country, ''), n.country) AS station_country, s.access, k.type AS connector_type, k.current_type,
    COALESCE(k.max_power_w, m.max_power_w) AS max_power_w
FROM chargers c JOIN tenants n ON n.id = c.tenant
LEFT JOIN stations s ON s.id = c.station_id
LEFT JOIN connector_details k ON k.charger_id = c.id AND k.evse = :evse AND k.connector = :connector
LEFT JOIN charger_models m ON m.id = c.model_id
WHERE c.tenant = :tenant AND c.id = :charger_id"""


def site(tx: ReadTx, charger_id: str, evse: int, connector: int) -> Row | None:
    """What a price there depends on, and who may charge there."""
    return tx.one(_SITE, charger_id=charger_id, evse=evse, connector=connector)


def customer(tx: ReadTx, driver_id: int) -> Row | None:
    """What of a driver a price depends on."""
    return tx.one("SELECT membership, preferences FROM drivers WHERE tenant = :tenant AND id = :driver_id", driver_id=driver_id)


def cost_of(tx: ReadTx, transaction_id: int) -> int | None:
    """What a running transaction cost when the watch last looked."""
    found: int | None = tx.value(
        "SELECT cost_minor FROM charge_watches WHERE tenant = :tenant AND transaction_id = :transaction_id",
        transaction_id=transaction_id,
    )
    return found

"""SQL of saved methods."""

from __future__ import annotations

from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, page
from csms.domain.payments.model import MethodsQuery, SavedMethod

LISTING = Listing(
    columns="id, gateway_id, method, shown, is_preferred, created_at, used_at",
    source="saved_methods WHERE tenant = :tenant AND removed_at IS NULL",
    filters={"driver_id": "driver_id = :driver_id", "gateway_id": "gateway_id = :gateway_id", "method": "method = :method"},
    search="lower(method) LIKE :search ESCAPE '!' OR lower(shown) LIKE :search ESCAPE '!'",
    sorts={"created_at": "created_at", "used_at": "COALESCE(used_at, 0)"},
    unique="id",
)


def methods(tx: ReadTx, driver_id: int, query: MethodsQuery) -> Page[SavedMethod]:
    """Saved methods of a driver."""
    return page(tx, LISTING, query, _method, driver_id=driver_id)


def method(tx: ReadTx, driver_id: int, method_id: int) -> SavedMethod | None:
    """One saved method of a driver."""
    row = tx.one(
        f"SELECT {LISTING.columns} FROM {LISTING.source} AND driver_id = :driver_id AND id = :method_id",  # noqa: S608 (our own text)
        driver_id=driver_id,
        method_id=method_id,
    )
    return None if row is None else _method(row)


def _method(row: Row) -> SavedMethod:
    return SavedMethod(**{**row, "is_preferred": bool(row["is_preferred"])})


def sealed(tx: ReadTx, method_id: int) -> str:
    """The gateway's token of a method, encrypted; ``""`` where it was removed."""
    found: str | None = tx.value(
        "SELECT sealed FROM saved_methods WHERE tenant = :tenant AND id = :method_id AND removed_at IS NULL", method_id=method_id
    )
    return found or ""


def save(tx: Tx, *, driver_id: int, gateway_id: int, sealed: str, fingerprint: str, method: str, shown: str) -> None:
    """Keep a method; one that is known stays as it is."""
    tx.run(
        "INSERT INTO saved_methods (tenant, driver_id, gateway_id, sealed, fingerprint, method, shown, is_preferred, created_at, used_at)"
        " SELECT :tenant, :driver_id, :gateway_id, :sealed, :fingerprint, :method, :shown, CASE WHEN EXISTS (SELECT 1 FROM saved_methods"
        " WHERE tenant = :tenant AND driver_id = :driver_id AND removed_at IS NULL) THEN 0 ELSE 1 END, :now, :now"
        " WHERE true ON CONFLICT (tenant, driver_id, gateway_id, fingerprint) WHERE removed_at IS NULL"
        " DO UPDATE SET used_at = excluded.used_at",
        driver_id=driver_id,
        gateway_id=gateway_id,
        sealed=sealed,
        fingerprint=fingerprint,
        method=method,
        shown=shown,
    )


def prefer(tx: Tx, driver_id: int, method_id: int) -> None:
    """Have one be the preferred one."""
    tx.run(
        "UPDATE saved_methods SET is_preferred = 0 WHERE tenant = :tenant AND driver_id = :driver_id AND is_preferred = 1",
        driver_id=driver_id,
    )
    tx.run("UPDATE saved_methods SET is_preferred = 1 WHERE tenant = :tenant AND id = :method_id", method_id=method_id)


def remove(tx: Tx, driver_id: int, method_id: int | None = None) -> int:
    """Forget a method's token, or with None those of all of a driver's; how many."""
    one = "" if method_id is None else " AND id = :method_id"
    more = {} if method_id is None else {"method_id": method_id}
    return tx.run(
        "UPDATE saved_methods SET removed_at = :now, sealed = '', fingerprint = '', shown = '', is_preferred = 0"  # noqa: S608
        f" WHERE tenant = :tenant AND driver_id = :driver_id AND removed_at IS NULL{one}",
        driver_id=driver_id,
        **more,
    )

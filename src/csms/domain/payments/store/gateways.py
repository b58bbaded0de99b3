"""SQL of accounts at gateways and of a tenant's settings for payments."""

from __future__ import annotations

from typing import Any

from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, page
from csms.domain.payments.model import Gateway, GatewaysQuery, SealedAccount

NOTICES = "/api/v1/payments/notices/"

LISTING = Listing(
    columns="id, name, provider, key_id, webhook_sealed, base_url, live, is_default, state, notice_token, notices_forged, forged_at,"
    " checked_at, check_result, check_failed, created_at, changed_at",
    source="payment_gateways WHERE tenant = :tenant",
    filters={"state": "state = :state"},
    search="lower(name) LIKE :search ESCAPE '!' OR lower(provider) LIKE :search ESCAPE '!' OR lower(key_id) LIKE :search ESCAPE '!'",
    sorts={"name": "name", "created_at": "created_at"},
    unique="id",
)

_ACCOUNT = "SELECT id, tenant, provider, key_id, key_sealed, webhook_sealed, base_url, live, mark, state FROM payment_gateways"


def gateways(tx: ReadTx, query: GatewaysQuery) -> Page[Gateway]:
    """Accounts of the tenant."""
    return page(tx, LISTING, query, _gateway)


def gateway(tx: ReadTx, gateway_id: int) -> Gateway | None:
    """One account."""
    row = tx.one(f"SELECT {LISTING.columns} FROM {LISTING.source} AND id = :gateway_id", gateway_id=gateway_id)  # noqa: S608 (our own text)
    return None if row is None else _gateway(row)


def _gateway(row: Row) -> Gateway:
    said = dict(row)
    said["has_webhook_secret"] = bool(said.pop("webhook_sealed"))
    said["notice_path"] = NOTICES + said.pop("notice_token")
    for name in ("live", "is_default"):
        said[name] = bool(said[name])
    said["check_failed"] = None if said["check_failed"] is None else bool(said["check_failed"])
    return Gateway(**said)


def default_id(tx: ReadTx) -> int | None:
    """The tenant's default account."""
    found: int | None = tx.value("SELECT id FROM payment_gateways WHERE tenant = :tenant AND is_default = 1")
    return found


def has_other_named(tx: ReadTx, gateway_id: int, name: str) -> bool:
    """Whether another active account has this name."""
    sql = "SELECT 1 FROM payment_gateways WHERE tenant = :tenant AND name = :name AND id <> :gateway_id AND state = 'active'"
    return tx.value(sql, name=name, gateway_id=gateway_id) is not None


def insert(tx: Tx, values: dict[str, Any]) -> int | None:
    """Add an account: its id; None where the name is taken."""
    found: int | None = tx.value(
        "INSERT INTO payment_gateways (tenant, name, provider, key_id, key_sealed, webhook_sealed, base_url, live, is_default, state,"
        " notice_token, mark, created_at, changed_at) VALUES (:tenant, :name, :provider, :key_id, :key_sealed, :webhook_sealed,"
        " :base_url, :live, 0, 'active', :notice_token, :mark, :now, :now)"
        " ON CONFLICT (tenant, name) WHERE state = 'active' DO NOTHING RETURNING id",
        **values,
    )
    return found


def make_default(tx: Tx, gateway_id: int | None) -> None:
    """Have one account be the tenant's default one, or none."""
    tx.run("UPDATE payment_gateways SET is_default = 0, changed_at = :now WHERE tenant = :tenant AND is_default = 1")
    if gateway_id is not None:
        tx.run(
            "UPDATE payment_gateways SET is_default = 1, changed_at = :now WHERE tenant = :tenant AND id = :gateway_id",
            gateway_id=gateway_id,
        )


def update(tx: Tx, gateway_id: int, values: dict[str, Any]) -> None:
    """Change columns of an account; the names are of our own code."""
    sets = ", ".join(f"{name} = :{name}" for name in values)
    tx.run(
        f"UPDATE payment_gateways SET {sets}, changed_at = :now WHERE tenant = :tenant AND id = :gateway_id",  # noqa: S608
        gateway_id=gateway_id,
        **values,
    )


def note_check(tx: Tx, gateway_id: int, *, failed: bool, result: str) -> None:
    """Keep what came of trying the keys."""
    tx.run(
        "UPDATE payment_gateways SET checked_at = :now, check_failed = :failed, check_result = :result"
        " WHERE tenant = :tenant AND id = :gateway_id",
        gateway_id=gateway_id,
        failed=int(failed),
        result=result,
    )


def count_forged(tx: Tx, gateway_id: int, times: int) -> None:
    """Count webhooks whose signature did not hold."""
    tx.run(
        "UPDATE payment_gateways SET notices_forged = notices_forged + :times, forged_at = :now"
        " WHERE tenant = :tenant AND id = :gateway_id",
        gateway_id=gateway_id,
        times=times,
    )


# --- for whoever speaks to gateways ---------------------------------------------------------------------------------------------


def account(tx: ReadTx, gateway_id: int) -> SealedAccount | None:
    """An account of the tenant, with its secrets as they are kept."""
    row = tx.one(f"{_ACCOUNT} WHERE tenant = :tenant AND id = :gateway_id", gateway_id=gateway_id)
    return None if row is None else _account(row)


def account_by_token(tx: ReadTx, token: str) -> SealedAccount | None:
    """The account that webhooks of this path are for, of whichever tenant."""
    row = tx.system("a webhook says its account by its path alone").one(f"{_ACCOUNT} WHERE notice_token = :token", token=token)
    return None if row is None else _account(row)


def _account(row: Row) -> SealedAccount:
    return SealedAccount(**{**row, "live": bool(row["live"])})


# --- settings -------------------------------------------------------------------------------------------------------------------


def limits(tx: ReadTx) -> tuple[int, int] | None:
    """The least and the most that a driver may top up, where the tenant says it."""
    row = tx.one("SELECT least_top_up_minor, most_top_up_minor FROM payment_settings WHERE tenant = :tenant")
    return None if row is None else (row["least_top_up_minor"], row["most_top_up_minor"])


def save_limits(tx: Tx, least: int, most: int) -> None:
    """Keep what a driver may top up."""
    tx.run(
        "INSERT INTO payment_settings (tenant, least_top_up_minor, most_top_up_minor, changed_at)"
        " VALUES (:tenant, :least, :most, :now) ON CONFLICT (tenant) DO UPDATE SET least_top_up_minor = excluded.least_top_up_minor,"
        " most_top_up_minor = excluded.most_top_up_minor, changed_at = excluded.changed_at",
        least=least,
        most=most,
    )

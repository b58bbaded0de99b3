"""SQL of charger keys: the one a charger shows, and those it was offered in its place."""

from __future__ import annotations

from csms.core.ports import ReadTx, Tx
from csms.domain.stations.model import KeyOffer


def keep_key(tx: Tx, charger_id: str, sealed: str, origin: str) -> None:
    """Store a charger's sealed key in place of the one it had."""
    tx.run(
        """
        INSERT INTO charger_keys (charger_id, tenant, sealed, origin, created_at)
        VALUES (:charger_id, :tenant, :sealed, :origin, :created_at)
        ON CONFLICT (charger_id) DO UPDATE
        SET tenant = excluded.tenant, sealed = excluded.sealed, origin = excluded.origin, created_at = excluded.created_at""",
        charger_id=charger_id,
        sealed=sealed,
        origin=origin,
        created_at=tx.now,
    )


def insert_offer(tx: Tx, charger_id: str, sealed: str, expires_at: int | None) -> None:
    """Store an offered key; the same one again only changes when it expires."""
    tx.run(
        """
        INSERT INTO charger_key_offers (charger_id, tenant, sealed, offered_at, expires_at)
        VALUES (:charger_id, :tenant, :sealed, :offered_at, :expires_at)
        ON CONFLICT (charger_id, sealed) DO UPDATE SET expires_at = excluded.expires_at""",
        charger_id=charger_id,
        sealed=sealed,
        offered_at=tx.now,
        expires_at=expires_at,
    )


def list_offers(tx: ReadTx, charger_id: str) -> list[KeyOffer]:
    """The keys a charger was offered and may still show, the oldest first."""
    rows = tx.all(
        """
        SELECT id, charger_id, sealed, offered_at, expires_at FROM charger_key_offers
        WHERE charger_id = :charger_id AND tenant = :tenant AND (expires_at IS NULL OR expires_at > :now)
        ORDER BY id""",
        charger_id=charger_id,
        now=tx.now,
    )
    return [KeyOffer(**row) for row in rows]


def delete_offers(tx: Tx, charger_id: str, *, up_to: int | None = None) -> int:
    """Forget a charger's offers, all or those up to an id; how many there were."""
    if up_to is None:
        return tx.run("DELETE FROM charger_key_offers WHERE charger_id = :charger_id AND tenant = :tenant", charger_id=charger_id)
    return tx.run(
        "DELETE FROM charger_key_offers WHERE charger_id = :charger_id AND tenant = :tenant AND id <= :up_to",
        charger_id=charger_id,
        up_to=up_to,
    )


def delete_offer(tx: Tx, offer_id: int) -> None:
    """Forget one offer."""
    tx.run("DELETE FROM charger_key_offers WHERE id = :id AND tenant = :tenant", id=offer_id)


def delete_expired_offers(tx: Tx, charger_id: str) -> None:
    """Forget a charger's offers that no longer open."""
    tx.run(
        "DELETE FROM charger_key_offers WHERE charger_id = :charger_id AND tenant = :tenant AND expires_at <= :now",
        charger_id=charger_id,
        now=tx.now,
    )

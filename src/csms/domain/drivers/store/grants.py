"""SQL of who may charge where."""

from __future__ import annotations

from csms.core.ports import ReadTx, Row, Tx
from csms.domain.drivers.model import Grant


def insert_grant(tx: Tx, grant: Grant) -> int | None:
    """The id of the new grant, None when it was given already."""
    found: int | None = tx.value(
        """
        INSERT INTO grants (tenant, token_id, token_group_id, driver_id, station_id, station_group_id, created_at)
        VALUES (:tenant, :token_id, :token_group_id, :driver_id, :station_id, :station_group_id, :created_at)
        ON CONFLICT DO NOTHING RETURNING id""",
        token_id=grant.token_id,
        token_group_id=grant.token_group_id,
        driver_id=grant.driver_id,
        station_id=grant.station_id,
        station_group_id=grant.station_group_id,
        created_at=tx.now,
    )
    return found


def delete_grant(tx: Tx, grant_id: int) -> bool:
    """Take a grant back; False when there is none."""
    return tx.run("DELETE FROM grants WHERE id = :grant_id AND tenant = :tenant", grant_id=grant_id) > 0


def list_grants(tx: ReadTx, *, after: int = 0, limit: int = 100) -> list[Grant]:
    """Grants of the tenant by id, a page of ``limit`` after the id ``after``."""
    rows = tx.all(
        """
        SELECT id, token_id, token_group_id, driver_id, station_id, station_group_id FROM grants
        WHERE tenant = :tenant AND id > :after ORDER BY id LIMIT :limit""",
        after=after,
        limit=limit,
    )
    return [_grant(row) for row in rows]


def _grant(row: Row) -> Grant:
    return Grant(
        id=row["id"],
        token_id=row["token_id"],
        token_group_id=row["token_group_id"],
        driver_id=row["driver_id"],
        station_id=row["station_id"],
        station_group_id=row["station_group_id"],
    )

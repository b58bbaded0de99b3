"""SQL of firmware campaigns and their chargers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from csms.core.ports import ReadTx, Row, Tx
from csms.domain.upkeep.model.campaigns import Campaign, Member

from .table import Table

CAMPAIGNS = Table(Campaign, "firmware_campaigns")


def campaign(tx: ReadTx, campaign_id: int) -> Campaign | None:
    """One campaign."""
    return CAMPAIGNS.one(tx, "AND id = :campaign_id", campaign_id=campaign_id)


def list_campaigns(tx: ReadTx, *, is_open: bool | None = None, limit: int = 50) -> Sequence[Campaign]:
    """Campaigns, the newest first."""
    closed = {None: "", True: "AND closed_at IS NULL", False: "AND closed_at IS NOT NULL"}[is_open]
    return CAMPAIGNS.all(tx, f"{closed} ORDER BY id DESC LIMIT :limit", limit=limit)


def open_ids(tx: ReadTx) -> list[int]:
    """Campaigns that are not over, the oldest first."""
    return [
        row["id"] for row in tx.all("SELECT id FROM firmware_campaigns WHERE tenant = :tenant AND closed_at IS NULL ORDER BY id")
    ]


def insert_members(tx: Tx, campaign_id: int, waves: Mapping[str, int], next_at: int) -> None:
    """Chargers of a campaign, each with its wave."""
    tx.many(
        """
        INSERT INTO firmware_campaign_chargers (campaign_id, charger_id, tenant, wave, state, tries, next_at, note, changed_at)
        VALUES (:campaign_id, :charger_id, :tenant, :wave, 'waiting', 0, :next_at, '', :now)""",
        [
            {"campaign_id": campaign_id, "charger_id": charger_id, "wave": wave, "next_at": next_at, "now": tx.now}
            for charger_id, wave in sorted(waves.items())
        ],
    )


_MEMBERS = """
SELECT m.campaign_id, m.charger_id, m.wave, m.state, m.tries, m.update_id, m.next_at, m.note, m.changed_at,
    u.state AS update_state, u.status AS status
FROM firmware_campaign_chargers m LEFT JOIN firmware_updates u ON u.id = m.update_id
WHERE m.tenant = :tenant AND m.campaign_id = :campaign_id"""


def _member(row: Row) -> Member:
    return Member(**{**row, "update_state": row["update_state"] or "", "status": row["status"] or ""})


def member(tx: ReadTx, campaign_id: int, charger_id: str) -> Member | None:
    """A charger of a campaign."""
    row = tx.one(_MEMBERS + " AND m.charger_id = :charger_id", campaign_id=campaign_id, charger_id=charger_id)
    return None if row is None else _member(row)


def list_members(
    tx: ReadTx, campaign_id: int, *, state: str | None = None, after: tuple[int, str] = (0, ""), limit: int = 1000
) -> list[Member]:
    """Chargers of a campaign by wave and id, a page of ``limit`` after the wave and id ``after``."""
    sql = _MEMBERS + " AND (m.wave, m.charger_id) > (:wave, :charger_id)" + ("" if state is None else " AND m.state = :state")
    more = {} if state is None else {"state": state}
    page = tx.all(
        sql + " ORDER BY m.wave, m.charger_id LIMIT :limit",
        campaign_id=campaign_id,
        wave=after[0],
        charger_id=after[1],
        limit=limit,
        **more,
    )
    return [_member(row) for row in page]


def settled(tx: ReadTx, campaign_id: int, limit: int) -> list[Member]:
    """Chargers that are updating as far as the campaign knows, and whose update is over."""
    rows = tx.all(
        _MEMBERS + " AND m.state = 'updating' AND u.closed_at IS NOT NULL ORDER BY m.charger_id LIMIT :limit",
        campaign_id=campaign_id,
        limit=limit,
    )
    return [_member(row) for row in rows]


def corrected(tx: ReadTx, campaign_id: int, limit: int) -> list[Member]:
    """Chargers that count as failed, and whose update went well after all or goes on."""
    rows = tx.all(
        _MEMBERS + " AND m.state = 'failed' AND (u.closed_at IS NULL OR u.state = 'installed') AND m.update_id IS NOT NULL"
        " ORDER BY m.charger_id LIMIT :limit",
        campaign_id=campaign_id,
        limit=limit,
    )
    return [_member(row) for row in rows]


def unanswered(tx: ReadTx, campaign_id: int, before: int, limit: int) -> list[Member]:
    """Chargers whose update was asked for before an instant, without an answer or a sign since."""
    rows = tx.all(
        _MEMBERS
        + " AND m.state = 'updating' AND u.state = 'sending' AND u.updated_at < :before ORDER BY m.charger_id LIMIT :limit",
        campaign_id=campaign_id,
        before=before,
        limit=limit,
    )
    return [_member(row) for row in rows]


def due(tx: ReadTx, campaign_id: int, wave: int, limit: int) -> list[str]:
    """Connected chargers that wait, up to a wave, and may be tried now."""
    rows = tx.all(
        """
        SELECT m.charger_id FROM firmware_campaign_chargers m JOIN chargers c ON c.id = m.charger_id
        WHERE m.tenant = :tenant AND m.campaign_id = :campaign_id AND m.state = 'waiting' AND m.wave <= :wave AND m.next_at <= :now
            AND c.connection_id <> ''
        ORDER BY m.next_at, m.charger_id LIMIT :limit""",
        campaign_id=campaign_id,
        wave=wave,
        limit=limit,
        now=tx.now,
    )
    return [row["charger_id"] for row in rows]


def waiting_connected(tx: ReadTx, campaign_id: int, wave: int) -> int:
    """How many chargers of a wave wait although they are connected."""
    found: int = tx.value(
        """
        SELECT count(*) FROM firmware_campaign_chargers m JOIN chargers c ON c.id = m.charger_id
        WHERE m.tenant = :tenant AND m.campaign_id = :campaign_id AND m.state = 'waiting' AND m.wave = :wave
            AND c.connection_id <> ''""",
        campaign_id=campaign_id,
        wave=wave,
    )
    return found


_COUNTS = "SELECT state, count(*) AS count FROM firmware_campaign_chargers WHERE tenant = :tenant AND campaign_id = :campaign_id"


def counts(tx: ReadTx, campaign_id: int) -> dict[str, int]:
    """How many chargers of a campaign are in each state."""
    rows = tx.all(_COUNTS + " GROUP BY state", campaign_id=campaign_id)
    return {row["state"]: row["count"] for row in rows}


def counts_until(tx: ReadTx, campaign_id: int, wave: int, *, since: int = 1) -> dict[str, int]:
    """The same of the waves ``since`` to ``wave``."""
    rows = tx.all(_COUNTS + " AND wave BETWEEN :since AND :wave GROUP BY state", campaign_id=campaign_id, since=since, wave=wave)
    return {row["state"]: row["count"] for row in rows}


_SAVE = """
UPDATE firmware_campaign_chargers SET state = :state, tries = :tries, update_id = :update_id, next_at = :next_at, note = :note,
    changed_at = :now
WHERE tenant = :tenant AND campaign_id = :campaign_id AND charger_id = :charger_id"""


def save_member(tx: Tx, changed: Member) -> None:
    """Store how far a charger is."""
    tx.run(
        _SAVE,
        state=changed.state,
        tries=changed.tries,
        update_id=changed.update_id,
        next_at=changed.next_at,
        note=changed.note,
        campaign_id=changed.campaign_id,
        charger_id=changed.charger_id,
        now=tx.now,
    )


def skip_waiting(tx: Tx, campaign_id: int, note: str) -> None:
    """Every charger that still waits is left out."""
    tx.run(
        "UPDATE firmware_campaign_chargers SET state = 'skipped', note = :note, changed_at = :now"
        " WHERE tenant = :tenant AND campaign_id = :campaign_id AND state = 'waiting'",
        note=note,
        campaign_id=campaign_id,
        now=tx.now,
    )

"""SQL of firmware campaigns and their chargers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, first, page, whether
from csms.domain.upkeep.model.campaigns import (
    Campaign,
    CampaignProgress,
    CampaignsQuery,
    Member,
    MembersQuery,
)

from .table import Table

CAMPAIGNS = Table(Campaign, "firmware_campaigns")


def campaign(tx: ReadTx, campaign_id: int) -> Campaign | None:
    """One campaign."""
    return CAMPAIGNS.one(tx, "AND id = :campaign_id", campaign_id=campaign_id)


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


# --- lists ----------------------------------------------------------------------------------------------------------------------

CAMPAIGNS_LISTED = Listing(
    columns=", ".join(CAMPAIGNS.columns),
    source="firmware_campaigns WHERE tenant = :tenant",
    filters={
        "state": "state = :state",
        "image_id": "image_id = :image_id",
        "going_on": "closed_at IS NULL",
        "over": "closed_at IS NOT NULL",
    },
    search="lower(name) LIKE :search ESCAPE '!' OR lower(note) LIKE :search ESCAPE '!'",
    sorts={"created_at": "id", "starts_at": "starts_at", "name": "name"},  # they are numbered as they are made
    unique="id",
)

MEMBERS_LISTED = Listing(
    columns="m.campaign_id, m.charger_id, m.wave, m.state, m.tries, m.update_id, m.next_at, m.note, m.changed_at,"
    " u.state AS update_state, u.status AS status",
    source="firmware_campaign_chargers m LEFT JOIN firmware_updates u ON u.id = m.update_id WHERE m.tenant = :tenant",
    count_source="firmware_campaign_chargers m WHERE m.tenant = :tenant",
    filters={"campaign_id": "m.campaign_id = :campaign_id", "state": "m.state = :state", "wave": "m.wave = :wave"},
    search="lower(m.charger_id) LIKE :search ESCAPE '!' OR lower(m.note) LIKE :search ESCAPE '!'",
    sorts={"wave": "m.wave", "charger_id": "m.charger_id", "changed_at": "m.changed_at"},
    unique="m.charger_id",
)


def page_of_campaigns(tx: ReadTx, query: CampaignsQuery) -> Page[CampaignProgress]:
    """A page of campaigns, and how far each is."""
    found = page(tx, CAMPAIGNS_LISTED, query, CAMPAIGNS.noun, **whether(query.open, "going_on", "over"))
    return Page(items=progress(tx, found.items), page=found.page, limit=found.limit, total=found.total)


def list_campaigns(tx: ReadTx, query: CampaignsQuery, limit: int) -> list[CampaignProgress]:
    """The first campaigns of a list, uncounted, and how far each is."""
    return progress(tx, first(tx, CAMPAIGNS_LISTED, query, CAMPAIGNS.noun, limit, **whether(query.open, "going_on", "over")))


def progress(tx: ReadTx, campaigns: Sequence[Campaign]) -> list[CampaignProgress]:
    """Campaigns with how many of their chargers are how far. One statement."""
    ids = {f"id_{number}": each.id for number, each in enumerate(campaigns)}
    counted: dict[int, dict[str, int]] = {}
    if ids:
        sql = (
            "SELECT campaign_id, state, count(*) AS count FROM firmware_campaign_chargers WHERE tenant = :tenant"  # noqa: S608
            f" AND campaign_id IN ({', '.join(':' + name for name in ids)}) GROUP BY campaign_id, state"
        )
        for row in tx.all(sql, **ids):
            counted.setdefault(row["campaign_id"], {})[row["state"]] = row["count"]
    return [CampaignProgress(**{**attrs.asdict(each), **counted.get(each.id, {})}) for each in campaigns]


def page_of_members(tx: ReadTx, campaign_id: int, query: MembersQuery) -> Page[Member]:
    """A page of a campaign's chargers."""
    return page(tx, MEMBERS_LISTED, query, _member, campaign_id=campaign_id)


def list_members(tx: ReadTx, campaign_id: int, query: MembersQuery | None = None, limit: int = 1000) -> list[Member]:
    """The first chargers of a campaign, uncounted."""
    return first(tx, MEMBERS_LISTED, query or MembersQuery(), _member, limit, campaign_id=campaign_id)

"""SQL of key rotations and profile upgrades."""

from __future__ import annotations

from collections.abc import Collection

from csms.core.paging import Page
from csms.core.ports import ReadTx, Tx
from csms.domain.listing import Listing, at_chargers, first, page
from csms.domain.security.model import KeyRotation, ProfileUpgrade
from csms.domain.security.shown import ROTATION_NAMES, KeyRotationItem, RotationsQuery, UpgradesQuery

_SELECT = """
SELECT id, charger_id, sealed, state, outcome, asked_at, changed_at, settle_at FROM key_rotations WHERE tenant = :tenant"""
_OPEN = " AND (state = 'asked' OR state = 'accepted' OR state = 'reboot' OR state = 'uncertain')"


def insert_rotation(tx: Tx, charger_id: str, sealed: str) -> int:
    """Store that a charger is about to be told a new key; the rotation's id."""
    return int(
        tx.value(
            """
            INSERT INTO key_rotations (tenant, charger_id, sealed, state, asked_at, changed_at)
            VALUES (:tenant, :charger_id, :sealed, 'asked', :asked_at, :asked_at) RETURNING id""",
            charger_id=charger_id,
            sealed=sealed,
            asked_at=tx.now,
        )
    )


def change_rotation(tx: Tx, rotation_id: int, state: str, *, outcome: str | None = None, settle_at: int | None = None) -> None:
    """A rotation comes into another state."""
    tx.run(
        """
        UPDATE key_rotations SET state = :state, outcome = coalesce(:outcome, outcome), settle_at = :settle_at, changed_at = :changed_at
        WHERE id = :id AND tenant = :tenant""",
        id=rotation_id,
        state=state,
        outcome=outcome,
        settle_at=settle_at,
        changed_at=tx.now,
    )


def rotation(tx: ReadTx, rotation_id: int) -> KeyRotation | None:
    """One rotation."""
    row = tx.one(_SELECT + " AND id = :id", id=rotation_id)
    return None if row is None else KeyRotation(**row)


def latest_rotation(tx: ReadTx, charger_id: str) -> KeyRotation | None:
    """A charger's latest rotation."""
    row = tx.one(_SELECT + " AND charger_id = :charger_id ORDER BY id DESC LIMIT 1", charger_id=charger_id)
    return None if row is None else KeyRotation(**row)


ROTATIONS = Listing(
    columns=", ".join(ROTATION_NAMES),
    source="key_rotations WHERE tenant = :tenant",
    filters={**at_chargers("charger_id"), "state": "state = :state"},
    search="lower(charger_id) LIKE :search ESCAPE '!' OR lower(outcome) LIKE :search ESCAPE '!'",
    sorts={"asked_at": "id"},  # they are numbered as they are asked for
    unique="id",
)


def page_of_rotations(tx: ReadTx, query: RotationsQuery, stations: Collection[int] | None = None) -> Page[KeyRotationItem]:
    """A page of rotations; of chargers of ``stations`` only, unless that is None."""
    return page(tx, ROTATIONS, query, lambda row: KeyRotationItem(**row), stations=stations)


def rotations(tx: ReadTx, query: RotationsQuery, limit: int) -> list[KeyRotationItem]:
    """The first rotations of a list, uncounted."""
    return first(tx, ROTATIONS, query, lambda row: KeyRotationItem(**row), limit)


def open_rotations(tx: ReadTx, limit: int, *, after: int = 0) -> list[KeyRotation]:
    """Rotations of which it is not known yet which key the charger will show."""
    return [
        KeyRotation(**row)
        for row in tx.all(_SELECT + _OPEN + " AND id > :after ORDER BY id LIMIT :limit", after=after, limit=limit)
    ]


def present_key(tx: ReadTx, charger_id: str) -> str:
    """The sealed key that a charger shows, ``""`` for none."""
    return (
        tx.value("SELECT sealed FROM charger_keys WHERE charger_id = :charger_id AND tenant = :tenant", charger_id=charger_id) or ""
    )


# --- profile upgrades -----------------------------------------------------------------------------------------------------------


def put_upgrade(tx: Tx, charger_id: str, profile: int) -> None:
    """Store that a charger is about to be told to use a higher profile."""
    tx.run(
        """
        INSERT INTO profile_upgrades (charger_id, tenant, profile, state, asked_at, changed_at)
        VALUES (:charger_id, :tenant, :profile, 'asked', :asked_at, :asked_at)
        ON CONFLICT (charger_id) DO UPDATE SET tenant = excluded.tenant, profile = excluded.profile, state = 'asked', outcome = '',
            asked_at = excluded.asked_at, changed_at = excluded.changed_at""",
        charger_id=charger_id,
        profile=profile,
        asked_at=tx.now,
    )


def change_upgrade(tx: Tx, charger_id: str, state: str, outcome: str | None = None) -> None:
    """An upgrade comes into another state."""
    tx.run(
        "UPDATE profile_upgrades SET state = :state, outcome = coalesce(:outcome, outcome), changed_at = :changed_at"
        " WHERE charger_id = :charger_id AND tenant = :tenant",
        charger_id=charger_id,
        state=state,
        outcome=outcome,
        changed_at=tx.now,
    )


_UPGRADE = "SELECT charger_id, profile, state, outcome, asked_at, changed_at FROM profile_upgrades WHERE tenant = :tenant"


def upgrade(tx: ReadTx, charger_id: str) -> ProfileUpgrade | None:
    """A charger's latest upgrade."""
    row = tx.one(_UPGRADE + " AND charger_id = :charger_id", charger_id=charger_id)
    return None if row is None else ProfileUpgrade(**row)


UPGRADES = Listing(
    columns="charger_id, profile, state, outcome, asked_at, changed_at",
    source="profile_upgrades WHERE tenant = :tenant",
    filters={**at_chargers("charger_id"), "state": "state = :state", "profile": "profile = :profile"},
    search="lower(charger_id) LIKE :search ESCAPE '!' OR lower(outcome) LIKE :search ESCAPE '!'",
    sorts={"asked_at": "asked_at", "charger_id": "charger_id"},
    unique="charger_id",
)


def page_of_upgrades(tx: ReadTx, query: UpgradesQuery, stations: Collection[int] | None = None) -> Page[ProfileUpgrade]:
    """A page of chargers' latest upgrades; of chargers of ``stations`` only, unless that is None."""
    return page(tx, UPGRADES, query, lambda row: ProfileUpgrade(**row), stations=stations)


def reached_upgrades(tx: ReadTx, limit: int) -> list[ProfileUpgrade]:
    """Upgrades that are wanted, of chargers that have logged in with that profile since."""
    rows = tx.all(
        """
        SELECT u.charger_id, u.profile, u.state, u.outcome, u.asked_at, u.changed_at
        FROM profile_upgrades u JOIN chargers c ON c.id = u.charger_id
        WHERE u.tenant = :tenant AND c.tenant = :tenant AND (u.state = 'asked' OR u.state = 'wanted')
            AND c.security_profile_used >= u.profile AND c.connected_at >= u.asked_at AND c.removed_at IS NULL
        ORDER BY u.charger_id LIMIT :limit""",
        limit=limit,
    )
    return [ProfileUpgrade(**row) for row in rows]

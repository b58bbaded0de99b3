"""SQL of memberships: who belongs to a tenant, with which role, at which stations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from csms.core.access import TENANT_OWNER
from csms.core.ids import TenantId
from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, page
from csms.domain.users.model import Member, Membership, MembersQuery

_OF_USER = "the tenants of one user"
_MEMBERSHIP = """
SELECT m.tenant, t.slug, t.name, m.role, m.every_station, m.driver_id, COALESCE(m.disabled_at, t.closed_at) AS disabled_at
FROM memberships m JOIN tenants t ON t.id = m.tenant """

LISTING = Listing(
    columns="u.id, u.name, u.email, u.phone, u.second_factor, u.disabled_at AS account_disabled_at, m.role, m.every_station,"
    " m.driver_id, m.created_at, m.disabled_at",
    source="memberships m JOIN users u ON u.id = m.user_id WHERE m.tenant = :tenant",
    filters={
        "role": "m.role = :role",
        "staff": "(m.role <> 'driver') = (:staff = 1)",
        "disabled": "(m.disabled_at IS NOT NULL) = (:disabled = 1)",
        "station_id": "m.every_station = 1 OR EXISTS (SELECT 1 FROM membership_stations s"
        " WHERE s.tenant = :tenant AND s.user_id = m.user_id AND s.station_id = :station_id)",
        "user_id": "m.user_id = :user_id",
    },
    search="lower(u.name) LIKE :search ESCAPE '!' OR lower(u.email) LIKE :search ESCAPE '!' OR u.phone LIKE :search ESCAPE '!'",
    sorts={"name": "lower(u.name)", "email": "u.email_folded", "role": "m.role", "joined_at": "m.created_at"},
    unique="m.user_id",
)


def members(tx: ReadTx, query: MembersQuery) -> Page[Member]:
    """People of the transaction's tenant. Three statements, however many."""
    found = page(tx, LISTING, query, dict)
    stations = _stations(tx, [row["id"] for row in found.items])
    return Page(items=[_member(row, stations) for row in found.items], page=found.page, limit=found.limit, total=found.total)


def member(tx: ReadTx, user_id: int) -> Member | None:
    """One of the people of the transaction's tenant."""
    row = tx.one(f"SELECT {LISTING.columns} FROM {LISTING.source} AND m.user_id = :user_id", user_id=user_id)  # noqa: S608 (our own text)
    return None if row is None else _member(row, _stations(tx, [user_id]))


def _stations(tx: ReadTx, user_ids: Sequence[int]) -> dict[int, list[int]]:
    names = [f"user_{number}" for number in range(len(user_ids))]
    if not names:
        return {}
    rows = tx.all(
        "SELECT user_id, station_id FROM membership_stations"  # noqa: S608 (names of parameters)
        f" WHERE tenant = :tenant AND user_id IN ({', '.join(f':{each}' for each in names)}) ORDER BY user_id, station_id",
        **dict(zip(names, user_ids, strict=True)),
    )
    found: dict[int, list[int]] = {}
    for row in rows:
        found.setdefault(row["user_id"], []).append(row["station_id"])
    return found


def _member(row: Row, stations: dict[int, list[int]]) -> Member:
    return Member(
        id=row["id"],
        name=row["name"],
        email=row["email"],
        phone=row["phone"],
        role=row["role"],
        stations=None if row["every_station"] else stations.get(row["id"], []),
        driver_id=row["driver_id"],
        second_factor=row["second_factor"],
        joined_at=row["created_at"],
        disabled_at=row["disabled_at"],
        account_disabled=row["account_disabled_at"] is not None,
    )


def of_user(tx: ReadTx, user_id: int) -> Sequence[Membership]:
    """Every tenant that a user belongs to, the one joined first at the front."""
    everywhere = tx.system(_OF_USER)
    rows = everywhere.all(_MEMBERSHIP + "WHERE m.user_id = :user_id ORDER BY m.created_at, m.tenant", user_id=user_id)
    allowed = everywhere.all("SELECT tenant, station_id FROM membership_stations WHERE user_id = :user_id", user_id=user_id)
    return [
        Membership(
            tenant=row["slug"],
            tenant_name=row["name"],
            role=row["role"],
            stations=None
            if row["every_station"]
            else sorted(each["station_id"] for each in allowed if each["tenant"] == row["tenant"]),
            driver_id=row["driver_id"],
            tenant_id=TenantId(row["tenant"]),
            disabled_at=row["disabled_at"],
        )
        for row in rows
    ]


def insert(tx: Tx, user_id: int, *, role: str, every_station: bool, driver_id: int | None) -> bool:
    """Make a user a member; False when they are one already."""
    return (
        tx.run(
            "INSERT INTO memberships (tenant, user_id, role, every_station, driver_id, created_at)"
            " VALUES (:tenant, :user_id, :role, :every_station, :driver_id, :now) ON CONFLICT DO NOTHING",
            user_id=user_id,
            role=role,
            every_station=int(every_station),
            driver_id=driver_id,
        )
        > 0
    )


def update(tx: Tx, user_id: int, *, role: str, every_station: bool, driver_id: int | None) -> None:
    """Change what a member is."""
    tx.run(
        "UPDATE memberships SET role = :role, every_station = :every_station, driver_id = :driver_id"
        " WHERE tenant = :tenant AND user_id = :user_id",
        user_id=user_id,
        role=role,
        every_station=int(every_station),
        driver_id=driver_id,
    )


def set_stations(tx: Tx, user_id: int, station_ids: Iterable[int]) -> None:
    """Say where a member without every station may look."""
    tx.run("DELETE FROM membership_stations WHERE tenant = :tenant AND user_id = :user_id", user_id=user_id)
    tx.many(
        "INSERT INTO membership_stations (tenant, user_id, station_id) VALUES (:tenant, :user_id, :station_id)",
        [{"user_id": user_id, "station_id": each} for each in station_ids],
    )


def set_disabled(tx: Tx, user_id: int, disabled_at: int | None) -> None:
    """Disable or enable a member in this tenant."""
    tx.run(
        "UPDATE memberships SET disabled_at = :disabled_at WHERE tenant = :tenant AND user_id = :user_id",
        user_id=user_id,
        disabled_at=disabled_at,
    )


def delete(tx: Tx, user_id: int) -> None:
    """Take a member out of the tenant."""
    tx.run("DELETE FROM memberships WHERE tenant = :tenant AND user_id = :user_id", user_id=user_id)


def other_owners(tx: ReadTx, user_id: int) -> int:
    """How many owners the tenant has besides a user, who can log in."""
    return int(
        tx.value(
            "SELECT count(*) FROM memberships m JOIN users u ON u.id = m.user_id WHERE m.tenant = :tenant AND m.role = :owner"
            " AND m.user_id <> :user_id AND m.disabled_at IS NULL AND u.disabled_at IS NULL",
            user_id=user_id,
            owner=TENANT_OWNER,
        )
    )


def sole_ownerships(tx: ReadTx, user_id: int) -> Sequence[str]:
    """Names of the tenants that have no other owner who can log in."""
    rows = tx.system(_OF_USER).all(
        "SELECT t.slug FROM memberships m JOIN tenants t ON t.id = m.tenant WHERE m.user_id = :user_id AND m.role = :owner"
        " AND NOT EXISTS (SELECT 1 FROM memberships o JOIN users u ON u.id = o.user_id WHERE o.tenant = m.tenant AND o.role = :owner"
        " AND o.user_id <> :user_id AND o.disabled_at IS NULL AND u.disabled_at IS NULL) ORDER BY t.slug",
        user_id=user_id,
        owner=TENANT_OWNER,
    )
    return [row["slug"] for row in rows]

"""SQL of drivers: who they are, and the groups that they are in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import attrs
import msgspec

from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.drivers.model import Driver, DriversQuery
from csms.domain.listing import Listing, found_among, found_in, page

_STATUS = "CASE WHEN removed_at IS NULL THEN status ELSE 'archived' END"
_COLUMNS = (
    f"id, name, email, phone, reference, {_STATUS} AS status, created_at, address, language, membership, preferences, note, user_id,"
    " removed_at AS archived_at"
)
_KNOWN = f"SELECT {_COLUMNS} FROM drivers WHERE tenant = :tenant"  # noqa: S608 - our own words
_PRESENT = f"{_KNOWN} AND removed_at IS NULL"

LISTING = Listing(
    columns=_COLUMNS,
    source="drivers WHERE tenant = :tenant",
    filters={
        "status": f"{_STATUS} = :status",
        "present": "removed_at IS NULL",
        "membership": "membership = :membership",
        "group": "EXISTS (SELECT 1 FROM driver_groups g WHERE g.tenant = :tenant AND g.name = :group AND g.driver_id = drivers.id)",
        "user_id": "user_id = :user_id",
    },
    search=f"id IN {found_in('drivers')}",
    narrow=f"id IN {found_among('drivers')}",
    looked_in=("drivers",),
    sorts={"name": "name", "created_at": "created_at"},
    unique="id",
)


def drivers_page(tx: ReadTx, query: DriversQuery) -> Page[Driver]:
    """A page of drivers; without a status only those who are not archived. Three statements."""
    present = True if query.status is None else None
    found = page(tx, LISTING, query, _driver, present=present)
    return attrs.evolve(found, items=_with_groups(tx, found.items))


def driver(tx: ReadTx, driver_id: int, *, archived: bool = False) -> Driver | None:
    """One driver of the tenant; one that is archived only where asked for."""
    row = tx.one((_KNOWN if archived else _PRESENT) + " AND id = :driver_id", driver_id=driver_id)
    return None if row is None else _with_groups(tx, [_driver(row)])[0]


def driver_of_user(tx: ReadTx, user_id: int) -> Driver | None:
    """Who a user charges as."""
    row = tx.one(_PRESENT + " AND user_id = :user_id", user_id=user_id)
    return None if row is None else _with_groups(tx, [_driver(row)])[0]


def driver_by_email(tx: ReadTx, email: str) -> Driver | None:
    """The driver with that e-mail address, in any case."""
    row = tx.one(_PRESENT + " AND email_folded = :folded AND email_folded <> ''", folded=email.casefold())
    return None if row is None else _with_groups(tx, [_driver(row)])[0]


def list_drivers(tx: ReadTx, *, after: int = 0, limit: int = 100) -> list[Driver]:
    """Drivers of the tenant by id, a page of ``limit`` after the id ``after``."""
    rows = tx.all(_PRESENT + " AND id > :after ORDER BY id LIMIT :limit", after=after, limit=limit)
    return list(_with_groups(tx, [_driver(row) for row in rows]))


_INSERT = """
INSERT INTO drivers (tenant, name, email, email_folded, phone, reference, address, language, membership, preferences, note, user_id,
    created_at)
VALUES (:tenant, :name, :email, :email_folded, :phone, :reference, :address, :language, :membership, :preferences, :note, :user_id,
    :created_at)
ON CONFLICT DO NOTHING RETURNING id"""


def insert_driver(tx: Tx, new: Driver) -> int | None:
    """The id of the new driver, None when e-mail address, reference or user is another driver's."""
    found: int | None = tx.value(_INSERT, created_at=tx.now, user_id=new.user_id, **_texts(new))
    if found is not None:
        _set_groups(tx, found, new.groups)
    return found


def clashes(tx: ReadTx, changed: Driver) -> bool:
    """Whether another driver has the e-mail address or the reference of a changed one."""
    found = tx.value(
        "SELECT id FROM drivers WHERE tenant = :tenant AND removed_at IS NULL AND id <> :id AND"
        " ((email_folded = :folded AND email_folded <> '') OR (reference = :reference AND reference <> '')) LIMIT 1",
        id=changed.id,
        folded=changed.email.casefold(),
        reference=changed.reference,
    )
    return found is not None


def update_driver(tx: Tx, changed: Driver) -> None:
    """Store a changed driver's particulars and groups."""
    tx.run(
        "UPDATE drivers SET name = :name, email = :email, email_folded = :email_folded, phone = :phone, reference = :reference,"
        " address = :address, language = :language, membership = :membership, preferences = :preferences, note = :note"
        " WHERE id = :id AND tenant = :tenant AND removed_at IS NULL",
        id=changed.id,
        **_texts(changed),
    )
    tx.run("DELETE FROM driver_groups WHERE driver_id = :driver_id AND tenant = :tenant", driver_id=changed.id)
    _set_groups(tx, changed.id, changed.groups)


def set_user(tx: Tx, driver_id: int, user_id: int) -> None:
    """Say who logs in as a driver."""
    tx.run("UPDATE drivers SET user_id = :user_id WHERE id = :driver_id AND tenant = :tenant", driver_id=driver_id, user_id=user_id)


def set_driver_status(tx: Tx, driver_id: int, status: str) -> bool:
    """Block or unblock a driver; False when there is none."""
    touched = tx.run(
        "UPDATE drivers SET status = :status WHERE id = :driver_id AND tenant = :tenant AND removed_at IS NULL",
        driver_id=driver_id,
        status=status,
    )
    return touched > 0


def remove_driver(tx: Tx, driver_id: int) -> None:
    """Take a driver away with vehicles, favourites and grants; the row stays."""
    tx.run(
        "UPDATE drivers SET removed_at = :removed_at WHERE id = :driver_id AND tenant = :tenant",
        driver_id=driver_id,
        removed_at=tx.now,
    )
    tx.run("DELETE FROM vehicles WHERE driver_id = :driver_id AND tenant = :tenant", driver_id=driver_id)
    tx.run("DELETE FROM driver_favourites WHERE driver_id = :driver_id AND tenant = :tenant", driver_id=driver_id)
    tx.run("DELETE FROM grants WHERE driver_id = :driver_id AND tenant = :tenant", driver_id=driver_id)


def restore_driver(tx: Tx, driver_id: int) -> None:
    """Undo ``remove_driver`` for the row itself."""
    tx.run("UPDATE drivers SET removed_at = NULL WHERE id = :driver_id AND tenant = :tenant", driver_id=driver_id)


def has_tokens(tx: ReadTx, driver_id: int) -> bool:
    """Whether a driver has a token."""
    found = tx.value(
        "SELECT 1 FROM tokens WHERE driver_id = :driver_id AND tenant = :tenant AND removed_at IS NULL LIMIT 1", driver_id=driver_id
    )
    return found is not None


# --- rows and nouns -------------------------------------------------------------------------------------------------------------


def _texts(driver: Driver) -> dict[str, Any]:
    return {
        "name": driver.name,
        "email": driver.email,
        "email_folded": driver.email.casefold(),
        "phone": driver.phone,
        "reference": driver.reference,
        "address": driver.address,
        "language": driver.language,
        "membership": driver.membership,
        "preferences": msgspec.json.encode(dict(sorted(driver.preferences.items()))).decode(),
        "note": driver.note,
    }


def _set_groups(tx: Tx, driver_id: int, names: Iterable[str]) -> None:
    tx.many(
        "INSERT INTO driver_groups (tenant, driver_id, name) VALUES (:tenant, :driver_id, :name) ON CONFLICT DO NOTHING",
        [{"driver_id": driver_id, "name": name} for name in names],
    )


def _with_groups(tx: ReadTx, drivers: Sequence[Driver]) -> Sequence[Driver]:
    """The drivers with their groups, in one statement for all."""
    if not drivers:
        return drivers
    ids = {f"id_{number}": each.id for number, each in enumerate(drivers)}
    listed = ", ".join(f":{name}" for name in ids)
    rows = tx.all(
        f"SELECT driver_id, name FROM driver_groups WHERE tenant = :tenant AND driver_id IN ({listed}) ORDER BY name",  # noqa: S608
        **ids,
    )
    groups: dict[int, list[str]] = {}
    for row in rows:
        groups.setdefault(row["driver_id"], []).append(row["name"])
    return [attrs.evolve(each, groups=tuple(groups[each.id])) if each.id in groups else each for each in drivers]


def _driver(row: Row) -> Driver:
    return Driver(**{**row, "preferences": msgspec.json.decode(row["preferences"])})


_BY_PHONE = """
SELECT d.id, d.tenant, d.name, d.language FROM drivers d WHERE d.phone = :phone AND d.phone <> '' AND d.removed_at IS NULL
UNION
SELECT d.id, d.tenant, d.name, d.language FROM users u JOIN drivers d ON d.user_id = u.id
WHERE u.phone = :phone AND u.phone <> '' AND u.phone_verified_at IS NOT NULL AND d.removed_at IS NULL
LIMIT 2"""


def by_phone(tx: ReadTx, phone: str) -> Sequence[Row]:
    """Whoever has this telephone number (E.164), of whatever tenant: id, tenant, name and language; two are as many as it takes to be
    ambiguous."""
    return tx.system("who writes is known by telephone number").all(_BY_PHONE, phone=phone)

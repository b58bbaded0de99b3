"""Verbs on who belongs to a tenant, and with which role."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from csms.core.access import DRIVER, ROLES, SUPPORT, TENANT_OPERATOR, TENANT_OWNER, Principal, permissions_of
from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.ports import ReadTx, Tx
from csms.domain.users.model import Member, User, UserChanged, UserJoined, members_key, user_key
from csms.domain.users.service import logins
from csms.domain.users.store import memberships as store
from csms.domain.users.store import people

LIMITED_TO_STATIONS = frozenset({TENANT_OPERATOR, SUPPORT})
"""Roles that may be kept to some stations."""


@attrs.frozen(slots=True, kw_only=True)
class Neighbours:
    """What this slice needs of slices above it, which it cannot import: whoever composes the server passes it in.

    ``driver_of(tx, user)`` is the id of the driver that a user charges as, found or made. ``stations_among(tx, ids)`` are those of
    the ids that are stations of the transaction's tenant.
    """

    driver_of: Callable[[Tx, User], int]
    stations_among: Callable[[ReadTx, Sequence[int]], frozenset[int]]


def need_member(tx: ReadTx, user_id: int) -> Member:
    """One of the tenant's people. Raises ``NotFound``."""
    found = store.member(tx, user_id)
    if found is None:
        raise NotFound(f"there is no user {user_id}")
    return found


def may_give(who: Principal, role: str) -> None:
    """Refuse to let somebody give (or touch) a role that may do more than they may themselves. Raises ``Invalid`` or ``Refused``."""
    if role not in ROLES:
        raise Invalid(f"role {role!r}: there are {', '.join(ROLES)}", field="role")
    if not {each for each in permissions_of(role) if not each.startswith("me:")} <= who.permissions:  # which keys never have
        raise Refused(f"{who.name} cannot give or change the role {role}, which may do more than {who.name} may")


def checked_stations(tx: ReadTx, neighbours: Neighbours, role: str, station_ids: Sequence[int] | None) -> Sequence[int] | None:
    """The stations that a role may be kept to. Raises ``Invalid``."""
    if station_ids is None:
        return None
    if role not in LIMITED_TO_STATIONS:
        raise Invalid(f"a {role} cannot be kept to some stations", field="stations")
    wanted = sorted(set(station_ids))
    if missing := sorted(set(wanted) - neighbours.stations_among(tx, wanted)):
        raise Invalid(f"there is no station {missing[0]}", field="stations")
    return wanted


def join(tx: Tx, neighbours: Neighbours, user: User, *, role: str, station_ids: Sequence[int] | None = None) -> Member:
    """Make a user a member of the tenant, and a driver where that is the role. Raises ``Conflict`` when they are one already."""
    tx.claim(members_key(tx.tenant))
    if role not in ROLES:
        raise Invalid(f"role {role!r}: there are {', '.join(ROLES)}", field="role")
    stations = checked_stations(tx, neighbours, role, station_ids)
    driver_id = neighbours.driver_of(tx, user) if role == DRIVER else None
    if not store.insert(tx, user.id, role=role, every_station=stations is None, driver_id=driver_id):
        raise Conflict(f"{user.called} belongs to this tenant already")
    store.set_stations(tx, user.id, stations or ())
    tx.emit(UserJoined(tenant=tx.tenant, user_id=user.id, role=role, driver_id=driver_id))
    return need_member(tx, user.id)


def change(
    tx: Tx,
    neighbours: Neighbours,
    who: Principal,
    user_id: int,
    *,
    role: str | None = None,
    station_ids: Sequence[int] | None = None,
    every_station: bool = False,
) -> Member:
    """Change a member's role or stations (None leaves them). Raises ``NotFound``, ``Invalid`` or ``Refused``."""
    tx.claim(members_key(tx.tenant))
    known = need_member(tx, user_id)
    wanted = role or known.role
    may_give(who, known.role)
    may_give(who, wanted)
    if known.role == TENANT_OWNER and wanted != TENANT_OWNER:
        _not_the_last_owner(tx, known)
    limited = None if every_station or wanted not in LIMITED_TO_STATIONS else known.stations
    stations = checked_stations(tx, neighbours, wanted, limited if station_ids is None else station_ids)
    driver_id = known.driver_id
    if wanted == DRIVER and driver_id is None:
        account = people.user(tx, user_id)
        assert account is not None
        driver_id = neighbours.driver_of(tx, account)
    store.update(tx, user_id, role=wanted, every_station=stations is None, driver_id=driver_id)
    store.set_stations(tx, user_id, stations or ())
    for what, differs in (("role", wanted != known.role), ("stations", stations != known.stations)):
        if differs:
            tx.emit(UserChanged(tenant=tx.tenant, user_id=user_id, what=what, role=wanted))
    return need_member(tx, user_id)


def set_disabled(tx: Tx, who: Principal, user_id: int, *, disabled: bool) -> Member:
    """Keep a member out of this tenant, or let them in again; elsewhere they stay what they are. Raises as ``change`` does."""
    tx.claim(members_key(tx.tenant))
    known = need_member(tx, user_id)
    may_give(who, known.role)
    if disabled == (known.disabled_at is not None):
        return known
    if disabled and known.role == TENANT_OWNER:
        _not_the_last_owner(tx, known)
    store.set_disabled(tx, user_id, tx.now if disabled else None)
    tx.emit(UserChanged(tenant=tx.tenant, user_id=user_id, what="disabled" if disabled else "enabled", role=known.role))
    return need_member(tx, user_id)


def leave(tx: Tx, who: Principal, user_id: int) -> None:
    """Take a member out of the tenant; the account stays. Raises as ``change`` does."""
    tx.claim(members_key(tx.tenant))
    known = need_member(tx, user_id)
    if who.user_id != user_id:
        may_give(who, known.role)
    if known.role == TENANT_OWNER:
        _not_the_last_owner(tx, known)
    store.delete(tx, user_id)
    tx.emit(UserChanged(tenant=tx.tenant, user_id=user_id, what="left", role=known.role))


def end_logins(tx: Tx, who: Principal, user_id: int) -> int:
    """End every login of a member, as after the loss of a device; how many. Raises as ``change`` does."""
    tx.claim(*sorted((members_key(tx.tenant), user_key(user_id))))
    may_give(who, need_member(tx, user_id).role)
    return logins.end_all(tx, user_id, "ended")


def _not_the_last_owner(tx: ReadTx, member: Member) -> None:
    if not store.other_owners(tx, member.id):
        raise Refused(f"{member.email or member.phone} is the last owner of this tenant: make somebody else an owner first")

"""What operators do with drivers: a driver that goes is archived, because transactions name it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.ports import ReadTx, Tx
from csms.domain.drivers import store
from csms.domain.drivers.model import (
    ACTIVE,
    BLOCKED,
    Driver,
    DriverChanges,
    NewDriver,
    ProfileChanges,
    TokensChanged,
    driver_key,
    user_key,
)

LONGEST = 200


def need_driver(tx: ReadTx, driver_id: int) -> Driver:
    """A driver of the tenant who is not archived. Raises ``NotFound``."""
    found = store.driver(tx, driver_id)
    if found is None:
        raise NotFound(f"there is no driver {driver_id}")
    return found


def known_driver(tx: ReadTx, driver_id: int) -> Driver:
    """A driver of the tenant, archived or not. Raises ``NotFound``."""
    found = store.driver(tx, driver_id, archived=True)
    if found is None:
        raise NotFound(f"there is no driver {driver_id}")
    return found


def add_driver(tx: Tx, name: str, *, email: str = "", phone: str = "", reference: str = "") -> Driver:
    """Add a driver. Raises ``Invalid``, or ``Conflict`` when the e-mail address or the reference is another driver's."""
    return _insert(
        tx, _tidy(Driver(id=0, name=name, email=email, phone=phone, reference=reference, status=ACTIVE, created_at=tx.now))
    )


def add(tx: Tx, new: NewDriver) -> Driver:
    """Add a driver with all there is to say. Raises like ``add_driver``."""
    return _insert(tx, _tidy(Driver(id=0, status=ACTIVE, created_at=tx.now, **attrs.asdict(new))))


def _insert(tx: Tx, wanted: Driver) -> Driver:
    added = store.insert_driver(tx, wanted)
    if added is None:
        raise Conflict(_taken(wanted))
    return need_driver(tx, added)


def change(tx: Tx, driver_id: int, changes: DriverChanges | ProfileChanges) -> Driver:
    """Change a driver's particulars; what is None stays. Raises ``NotFound``, ``Invalid``, or ``Conflict`` as ``add_driver`` does."""
    tx.claim(driver_key(tx.tenant, driver_id))
    stored = need_driver(tx, driver_id)
    given = {name: value for name, value in attrs.asdict(changes).items() if value is not None}
    wanted = _tidy(attrs.evolve(stored, **given))
    if store.clashes(tx, wanted):
        raise Conflict(_taken(wanted))
    store.update_driver(tx, wanted)
    return need_driver(tx, driver_id)


def block_driver(tx: Tx, driver_id: int) -> None:
    """Block every token of a driver. Raises ``NotFound``."""
    _set_status(tx, driver_id, BLOCKED)


def unblock_driver(tx: Tx, driver_id: int) -> None:
    """Undo ``block_driver``. Raises ``NotFound``."""
    _set_status(tx, driver_id, ACTIVE)


def remove_driver(tx: Tx, driver_id: int) -> None:
    """Archive a driver, without vehicles, favourites and grants; what they charged stays, and names them.

    Raises ``NotFound``, or ``Refused`` while they have tokens.
    """
    tx.claim(driver_key(tx.tenant, driver_id))
    driver = need_driver(tx, driver_id)
    if store.has_tokens(tx, driver_id):
        raise Refused(f"driver {driver.name!r} has tokens; move or remove them first")
    store.remove_driver(tx, driver_id)


def restore_driver(tx: Tx, driver_id: int) -> Driver:
    """Bring an archived driver back, as they were but for vehicles, favourites and grants.

    Raises ``NotFound``, ``Refused`` when they are not archived, ``Conflict`` when another has their e-mail address or reference now.
    """
    tx.claim(driver_key(tx.tenant, driver_id))
    known = known_driver(tx, driver_id)
    if known.archived_at is None:
        raise Refused(f"driver {driver_id} is not archived")
    taken = known.user_id is not None and store.driver_of_user(tx, known.user_id) is not None
    if taken or store.clashes(tx, known):
        raise Conflict(_taken(known))
    store.restore_driver(tx, driver_id)
    return need_driver(tx, driver_id)


def driver_for_user(tx: Tx, user_id: int, *, name: str, email: str = "", phone: str = "", email_verified: bool = False) -> Driver:
    """The driver whom a user charges as; made at the first call, the same at every other.

    A driver whom operators entered with the same e-mail address becomes the user's, but only where the address is ``email_verified``:
    else anybody could charge at another's expense by claiming the address. Such a clash without verification leaves the new driver
    without the address.
    """
    tx.claim(user_key(tx.tenant, user_id))
    known = store.driver_of_user(tx, user_id)
    if known is not None:
        return known
    same = store.driver_by_email(tx, email.strip()) if email.strip() else None
    if same is not None and same.user_id is None and email_verified:
        tx.claim(driver_key(tx.tenant, same.id))
        store.set_user(tx, same.id, user_id)
        return need_driver(tx, same.id)
    wanted = Driver(
        id=0,
        name=name.strip()[:LONGEST] or f"user {user_id}",
        email="" if same is not None else email,
        phone=phone[:LONGEST],
        reference="",
        status=ACTIVE,
        created_at=tx.now,
        user_id=user_id,
    )
    return _insert(tx, _tidy(wanted))


def _set_status(tx: Tx, driver_id: int, status: str) -> None:
    tx.claim(driver_key(tx.tenant, driver_id))
    if not store.set_driver_status(tx, driver_id, status):
        raise NotFound(f"there is no driver {driver_id}")
    tx.emit(TokensChanged(what="driver", name=str(driver_id)))


# --- what is allowed ------------------------------------------------------------------------------------------------------------


def _tidy(driver: Driver) -> Driver:
    """A driver as it may be stored. Raises ``Invalid``."""
    tidy = attrs.evolve(
        driver,
        name=text("name", driver.name),
        email=text("email", driver.email),
        phone=text("phone", driver.phone),
        reference=text("reference", driver.reference),
        membership=text("membership", driver.membership),
        groups=tuple(sorted(_named("groups", driver.groups))),
        preferences=_printable(driver.preferences),
        address=lines("address", driver.address),
        note=lines("note", driver.note),
    )
    if not tidy.name:
        raise Invalid("a driver has a name", field="name")
    if tidy.email and "@" not in tidy.email[1:-1]:
        raise Invalid(f"{tidy.email!r} is no e-mail address", field="email")
    return tidy


def text(field: str, given: str) -> str:
    """One line of text without spaces at its ends. Raises ``Invalid``."""
    given = given.strip()
    if len(given) > LONGEST or not given.isprintable():
        raise Invalid(f"{field} has at most {LONGEST} printable characters", field=field)
    return given


def lines(field: str, given: str) -> str:
    """Text of several lines. Raises ``Invalid``."""
    given = given.strip()
    if not all(each.isprintable() or each in "\n\t" for each in given.replace("\r\n", "\n")):
        raise Invalid(f"{field} has characters that cannot be shown", field=field)
    return given.replace("\r\n", "\n")


def _named(field: str, names: Iterable[str]) -> set[str]:
    found = {text(field, each) for each in names}
    if "" in found:
        raise Invalid(f"{field}: a name has at least one character", field=field)
    return found


def _printable(preferences: Mapping[str, str]) -> dict[str, str]:
    return {text("preferences", name): lines("preferences", value) for name, value in preferences.items()}


def _taken(wanted: Driver) -> str:
    return f"another driver has the e-mail address {wanted.email!r} or the reference {wanted.reference!r}"

"""SQL of people: how they are reached, and what they and their tenant chose."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import msgspec

from csms.core.access import SYSTEM_ADMIN, TENANT_OPERATOR, TENANT_OWNER
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.messages.choices import MessageSettings, Person, Preferences, known_kinds
from csms.domain.messages.model import DRIVER, GUEST, USER
from csms.domain.payments.store import payments

HEAR_ALERTS = (SYSTEM_ADMIN, TENANT_OWNER, TENANT_OPERATOR)
MOST_STAFF = 200
"""People of a tenant who are told of one thing."""


def settings(tx: ReadTx) -> MessageSettings:
    """The settings of the transaction's tenant."""
    text = tx.value("SELECT settings FROM message_settings WHERE tenant = :tenant")
    kept = {} if text is None else msgspec.json.decode(text)
    names = {field.name for field in attrs.fields(MessageSettings)}
    said = {name: value for name, value in kept.items() if name in names}
    return MessageSettings(**{**said, "off": known_kinds(said.get("off", ()))})


def save_settings(tx: Tx, settings: MessageSettings) -> None:
    """Keep the settings of the transaction's tenant."""
    tx.run(
        "INSERT INTO message_settings (tenant, settings) VALUES (:tenant, :settings)"
        " ON CONFLICT (tenant) DO UPDATE SET settings = excluded.settings",
        settings=msgspec.json.encode(attrs.asdict(settings)).decode(),
    )


def preferences(tx: ReadTx, kind: str, who: int) -> Preferences:
    """What somebody chose."""
    text = tx.value(
        "SELECT preferences FROM message_preferences WHERE tenant = :tenant AND person_kind = :kind AND person_id = :who",
        kind=kind,
        who=who,
    )
    return _preferences(text)


def _preferences(text: str | None) -> Preferences:
    if not text:
        return Preferences()
    kept = msgspec.json.decode(text)
    kept["off"] = known_kinds(kept.get("off", ()))
    kept["channels"] = None if kept.get("channels") is None else tuple(kept["channels"])
    return Preferences(**kept)


def save_preferences(tx: Tx, kind: str, who: int, chosen: Preferences) -> None:
    """Keep what somebody chose."""
    tx.run(
        "INSERT INTO message_preferences (tenant, person_kind, person_id, preferences, changed_at)"
        " VALUES (:tenant, :kind, :who, :preferences, :now) ON CONFLICT (tenant, person_kind, person_id)"
        " DO UPDATE SET preferences = excluded.preferences, changed_at = excluded.changed_at",
        kind=kind,
        who=who,
        preferences=msgspec.json.encode(attrs.asdict(chosen)).decode(),
    )


def forget_preferences(tx: Tx, kind: str, who: int) -> None:
    """Forget what somebody chose."""
    tx.run(
        "DELETE FROM message_preferences WHERE tenant = :tenant AND person_kind = :kind AND person_id = :who", kind=kind, who=who
    )


def driver(tx: ReadTx, driver_id: int) -> Person | None:
    """A driver of the tenant, also one who was removed: their last receipt may still be on its way."""
    row = tx.one(
        "SELECT d.id, d.name, d.email, d.phone, d.language, d.removed_at, p.preferences FROM drivers d LEFT JOIN message_preferences p"
        " ON p.tenant = :tenant AND p.person_kind = 'driver' AND p.person_id = d.id WHERE d.tenant = :tenant AND d.id = :driver_id",
        driver_id=driver_id,
    )
    return None if row is None else _person(DRIVER, row, gone=row["removed_at"] is not None)


_USERS = (
    "SELECT u.id, u.name, u.email, u.phone, u.locale AS language, p.preferences FROM memberships m JOIN users u ON u.id = m.user_id"
    " LEFT JOIN message_preferences p ON p.tenant = :tenant AND p.person_kind = 'user' AND p.person_id = u.id WHERE m.tenant = :tenant"
)


def user(tx: ReadTx, user_id: int) -> Person | None:
    """One of the tenant's people, whether or not they may log in."""
    row = tx.one(f"{_USERS} AND u.id = :user_id", user_id=user_id)
    return None if row is None else _person(USER, row)


def guest(tx: ReadTx, payment_id: int) -> Person | None:
    """Whoever pays a payment without an account, by what they gave with it; None where that is forgotten, or a driver pays it."""
    known = payments.guest(tx, payment_id)
    if known is None:
        return None
    return Person(kind=GUEST, id=payment_id, name=known.name, email=known.email, phone=known.phone, language=known.language)


def staff(tx: ReadTx, charger_id: str) -> Sequence[Person]:
    """The people of the tenant who hear of what goes wrong: of a charger (``""`` for none) those who may see it."""
    rows = tx.all(
        f"{_USERS} AND m.role IN (:admin, :owner, :operator) AND m.disabled_at IS NULL AND u.disabled_at IS NULL AND (m.every_station = 1"  # noqa: S608
        " OR EXISTS (SELECT 1 FROM membership_stations s JOIN chargers c ON c.station_id = s.station_id AND c.tenant = :tenant"
        " WHERE s.tenant = :tenant AND s.user_id = u.id AND c.id = :charger_id)) ORDER BY u.id LIMIT :most",
        admin=HEAR_ALERTS[0],
        owner=HEAR_ALERTS[1],
        operator=HEAR_ALERTS[2],
        charger_id=charger_id,
        most=MOST_STAFF,
    )
    return [_person(USER, row) for row in rows]


def _person(kind: str, row: Row, *, gone: bool = False) -> Person:
    return Person(
        kind=kind,
        id=row["id"],
        name=row["name"],
        email=row["email"],
        phone=row["phone"],
        language=row["language"],
        preferences=_preferences(row["preferences"]),
        gone=gone,
    )


@attrs.frozen(slots=True)
class Sender:
    """Who tells: the tenant's name, where it is reached, and what its times and money are in."""

    name: str
    support: str
    currency: str
    time_zone: str


def sender(tx: ReadTx) -> Sender:
    """The transaction's tenant, as its messages say it."""
    row = tx.one("SELECT name, email, phone, currency, time_zone FROM tenants WHERE id = :tenant")
    if row is None:
        return Sender("", "", "INR", "UTC")
    return Sender(row["name"], row["phone"] or row["email"], row["currency"], row["time_zone"])

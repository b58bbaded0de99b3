"""SQL that reads: the tenant's book of tariffs, and what single prices need besides it. Each a fixed number of statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from csms.api.lists import Onward, Stretch, cursor, direction
from csms.api.shapes import structure
from csms.hooks import NotFound, ReadTx, Row

from .bodies import PricesQuery, UsesQuery
from .model import Assignment, Book, Calendar, Customer, Holiday, Kept, PromoCode, PromoUse, Site, SourcePrice
from .rules import Rules
from .sources import Quote, Quotes
from .terms import Terms, Version


def revision(tx: ReadTx) -> int:
    """How often the tenant's tariffs changed."""
    return int(tx.value("SELECT revision FROM plugin_tariff_state WHERE tenant = :tenant") or 0)


def book(tx: ReadTx, known: Book | None = None) -> Book:
    """All that the tenant's prices go by; ``known`` itself where it still holds."""
    now = revision(tx)
    if known is not None and known.revision == now:
        return known
    tariffs = _tariffs(tx)
    calendars = _calendars(tx)
    return Book(
        revision=now,
        tariffs=tariffs,
        assignments=_assignments(tx, tariffs),
        calendars=calendars,
        holidays={name: frozenset(each.day for each in calendar.holidays) for name, calendar in calendars.items()},
        promo_codes=_promo_codes(tx),
    )


def _tariffs(tx: ReadTx) -> dict[int, Kept]:
    versions: dict[int, list[Version]] = {}
    told: dict[int, dict[int, tuple[str, str, int]]] = {}
    for row in tx.all(
        "SELECT tariff_id, number, valid_from_at, rules, note, created_by, created_at FROM plugin_tariff_versions"
        " WHERE tenant = :tenant ORDER BY tariff_id, valid_from_at"
    ):
        made = Version(number=row["number"], valid_from_at=row["valid_from_at"], rules=rules_of(row["rules"]))
        versions.setdefault(row["tariff_id"], []).append(made)
        told.setdefault(row["tariff_id"], {})[made.number] = (row["note"], row["created_by"], row["created_at"])
    rows = tx.all(
        "SELECT id, name, description, currency, tax_inclusive, created_at, changed_at, archived_at FROM plugin_tariff_tariffs"
        " WHERE tenant = :tenant ORDER BY id"
    )
    return {row["id"]: _kept(row, versions.get(row["id"], ()), told.get(row["id"], {})) for row in rows}


def _kept(row: Row, versions: Sequence[Version], told: dict[int, tuple[str, str, int]]) -> Kept:
    terms = Terms(
        id=row["id"],
        name=row["name"],
        currency=row["currency"],
        tax_inclusive=bool(row["tax_inclusive"]),
        versions=tuple(versions),
    )
    return Kept(
        terms=terms,
        description=row["description"],
        created_at=row["created_at"],
        changed_at=row["changed_at"],
        archived_at=row["archived_at"],
        told=told,
    )


def rules_of(text: str) -> Rules:
    """Rules as they are stored."""
    return structure(msgspec.json.decode(text), Rules)


def _assignments(tx: ReadTx, tariffs: dict[int, Kept]) -> tuple[Assignment, ...]:
    rows = tx.all(
        "SELECT id, tariff_id, level, station_id, charger_id, evse, connector, driver_group, valid_from_at, valid_until_at,"
        " created_at FROM plugin_tariff_assignments WHERE tenant = :tenant ORDER BY id"
    )
    return tuple(
        Assignment(**{**row, "station_id": row["station_id"] or None}, tariff=tariffs[row["tariff_id"]].terms.name) for row in rows
    )


def _calendars(tx: ReadTx) -> dict[str, Calendar]:
    days: dict[int, list[Holiday]] = {}
    for row in tx.all("SELECT calendar_id, day, name FROM plugin_tariff_holidays WHERE tenant = :tenant ORDER BY calendar_id, day"):
        days.setdefault(row["calendar_id"], []).append(Holiday(day=row["day"], name=row["name"]))
    rows = tx.all("SELECT id, name, created_at FROM plugin_tariff_calendars WHERE tenant = :tenant ORDER BY id")
    return {row["name"]: Calendar(**row, holidays=tuple(days.get(row["id"], ()))) for row in rows}


def _promo_codes(tx: ReadTx) -> dict[int, PromoCode]:
    rows = tx.all(
        "SELECT id, code, name, percent, amount, off, below_minimum, tariff_id, valid_from_at, valid_until_at, max_uses,"
        " max_uses_per_driver, created_at, closed_at FROM plugin_tariff_promo_codes WHERE tenant = :tenant ORDER BY id"
    )
    return {row["id"]: _promo_code(row) for row in rows}


def _promo_code(row: Row) -> PromoCode:
    said: dict[str, Any] = dict(row)
    said["on"] = said.pop("off")
    said["percent"], said["amount"] = (Decimal(said[name]) if said[name] else None for name in ("percent", "amount"))
    said["below_minimum"] = bool(said["below_minimum"])
    return PromoCode(**said, uses=0)


# --- promo codes ----------------------------------------------------------------------------------------------------------------


def uses(tx: ReadTx) -> dict[int, int]:
    """How often each code was used."""
    rows = tx.all(
        "SELECT promo_code_id, count(*) AS uses FROM plugin_tariff_promo_uses WHERE tenant = :tenant GROUP BY promo_code_id"
    )
    return {row["promo_code_id"]: row["uses"] for row in rows}


def use_counts(tx: ReadTx, promo_code_id: int, driver_id: int | None, transaction_id: int | None) -> tuple[int, int, bool]:
    """How often a code was used, how often by a driver, and whether for this very charge."""
    row = tx.one(
        "SELECT count(*) AS used, coalesce(sum(CASE WHEN driver_id = :driver_id THEN 1 ELSE 0 END), 0) AS by_driver,"
        " coalesce(max(CASE WHEN transaction_id = :transaction_id THEN 1 ELSE 0 END), 0) AS here"
        " FROM plugin_tariff_promo_uses WHERE tenant = :tenant AND promo_code_id = :promo_code_id",
        promo_code_id=promo_code_id,
        driver_id=driver_id or 0,
        transaction_id=transaction_id or 0,
    )
    assert row is not None
    return int(row["used"]), int(row["by_driver"]), bool(row["here"])


def held(tx: ReadTx, driver_id: int) -> list[int]:
    """The codes that a driver entered, the latest first."""
    rows = tx.all(
        "SELECT promo_code_id FROM plugin_tariff_promo_holders WHERE tenant = :tenant AND driver_id = :driver_id"
        " ORDER BY added_at DESC, promo_code_id DESC",
        driver_id=driver_id,
    )
    return [row["promo_code_id"] for row in rows]


def promo_uses(tx: ReadTx, promo_code_id: int, query: UsesQuery) -> Stretch[PromoUse]:
    """Charges whose final price a code lowered, in the query's direction. Raises ``Invalid`` for the cursor."""
    sql = (
        "SELECT transaction_id, driver_id, used_at, transaction_id AS place FROM plugin_tariff_promo_uses"
        " WHERE tenant = :tenant AND promo_code_id = :promo_code_id"
    )
    wanted = {"driver_id": ("driver_id = :driver_id", query.driver_id)}
    rows, following = _stretch(tx, sql, "transaction_id", query, wanted, promo_code_id=promo_code_id)
    return Stretch(items=[PromoUse(**row) for row in rows], limit=query.limit, next=following)


def _stretch(
    tx: ReadTx, sql: str, column: str, query: Onward, wanted: Mapping[str, tuple[str, int | None]], **values: Any
) -> tuple[list[dict[str, Any]], str | None]:
    """Rows from the query's cursor on, in its direction, and the cursor that goes on; ``sql`` selects the column as ``place``, too."""
    way = direction(query)
    for name, (condition, value) in wanted.items():
        if value is not None:
            sql += f" AND {condition}"
            values[name] = value
    if query.after is not None:
        sql += f" AND {column} {way.beyond} :after"
        (values["after"],) = cursor(query.after)
    found = [dict(row) for row in tx.all(f"{sql} ORDER BY {column} {way.order} LIMIT :limit", limit=query.limit + 1, **values)]
    rows = found[: query.limit]
    places = [row.pop("place") for row in rows]
    return rows, str(places[-1]) if len(found) > query.limit else None


# --- prices from outside --------------------------------------------------------------------------------------------------------


def quotes(tx: ReadTx, sources: Iterable[str], from_at: int, to_at: int) -> dict[str, Quotes]:
    """What sources told for a stretch of time."""
    return {
        source: Quotes(
            Quote(row["from_at"], row["to_at"], Decimal(row["price"]))
            for row in tx.all(
                "SELECT from_at, to_at, price FROM plugin_tariff_prices"
                " WHERE tenant = :tenant AND source = :source AND from_at <= :until_at AND to_at > :since_at",
                source=source,
                since_at=from_at,
                until_at=to_at,
            )
        )
        for source in sorted(sources)
    }


def prices(tx: ReadTx, source: str, query: PricesQuery) -> Stretch[SourcePrice]:
    """What a source told, by when it begins to hold, in the query's direction. Raises ``Invalid`` for the cursor."""
    sql = (
        "SELECT source, from_at, to_at, price, told_by, told_at, from_at AS place FROM plugin_tariff_prices"
        " WHERE tenant = :tenant AND source = :source"
    )
    wanted = {"since_at": ("from_at >= :since_at", query.from_at), "until_at": ("from_at < :until_at", query.to_at)}
    rows, following = _stretch(tx, sql, "from_at", query, wanted, source=source)
    items = [SourcePrice(**{**row, "price": Decimal(row["price"])}) for row in rows]
    return Stretch(items=items, limit=query.limit, next=following)


def told_sources(tx: ReadTx) -> Sequence[Row]:
    """The sources that told prices, with how many and the last."""
    return tx.all(
        "SELECT s.source, s.prices, p.from_at, p.to_at, p.price FROM"
        " (SELECT source, count(*) AS prices, max(from_at) AS last_at FROM plugin_tariff_prices"
        " WHERE tenant = :tenant GROUP BY source) s"
        " JOIN plugin_tariff_prices p ON p.tenant = :tenant AND p.source = s.source AND p.from_at = s.last_at ORDER BY s.source"
    )


def tenants_with_old_prices(tx: ReadTx, before_at: int) -> list[int]:
    """The tenants whose prices reach back further than that."""
    rows = tx.system("every tenant's old prices are forgotten").all(
        "SELECT DISTINCT tenant FROM plugin_tariff_prices WHERE from_at < :before_at ORDER BY tenant", before_at=before_at
    )
    return [row["tenant"] for row in rows]


# --- the core's facts -----------------------------------------------------------------------------------------------------------


def customer(tx: ReadTx, driver_id: int) -> Customer:
    """A driver. Raises ``NotFound``."""
    row = tx.one(
        "SELECT membership FROM drivers WHERE tenant = :tenant AND id = :driver_id AND removed_at IS NULL", driver_id=driver_id
    )
    if row is None:
        raise NotFound(f"there is no driver {driver_id}")
    groups = tx.all(
        "SELECT name FROM driver_groups WHERE tenant = :tenant AND driver_id = :driver_id ORDER BY name", driver_id=driver_id
    )
    return Customer(driver_id=driver_id, membership=row["membership"], groups=tuple(each["name"] for each in groups))


_PLACE = "coalesce(nullif(s.time_zone, ''), t.time_zone) AS time_zone, coalesce(s.state, '') AS state, coalesce(s.country, '') AS country"


def site(tx: ReadTx, charger_id: str, evse: int = 0, connector: int = 0) -> Site:
    """A charger, or a connector of it. Raises ``NotFound``."""
    row = tx.one(
        f"SELECT c.station_id, {_PLACE} FROM chargers c JOIN tenants t ON t.id = :tenant"  # noqa: S608 (our own text)
        " LEFT JOIN stations s ON s.id = c.station_id"
        " WHERE c.tenant = :tenant AND c.id = :charger_id AND c.removed_at IS NULL",
        charger_id=charger_id,
    )
    if row is None:
        raise NotFound(f"there is no charger {charger_id!r}")
    known = tx.one(
        "SELECT type, current_type, max_power_w FROM connector_details WHERE tenant = :tenant AND charger_id = :charger_id"
        " AND evse = :evse AND (connector = :connector OR :connector = 0) ORDER BY connector LIMIT 1",
        charger_id=charger_id,
        evse=evse,
        connector=connector,
    )
    return Site(
        **row,
        charger_id=charger_id,
        evse=evse,
        connector=connector,
        connector_type=known["type"] if known else "",
        current_type=known["current_type"] if known else "",
        max_power_w=known["max_power_w"] if known else None,
    )


def station(tx: ReadTx, station_id: int | None) -> Site:
    """A station, or with None nowhere in particular: where the tenant is. Raises ``NotFound``."""
    row = tx.one(
        f"SELECT s.id AS station_id, {_PLACE} FROM tenants t"  # noqa: S608 (our own text)
        " LEFT JOIN stations s ON s.tenant = :tenant AND s.id = :station_id WHERE t.id = :tenant",
        station_id=station_id or 0,
    )
    if row is None or (station_id is not None and row["station_id"] is None):
        raise NotFound(f"there is no station {station_id}")
    return Site(**row, charger_id="", evse=0, connector=0)


def currency(tx: ReadTx) -> str:
    """The tenant's currency."""
    return str(tx.value("SELECT currency FROM tenants WHERE id = :tenant"))


def behind_code(tx: ReadTx, code: str) -> tuple[int, str, int, int] | None:
    """Tenant, charger and connector behind the code of a QR sticker, whoever's it is."""
    row = tx.system("whoever scans a code is of no tenant yet").one(
        "SELECT d.tenant, d.charger_id, d.evse, d.connector FROM connector_details d JOIN chargers c ON c.id = d.charger_id"
        " WHERE d.qr_code = :code AND c.removed_at IS NULL",
        code=code,
    )
    return None if row is None else (row["tenant"], row["charger_id"], row["evse"], row["connector"])


def missing_place(tx: ReadTx, *, station_id: int | None, charger_id: str) -> str:
    """What of a place is not there, in words; ``""`` where all is."""
    if station_id is not None and tx.value("SELECT 1 FROM stations WHERE tenant = :tenant AND id = :id", id=station_id) is None:
        return f"station_id: there is no station {station_id}"
    if charger_id:
        sql = "SELECT 1 FROM chargers WHERE tenant = :tenant AND id = :id AND removed_at IS NULL"
        if tx.value(sql, id=charger_id) is None:
            return f"charger_id: there is no charger {charger_id!r}"
    return ""

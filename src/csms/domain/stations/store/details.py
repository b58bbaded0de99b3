"""SQL of chargers as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from csms.core.paging import Page
from csms.core.ports import ReadTx, Row
from csms.domain.listing import Listing, found_in, page
from csms.domain.stations.model import (
    ChargerDetail,
    ChargerItem,
    ChargerLink,
    ChargerOddity,
    ChargerQuery,
    ConnectorState,
    OddityQuery,
    kilowatts,
)

from .chargers import facts_of, flag
from .connector_details import states_of

_ODDITIES_SHOWN = 20

_LISTED: dict[str, Any] = {
    "columns": "c.id",
    "filters": {
        "station_id": "c.station_id = :station_id",
        "stations": "c.station_id IN ({stations})",
        "status": "EXISTS (SELECT 1 FROM connectors k WHERE k.tenant = :tenant AND k.status = :status AND k.charger_id = c.id)",
        "online": "c.connection_id <> ''",
        "offline": "c.connection_id = ''",
        "approval": "c.approval = :approval",
        "undecided": "c.approval <> 'accepted'",  # what the index of chargers to be decided about asks for
        "protocol": "c.protocol = :protocol",
        "vendor": "c.vendor = :vendor",
        "model": "c.model = :model",
        "warranty_before": "c.warranty_until <> '' AND c.warranty_until < :warranty_before",
    },
    "search": f"c.id IN {found_in('chargers')}",
    "sorts": {
        "id": "c.id",
        "name": "c.name",
        "created_at": "c.created_at",
        "last_seen_at": "coalesce(seen.last_seen_at, 0)",
        "vendor": "c.vendor",
    },
    "unique": "c.id",
}
_PRESENT = "c.tenant = :tenant AND c.removed_at IS NULL"
_ARCHIVED = "c.tenant = :tenant AND c.removed_at IS NOT NULL"
_SEEN = "chargers c LEFT JOIN charger_seen seen ON seen.charger_id = c.id"

_LISTINGS = {
    (archived, by_seen): Listing(source=f"{_SEEN if by_seen else 'chargers c'} WHERE {which}", count_source=f"chargers c WHERE {which}", **_LISTED)
    for archived, which in ((False, _PRESENT), (True, _ARCHIVED))
    for by_seen in (False, True)
}  # fmt: skip
"""By whether chargers are archived, and whether the order asks when they were last seen."""

_ROWS = """
SELECT c.*, s.name AS station_name, seen.last_seen_at, w.status AS whole_status, m.id AS model_entry_id, m.max_power_w, m.quirks_note,
    keys.origin AS key_origin,
    (SELECT count(*) FROM charger_key_offers o WHERE o.charger_id = c.id AND o.tenant = :tenant) AS keys_offered
FROM chargers c
    LEFT JOIN charger_seen seen ON seen.charger_id = c.id
    LEFT JOIN stations s ON s.id = c.station_id
    LEFT JOIN connectors w ON w.charger_id = c.id AND w.evse = 0 AND w.connector = 0
    LEFT JOIN charger_keys keys ON keys.charger_id = c.id
    LEFT JOIN charger_models m ON m.id = coalesce(c.model_id, (SELECT x.id FROM charger_models x
        WHERE x.tenant = c.tenant AND x.vendor_folded = lower(c.vendor) AND x.model_folded = lower(c.model)))
WHERE c.tenant = :tenant"""


def page_of_chargers(tx: ReadTx, query: ChargerQuery, stations: frozenset[int] | None = None) -> Page[ChargerItem]:
    """A page of chargers, of those at the stations that the caller may see. Four statements.

    Only ids are counted, filtered and sorted; everything else is read for those that are shown.
    """
    listing = _LISTINGS[query.archived, query.sort.removeprefix("-") == "last_seen_at"]
    fixed: dict[str, Any] = {"stations": stations}
    if query.connected is not None:
        fixed["online" if query.connected else "offline"] = True
    if query.approval not in (None, "accepted"):
        fixed["undecided"] = True
    found = page(tx, listing, query, lambda row: str(row["id"]), **fixed)
    return Page(items=_items(tx, found.items), page=found.page, limit=found.limit, total=found.total)


def _items(tx: ReadTx, charger_ids: Sequence[str]) -> list[ChargerItem]:
    if not charger_ids:
        return []
    names = {f"charger_{number}": charger_id for number, charger_id in enumerate(charger_ids)}
    rows = tx.all(f"{_ROWS} AND c.id IN ({', '.join(f':{name}' for name in names)})", **names)
    by_id = {row["id"]: row for row in rows}
    states = states_of(tx, charger_ids)
    return [ChargerItem(**_item(by_id[each], states.get(each, ()))) for each in charger_ids]


def charger_detail(tx: ReadTx, charger_id: str) -> ChargerDetail | None:
    """One charger, archived or not, without what is only reckoned (quirks, required profile). Three statements."""
    row = tx.one(_ROWS + " AND c.id = :charger_id", charger_id=charger_id)
    if row is None:
        return None
    return ChargerDetail(
        **_item(row, states_of(tx, [charger_id]).get(charger_id, ())),
        facts=facts_of(row),
        model_id=row["model_id"],
        model_quirks_note=row["quirks_note"] or "",
        note=row["note"],
        installed_on=row["installed_on"],
        heartbeat_interval_s=row["heartbeat_interval_s"],
        answers_pings=flag(row["answers_pings"]),
        subprotocol_fallback=row["subprotocol_fallback"],
        clock_drift_ms=row["clock_drift_ms"],
        key_origin=row["key_origin"] or "",
        keys_offered=row["keys_offered"],
        security_profile=row["security_profile"],
        security_profile_used=row["security_profile_used"],
        connection=_link(row),
        oddities=tuple(page_of_oddities(tx, OddityQuery(limit=_ODDITIES_SHOWN), charger_id).items),
    )


_ODDITIES = Listing(
    columns="charger_id, rule, field, count, example, first_seen_at, last_seen_at",
    source="oddities WHERE tenant = :tenant",
    filters={"charger_id": "charger_id = :charger_id", "rule": "rule = :rule"},
    search="lower(rule) LIKE :search ESCAPE '!' OR lower(field) LIKE :search ESCAPE '!' OR lower(example) LIKE :search ESCAPE '!'",
    sorts={"count": "count", "last_seen_at": "last_seen_at", "first_seen_at": "first_seen_at"},
    unique="charger_id, rule, field",
)


def page_of_oddities(tx: ReadTx, query: OddityQuery, charger_id: str) -> Page[ChargerOddity]:
    """A page of what a charger does wrong. Two statements."""
    return page(tx, _ODDITIES, query, lambda row: ChargerOddity(**row), charger_id=charger_id)


def _item(row: Row, connectors: tuple[ConnectorState, ...]) -> Mapping[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "station_id": row["station_id"],
        "station_name": row["station_name"] or "",
        "location": row["location"],
        "approval": row["approval"],
        "registration": row["registration"],
        "status": row["whole_status"] or "",
        "connected": row["connection_id"] != "",
        "connected_at": row["connected_at"],
        "last_seen_at": row["last_seen_at"],
        "protocol": row["protocol"],
        "vendor": row["vendor"],
        "model": row["model"],
        "serial": row["serial"] or row["duplicate_serial"],
        "firmware": row["firmware"],
        "mac": row["mac"],
        "model_entry_id": row["model_entry_id"],
        "max_power_w": row["max_power_w"],
        "capacity_kw": kilowatts(row["max_power_w"]),
        "warranty_until": row["warranty_until"],
        "created_at": row["created_at"],
        "archived_at": row["removed_at"],
        "connectors": connectors,
    }


def _link(row: Row) -> ChargerLink | None:
    if not row["connection_id"]:
        return None
    return ChargerLink(
        connection_id=row["connection_id"],
        connected_at=row["connected_at"],
        protocol=row["protocol"],
        remote_address=row["remote_address"],
        security_profile=row["security_profile_used"],
    )

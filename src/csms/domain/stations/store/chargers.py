"""SQL of chargers: their rows, connections, and the lists of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from csms.core.ids import TenantId
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.stations.model import Charger, ChargerFacts, Gate

# --- the handshake --------------------------------------------------------------------------------------------------------------

_GATE = """
SELECT c.id, c.tenant, c.approval, c.registration, c.heartbeat_interval_s, c.answers_pings, c.subprotocol_fallback,
    c.vendor, c.model, c.firmware, t.time_zone, t.closed_at, c.security_profile, c.security_profile_used, k.sealed, o.sealed AS offered
FROM chargers c JOIN tenants t ON t.id = c.tenant LEFT JOIN charger_keys k ON k.charger_id = c.id
    LEFT JOIN charger_key_offers o ON o.charger_id = c.id AND (o.expires_at IS NULL OR o.expires_at > :now)
WHERE c.id = :charger_id AND c.removed_at IS NULL
ORDER BY o.id"""


def gate(tx: ReadTx, charger_id: str) -> Gate | None:
    """What the handshake must know about a charger, whosever it is; None for one that nobody added."""
    rows = tx.system("a charger is looked up by its id before its tenant is known").all(_GATE, charger_id=charger_id, now=tx.now)
    if not rows:
        return None
    row = rows[0]
    return Gate(
        charger_id=row["id"],
        tenant=TenantId(row["tenant"]),
        approval=row["approval"],
        registration=row["registration"],
        sealed=row["sealed"] or "",
        offered=tuple(each["offered"] for each in rows if each["offered"]),
        security_profile=row["security_profile"],
        security_profile_used=row["security_profile_used"],
        heartbeat_interval_s=row["heartbeat_interval_s"],
        answers_pings=flag(row["answers_pings"]),
        subprotocol_fallback=row["subprotocol_fallback"],
        vendor=row["vendor"],
        model=row["model"],
        firmware=row["firmware"],
        time_zone=row["time_zone"],
        closed=row["closed_at"] is not None,
    )


def pending_count(tx: ReadTx) -> int:
    """How many chargers of the tenant wait for an operator's decision."""
    found = tx.value(
        "SELECT count(*) FROM chargers"
        " WHERE tenant = :tenant AND approval = 'pending' AND approval <> 'accepted' AND removed_at IS NULL"
    )
    return int(found)


# --- adding, changing, removing -------------------------------------------------------------------------------------------------

_INSERT = """
INSERT INTO chargers (id, tenant, station_id, name, approval, security_profile, created_at)
VALUES (:charger_id, :tenant, :station_id, :name, :approval, :security_profile, :created_at)
ON CONFLICT (id) DO UPDATE SET
    tenant = excluded.tenant, station_id = excluded.station_id, name = excluded.name, approval = excluded.approval,
    created_at = excluded.created_at, removed_at = NULL, registration = '', vendor = '', model = '', serial = '',
    duplicate_serial = '', firmware = '', iccid = '', imsi = '', meter_type = '', meter_serial = '', mac = '', boot_reason = '',
    booted_at = NULL, protocol = '', heartbeat_interval_s = NULL, answers_pings = NULL, subprotocol_fallback = '',
    clock_drift_ms = NULL, connection_id = '', connected_at = NULL, remote_address = '',
    security_profile = excluded.security_profile, security_profile_used = NULL, model_id = NULL, location = '', note = '',
    installed_on = '', warranty_until = ''
WHERE chargers.removed_at IS NOT NULL
RETURNING id"""


def insert_charger(
    tx: Tx, charger_id: str, *, station_id: int | None, name: str, approval: str, security_profile: int | None = None
) -> bool:
    """Add a charger, or begin anew with one that was removed; False when the id is in use."""
    added = tx.value(
        _INSERT,
        charger_id=charger_id,
        station_id=station_id,
        name=name,
        approval=approval,
        security_profile=security_profile,
        created_at=tx.now,
    )
    if added is None:
        return False
    tx.run(
        """
        INSERT INTO charger_seen (charger_id, tenant) VALUES (:charger_id, :tenant)
        ON CONFLICT (charger_id) DO UPDATE SET tenant = excluded.tenant, last_seen_at = NULL""",
        charger_id=charger_id,
    )
    return True


def remove_charger(tx: Tx, charger_id: str) -> bool:
    """Take a charger away with its key and its places; its row, its history and its frames stay. False when there is none."""
    touched = tx.run(
        """
        UPDATE chargers SET removed_at = :removed_at, station_id = NULL, connection_id = '', connected_at = NULL
        WHERE id = :charger_id AND tenant = :tenant AND removed_at IS NULL""",
        charger_id=charger_id,
        removed_at=tx.now,
    )
    if not touched:
        return False
    for sql in _REMOVE_WITH:
        tx.run(sql, charger_id=charger_id)
    return True


_REMOVE_WITH = (
    "DELETE FROM charger_keys WHERE charger_id = :charger_id AND tenant = :tenant",
    "DELETE FROM charger_key_offers WHERE charger_id = :charger_id AND tenant = :tenant",
    "DELETE FROM connectors WHERE charger_id = :charger_id AND tenant = :tenant",
    "DELETE FROM connector_details WHERE charger_id = :charger_id AND tenant = :tenant",
    "DELETE FROM evses WHERE charger_id = :charger_id AND tenant = :tenant",
    "DELETE FROM oddities WHERE charger_id = :charger_id AND tenant = :tenant",
)

_CHANGE = {
    column: f"UPDATE chargers SET {column} = :value WHERE id = :charger_id AND tenant = :tenant AND removed_at IS NULL"  # noqa: S608 (a closed list of columns)
    for column in (
        "name",
        "station_id",
        "approval",
        "heartbeat_interval_s",
        "subprotocol_fallback",
        "mac",
        "security_profile",
        "model_id",
        "location",
        "note",
        "installed_on",
        "warranty_until",
    )
}


def change(tx: Tx, charger_id: str, column: str, value: str | int | None) -> bool:
    """Set one of the columns that an operator may set; False when there is no such charger."""
    return tx.run(_CHANGE[column], charger_id=charger_id, value=value) > 0


def approval_of(tx: ReadTx, charger_id: str) -> Row | None:
    """``approval`` and ``registration`` of a charger, None when there is none."""
    return tx.one(
        "SELECT approval, registration FROM chargers WHERE id = :charger_id AND tenant = :tenant AND removed_at IS NULL",
        charger_id=charger_id,
    )


def security_of(tx: ReadTx, charger_id: str) -> Row | None:
    """``security_profile`` and ``security_profile_used`` of a charger, None when there is none."""
    return tx.one(
        "SELECT security_profile, security_profile_used FROM chargers"
        " WHERE id = :charger_id AND tenant = :tenant AND removed_at IS NULL",
        charger_id=charger_id,
    )


def save_security_used(tx: Tx, charger_id: str, profile: int) -> None:
    """Store with which security profile a charger logged in."""
    tx.run(
        "UPDATE chargers SET security_profile_used = :profile WHERE id = :charger_id AND tenant = :tenant",
        charger_id=charger_id,
        profile=profile,
    )


# --- what a charger tells of itself ---------------------------------------------------------------------------------------------


def boot_facts(tx: ReadTx, charger_id: str) -> Row | None:
    """What a boot must know: approval, registration, own heartbeat interval, and the facts it may change."""
    return tx.one(
        """
        SELECT approval, registration, heartbeat_interval_s, vendor, serial, duplicate_serial, firmware
        FROM chargers WHERE id = :charger_id AND tenant = :tenant AND removed_at IS NULL""",
        charger_id=charger_id,
    )


def serial_owner(tx: ReadTx, vendor: str, serial: str) -> str | None:
    """The charger that has this serial number of this vendor."""
    found: str | None = tx.value(
        "SELECT id FROM chargers WHERE tenant = :tenant AND vendor = :vendor AND serial = :serial AND serial <> ''"
        " AND removed_at IS NULL",
        vendor=vendor,
        serial=serial,
    )
    return found


_BOOT = """
UPDATE chargers SET registration = :registration, vendor = :vendor, model = :model, serial = :serial,
    duplicate_serial = :duplicate_serial, firmware = :firmware, iccid = :iccid, imsi = :imsi, meter_type = :meter_type,
    meter_serial = :meter_serial, boot_reason = :boot_reason, booted_at = :booted_at
WHERE id = :charger_id AND tenant = :tenant"""


def save_boot(tx: Tx, charger_id: str, facts: ChargerFacts, registration: str) -> None:
    """Store what a charger said at boot and what it was told."""
    tx.run(
        _BOOT,
        charger_id=charger_id,
        registration=registration,
        vendor=facts.vendor,
        model=facts.model,
        serial=facts.serial,
        duplicate_serial=facts.duplicate_serial,
        firmware=facts.firmware,
        iccid=facts.iccid,
        imsi=facts.imsi,
        meter_type=facts.meter_type,
        meter_serial=facts.meter_serial,
        boot_reason=facts.boot_reason,
        booted_at=facts.booted_at,
    )


def save_drift(tx: Tx, charger_id: str, drift_ms: int) -> None:
    """Store how far a charger's clock was ahead of ours."""
    tx.run(
        "UPDATE chargers SET clock_drift_ms = :drift WHERE id = :charger_id AND tenant = :tenant",
        charger_id=charger_id,
        drift=drift_ms,
    )


def save_pongs(tx: Tx, charger_id: str, answers: bool) -> None:
    """Store whether a charger answers WebSocket pings."""
    tx.run(
        "UPDATE chargers SET answers_pings = :answers WHERE id = :charger_id AND tenant = :tenant",
        charger_id=charger_id,
        answers=int(answers),
    )


# --- connections ----------------------------------------------------------------------------------------------------------------

LAST_SEEN_UPDATE = "UPDATE charger_seen SET last_seen_at = :at WHERE charger_id = :charger_id AND tenant = :tenant"
"""For ``Database.append``, with ``last_seen_rows``."""


def last_seen_rows(tenant: TenantId, seen: Mapping[str, int]) -> list[dict[str, Any]]:
    """Rows for ``LAST_SEEN_UPDATE``: charger ids and when each was last heard, sorted so that two batches lock in one order."""
    return [{"tenant": tenant, "charger_id": charger_id, "at": seen[charger_id]} for charger_id in sorted(seen)]


def link_up(tx: Tx, charger_id: str, *, connection_id: str, connected_at: int, protocol: str, remote_address: str) -> bool:
    """Store that a charger is connected; False when there is no such charger (any more)."""
    touched = tx.run(
        """
        UPDATE chargers SET connection_id = :connection_id, connected_at = :connected_at, protocol = :protocol,
            remote_address = :remote_address
        WHERE id = :charger_id AND tenant = :tenant AND removed_at IS NULL""",
        charger_id=charger_id,
        connection_id=connection_id,
        connected_at=connected_at,
        protocol=protocol,
        remote_address=remote_address,
    )
    return touched > 0


def link_down(tx: Tx, charger_id: str, connection_id: str) -> bool:
    """Store that a connection ended; False when the charger has a newer one, or none."""
    touched = tx.run(
        """
        UPDATE chargers SET connection_id = '', connected_at = NULL
        WHERE id = :charger_id AND tenant = :tenant AND connection_id = :connection_id""",
        charger_id=charger_id,
        connection_id=connection_id,
    )
    return touched > 0


def connected_chargers(tx: ReadTx) -> Sequence[Row]:
    """``id`` and ``connection_id`` of every charger of the tenant that is connected, as far as the store knows."""
    return tx.all("SELECT id, connection_id FROM chargers WHERE tenant = :tenant AND connection_id <> '' ORDER BY id")


def forget_connections(tx: Tx) -> None:
    """Store that no charger of the tenant is connected."""
    tx.run("UPDATE chargers SET connection_id = '', connected_at = NULL WHERE tenant = :tenant AND connection_id <> ''")


# --- lists ----------------------------------------------------------------------------------------------------------------------

_SELECT = """
SELECT c.id, c.name, c.station_id, c.approval, c.registration, c.vendor, c.model, c.serial, c.duplicate_serial, c.firmware, c.iccid,
    c.imsi, c.meter_type, c.meter_serial, c.mac, c.boot_reason, c.booted_at, c.protocol, c.heartbeat_interval_s, c.answers_pings,
    c.subprotocol_fallback, c.clock_drift_ms, c.connection_id, c.connected_at, c.remote_address, c.created_at, s.last_seen_at,
    k.origin AS key_origin, c.security_profile, c.security_profile_used,
    c.model_id, c.location, c.note, c.installed_on, c.warranty_until,
    (SELECT count(*) FROM charger_key_offers o WHERE o.charger_id = c.id AND o.tenant = :tenant) AS keys_offered
FROM chargers c LEFT JOIN charger_seen s ON s.charger_id = c.id LEFT JOIN charger_keys k ON k.charger_id = c.id
WHERE c.tenant = :tenant AND c.removed_at IS NULL"""


def charger(tx: ReadTx, charger_id: str) -> Charger | None:
    """One charger of the tenant."""
    row = tx.one(_SELECT + " AND c.id = :charger_id", charger_id=charger_id)
    return None if row is None else _charger(row)


def list_chargers(
    tx: ReadTx,
    *,
    after: str = "",
    limit: int = 100,
    station_id: int | None = None,
    approval: str | None = None,
    connected: bool | None = None,
) -> list[Charger]:
    """Chargers of the tenant by id, a page of ``limit`` after the id ``after``."""
    where, parameters = [_SELECT, "c.id > :after"], {"after": after, "limit": limit}
    if station_id is not None:
        where.append("c.station_id = :station_id")
        parameters["station_id"] = station_id
    if approval is not None:
        where.append("c.approval = :approval" + ("" if approval == "accepted" else " AND c.approval <> 'accepted'"))
        parameters["approval"] = approval
    if connected is not None:
        where.append("c.connection_id <> ''" if connected else "c.connection_id = ''")
    return [_charger(row) for row in tx.all(" AND ".join(where) + " ORDER BY c.id LIMIT :limit", **parameters)]


def flag(value: int | None) -> bool | None:
    """A stored flag; None where nobody knows."""
    return None if value is None else bool(value)


def facts_of(row: Row) -> ChargerFacts:
    """What a charger said of itself at its last boot."""
    return ChargerFacts(
        vendor=row["vendor"],
        model=row["model"],
        serial=row["serial"],
        duplicate_serial=row["duplicate_serial"],
        firmware=row["firmware"],
        iccid=row["iccid"],
        imsi=row["imsi"],
        meter_type=row["meter_type"],
        meter_serial=row["meter_serial"],
        mac=row["mac"],
        boot_reason=row["boot_reason"],
        booted_at=row["booted_at"],
    )


def _charger(row: Row) -> Charger:
    return Charger(
        id=row["id"],
        name=row["name"],
        station_id=row["station_id"],
        approval=row["approval"],
        registration=row["registration"],
        facts=facts_of(row),
        protocol=row["protocol"],
        heartbeat_interval_s=row["heartbeat_interval_s"],
        answers_pings=flag(row["answers_pings"]),
        subprotocol_fallback=row["subprotocol_fallback"],
        clock_drift_ms=row["clock_drift_ms"],
        connection_id=row["connection_id"],
        connected_at=row["connected_at"],
        remote_address=row["remote_address"],
        last_seen_at=row["last_seen_at"],
        key_origin=row["key_origin"] or "",
        keys_offered=row["keys_offered"],
        security_profile=row["security_profile"],
        security_profile_used=row["security_profile_used"],
        created_at=row["created_at"],
        model_id=row["model_id"],
        location=row["location"],
        note=row["note"],
        installed_on=row["installed_on"],
        warranty_until=row["warranty_until"],
    )

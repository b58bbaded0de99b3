"""SQL of chargers' certificates."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, at_chargers, first, page
from csms.domain.security.model import ChargerCertificate
from csms.domain.security.shown import CERTIFICATE_NAMES, CertificateItem, CertificatesQuery

_COLUMNS = (
    "c.id, c.charger_id, c.request_id, c.origin, c.state, c.reason, c.fingerprint, c.serial, c.subject, c.issuer, c.chain,"
    " c.not_before_at, c.not_after_at, c.created_at, c.changed_at, c.seen_at, c.deliveries, c.renewals, c.renew_at"
)
_SELECT = f"SELECT {_COLUMNS} FROM charger_certificates c WHERE c.tenant = :tenant"  # noqa: S608 - constants


def by_id(tx: ReadTx, certificate_id: int) -> ChargerCertificate | None:
    """One certificate."""
    return _one(tx.one(_SELECT + " AND c.id = :id", id=certificate_id))


def by_fingerprint(tx: ReadTx, fingerprint: str) -> ChargerCertificate | None:
    """The certificate with this SHA-256."""
    return _one(tx.one(_SELECT + " AND c.fingerprint = :fingerprint", fingerprint=fingerprint))


def by_serial(tx: ReadTx, serial: str) -> list[ChargerCertificate]:
    """Certificates with this serial number; authorities count for themselves, so there may be several."""
    return _all(tx.all(_SELECT + " AND c.serial = :serial ORDER BY c.id", serial=serial))


def of_charger(tx: ReadTx, charger_id: str) -> list[ChargerCertificate]:
    """A charger's certificates, the newest first."""
    return _all(tx.all(_SELECT + " AND c.charger_id = :charger_id ORDER BY c.id DESC LIMIT 1000", charger_id=charger_id))


LISTING = Listing(
    columns=", ".join("c." + name for name in CERTIFICATE_NAMES),
    source="charger_certificates c WHERE c.tenant = :tenant",
    filters={
        **at_chargers("c.charger_id"),
        "state": "c.state = :state",
        "origin": "c.origin = :origin",
        "ends_before_at": "c.not_after_at < :ends_before_at AND (c.state = 'issued' OR c.state = 'active')",
    },
    search="lower(c.charger_id) LIKE :search ESCAPE '!' OR lower(c.subject) LIKE :search ESCAPE '!'"
    " OR c.serial LIKE :search ESCAPE '!' OR c.fingerprint LIKE :search ESCAPE '!'",
    sorts={"id": "c.id", "not_after_at": "COALESCE(c.not_after_at, 0)", "charger_id": "c.charger_id"},
    unique="c.id",
)


def page_of_certificates(tx: ReadTx, query: CertificatesQuery, stations: Collection[int] | None = None) -> Page[CertificateItem]:
    """A page of certificates; of chargers of ``stations`` only, unless that is None."""
    return page(tx, LISTING, query, lambda row: CertificateItem(**row), stations=stations)


def listed(tx: ReadTx, query: CertificatesQuery, limit: int) -> list[CertificateItem]:
    """The first certificates of a list, uncounted."""
    return first(tx, LISTING, query, lambda row: CertificateItem(**row), limit)


def insert(tx: Tx, charger_id: str, **facts: Any) -> int | None:
    """Store a certificate; its id, None when it is known already."""
    found = tx.value(
        """
        INSERT INTO charger_certificates (tenant, charger_id, request_id, origin, state, fingerprint, serial, subject, issuer, chain,
            not_before_at, not_after_at, created_at, changed_at, seen_at, deliver_at, renew_at)
        VALUES (:tenant, :charger_id, :request_id, :origin, :state, :fingerprint, :serial, :subject, :issuer, :chain,
            :not_before_at, :not_after_at, :created_at, :created_at, :seen_at, :deliver_at, :renew_at)
        ON CONFLICT (fingerprint) DO NOTHING RETURNING id""",
        charger_id=charger_id,
        created_at=tx.now,
        **facts,
    )
    return None if found is None else int(found)


def set_state(tx: Tx, certificate_id: int, state: str, reason: str) -> None:
    """A certificate comes into another state."""
    tx.run(
        "UPDATE charger_certificates SET state = :state, reason = :reason, changed_at = :changed_at, deliver_at = NULL"
        " WHERE id = :id AND tenant = :tenant",
        id=certificate_id,
        state=state,
        reason=reason,
        changed_at=tx.now,
    )


def saw(tx: Tx, certificate_id: int) -> None:
    """A charger logged in with it."""
    tx.run(
        "UPDATE charger_certificates SET seen_at = :seen_at WHERE id = :id AND tenant = :tenant", id=certificate_id, seen_at=tx.now
    )


# --- what is to be done ---------------------------------------------------------------------------------------------------------


def to_deliver(tx: ReadTx, limit: int) -> list[ChargerCertificate]:
    """Issued certificates to hand over now: each is its charger's newest, which is connected, and not as when it failed before."""
    sql = f"""
        SELECT {_COLUMNS} FROM charger_certificates c JOIN chargers g ON g.id = c.charger_id
        WHERE c.tenant = :tenant AND c.state = 'issued' AND g.tenant = :tenant AND g.connection_id <> ''
            AND (c.deliver_at <= :now OR g.connection_id <> c.tried_connection)
        ORDER BY c.id LIMIT :limit"""  # noqa: S608 - constants
    return _all(tx.all(sql, limit=limit))


def tried(tx: Tx, certificate_id: int, connection_id: str, deliver_at: int | None) -> None:
    """It is about to be handed over on this connection; with ``deliver_at`` again then, should nothing be heard."""
    tx.run(
        "UPDATE charger_certificates SET deliveries = deliveries + 1, tried_connection = :connection_id, deliver_at = :deliver_at"
        " WHERE id = :id AND tenant = :tenant",
        id=certificate_id,
        connection_id=connection_id,
        deliver_at=deliver_at,
    )


def deliver_again(tx: Tx, certificate_id: int, deliver_at: int | None, *, undo: bool = False) -> None:
    """It was not taken: again at an instant, or (None) on another connection. ``undo``: it was not even sent."""
    tx.run(
        "UPDATE charger_certificates SET deliver_at = :deliver_at, deliveries = deliveries - :undo WHERE id = :id AND tenant = :tenant",
        id=certificate_id,
        deliver_at=deliver_at,
        undo=int(undo),
    )


def to_renew(tx: ReadTx, limit: int) -> list[ChargerCertificate]:
    """Certificates in use whose connected charger is to ask for a new one; not where a newer one is under way."""
    sql = f"""
        SELECT {_COLUMNS} FROM charger_certificates c JOIN chargers g ON g.id = c.charger_id
        WHERE c.tenant = :tenant AND c.state = 'active' AND c.renew_at <= :now AND c.not_after_at > :now
            AND g.tenant = :tenant AND g.connection_id <> ''
            AND NOT EXISTS (SELECT 1 FROM charger_certificates n WHERE n.charger_id = c.charger_id AND n.tenant = :tenant
                AND n.id > c.id AND (n.state = 'issued' OR n.state = 'active'))
            AND NOT EXISTS (SELECT 1 FROM certificate_requests r WHERE r.charger_id = c.charger_id AND r.tenant = :tenant
                AND r.state = 'asked')
        ORDER BY c.not_after_at, c.id LIMIT :limit"""  # noqa: S608 - constants
    return _all(tx.all(sql, limit=limit))


def renewing(tx: Tx, certificate_id: int, renew_at: int) -> None:
    """Its charger is being told to renew; again at ``renew_at``, should nothing come of it."""
    tx.run(
        "UPDATE charger_certificates SET renewals = renewals + 1, renew_at = :renew_at WHERE id = :id AND tenant = :tenant",
        id=certificate_id,
        renew_at=renew_at,
    )


def ending(tx: ReadTx, before: int, limit: int) -> list[ChargerCertificate]:
    """Certificates that end before an instant."""
    sql = _SELECT + (
        " AND (c.state = 'issued' OR c.state = 'active' OR c.state = 'superseded') AND c.not_after_at <= :before"
        " ORDER BY c.not_after_at, c.id LIMIT :limit"
    )
    return _all(tx.all(sql, before=before, limit=limit))


def to_warn(tx: ReadTx, before: int, overdue: int, limit: int) -> list[ChargerCertificate]:
    """Certificates in use that end before an instant and that nobody was told about, whose renewal failed or is due since ``overdue``."""
    sql = _SELECT + (  # noqa: S608 - constants
        " AND c.state = 'active' AND c.not_after_at <= :before AND c.warned_at IS NULL AND (c.renewals > 1 OR c.renew_at <= :overdue)"
        " AND NOT EXISTS (SELECT 1 FROM charger_certificates n WHERE n.charger_id = c.charger_id AND n.tenant = :tenant"
        " AND n.id > c.id AND n.state = 'active')"
        " ORDER BY c.not_after_at, c.id LIMIT :limit"
    )
    return _all(tx.all(sql, before=before, overdue=overdue, limit=limit))


def warned(tx: Tx, certificate_id: int) -> None:
    """Somebody was told."""
    tx.run("UPDATE charger_certificates SET warned_at = :at WHERE id = :id AND tenant = :tenant", id=certificate_id, at=tx.now)


def of_removed_chargers(tx: ReadTx, limit: int) -> list[ChargerCertificate]:
    """Certificates that are good, of chargers that were removed."""
    sql = f"""
        SELECT {_COLUMNS} FROM charger_certificates c JOIN chargers g ON g.id = c.charger_id
        WHERE c.tenant = :tenant AND (c.state = 'issued' OR c.state = 'active' OR c.state = 'superseded') AND g.removed_at IS NOT NULL
        ORDER BY c.id LIMIT :limit"""  # noqa: S608 - constants
    return _all(tx.all(sql, limit=limit))


def _one(row: Row | None) -> ChargerCertificate | None:
    return None if row is None else ChargerCertificate(**row)


def _all(rows: Sequence[Row]) -> list[ChargerCertificate]:
    return [ChargerCertificate(**row) for row in rows]

"""SQL of root certificates: the tenant's library, and what is installed at chargers as far as they said."""

from __future__ import annotations

from collections.abc import Sequence

from csms.core.certificates import CertificateHash
from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, page
from csms.domain.security.model import InstalledCertificate, RootCertificate
from csms.domain.security.shown import ROOT_NAMES, RootItem, RootsQuery

_SELECT = """
SELECT id, purpose, name, pem, issuer, fingerprint, serial, subject, not_before_at, not_after_at, added_at
FROM root_certificates WHERE tenant = :tenant"""


def by_id(tx: ReadTx, root_id: int) -> RootCertificate | None:
    """One root certificate of the library."""
    row = tx.one(_SELECT + " AND id = :id", id=root_id)
    return None if row is None else _root(row)


def listed(tx: ReadTx, purpose: str = "") -> list[RootCertificate]:
    """The library, or what is in it for one purpose."""
    if purpose:
        rows = tx.all(_SELECT + " AND purpose = :purpose ORDER BY id", purpose=purpose)
    else:
        rows = tx.all(_SELECT + " ORDER BY id")
    return [_root(row) for row in rows]


LISTING = Listing(
    columns=", ".join(ROOT_NAMES),
    source="root_certificates WHERE tenant = :tenant",
    filters={"purpose": "purpose = :purpose"},
    search="lower(name) LIKE :search ESCAPE '!' OR lower(subject) LIKE :search ESCAPE '!' OR serial LIKE :search ESCAPE '!'",
    sorts={"id": "id", "name": "name", "not_after_at": "not_after_at"},
    unique="id",
)


def page_of_roots(tx: ReadTx, query: RootsQuery) -> Page[RootItem]:
    """A page of the library."""
    return page(tx, LISTING, query, lambda row: RootItem(**row))


def insert(
    tx: Tx,
    *,
    purpose: str,
    name: str,
    pem: str,
    issuer: str,
    fingerprint: str,
    serial: str,
    subject: str,
    not_before_at: int,
    not_after_at: int,
) -> int | None:
    """Add a root certificate; its id, None when it is there already."""
    found = tx.value(
        """
        INSERT INTO root_certificates (tenant, purpose, name, pem, issuer, fingerprint, serial, subject, not_before_at, not_after_at,
            added_at)
        VALUES (:tenant, :purpose, :name, :pem, :issuer, :fingerprint, :serial, :subject, :not_before_at, :not_after_at, :added_at)
        ON CONFLICT (tenant, purpose, fingerprint) DO NOTHING RETURNING id""",
        purpose=purpose,
        name=name,
        pem=pem,
        issuer=issuer,
        fingerprint=fingerprint,
        serial=serial,
        subject=subject,
        not_before_at=not_before_at,
        not_after_at=not_after_at,
        added_at=tx.now,
    )
    return None if found is None else int(found)


def delete(tx: Tx, root_id: int) -> bool:
    """Take a root certificate off the library; False when there is none."""
    return tx.run("DELETE FROM root_certificates WHERE id = :id AND tenant = :tenant", id=root_id) > 0


# --- at chargers ----------------------------------------------------------------------------------------------------------------


def save_installed(tx: Tx, charger_id: str, purpose: str, certificates: Sequence[CertificateHash]) -> None:
    """Store what a charger said is installed, in place of what it said before."""
    tx.run(
        """
        INSERT INTO installed_reads (charger_id, purpose, tenant, read_at) VALUES (:charger_id, :purpose, :tenant, :read_at)
        ON CONFLICT (charger_id, purpose) DO UPDATE SET tenant = excluded.tenant, read_at = excluded.read_at""",
        charger_id=charger_id,
        purpose=purpose,
        read_at=tx.now,
    )
    tx.run(
        "DELETE FROM installed_certificates WHERE charger_id = :charger_id AND purpose = :purpose AND tenant = :tenant",
        charger_id=charger_id,
        purpose=purpose,
    )
    for position, each in enumerate(certificates):
        tx.run(
            """
            INSERT INTO installed_certificates (charger_id, purpose, position, tenant, algorithm, issuer_name_hash, issuer_key_hash, serial)
            VALUES (:charger_id, :purpose, :position, :tenant, :algorithm, :issuer_name_hash, :issuer_key_hash, :serial)""",
            charger_id=charger_id,
            purpose=purpose,
            position=position,
            algorithm=each.algorithm,
            issuer_name_hash=each.issuer_name_hash,
            issuer_key_hash=each.issuer_key_hash,
            serial=each.serial,
        )


def installed(tx: ReadTx, charger_id: str, purpose: str) -> list[InstalledCertificate]:
    """What a charger said is installed, as last read; empty also when it was never asked (``read_at``)."""
    rows = tx.all(
        """
        SELECT c.purpose, c.algorithm, c.issuer_name_hash, c.issuer_key_hash, c.serial, r.read_at
        FROM installed_certificates c JOIN installed_reads r ON r.charger_id = c.charger_id AND r.purpose = c.purpose
        WHERE c.charger_id = :charger_id AND c.purpose = :purpose AND c.tenant = :tenant AND r.tenant = :tenant ORDER BY c.position""",
        charger_id=charger_id,
        purpose=purpose,
    )
    return [
        InstalledCertificate(
            purpose=row["purpose"],
            certificate=CertificateHash(
                algorithm=row["algorithm"],
                issuer_name_hash=row["issuer_name_hash"],
                issuer_key_hash=row["issuer_key_hash"],
                serial=row["serial"],
            ),
            read_at=row["read_at"],
        )
        for row in rows
    ]


def read_at(tx: ReadTx, charger_id: str, purpose: str) -> int | None:
    """When a charger last said what is installed."""
    found: int | None = tx.value(
        "SELECT read_at FROM installed_reads WHERE charger_id = :charger_id AND purpose = :purpose AND tenant = :tenant",
        charger_id=charger_id,
        purpose=purpose,
    )
    return found


def _root(row: Row) -> RootCertificate:
    return RootCertificate(**row)

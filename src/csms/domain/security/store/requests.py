"""SQL of certificate requests."""

from __future__ import annotations

from collections.abc import Collection

from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, at_chargers, first, page
from csms.domain.security.model import CertificateRequest
from csms.domain.security.shown import REQUEST_NAMES, CertificateRequestItem, RequestsQuery

_SELECT = """
SELECT id, charger_id, digest, csr, organization, key_kind, state, reason, attempts, next_at, requested_at, decided_at
FROM certificate_requests WHERE tenant = :tenant"""


def by_id(tx: ReadTx, request_id: int) -> CertificateRequest | None:
    """One request."""
    row = tx.one(_SELECT + " AND id = :id", id=request_id)
    return None if row is None else _request(row)


def latest(tx: ReadTx, charger_id: str) -> CertificateRequest | None:
    """A charger's latest request."""
    row = tx.one(_SELECT + " AND charger_id = :charger_id ORDER BY id DESC LIMIT 1", charger_id=charger_id)
    return None if row is None else _request(row)


LISTING = Listing(
    columns=", ".join(REQUEST_NAMES),
    source="certificate_requests WHERE tenant = :tenant",
    filters={**at_chargers("charger_id"), "state": "state = :state"},
    search="lower(charger_id) LIKE :search ESCAPE '!' OR lower(reason) LIKE :search ESCAPE '!'",
    sorts={"requested_at": "id"},  # they are numbered as they come
    unique="id",
)


def page_of_requests(tx: ReadTx, query: RequestsQuery, stations: Collection[int] | None = None) -> Page[CertificateRequestItem]:
    """A page of requests; of chargers of ``stations`` only, unless that is None."""
    return page(tx, LISTING, query, lambda row: CertificateRequestItem(**row), stations=stations)


def listed(tx: ReadTx, query: RequestsQuery, limit: int) -> list[CertificateRequestItem]:
    """The first requests of a list, uncounted."""
    return first(tx, LISTING, query, lambda row: CertificateRequestItem(**row), limit)


def due(tx: ReadTx, limit: int) -> list[CertificateRequest]:
    """Requests for which the authority is to be asked now."""
    rows = tx.all(_SELECT + " AND state = 'asked' AND next_at <= :now ORDER BY next_at, id LIMIT :limit", limit=limit)
    return [_request(row) for row in rows]


def count_since(tx: ReadTx, charger_id: str, since: int) -> int:
    """How many requests a charger made."""
    return int(
        tx.value(
            "SELECT count(*) FROM certificate_requests WHERE tenant = :tenant AND charger_id = :charger_id AND requested_at >= :since",
            charger_id=charger_id,
            since=since,
        )
    )


def insert(
    tx: Tx,
    charger_id: str,
    *,
    digest: str,
    csr: str,
    organization: str,
    key_kind: str,
    state: str,
    reason: str,
    next_at: int | None,
) -> int:
    """Store a request; its id."""
    return int(
        tx.value(
            """
            INSERT INTO certificate_requests (tenant, charger_id, digest, csr, organization, key_kind, state, reason, next_at,
                requested_at, decided_at)
            VALUES (:tenant, :charger_id, :digest, :csr, :organization, :key_kind, :state, :reason, :next_at, :requested_at, :decided_at)
            RETURNING id""",
            charger_id=charger_id,
            digest=digest,
            csr=csr,
            organization=organization,
            key_kind=key_kind,
            state=state,
            reason=reason,
            next_at=next_at,
            requested_at=tx.now,
            decided_at=tx.now if next_at is None else None,
        )
    )


def decide(tx: Tx, request_id: int, state: str, reason: str) -> None:
    """A request that was asked ends: signed or failed."""
    tx.run(
        "UPDATE certificate_requests SET state = :state, reason = :reason, next_at = NULL, decided_at = :decided_at"
        " WHERE id = :id AND tenant = :tenant",
        id=request_id,
        state=state,
        reason=reason,
        decided_at=tx.now,
    )


def postpone(tx: Tx, request_id: int, next_at: int, reason: str) -> None:
    """The authority was away: it is asked again."""
    tx.run(
        "UPDATE certificate_requests SET attempts = attempts + 1, next_at = :next_at, reason = :reason"
        " WHERE id = :id AND tenant = :tenant AND state = 'asked'",
        id=request_id,
        next_at=next_at,
        reason=reason,
    )


def replace_asked(tx: Tx, charger_id: str, reason: str) -> int:
    """Give up a charger's requests that wait; how many."""
    return tx.run(
        "UPDATE certificate_requests SET state = 'failed', reason = :reason, next_at = NULL, decided_at = :decided_at"
        " WHERE charger_id = :charger_id AND tenant = :tenant AND state = 'asked'",
        charger_id=charger_id,
        reason=reason,
        decided_at=tx.now,
    )


def prune(tx: Tx, charger_id: str, keep: int) -> None:
    """Forget a charger's oldest requests that came to nothing, beyond the ``keep`` newest."""
    tx.run(
        """
        DELETE FROM certificate_requests
        WHERE charger_id = :charger_id AND tenant = :tenant AND (state = 'failed' OR state = 'rejected') AND id NOT IN (
            SELECT id FROM certificate_requests WHERE charger_id = :charger_id AND tenant = :tenant ORDER BY id DESC LIMIT :keep)""",
        charger_id=charger_id,
        keep=keep,
    )


def _request(row: Row) -> CertificateRequest:
    return CertificateRequest(**row)

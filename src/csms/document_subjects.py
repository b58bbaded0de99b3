"""What documents are about, which the documents slice cannot know: whether it exists, and at which station it is."""

from __future__ import annotations

from csms.config import Config
from csms.core.errors import NotFound
from csms.core.ports import ReadTx
from csms.domain.documents.desk import Desk
from csms.domain.documents.kinds import CHARGER, DRIVER, STATION, TENANT, TICKET, TRANSACTION
from csms.domain.documents.model import DocumentSettings
from csms.domain.drivers import service as drivers
from csms.domain.stations import service as stations
from csms.domain.stations import store as stations_store
from csms.domain.tickets import service as tickets
from csms.domain.transactions.store import rows as transactions


def settings(config: Config) -> DocumentSettings:
    """What the documents slice needs of the configuration."""
    section = config.documents
    return DocumentSettings(
        max_bytes=section.max_bytes,
        max_uploads=section.max_uploads,
        most_per_subject=section.most_per_subject,
        tenant_bytes=section.tenant_bytes,
        link_s=section.link_s,
        expiring_days=section.expiring_days,
    )


def desk(config: Config) -> Desk:
    """Where requests with documents go."""
    return Desk(settings(config), where)


def where(tx: ReadTx, subject_kind: str, subject_id: str) -> int | None:
    """At which station something of the tenant is, None for none. Raises ``NotFound`` for what there is not."""
    if subject_kind == CHARGER:
        found = stations_store.charger(tx, subject_id)
        if found is None:
            raise NotFound(f"there is no charger {subject_id[:100]!r}")
        return found.station_id
    number = _number(subject_kind, subject_id)
    if subject_kind == STATION:
        return stations.need_station(tx, number).id
    if subject_kind == DRIVER:
        drivers.need_driver(tx, number)
    elif subject_kind == TICKET:
        return tickets.need_ticket(tx, number).station_id
    elif subject_kind == TRANSACTION:
        known = transactions.by_id(tx, number)
        if known is None:
            raise NotFound(f"there is no transaction {number}")
        charger = stations_store.charger(tx, known.charger_id)
        return None if charger is None else charger.station_id
    elif subject_kind == TENANT and number != tx.tenant:
        raise NotFound(f"there is no tenant {number} here")
    return None


def _number(kind: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise NotFound(f"there is no {kind} {text[:100]!r}")
    return int(text)

"""SQL of firmware images and updates."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, at_chargers, first, page, whether
from csms.domain.upkeep.model.firmware import (
    FirmwareImage,
    FirmwareUpdate,
    Image,
    ImagesQuery,
    UpdatesQuery,
    as_shown,
    listed,
)

from .table import Table

IMAGES = Table(Image, "firmware_images")
UPDATES = Table(FirmwareUpdate, "firmware_updates")


# --- images ---------------------------------------------------------------------------------------------------------------------


def image(tx: ReadTx, image_id: int) -> Image | None:
    """An image, be it removed or not."""
    return IMAGES.one(tx, "AND id = :image_id", image_id=image_id)


def insert_image(tx: Tx, new: Image) -> int | None:
    """The id of the new image; None when there is one for the same vendor, model and version."""
    return IMAGES.insert(tx, new, "ON CONFLICT DO NOTHING")


def image_in_use(tx: ReadTx, image_id: int) -> bool:
    """Whether an update or a campaign with it is under way."""
    updates = "SELECT 1 FROM firmware_updates WHERE tenant = :tenant AND image_id = :image_id AND closed_at IS NULL"
    campaigns = "SELECT 1 FROM firmware_campaigns WHERE tenant = :tenant AND image_id = :image_id AND closed_at IS NULL"
    return any(tx.value(f"{sql} LIMIT 1", image_id=image_id) is not None for sql in (updates, campaigns))


# --- updates --------------------------------------------------------------------------------------------------------------------


def update(tx: ReadTx, update_id: int) -> FirmwareUpdate | None:
    """One update."""
    return UPDATES.one(tx, "AND id = :update_id", update_id=update_id)


def by_request(tx: ReadTx, charger_id: str, request_id: int) -> FirmwareUpdate | None:
    """The newest update of a charger under this request id."""
    return UPDATES.one(
        tx,
        "AND charger_id = :charger_id AND request_id = :request_id ORDER BY id DESC LIMIT 1",
        charger_id=charger_id,
        request_id=request_id,
    )


def newest_open(tx: ReadTx, charger_id: str) -> FirmwareUpdate | None:
    """The newest update of a charger that is under way."""
    return UPDATES.one(tx, "AND charger_id = :charger_id AND closed_at IS NULL ORDER BY id DESC LIMIT 1", charger_id=charger_id)


def newest(tx: ReadTx, charger_id: str) -> FirmwareUpdate | None:
    """The newest update of a charger."""
    return UPDATES.one(tx, "AND charger_id = :charger_id ORDER BY id DESC LIMIT 1", charger_id=charger_id)


def all_open(tx: ReadTx, charger_id: str) -> Sequence[FirmwareUpdate]:
    """Every update of a charger that is under way, the oldest first."""
    return UPDATES.all(tx, "AND charger_id = :charger_id AND closed_at IS NULL ORDER BY id", charger_id=charger_id)


def overdue(tx: ReadTx, limit: int) -> Sequence[FirmwareUpdate]:
    """Updates whose deadline has passed, the longest overdue first."""
    return UPDATES.all(
        tx, "AND closed_at IS NULL AND deadline_at <= :now ORDER BY deadline_at, id LIMIT :limit", now=tx.now, limit=limit
    )


def own_request_id(tx: Tx, update_id: int) -> None:
    """Its id is its request id."""
    tx.run("UPDATE firmware_updates SET request_id = id WHERE tenant = :tenant AND id = :update_id", update_id=update_id)


# --- lists ----------------------------------------------------------------------------------------------------------------------

IMAGES_LISTED = Listing(
    columns=", ".join(IMAGES.columns),
    source="firmware_images WHERE tenant = :tenant AND removed_at IS NULL",
    filters={
        "vendor": "lower(vendor) = lower(:vendor)",
        "model": "lower(model) IN ('', lower(:model))",
        "version": "version = :version",
        "with_signature": "signature <> ''",
        "without_signature": "signature = ''",
    },
    search="lower(vendor) LIKE :search ESCAPE '!' OR lower(model) LIKE :search ESCAPE '!' OR lower(version) LIKE :search ESCAPE '!'"
    " OR lower(file_name) LIKE :search ESCAPE '!' OR lower(note) LIKE :search ESCAPE '!'",
    sorts={"id": "id", "vendor": "vendor", "version": "version", "created_at": "created_at"},
    unique="id",
)

UPDATES_LISTED = Listing(
    columns=", ".join(UPDATES.columns),
    source="firmware_updates WHERE tenant = :tenant",
    filters={
        **at_chargers("charger_id"),
        "state": "state = :state",
        "image_id": "image_id = :image_id",
        "campaign_id": "campaign_id = :campaign_id",
        "under_way": "closed_at IS NULL",
        "over": "closed_at IS NOT NULL",
        "from_at": "created_at >= :from_at",
        "to_at": "created_at < :to_at",
    },
    search="lower(charger_id) LIKE :search ESCAPE '!' OR lower(version) LIKE :search ESCAPE '!' OR lower(note) LIKE :search ESCAPE '!'",
    sorts={"created_at": "id", "updated_at": "updated_at"},  # they are numbered as they are asked for
    unique="id",
)


def _image(row: Row) -> FirmwareImage:
    return listed(IMAGES.noun(row))


def _update(row: Row) -> FirmwareUpdate:
    return as_shown(UPDATES.noun(row))


def page_of_images(tx: ReadTx, query: ImagesQuery) -> Page[FirmwareImage]:
    """A page of images that are not removed."""
    return page(tx, IMAGES_LISTED, query, _image, **whether(query.signed, "with_signature", "without_signature"))


def list_images(tx: ReadTx, query: ImagesQuery, limit: int) -> list[FirmwareImage]:
    """The first images of a list, uncounted."""
    return first(tx, IMAGES_LISTED, query, _image, limit, **whether(query.signed, "with_signature", "without_signature"))


def page_of_updates(tx: ReadTx, query: UpdatesQuery, stations: Collection[int] | None = None) -> Page[FirmwareUpdate]:
    """A page of updates; of chargers of ``stations`` only, unless that is None."""
    return page(tx, UPDATES_LISTED, query, _update, **whether(query.open, "under_way", "over"), stations=stations)


def list_updates(tx: ReadTx, query: UpdatesQuery | None = None, limit: int = 50) -> list[FirmwareUpdate]:
    """The first updates of a list, uncounted."""
    query = query or UpdatesQuery()
    return first(tx, UPDATES_LISTED, query, _update, limit, **whether(query.open, "under_way", "over"))

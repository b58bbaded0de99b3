"""SQL of firmware images and updates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from csms.core.ports import ReadTx, Tx
from csms.domain.upkeep.model.firmware import FirmwareUpdate, Image

from .table import Table

IMAGES = Table(Image, "firmware_images")
UPDATES = Table(FirmwareUpdate, "firmware_updates")


# --- images ---------------------------------------------------------------------------------------------------------------------


def image(tx: ReadTx, image_id: int) -> Image | None:
    """An image, be it removed or not."""
    return IMAGES.one(tx, "AND id = :image_id", image_id=image_id)


def list_images(tx: ReadTx, *, after: int = 0, limit: int = 100) -> Sequence[Image]:
    """Images that are not removed, by id, a page of ``limit`` after the id ``after``."""
    return IMAGES.all(tx, "AND removed_at IS NULL AND id > :after ORDER BY id LIMIT :limit", after=after, limit=limit)


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


def list_updates(
    tx: ReadTx, *, charger_id: str | None = None, campaign_id: int | None = None, is_open: bool | None = None, limit: int = 50
) -> Sequence[FirmwareUpdate]:
    """Updates, the newest first."""
    where, parameters = [""], dict[str, Any](limit=limit)
    if charger_id is not None:
        where.append("charger_id = :charger_id")
        parameters["charger_id"] = charger_id
    if campaign_id is not None:
        where.append("campaign_id = :campaign_id")
        parameters["campaign_id"] = campaign_id
    if is_open is not None:
        where.append("closed_at IS NULL" if is_open else "closed_at IS NOT NULL")
    return UPDATES.all(tx, " AND ".join(where) + " ORDER BY id DESC LIMIT :limit", **parameters)


def own_request_id(tx: Tx, update_id: int) -> None:
    """Its id is its request id."""
    tx.run("UPDATE firmware_updates SET request_id = id WHERE tenant = :tenant AND id = :update_id", update_id=update_id)

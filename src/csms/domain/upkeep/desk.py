"""What the file server asks this slice: which file a link fetches, and who takes the one that it sends."""

from __future__ import annotations

from functools import partial

from csms.api.files import Offer, Store
from csms.core.files import KeptFile, Link
from csms.core.ids import TenantId, charger_key
from csms.core.ports import Ports, ReadTx
from csms.domain.upkeep.flows import firmware, uploads
from csms.domain.upkeep.model.firmware import FirmwareUpdate, Image
from csms.domain.upkeep.service import firmware as firmware_service
from csms.domain.upkeep.store import firmware as firmware_store
from csms.domain.upkeep.store import uploads as uploads_store


class UpkeepDesk:
    """``api.files.Desk`` for firmware and logs."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports

    async def offer(self, link: Link) -> Offer | None:
        """The image that an update's link fetches; None when the update or the image is gone."""
        if link.purpose != firmware.FETCH:
            return None
        found = await self._ports.database.read(_image_of, link.number, tenant=link.tenant)
        if found is None:
            return None
        update, image = found
        keys = (charger_key(update.charger_id),)
        write = self._ports.database.write
        return Offer(
            file=image.file,
            file_name=image.file_name,
            size_bytes=image.size_bytes or 0,
            sha256=image.sha256,
            began=partial(write, firmware_service.fetch_began, update.id, tenant=link.tenant, keys=keys),
            ended=partial(write, firmware_service.fetched, update.id, tenant=link.tenant, keys=keys),
        )

    async def expected(self, link: Link) -> Store | None:
        """What takes the file of a request for a log; None when the request is gone."""
        if link.purpose != uploads.SEND:
            return None
        upload = await self._ports.database.read(uploads_store.upload, link.number, tenant=link.tenant)
        if upload is None:
            return None

        async def store(kept: KeptFile, file_name: str, address: str) -> None:
            await uploads.received(self._ports, TenantId(link.tenant), upload, kept, file_name, address)

        return store


def _image_of(tx: ReadTx, update_id: int) -> tuple[FirmwareUpdate, Image] | None:
    update = firmware_store.update(tx, update_id)
    if update is None or update.image_id is None:
        return None
    image = firmware_store.image(tx, update.image_id)
    return None if image is None or not image.file or image.removed_at is not None else (update, image)

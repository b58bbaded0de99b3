"""Firmware images: a file is on disk, and its signature holds, before anybody can choose it."""

from __future__ import annotations

from collections.abc import AsyncIterable

import attrs
import trio

from csms.core.ids import TenantId
from csms.core.ports import Ports
from csms.domain.upkeep.model.firmware import Image, image_key
from csms.domain.upkeep.service import images as service
from csms.pki import firmware as signed_firmware

CLEAR_LIMIT_S = 30.0


async def add_image(
    ports: Ports, tenant: TenantId, image: Image, source: AsyncIterable[bytes] | None = None, *, untrusted: bool = False
) -> Image:
    """Keep an image: the bytes of ``source``, or what is at ``image.location`` of somebody else's.

    A signed image of ours is checked against its signature, and its signing certificate against the manufacturers' roots, unless
    ``untrusted`` ones will do. Raises ``Invalid``, ``Conflict``, ``Refused`` or ``OSError``; then nothing is kept.
    """
    image = service.check_image(image)
    keys = (image_key(tenant),)
    if source is None:
        return await ports.database.write(service.add_image, image, untrusted, tenant=tenant, keys=keys)
    async with ports.files.receive(image.size_bytes) as incoming:
        async for piece in source:
            await incoming.write(piece)
        kept = await incoming.keep()
    image = attrs.evolve(image, file=kept.name, size_bytes=kept.size_bytes, sha256=kept.sha256)
    try:
        if image.signed:
            digest = bytes.fromhex(image.sha256)
            await ports.blocking.run("hash", signed_firmware.verify, image.signing_certificate, image.signature, digest)
        return await ports.database.write(service.add_image, image, untrusted, tenant=tenant, keys=keys)
    except BaseException:
        with trio.CancelScope(shield=True, deadline=trio.current_time() + CLEAR_LIMIT_S):
            await ports.files.remove(kept.name)
        raise


async def remove_image(ports: Ports, tenant: TenantId, image_id: int) -> Image:
    """Remove an image and its file. Raises ``NotFound``, or ``Refused`` while it is used."""
    image = await ports.database.write(service.remove_image, image_id, tenant=tenant, keys=(image_key(tenant),))
    if image.file:
        await ports.files.remove(image.file)
    return image

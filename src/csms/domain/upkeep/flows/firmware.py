"""Firmware updates: asked for one by one or by campaigns, and chased when nothing is heard of them."""

from __future__ import annotations

import attrs
import structlog
import trio

from csms.core.commands import Outcome, TriggerMessage, UpdateFirmware
from csms.core.errors import StoreUnavailable
from csms.core.files import Link
from csms.core.ids import TenantId, charger_key
from csms.core.ports import Ports
from csms.domain.upkeep.model.campaigns import campaign_key
from csms.domain.upkeep.model.firmware import FirmwareUpdate, Image, UpdateWish, image_key
from csms.domain.upkeep.model.settings import FileSettings
from csms.domain.upkeep.service import campaigns
from csms.domain.upkeep.service import firmware as service
from csms.domain.upkeep.service.images import need_image
from csms.domain.upkeep.store import campaigns as campaigns_store
from csms.domain.upkeep.store import firmware as store

FETCH = "fetch"
GRACE_MS = 3_600_000
"""A link is good for so much longer than the update it is for."""
SLICE = 20
TTL_S, ANSWER_S = 30.0, 60.0
"""A campaign waits no longer for a charger; it comes back."""

log = structlog.get_logger("csms.upkeep")


async def update(
    ports: Ports, settings: FileSettings, tenant: TenantId, charger_id: str, image_id: int, wish: UpdateWish
) -> tuple[FirmwareUpdate, Outcome]:
    """Ask a charger to update its firmware (1.6 §5.19; security whitepaper L01): the update, and what the charger answered.

    How it goes on is told by ``firmware_update_changed``. Raises ``NotFound`` or ``Refused``; the charger is not asked then.
    """
    image = await ports.database.read(need_image, image_id, tenant=tenant)
    if image.file:
        ports.files.link(Link(purpose=FETCH, tenant=tenant, number=0, expires_at=0))  # refused here, nothing was begun yet
    keys = (charger_key(charger_id), image_key(tenant))
    begun = await ports.database.write(service.begin, charger_id, image_id, wish, settings, tenant=tenant, keys=keys)
    outcome = await ports.chargers.send(charger_id, command(ports, tenant, begun, image))
    return await ports.database.write(service.answered, begun.id, outcome, tenant=tenant, keys=keys[:1]), outcome


def command(ports: Ports, tenant: TenantId, update: FirmwareUpdate, image: Image) -> UpdateFirmware:
    """What to tell the charger; an image of ours is fetched by a link that only this update has."""
    location = update.location or ports.files.link(
        Link(purpose=FETCH, tenant=tenant, number=update.id, expires_at=(update.deadline_at or update.created_at) + GRACE_MS),
        image.file_name,
    )
    return UpdateFirmware(
        location=location,
        retrieve_at=update.retrieve_at,
        request_id=update.request_id,
        install_at=update.install_at,
        signing_certificate=image.signing_certificate if update.signed else "",
        signature=image.signature if update.signed else "",
        retries=update.retries,
        retry_interval_s=update.retry_interval_s,
    )


async def send_as_given(
    ports: Ports, settings: FileSettings, tenant: TenantId, charger_id: str, given: UpdateFirmware
) -> tuple[FirmwareUpdate, Outcome]:
    """Send an operator's own command, kept track of like any other update. Raises ``NotFound``."""
    new = FirmwareUpdate(
        charger_id=charger_id,
        request_id=given.request_id,
        location=given.location,
        signed=bool(given.signature),
        retrieve_at=given.retrieve_at,
        install_at=given.install_at,
        retries=given.retries,
        retry_interval_s=given.retry_interval_s,
    )
    keys = (charger_key(charger_id),)
    begun = await ports.database.write(service.begin_elsewhere, new, settings, tenant=tenant, keys=keys)
    outcome = await ports.chargers.send(charger_id, attrs.evolve(given, request_id=begun.request_id))
    return await ports.database.write(service.answered, begun.id, outcome, tenant=tenant, keys=keys), outcome


# --- campaigns ------------------------------------------------------------------------------------------------------------------


async def run_campaigns(settings: FileSettings, ports: Ports, tenant: TenantId) -> int:
    """One step of every campaign of a tenant: how many updates were asked for. Job; what it knows is all in the store."""
    asked = 0
    for campaign_id in await ports.database.read(campaigns_store.open_ids, tenant=tenant):
        keys = (campaign_key(tenant, campaign_id),)
        turns = await ports.database.write(campaigns.advance, campaign_id, tenant=tenant, keys=keys)
        async with trio.open_nursery() as nursery:
            for charger_id in turns:
                nursery.start_soon(_take_turn, ports, settings, tenant, campaign_id, charger_id)
        asked += len(turns)
    return asked


async def _take_turn(ports: Ports, settings: FileSettings, tenant: TenantId, campaign_id: int, charger_id: str) -> None:
    keys = (campaign_key(tenant, campaign_id), charger_key(charger_id), image_key(tenant))
    if ports.chargers.connection(charger_id) is None:
        return
    try:
        begun = await ports.database.write(campaigns.take, campaign_id, charger_id, settings, tenant=tenant, keys=keys)
        if begun is None or begun.image_id is None:
            return
        image = await ports.database.read(need_image, begun.image_id, tenant=tenant)
        outcome = await ports.chargers.send(charger_id, command(ports, tenant, begun, image), ttl_s=TTL_S, timeout_s=ANSWER_S)
        await ports.database.write(campaigns.asked, campaign_id, begun.id, outcome, tenant=tenant, keys=keys[:2])
    except StoreUnavailable as error:
        log.warning("firmware.turn_not_stored", campaign=campaign_id, charger=charger_id, reason=str(error))
    except Exception:
        # one charger's trouble must not keep the others from their turn; a later step tries again
        log.exception("firmware.turn_failed", campaign=campaign_id, charger=charger_id)


# --- what the clock says --------------------------------------------------------------------------------------------------------


async def chase_overdue(ports: Ports, tenant: TenantId) -> int:
    """Ask chargers whose updates are overdue how it goes, and end those that do not say; how many. Job."""
    done = 0
    while due := await ports.database.read(store.overdue, SLICE, tenant=tenant):
        async with trio.open_nursery() as nursery:
            for overdue in due:
                connected = ports.chargers.connection(overdue.charger_id) is not None
                keys = (charger_key(overdue.charger_id),)
                if await ports.database.write(service.chase, overdue.id, connected, tenant=tenant, keys=keys):
                    nursery.start_soon(_ask_again, ports, overdue.charger_id)
                done += 1
    return done


async def _ask_again(ports: Ports, charger_id: str) -> None:
    """The answer that counts is the notification that follows."""
    await ports.chargers.send(charger_id, TriggerMessage("FirmwareStatusNotification"), ttl_s=TTL_S, timeout_s=TTL_S)

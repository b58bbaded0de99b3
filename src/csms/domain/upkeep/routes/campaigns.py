"""Firmware campaigns over HTTP: started, followed charger by charger, paused, resumed, aborted."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from attrs import validators

from csms.api.calls import Call, Subject
from csms.api.routes import Reply, Routes
from csms.api.shapes import without_secrets
from csms.core.paging import Page
from csms.core.ports import ReadTx
from csms.domain.upkeep.model.campaigns import (
    Campaign,
    CampaignProgress,
    CampaignsQuery,
    CampaignWish,
    Member,
    MembersQuery,
    campaign_key,
)
from csms.domain.upkeep.model.firmware import image_key
from csms.domain.upkeep.service import campaigns as service
from csms.domain.upkeep.store import campaigns as store

LONGEST_REASON = 500
MOST_LOGGED = 20
"""Named chargers that the audit log shows."""


@attrs.frozen(slots=True, kw_only=True)
class Abort:
    """Why a campaign is aborted."""

    reason: str = attrs.field(default="aborted by an operator", validator=validators.max_len(LONGEST_REASON))


EXAMPLE = {"image_id": 3, "wave_percent": 25, "window_from_min": 1320, "window_until_min": 300, "max_failures_percent": 10}


def routes() -> Routes:
    """Routes of firmware campaigns."""
    made = Routes("firmware_campaigns", "One image to many chargers, wave by wave.", tag="Firmware")

    def subject(campaign_id: int) -> Subject:
        def view(tx: ReadTx) -> CampaignProgress:
            return service.need_progress(tx, campaign_id)

        return Subject("firmware_campaign", str(campaign_id), view)

    @made.get("/firmware-campaigns", needs="upkeep:read")
    async def list_(call: Call, query: CampaignsQuery) -> Page[CampaignProgress]:
        """Campaigns, the newest first, and how many of their chargers are how far."""
        return await call.read(store.page_of_campaigns, query)

    @made.get("/firmware-campaigns/<int:campaign_id>", needs="upkeep:read")
    async def show(call: Call, campaign_id: int) -> CampaignProgress:
        """One campaign, and how many of its chargers are how far."""
        return await call.read(service.need_progress, campaign_id)

    @made.get("/firmware-campaigns/<int:campaign_id>/chargers", needs="upkeep:read")
    async def chargers(call: Call, campaign_id: int, query: MembersQuery) -> Page[Member]:
        """The chargers of a campaign and how far each is, by wave."""

        def read(tx: ReadTx) -> Page[Member]:
            service.need_campaign(tx, campaign_id)
            return store.page_of_members(tx, campaign_id, query)

        return await call.read(read)

    @made.post(
        "/firmware-campaigns",
        needs="upkeep:write",
        status=201,
        tells=CampaignProgress,
        moves=True,
        example=EXAMPLE,
        errors={404: "no such image or charger", 409: "there is no charger for it, or one that the image is not for"},
    )
    async def start(call: Call, body: CampaignWish) -> Reply:
        """Start a campaign. Without a limit of failures it is aborted when more than 20 % of the chargers that begun failed."""
        said = without_secrets(attrs.evolve(body, charger_ids=body.charger_ids[:MOST_LOGGED]))
        begun = await call.write(
            service.start,
            body.careful,
            keys=(image_key(call.tenant),),
            of=Subject("firmware_image", str(body.image_id)),
            detail=said,
        )
        found = await call.read(service.need_progress, begun.id)
        return Reply(body=found, status=201, headers={"Location": f"/api/v1/firmware-campaigns/{begun.id}"})

    async def turn(call: Call, campaign_id: int, verb: Callable[..., Campaign], *arguments: str) -> CampaignProgress:
        keys = (campaign_key(call.tenant, campaign_id),)
        await call.write(verb, campaign_id, *arguments, keys=keys, of=subject(campaign_id))
        return await call.read(service.need_progress, campaign_id)

    @made.post("/firmware-campaigns/<int:campaign_id>/pause", needs="upkeep:write", errors={409: "it does not go on"})
    async def pause(call: Call, campaign_id: int) -> CampaignProgress:
        """Begin no more updates until it is resumed; those under way go on."""
        return await turn(call, campaign_id, service.pause)

    @made.post("/firmware-campaigns/<int:campaign_id>/resume", needs="upkeep:write", moves=True, errors={409: "it is not paused"})
    async def resume(call: Call, campaign_id: int) -> CampaignProgress:
        """Go on with a paused campaign."""
        return await turn(call, campaign_id, service.resume)

    @made.post(
        "/firmware-campaigns/<int:campaign_id>/abort",
        needs="upkeep:write",
        errors={409: "it is over"},
        example={"reason": "three of ten chargers did not come back"},
    )
    async def abort(call: Call, campaign_id: int, body: Abort) -> CampaignProgress:
        """Begin no more updates at all; those under way go on."""
        return await turn(call, campaign_id, service.abort, body.reason)

    return made

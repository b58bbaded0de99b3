"""Firmware campaigns: started and stopped by operators, advanced in small steps, each of which is whole in the store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from csms.core.commands import Answered, CallError, NotSupported, Outcome
from csms.core.errors import Invalid, NotFound, Refused
from csms.core.ids import charger_key
from csms.core.outcomes import told
from csms.core.ports import ReadTx, Tx
from csms.core.reports import CHARGING, OCCUPIED, SUSPENDED_EV, SUSPENDED_EVSE
from csms.domain.stations import service as stations
from csms.domain.stations import store as stations_store
from csms.domain.stations.model import ACCEPTED, Charger
from csms.domain.tenants import store as tenants_store
from csms.domain.upkeep.model import firmware as update_model
from csms.domain.upkeep.model.campaigns import (
    ABORTED,
    DONE,
    LONGEST_NAME,
    MEMBER_DONE,
    MEMBER_FAILED,
    MOST_CHARGERS,
    PAUSED,
    RUNNING,
    SCHEDULED,
    SKIPPED,
    UPDATING,
    WAITING,
    Campaign,
    CampaignProgress,
    CampaignWish,
    FirmwareCampaignAborted,
    Member,
    campaign_key,
)
from csms.domain.upkeep.model.firmware import FirmwareUpdate, Image, UpdateWish, image_key, same_version
from csms.domain.upkeep.model.settings import FileSettings
from csms.domain.upkeep.store import campaigns as store
from csms.domain.upkeep.store import firmware as updates

from . import firmware
from .images import need_image

SLICE = 20
"""Chargers that one step touches."""
AGAIN_MS = 60_000
"""A charger that cannot have its update just now is tried again then."""
RESEND_MS = 180_000
"""An update that was not answered and of which nothing was heard is asked for again."""
MOST_TRIES = 5
LASTS_MS = 30 * 86_400_000
PAGE = 500
BUSY = frozenset({CHARGING, SUSPENDED_EV, SUSPENDED_EVSE, OCCUPIED})


def need_campaign(tx: ReadTx, campaign_id: int) -> Campaign:
    """A campaign. Raises ``NotFound``."""
    found = store.campaign(tx, campaign_id)
    if found is None:
        raise NotFound(f"there is no firmware campaign {campaign_id}")
    return found


def need_progress(tx: ReadTx, campaign_id: int) -> CampaignProgress:
    """A campaign, and how far it is. Raises ``NotFound``."""
    return store.progress(tx, [need_campaign(tx, campaign_id)])[0]


# --- what operators do ----------------------------------------------------------------------------------------------------------


def start(tx: Tx, wish: CampaignWish) -> Campaign:
    """A campaign that begins at its time, or with the next step. Chargers that have the version already are left out.

    Raises ``NotFound``, ``Invalid``, or ``Refused`` where there is no charger for it or one that the image is not for.
    """
    for field in ("starts_at", "ends_at"):
        firmware.check_time(getattr(wish, field), field)
    tx.claim(image_key(tx.tenant))
    image = need_image(tx, wish.image_id)
    chosen = list(_chosen(tx, wish, image))
    if not chosen:
        raise Refused(f"there is no charger for image {image.id} ({image.vendor} {image.model or 'every model'})")
    if len(chosen) > MOST_CHARGERS:
        raise Refused(f"a campaign has at most {MOST_CHARGERS} chargers")
    starts_at = max(wish.starts_at or 0, tx.now)
    ends_at = wish.ends_at or starts_at + LASTS_MS
    if ends_at <= starts_at:
        raise Invalid("the campaign must end after it starts", field="ends_at")
    if (wish.window_from_min is None) != (wish.window_until_min is None):
        raise Invalid("a window has a beginning and an end", field="window_until_min")
    size = wish.wave_size or (-(-len(chosen) * wish.wave_percent // 100) if wish.wave_percent else len(chosen))
    waves = {charger.id: 1 + number // size for number, charger in enumerate(chosen)}
    campaign_id = store.CAMPAIGNS.insert(
        tx,
        Campaign(
            name=_name(wish.name or f"{image.vendor} {image.version}"),
            image_id=image.id,
            waves=max(waves.values()),
            chargers=len(chosen),
            starts_at=starts_at,
            ends_at=ends_at,
            window_from_min=wish.window_from_min,
            window_until_min=wish.window_until_min,
            max_failures=wish.max_failures,
            max_failures_percent=wish.max_failures_percent,
            skip_charging=wish.skip_charging,
            signed=image.signed and wish.signed,
            retries=wish.retries,
            retry_interval_s=wish.retry_interval_s,
            created_at=tx.now,
            updated_at=tx.now,
        ),
    )
    assert campaign_id is not None
    store.insert_members(tx, campaign_id, waves, starts_at)
    for charger in chosen:
        if same_version(charger.facts.firmware, image.version):
            member = Member(campaign_id=campaign_id, charger_id=charger.id, wave=waves[charger.id])
            store.save_member(tx, attrs.evolve(member, state=SKIPPED, next_at=starts_at, note="has it already"))
    return need_campaign(tx, campaign_id)


def _chosen(tx: Tx, wish: CampaignWish, image: Image) -> Iterator[Charger]:
    if wish.charger_ids:
        for charger_id in sorted(set(wish.charger_ids)):
            charger = stations.need_charger(tx, charger_id)
            if not wish.force and not image.fits(charger.facts.vendor, charger.facts.model):
                raise Refused(f"image {image.id} is not for {charger_id}, a {charger.facts.vendor} {charger.facts.model}".rstrip())
            yield charger
        return
    after = ""
    while page := stations_store.list_chargers(tx, after=after, limit=PAGE, station_id=wish.station_id, approval=ACCEPTED):
        yield from (charger for charger in page if image.fits(charger.facts.vendor, charger.facts.model))
        after = page[-1].id


def _name(text: str) -> str:
    if len(text) > LONGEST_NAME or not text.isprintable():
        raise Invalid(f"a name has at most {LONGEST_NAME} printable characters", field="name")
    return text


def pause(tx: Tx, campaign_id: int) -> Campaign:
    """Begin no more updates until ``resume``. Raises ``NotFound`` or ``Refused``."""
    return _turned(tx, campaign_id, (SCHEDULED, RUNNING), PAUSED)


def resume(tx: Tx, campaign_id: int) -> Campaign:
    """Go on. Raises ``NotFound`` or ``Refused``."""
    return _turned(tx, campaign_id, (PAUSED,), RUNNING)


def abort(tx: Tx, campaign_id: int, reason: str = "aborted by an operator") -> Campaign:
    """Begin no more updates at all; those under way go on. Raises ``NotFound``, or ``Refused`` when it is over."""
    known = _claimed(tx, campaign_id)
    if not known.open:
        raise Refused(f"firmware campaign {campaign_id} is {known.state}")
    return _aborted(tx, known, reason[:500])


def _turned(tx: Tx, campaign_id: int, states: tuple[str, ...], state: str) -> Campaign:
    known = _claimed(tx, campaign_id)
    if known.state not in states:
        raise Refused(f"firmware campaign {campaign_id} is {known.state}")
    if state == RUNNING and known.starts_at > tx.now:
        state = SCHEDULED
    return _put(tx, known, state=state)


# --- steps ----------------------------------------------------------------------------------------------------------------------


def advance(tx: Tx, campaign_id: int) -> list[str]:
    """One step: take note of what became of updates, begin the next wave, end, or abort. The chargers whose turn it is now.

    The next wave begins when every charger of the present one is through, those excepted that are away, if at least one of it has
    the new firmware: a wave is there to find out. Chargers that come back later have their turn then.
    """
    known = _claimed(tx, campaign_id)
    if known.state == SCHEDULED and known.starts_at <= tx.now:
        known = _put(tx, known, state=RUNNING)
    if known.state not in (RUNNING, PAUSED):
        return []
    _note_results(tx, known)
    begun = store.counts_until(tx, known.id, known.wave)
    failed = begun.get(MEMBER_FAILED, 0)
    if known.too_many(failed, sum(begun.values())):
        _aborted(tx, known, f"{failed} of {sum(begun.values())} chargers failed")
        return []
    if known.state != RUNNING:
        return []
    if tx.now >= known.ends_at:
        store.skip_waiting(tx, known.id, "the campaign ended before its turn came")
    while known.wave < known.waves and _wave_is_done(tx, known):
        known = _put(tx, known, wave=known.wave + 1)
    left = store.counts(tx, known.id)
    if not left.get(WAITING) and not left.get(UPDATING):
        _put(tx, known, state=DONE)
        return []
    tenant = tenants_store.current(tx)
    if not known.may_begin(tx.now, "UTC" if tenant is None else tenant.time_zone):
        return []
    return store.due(tx, known.id, known.wave, SLICE)


def _wave_is_done(tx: Tx, known: Campaign) -> bool:
    counts = store.counts_until(tx, known.id, known.wave, since=known.wave)
    if counts.get(UPDATING):
        return False
    if not counts.get(WAITING):
        return True
    return counts.get(MEMBER_DONE, 0) > 0 and store.waiting_connected(tx, known.id, known.wave) == 0


def _note_results(tx: Tx, known: Campaign) -> None:
    for member in store.settled(tx, known.id, 10 * SLICE):
        state = {update_model.INSTALLED: MEMBER_DONE, update_model.CANCELLED: SKIPPED}.get(member.update_state, MEMBER_FAILED)
        store.save_member(tx, attrs.evolve(member, state=state, note=_why(tx, member)))
    for member in store.corrected(tx, known.id, 10 * SLICE):
        state = MEMBER_DONE if member.update_state == update_model.INSTALLED else UPDATING
        store.save_member(tx, attrs.evolve(member, state=state, note=""))
    silent = store.unanswered(tx, known.id, tx.now - RESEND_MS, SLICE)
    tx.claim(*sorted({charger_key(member.charger_id) for member in silent}))
    for member in silent:
        assert member.update_id is not None
        firmware.give_up(tx, member.update_id, "no answer, and no sign of it")
        more = member.tries < MOST_TRIES
        note = "no answer" if more else f"no answer in {member.tries} tries"
        store.save_member(tx, attrs.evolve(member, state=WAITING if more else MEMBER_FAILED, next_at=tx.now, note=note))


def _why(tx: Tx, member: Member) -> str:
    update = None if member.update_id is None else updates.update(tx, member.update_id)
    if update is None or update.state == update_model.INSTALLED:
        return ""
    return "; ".join(filter(None, (update.status, update.note))) or update.state


def take(tx: Tx, campaign_id: int, charger_id: str, settings: FileSettings) -> FirmwareUpdate | None:
    """A charger's turn: the update that is to be asked for now; None where there is none, or not now."""
    tx.claim(campaign_key(tx.tenant, campaign_id), charger_key(charger_id), image_key(tx.tenant))
    known, member = need_campaign(tx, campaign_id), store.member(tx, campaign_id, charger_id)
    if known.state != RUNNING or member is None or member.state != WAITING or member.wave > known.wave or member.next_at > tx.now:
        return None
    charger = stations_store.charger(tx, charger_id)
    if charger is None:
        store.save_member(tx, attrs.evolve(member, state=SKIPPED, note="the charger was removed"))
        return None
    if same_version(charger.facts.firmware, need_image(tx, known.image_id).version):
        store.save_member(tx, attrs.evolve(member, state=SKIPPED, note="has it already"))
        return None
    later = attrs.evolve(member, next_at=tx.now + AGAIN_MS)
    if updates.newest_open(tx, charger_id) is not None:
        store.save_member(tx, attrs.evolve(later, note="another update is under way"))
        return None
    if known.skip_charging and any(each.status in BUSY for each in stations_store.list_connectors(tx, charger_id)):
        store.save_member(tx, attrs.evolve(later, note="it is charging"))
        return None
    wish = UpdateWish(signed=known.signed, force=True, retries=known.retries, retry_interval_s=known.retry_interval_s)
    update = firmware.begin(tx, charger_id, known.image_id, wish, settings, campaign_id=campaign_id)
    store.save_member(tx, attrs.evolve(member, state=UPDATING, tries=member.tries + 1, update_id=update.id, note=""))
    return update


def asked(tx: Tx, campaign_id: int, update_id: int, outcome: Outcome) -> FirmwareUpdate:
    """Note what became of asking. A charger that certainly did not hear us has its turn again; one that refused has failed."""
    update = firmware.need_update(tx, update_id)
    tx.claim(campaign_key(tx.tenant, campaign_id), charger_key(update.charger_id))
    update = firmware.answered(tx, update_id, outcome)
    unheard = outcome.certain and not isinstance(outcome, Answered | CallError | NotSupported)
    member = store.member(tx, campaign_id, update.charger_id)
    if unheard and not update.open and member is not None and member.update_id == update_id and member.state == UPDATING:
        changed = attrs.evolve(member, state=WAITING, tries=member.tries - 1, next_at=tx.now + AGAIN_MS, note=told(outcome))
        store.save_member(tx, changed)
    return update


def _aborted(tx: Tx, known: Campaign, reason: str) -> Campaign:
    store.skip_waiting(tx, known.id, "the campaign was aborted")
    changed = _put(tx, known, state=ABORTED, note=reason)
    counts = store.counts(tx, known.id)
    tx.emit(
        FirmwareCampaignAborted(
            campaign_id=known.id,
            tenant=tx.tenant,
            name=known.name,
            reason=reason,
            failed=counts.get(MEMBER_FAILED, 0),
            chargers=known.chargers,
        )
    )
    return changed


def _put(tx: Tx, known: Campaign, **changes: Any) -> Campaign:
    changed = attrs.evolve(known, **changes, updated_at=tx.now)
    if not changed.open:
        changed = attrs.evolve(changed, closed_at=tx.now)
    store.CAMPAIGNS.save(tx, known, changed)
    return changed


def _claimed(tx: Tx, campaign_id: int) -> Campaign:
    tx.claim(campaign_key(tx.tenant, campaign_id))
    return need_campaign(tx, campaign_id)

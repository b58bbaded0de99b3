"""The composite schedule: what installed profiles allow, from one instant on (1.6 §3.13.1-§3.13.3, §5.7, §5.16.4). Pure.

At each instant, of every purpose the profile with the highest stack level that says something prevails. A TxDefaultProfile of an EVSE
takes the place of the whole charger's of the same level there. What a TxProfile says goes before any TxDefaultProfile; where its
schedule is over, the default counts again (errata 3.43). The smaller of that and the ChargingStationMaxProfile is the limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import ROUND_DOWN, Decimal

import attrs

from csms.core.charging import CHARGER_MAX, RECURRING, TX, TX_DEFAULT, ChargingProfile

from .checking import CYCLE_S
from .fitting import TENTH, converted
from .model import Charge

LONGEST_S = 31 * 86_400
"""The longest window that is reckoned."""


@attrs.frozen(slots=True)
class Placed:
    """A profile at an EVSE, 0 being the whole charger."""

    evse: int
    profile: ChargingProfile


@attrs.frozen(slots=True)
class Stretch:
    """From ``start_s`` seconds after the window's begin until the next stretch at most ``limit`` may be drawn; None: nothing limits."""

    start_s: int
    limit: Decimal | None
    phases: int | None = None


@attrs.frozen(slots=True, kw_only=True)
class Window:
    """What is asked: the limits of one EVSE, or (0) of the whole charger, in a unit, from an instant on.

    ``charges`` is what goes on at the charger; where nothing does, charging is taken to begin with the window. ``evses`` are all
    EVSEs of the charger, for its total.
    """

    evse: int
    at: int
    duration_s: int
    unit: str
    voltage_v: int = 230
    charges: tuple[Charge, ...] = ()
    evses: tuple[int, ...] = ()


def compose(installed: Iterable[Placed], window: Window) -> tuple[Stretch, ...]:
    """The composite schedule, whole seconds from the window's begin; neighbours differ. Profiles are taken as ``checking`` wants them."""
    known = tuple(installed)
    found: list[Stretch] = []
    for start_s in sorted(_changes(known, window)):
        limit, phases = _limit(known, window, window.at + start_s * 1000)
        if not found or (found[-1].limit, found[-1].phases) != (limit, phases):
            found.append(Stretch(start_s, limit, phases))
    return tuple(found)


# --- at one instant -------------------------------------------------------------------------------------------------------------

_Limit = tuple[Decimal | None, int | None]
_NONE: _Limit = (None, None)


def _limit(known: Sequence[Placed], window: Window, at: int) -> _Limit:
    whole = _prevailing([each.profile for each in known if each.profile.purpose == CHARGER_MAX], window, 0, at)
    own = _of_evse(known, window, window.evse, at) if window.evse else _of_all(known, window, at)
    return _smaller(whole, own)


def _of_evse(known: Sequence[Placed], window: Window, evse: int, at: int) -> _Limit:
    """What the profiles for transactions allow at an EVSE."""
    charge = _charge(window, evse)
    if charge is not None:
        its = (None, charge.transaction_id)
        for_it = [each.profile for each in known if each.profile.purpose == TX and each.evse == evse]
        found = _prevailing([each for each in for_it if each.transaction_id in its], window, evse, at)
        if found[0] is not None:
            return found
    default = {each.profile.stack_level: each.profile for each in known if each.profile.purpose == TX_DEFAULT and each.evse == 0}
    default |= {
        each.profile.stack_level: each.profile for each in known if each.profile.purpose == TX_DEFAULT and each.evse == evse
    }
    return _prevailing(default.values(), window, evse, at)


def _of_all(known: Sequence[Placed], window: Window, at: int) -> _Limit:
    """What all EVSEs may draw together; no limit as soon as one of them has none, or when nobody knows which there are."""
    limits = [_of_evse(known, window, evse, at)[0] for evse in window.evses]
    if not limits:
        return _NONE
    total = Decimal(0)
    for limit in limits:
        if limit is None:
            return _NONE
        total += limit
    return total, None


def _smaller(one: _Limit, other: _Limit) -> _Limit:
    """Both hold: the smaller limit, on no more phases than either allows (§3.13.3)."""
    limits = [limit for limit, _ in (one, other) if limit is not None]
    phases = [number for _, number in (one, other) if number is not None]
    return (min(limits), min(phases, default=None)) if limits else _NONE


def _prevailing(profiles: Iterable[ChargingProfile], window: Window, evse: int, at: int) -> _Limit:
    """What the highest of one purpose says that says something."""
    for profile in sorted(profiles, key=lambda each: -each.stack_level):
        if (said := _said(profile, window, evse, at)) is not None:
            return said
    return _NONE


def _said(profile: ChargingProfile, window: Window, evse: int, at: int) -> _Limit | None:
    """What one profile says at an instant."""
    if (profile.valid_from_at is not None and at < profile.valid_from_at) or (
        profile.valid_to_at is not None and at >= profile.valid_to_at
    ):
        return None
    schedule = profile.schedule
    since_ms = at - _start(profile, window, evse)
    if since_ms < 0:
        return None
    if profile.kind == RECURRING:
        since_ms %= CYCLE_S[profile.recurrency] * 1000
    if schedule.duration_s is not None and since_ms >= schedule.duration_s * 1000:
        return None
    period = schedule.periods[0]
    for later in schedule.periods:
        if later.start_s * 1000 > since_ms:
            break
        period = later
    limit = converted(period.limit, schedule.unit, window.unit, period.phases, window.voltage_v)
    return limit.quantize(TENTH, rounding=ROUND_DOWN), period.phases


def _start(profile: ChargingProfile, window: Window, evse: int) -> int:
    """When the schedule starts: at its instant, else with the charging (§7.13)."""
    if profile.schedule.start_at is not None:
        return profile.schedule.start_at
    charge = _charge(window, evse)
    return window.at if charge is None else charge.started_at


def _charge(window: Window, evse: int) -> Charge | None:
    """What goes on at an EVSE; of two the newer, for it ended the other."""
    return max((each for each in window.charges if each.evse == evse), key=lambda each: each.started_at, default=None)


# --- where something may change -------------------------------------------------------------------------------------------------


def _changes(known: Sequence[Placed], window: Window) -> set[int]:
    """The seconds of the window at which a profile may begin to say something else; 0 is one of them."""
    found = {0}
    evses = {window.evse, *window.evses}
    for each in known:
        for instant in _instants(each.profile, window, evses):
            start_s = -((window.at - instant) // 1000)  # the first whole second not before the instant
            if 0 < start_s < window.duration_s:
                found.add(start_s)
    return found


def _instants(profile: ChargingProfile, window: Window, evses: set[int]) -> Iterator[int]:
    yield from (at for at in (profile.valid_from_at, profile.valid_to_at) if at is not None)
    schedule = profile.schedule
    steps = [period.start_s * 1000 for period in schedule.periods]
    if schedule.duration_s is not None:
        steps.append(schedule.duration_s * 1000)
    if profile.kind != RECURRING:
        yield from (start + step for start in {_start(profile, window, evse) for evse in evses} for step in steps)
        return
    cycle_ms = CYCLE_S[profile.recurrency] * 1000
    start = _start(profile, window, 0)
    start += max(0, window.at - start) // cycle_ms * cycle_ms
    while start < window.at + window.duration_s * 1000:
        yield from (start + step for step in steps)
        start += cycle_ms

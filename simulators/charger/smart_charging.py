"""The charging profiles of one charger, and the power that they leave to each connector."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import trio

from . import composite
from .charging_profile import ChargingProfile, ProfileError
from .composite import Installed, Place
from .connector import Connector
from .signals import Nudge

if TYPE_CHECKING:
    from .charger import Charger

LONGEST_SCHEDULE_S = 7 * 86_400
"""A composite schedule is not computed further ahead."""
LOOK_AGAIN_S = 60.0
"""Cars taper: what one leaves is shared out again after so many accelerated seconds."""


class SmartCharging:
    """See the module. Instants are the charger's own; they are not accelerated, as little as any time of the protocol."""

    __slots__ = ("_changed", "_charger", "_following", "_installed")

    def __init__(self, charger: Charger) -> None:
        self._charger = charger
        self._installed: list[Installed] = []
        self._changed = Nudge()
        self._following = False

    @property
    def profiles(self) -> list[Installed]:
        """What is installed."""
        return list(self._installed)

    # --- profiles --------------------------------------------------------------------------------------------------------------

    def install(self, number: int, profile: ChargingProfile) -> None:
        """Install a profile, in the place of one with its id, or with its purpose and stack level at that connector (1.6 §5.16.3).

        Raises ``ProfileError`` when this charger cannot follow it.
        """
        self._check(number, profile)
        left = [each for each in self._installed if not _replaces(number, profile, each)]
        if len(left) >= self._charger.settings.number("profiles_installed_most"):
            raise ProfileError("no more profiles can be installed")
        self._installed = [*left, Installed(number, profile, self._charger.clock.now())]
        self._charger.say(f"charging profile {profile.number} ({profile.purpose}, stack level {profile.stack_level}) is installed")
        self.look_again()

    def _check(self, number: int, profile: ChargingProfile) -> None:
        self.check_limits(profile)
        if profile.purpose == "ChargePointMaxProfile" and number != 0:
            raise ProfileError("a ChargePointMaxProfile is for connector 0 (1.6 §3.13.1)")
        if profile.purpose != "TxProfile":
            return
        if number == 0:
            raise ProfileError("a TxProfile is not for connector 0 (1.6 §3.13.1)")
        running = self._charger.box.connector(number).transaction
        if running is None:
            raise ProfileError(f"no transaction runs at connector {number} (1.6 §3.13.1)")
        if profile.transaction_id is not None and profile.transaction_id != running.number:
            raise ProfileError(f"another transaction than {profile.transaction_id} runs at connector {number}")

    def check_limits(self, profile: ChargingProfile) -> None:
        """Refuse what the configuration keys of §9.4 say that this charger cannot do; raises ``ProfileError``."""
        settings = self._charger.settings
        if profile.stack_level > settings.number("stack_most"):
            raise ProfileError(f"the highest stack level is {settings.number('stack_most')}")
        if len(profile.periods) > settings.number("periods_most"):
            raise ProfileError(f"a schedule has at most {settings.number('periods_most')} periods")
        if {"A": "Current", "W": "Power"}[profile.unit] not in settings.text("rate_units").split(","):
            raise ProfileError(f"limits in {profile.unit} are not supported")

    def clear(self, *, number: int | None, connector: int | None, purpose: str | None, stack_level: int | None) -> int:
        """Remove what matches all that is given, or the one of a number (1.6 errata 3.25, 3.26); how many that were."""

        def matches(each: Installed) -> bool:
            if number is not None:
                return each.profile.number == number
            return (
                connector in (None, each.connector)
                and purpose in (None, each.profile.purpose)
                and stack_level in (None, each.profile.stack_level)
            )

        left = [each for each in self._installed if not matches(each)]
        cleared = len(self._installed) - len(left)
        self._installed = left
        self.look_again()
        return cleared

    def ended(self, connector: Connector) -> None:
        """A transaction ended, and its own profiles with it (1.6 §3.13.1)."""
        self._installed = [
            each for each in self._installed if each.profile.purpose != "TxProfile" or each.connector != connector.number
        ]
        connector.limit_w = math.inf
        self.look_again()

    # --- the composite schedule ------------------------------------------------------------------------------------------------

    def composite(self, number: int, duration_s: int, unit: str | None) -> dict[str, Any] | None:
        """The ChargingSchedule of GetCompositeSchedule.conf (1.6 §5.7); None when it cannot be given."""
        box = self._charger.box
        connectors = box.connectors if number == 0 else [box.find(number)]
        if duration_s <= 0 or None in connectors:
            return None
        places = [_place(connector) for connector in connectors if connector is not None]
        unit = unit or self._usual_unit(places)
        duration_s = min(duration_s, LONGEST_SCHEDULE_S)
        begin = self._charger.clock.now()
        periods = composite.schedule(self._installed, places, begin, duration_s, unit, whole=number == 0)
        return {"duration": duration_s, "chargingRateUnit": unit, "chargingSchedulePeriod": periods}

    def _usual_unit(self, places: list[Place]) -> str:
        units = [each.profile.unit for each in self._installed]
        return units[0] if units else ("W" if any(place.supply.kind == "dc" for place in places) else "A")

    # --- the power -------------------------------------------------------------------------------------------------------------

    def look_again(self) -> None:
        """Something changed that limits depend on."""
        if self._installed and not self._following:
            self._following = True
            self._charger.spawn(self._follow)
        self._changed.give()

    async def _follow(self) -> None:
        """Let the connectors keep to the profiles, as long as there are any."""
        clock = self._charger.clock
        while self._installed:
            self._apply()
            now = clock.now()
            places = [_place(connector) for connector in self._charger.box.connectors]
            change = composite.next_change(self._installed, places, now, now + LONGEST_SCHEDULE_S * 1000)
            wait_s = (change - now) / 1000
            if any(place.charging_since is not None for place in places):
                wait_s = min(wait_s, LOOK_AGAIN_S / clock.speed)
            with trio.move_on_after(wait_s):
                await self._changed.wait()
        self._following = False
        self._apply()

    def _apply(self) -> None:
        """Give each connector what it may draw at this moment; what all may draw together is shared out."""
        box, now = self._charger.box, self._charger.clock.now()
        allowed: dict[int, float] = {}
        for connector in box.connectors:
            own = composite.cap_of_transaction(self._installed, _place(connector), now, now)
            allowed[connector.number] = math.inf if own is None else own.power_w
        wired = max(connector.supply.phases for connector in box.connectors)
        whole = composite.cap_of_charger(self._installed, now, wired)
        if whole is not None:
            charging = [connector for connector in box.connectors if connector.transaction is not None]
            wanted = {connector.number: min(_wants_w(connector), allowed[connector.number]) for connector in charging}
            shares = share(whole.power_w, wanted)
            allowed = {number: min(limit_w, shares.get(number, whole.power_w)) for number, limit_w in allowed.items()}
        for connector in box.connectors:
            limit_w = allowed[connector.number]
            if limit_w != connector.limit_w:
                box.limit(connector, limit_w)


def share(total_w: float, wanted: dict[int, float]) -> dict[int, float]:
    """Share power out evenly; what one does not want goes to the others. Where there is enough, nobody is held back."""
    if sum(wanted.values()) <= total_w:
        return {}
    given: dict[int, float] = {}
    left_w = total_w
    for number, power_w in sorted(wanted.items(), key=lambda item: item[1]):
        given[number] = min(power_w, left_w / (len(wanted) - len(given)))
        left_w -= given[number]
    return given


def _wants_w(connector: Connector) -> float:
    return 0.0 if connector.car is None else connector.car.takes_w(connector.supply)


def _place(connector: Connector) -> Place:
    running = connector.transaction
    return Place(connector.number, connector.supply, None if running is None else running.started_at)


def _replaces(number: int, profile: ChargingProfile, old: Installed) -> bool:
    if old.profile.number == profile.number:
        return True
    same = (profile.purpose, profile.stack_level) == (old.profile.purpose, old.profile.stack_level)
    return same and number == old.connector

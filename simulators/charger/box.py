"""The box on the wall: its connectors, and everything that people, cars and the server do to them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import trio

from . import meter
from .car import Car
from .charging_profile import ChargingProfile
from .connector import Awaited, Connector, Tag, Transaction

if TYPE_CHECKING:
    from .charger import Charger

ROLLS_AT_WH = 10_000_000
"""Where a meter of seven digits begins anew, and how near to it one with the quirk ``meter-rollover`` starts."""
ROLLS_SOON_WH = 1_000
ENDS_AT_STOP = frozenset({"EVDisconnected", "HardReset", "SoftReset", "PowerLoss", "UnlockCommand", "EmergencyStop", "Reboot"})
"""Reasons that end a transaction even where it would otherwise last until unplugging."""


class Box:
    """Connectors and the verbs on them. Verbs that ask the server for authorization are async, all others happen at once."""

    def __init__(self, charger: Charger) -> None:
        profile = charger.profile
        self._charger = charger
        self.connectors = [
            Connector(number, supply, register_wh=float(profile.register_wh)) for number, supply in enumerate(profile.supplies, 1)
        ]
        if "meter-rollover" in charger.quirks:
            for connector in self.connectors:
                connector.rolls_at_wh, connector.register_wh = ROLLS_AT_WH, float(ROLLS_AT_WH - ROLLS_SOON_WH)
        self.operative = True
        """Whether the charger itself is in service (1.6 connector 0)."""
        self._operative_next: bool | None = None
        self.on_awaited: Callable[[Connector], None] | None = None
        """Called when a remote start waits for a car: whoever simulates drivers may bring one."""

    # --- finding ---------------------------------------------------------------------------------------------------------------

    def find(self, number: int) -> Connector | None:
        """A connector by its number (from 1)."""
        return self.connectors[number - 1] if 1 <= number <= len(self.connectors) else None

    def connector(self, number: int) -> Connector:
        """A connector by its number; raises ``ValueError`` saying which there are."""
        connector = self.find(number)
        if connector is None:
            raise ValueError(f"no connector {number} (this charger has 1 to {len(self.connectors)})")
        return connector

    @property
    def status(self) -> str:
        """The status of the charger itself: connector 0 is only ever Available, Unavailable or Faulted (1.6 §7.7)."""
        if all(connector.error_code != "NoError" for connector in self.connectors):
            return "Faulted"
        return "Available" if self.operative else "Unavailable"

    def free(self, number: int | None, tag: Tag) -> Connector | None:
        """A connector that a new token may use, the given one or any, one with a car first."""
        candidates = self.connectors if not number else [connector for connector in self.connectors if connector.number == number]
        usable = [
            connector
            for connector in candidates
            if connector.operative
            and connector.error_code == "NoError"
            and connector.awaited is None
            and not connector.withheld
            and self._charger.reservations.against(connector, tag) is None
            and (connector.transaction is None or connector.transaction.tag is None)
        ]
        return next((connector for connector in usable if connector.car is not None), usable[0] if usable else None)

    # --- people ----------------------------------------------------------------------------------------------------------------

    def plug(self, number: int, car: Car) -> None:
        """Somebody plugs a car in."""
        connector = self.connector(number)
        if connector.car is not None:
            raise ValueError(f"connector {number} has a car already")
        self.settle(connector)
        connector.car = car
        connector.finished = False
        self._charger.say(f"connector {number}: a car is plugged in at {car.soc:.0%}")
        if connector.transaction is None and connector.operative and self._charger.tongue.starts_at_plug(self._charger):
            self._open(connector, None, "CablePluggedIn", None)
        awaited = connector.awaited
        self._charger.reservations.look_again()
        if awaited is not None:
            self.admit(connector, awaited.tag, "CablePluggedIn", awaited.remote_start_id, awaited.limits)
        else:
            self.refresh(connector)
            self._tell_state(connector)

    async def tap(self, number: int, tag: Tag | None = None) -> str:
        """Somebody shows a token: starts a transaction, or stops the one it started. What became of it, in a word."""
        connector = self.connector(number)
        tag = tag or connector.last_tag
        if tag is None:
            raise ValueError(f"no token was shown at connector {number} before: name one")
        running = connector.transaction
        if running is not None and running.tag is not None and not running.stop_reason:
            if running.tag.value.casefold() == tag.value.casefold():
                self.stop(connector, "Local", "StopAuthorized", running.tag)
                return "Stopped"
            verdict = await self._charger.authorize(tag)
            if self._charger.authority.same_group(tag, running.tag) and connector.transaction is running:
                self.stop(connector, "Local", "StopAuthorized", tag)  # one of the same group may (1.6 §3.10)
                return "Stopped"
            self._charger.say(f"connector {number}: {tag.value} may not stop the transaction of {running.tag.value} ({verdict})")
            return "NotYours"
        if not connector.operative or connector.withheld or connector.error_code != "NoError":
            self._charger.say(f"connector {number}: out of order, {tag.value} is not read")
            return "OutOfOrder"
        connector.last_tag = tag
        kept = self._charger.reservations.against(connector, tag)
        if kept is not None and kept.parent is None:
            self._charger.say(f"connector {number}: reserved, not for {tag.value}")
            return "Reserved"
        verdict = await self._charger.authorize(tag)
        if verdict == "Accepted" and self._charger.reservations.against(connector, tag) is not None:
            verdict = "Reserved"  # only now its group is known (1.6 §5.13)
        self._charger.say(f"connector {number}: {tag.value} is {verdict}")
        if verdict == "Accepted":
            self.admit(connector, tag, "Authorized", None)
        return verdict

    def unplug(self, number: int) -> None:
        """Somebody pulls the cable out."""
        connector = self.connector(number)
        if connector.car is None:
            raise ValueError(f"connector {number} has no car")
        self.settle(connector)
        connector.car = None
        connector.finished = False
        self._charger.say(f"connector {number}: unplugged")
        running = connector.transaction
        if running is not None:
            if running.stop_reason or running.tag is None:
                self._close(connector, running.stop_reason or "EVDisconnected", "EVCommunicationLost", None)
            elif self._charger.settings.flag("stop_on_unplug"):
                self._close(connector, "EVDisconnected", "EVCommunicationLost", None)
        self._charger.reservations.look_again()
        self.refresh(connector)
        self._tell_state(connector)

    def pause(self, number: int, paused: bool) -> None:
        """The charger withholds power, or gives it again."""
        connector = self.connector(number)
        self.settle(connector)
        connector.paused = paused
        self.refresh(connector)
        self._tell_state(connector)

    def fault(self, number: int, error_code: str) -> None:
        """Something breaks, or with ``NoError`` is whole again."""
        connector = self.connector(number)
        self.settle(connector)
        if error_code != "NoError" and connector.transaction is not None:
            self._close(connector, "Other", "AbnormalCondition", None)
        connector.error_code = error_code
        self._out_of_order(connector)
        self.refresh(connector)

    # --- the server ------------------------------------------------------------------------------------------------------------

    async def start_remotely(
        self, connector: Connector, tag: Tag, remote_start_id: int | None, limits: ChargingProfile | None = None
    ) -> None:
        """The server lets a token charge (RemoteStartTransaction was answered Accepted), perhaps with a profile for the transaction."""
        if self._charger.settings.flag("authorize_remote"):
            verdict = await self._charger.authorize(tag)
            if verdict != "Accepted":
                self._charger.say(f"connector {connector.number}: remote start of {tag.value} is {verdict}")
                return
        connector.last_tag = tag
        self.admit(connector, tag, "RemoteStart", remote_start_id, limits)
        if connector.awaited is not None and self.on_awaited is not None:
            self.on_awaited(connector)

    async def stop_remotely(self, connector: Connector, transaction: Transaction) -> None:
        """The server stops a transaction (RemoteStopTransaction was answered Accepted)."""
        if connector.transaction is transaction:
            self.stop(connector, "Remote", "RemoteStop", None)

    async def unlock(self, connector: Connector) -> None:
        """The server unlocks a connector, which stops what runs there (1.6 §5.18)."""
        if connector.transaction is not None:
            self.stop(connector, "UnlockCommand", "UnlockCommand", None)
        elif connector.awaited is not None:
            connector.awaited = None
            self.refresh(connector)

    def change_availability(self, connector: Connector, operative: bool) -> str:
        """Take a connector in or out of service: ``Accepted``, or ``Scheduled`` after the running transaction."""
        if connector.transaction is not None and connector.operative != operative:
            connector.operative_next = operative
            return "Scheduled"
        connector.operative_next = None
        connector.operative = operative
        self._out_of_order(connector)
        self.refresh(connector)
        return "Accepted"

    def change_availability_of_all(self, operative: bool) -> str:
        """Take the charger itself and all its connectors in or out of service (1.6 §5.2, connector 0)."""
        words = [self.change_availability(connector, operative) for connector in self.connectors]
        self._operative_next = operative
        self._settle_whole()
        return "Scheduled" if "Scheduled" in words else "Accepted"

    def _settle_whole(self) -> None:
        """The charger itself follows once no transaction is in the way."""
        if self._operative_next is None or any(connector.operative_next is not None for connector in self.connectors):
            return
        changed, self.operative, self._operative_next = self.operative != self._operative_next, self._operative_next, None
        if changed:
            self._charger.tell_whole()

    def _out_of_order(self, connector: Connector) -> None:
        if not connector.operative or connector.error_code != "NoError":
            self._charger.reservations.out_of_order(connector)
        self._charger.reservations.look_again()

    def withhold(self, withheld: bool) -> None:
        """Let nobody start any more, or let them again."""
        for connector in self.connectors:
            if connector.withheld != withheld:
                connector.withheld = withheld
                self.refresh(connector)

    def limit(self, connector: Connector, limit_w: float) -> None:
        """Give a connector no more than that, from now on."""
        self.settle(connector)
        connector.limit_w = limit_w
        if connector.transaction is not None:
            self._charger.say(f"connector {connector.number}: {'no limit' if limit_w == math.inf else f'at most {limit_w:.0f} W'}")
        self.refresh(connector)
        self._tell_state(connector)

    # --- transactions ----------------------------------------------------------------------------------------------------------

    def admit(
        self, connector: Connector, tag: Tag, trigger: str, remote_start_id: int | None, limits: ChargingProfile | None = None
    ) -> None:
        """A token was accepted: charge, or wait for a car as long as ConnectionTimeOut allows."""
        running = connector.transaction
        if running is not None and running.tag is not None:
            return
        if connector.car is None:
            limit_s = self._charger.settings.number("connection_timeout_s") / self._charger.clock.speed
            connector.awaited = Awaited(tag, trigger, remote_start_id, trio.current_time() + limit_s, limits)
            self._charger.reservations.look_again()
            self._charger.spawn(self._expire, connector, connector.awaited)
            self.refresh(connector)
            return
        connector.awaited = None
        connector.finished = False
        connector.paused = False
        self.settle(connector)
        if running is None:
            running = self._open(connector, tag, trigger, remote_start_id)
        else:
            running.tag = tag
            running.remote_start_id = remote_start_id
            self._charger.tongue.authorized(self._charger, connector, running, trigger)
        if limits is not None:
            self._charger.smart_charging.install(connector.number, limits)
        self._charger.smart_charging.look_again()
        self._charger.watcher.started(self._charger.profile.charger_id, connector.number, tag.value)
        self.refresh(connector)
        self._tell_state(connector)
        self._charger.spawn(self._meter, connector, running)

    async def _expire(self, connector: Connector, awaited: Awaited) -> None:
        await trio.sleep_until(awaited.deadline)
        if connector.awaited is awaited:
            connector.awaited = None
            self._charger.reservations.look_again()
            self._charger.say(f"connector {connector.number}: nobody plugged in, {awaited.tag.value} is forgotten")
            self.refresh(connector)

    def _open(self, connector: Connector, tag: Tag | None, trigger: str, remote_start_id: int | None) -> Transaction:
        transaction = Transaction(
            connector.number, self._charger.clock.now(), connector.register, self._charger.new_reference(), tag
        )
        transaction.remote_start_id = remote_start_id
        connector.transaction = transaction
        if tag is not None:
            transaction.reservation_id = self._charger.reservations.use(connector, tag)
        self._charger.tongue.started(self._charger, connector, transaction, trigger)
        return transaction

    def stop(self, connector: Connector, reason: str, trigger: str, tag: Tag | None) -> None:
        """End a transaction, or only its energy where it lasts until unplugging."""
        running = connector.transaction
        if running is None:
            return
        self.settle(connector)
        lasts = self._charger.tongue.starts_at_plug(self._charger) and connector.car is not None
        if lasts and reason not in ENDS_AT_STOP:
            running.stop_reason = reason
            connector.finished = True
            if running.scope is not None:
                running.scope.cancel()
            self._charger.tongue.stopped(self._charger, connector, running, reason, trigger)
            self.refresh(connector)
            return
        self._close(connector, reason, trigger, tag)
        self.refresh(connector)

    def _close(self, connector: Connector, reason: str, trigger: str, tag: Tag | None) -> None:
        running = connector.transaction
        if running is None:
            return
        connector.transaction = None
        connector.finished = connector.car is not None
        if running.scope is not None:
            running.scope.cancel()
        self._charger.tongue.ended(self._charger, connector, running, reason, trigger, tag)
        energy_wh = connector.since(running.meter_start_wh)
        self._charger.smart_charging.ended(connector)
        if running.tag is not None:
            self._charger.watcher.ended(self._charger.profile.charger_id, connector.number, energy_wh, reason)
        if connector.operative_next is not None:
            connector.operative, connector.operative_next = connector.operative_next, None
            self._settle_whole()
        self._charger.changed.give()

    def end_all(self, reason: str) -> None:
        """A reset or a power cut ends every transaction."""
        for connector in self.connectors:
            connector.awaited = None
            if connector.transaction is not None:
                self.settle(connector)
                trigger = "ResetCommand" if reason.endswith("Reset") else "AbnormalCondition"
                self._close(connector, reason, trigger, None)
            connector.status = connector.true_status()

    async def _meter(self, connector: Connector, transaction: Transaction) -> None:
        """Read the meter every interval while the transaction runs, and notice when the car is full."""
        clock, settings = self._charger.clock, self._charger.settings
        with trio.CancelScope() as scope:
            transaction.scope = scope
            due = clock.world()
            while connector.transaction is transaction and not transaction.stop_reason:
                interval_s = settings.number("meter_interval_s")
                due = max(due + (interval_s or 60), clock.world())
                await clock.sleep_until_world(due)
                self.settle(connector)
                self.refresh(connector)
                self._tell_state(connector)
                if connector.since(transaction.meter_start_wh) >= transaction.energy_left_wh:
                    self.stop(connector, "DeAuthorized", "Deauthorized", None)
                    return
                if interval_s:
                    samples = meter.read(connector, settings.text("meter_measurands"), self._charger.rng)
                    self._charger.tongue.metered(self._charger, connector, transaction, samples)

    # --- telling ---------------------------------------------------------------------------------------------------------------

    def settle(self, connector: Connector) -> None:
        """Bring the meter up to date; to be done before anything changes."""
        connector.advance(self._charger.clock.world())

    def _tell_state(self, connector: Connector) -> None:
        if connector.transaction is not None and not connector.transaction.stop_reason:
            self._charger.tongue.state_changed(self._charger, connector, connector.transaction)

    def refresh(self, connector: Connector) -> None:
        """Draw the status from the facts and tell it when it changed."""
        status = connector.true_status()
        if status != connector.status:
            connector.status = status
            self._charger.say(f"connector {connector.number} is {status}")
        self._charger.tell_status(connector)

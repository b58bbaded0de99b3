"""The reservations of one charger (1.6 §3.11, §5.13): who may use which connector until when."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from .connector import Connector, Tag

if TYPE_CHECKING:
    from .charger import Charger

ANY = 0
"""The connector of a reservation that holds one free wherever it is."""


@attrs.frozen(slots=True, eq=False)
class Reservation:
    """A reservation; ``connector`` 0 keeps any one connector free. ``expires_at`` in ms."""

    number: int
    connector: int
    tag: Tag
    parent: str | None
    expires_at: int


class Reservations:
    """See the module. A reserved connector has the status Reserved until somebody uses it, cancels, or time is up."""

    __slots__ = ("_charger", "_held")

    def __init__(self, charger: Charger) -> None:
        self._charger = charger
        self._held: dict[int, Reservation] = {}

    @property
    def held(self) -> list[Reservation]:
        """Those that stand."""
        return list(self._held.values())

    # --- the server ------------------------------------------------------------------------------------------------------------

    def reserve(self, reservation: Reservation) -> str:
        """ReserveNow: the word to answer (1.6 §7.38). One with a known id takes that one's place."""
        replaced = self._held.pop(reservation.number, None)
        self._mark()
        status = self._obstacle(reservation)
        if status != "Accepted":
            if replaced is not None:
                self._held[replaced.number] = replaced
                self._mark()
            return status
        self._held[reservation.number] = reservation
        self._mark()
        self._charger.say(f"reservation {reservation.number} holds {_place(reservation)} for {reservation.tag.value}")
        self._charger.spawn(self._expire, reservation)
        return status

    def _obstacle(self, wanted: Reservation) -> str:
        box = self._charger.box
        if wanted.connector != ANY:
            connector = box.find(wanted.connector)
            if connector is None or wanted.expires_at <= self._charger.clock.now():
                return "Rejected"
            return _word(connector)
        if not self._charger.settings.flag("reserves_any") or wanted.expires_at <= self._charger.clock.now():
            return "Rejected"
        words = [_word(connector) for connector in box.connectors]
        if words.count("Accepted") > 0:
            return "Accepted"
        return next((word for word in ("Occupied", "Unavailable", "Faulted") if word in words), "Occupied")

    def cancel(self, number: int) -> bool:
        """CancelReservation: whether there was one."""
        return self._end(number, "is cancelled")

    # --- people ----------------------------------------------------------------------------------------------------------------

    def against(self, connector: Connector, tag: Tag) -> Reservation | None:
        """The reservation that keeps a token from a connector; None when it may charge there."""
        if not connector.reserved or self.of(connector, tag) is not None:
            return None
        own = [each for each in self._held.values() if each.connector == connector.number]
        return next(iter(own or [each for each in self._held.values() if each.connector == ANY]), None)

    def of(self, connector: Connector, tag: Tag) -> Reservation | None:
        """The reservation that a token may use at a connector: by itself, or by its group (1.6 §3.10)."""
        for each in sorted(self._held.values(), key=lambda each: -each.connector):
            if each.connector not in (connector.number, ANY):
                continue
            if each.tag.value.casefold() == tag.value.casefold():
                return each
            if each.parent is not None and each.parent == self._charger.authority.parent_of(tag):
                return each
        return None

    def use(self, connector: Connector, tag: Tag) -> int | None:
        """A transaction begins: the id of the reservation that ends with it, for StartTransaction (1.6 §4.8)."""
        used = self.of(connector, tag)
        if used is None:
            return None
        self._end(used.number, "is used")
        return used.number

    # --- ends ------------------------------------------------------------------------------------------------------------------

    def out_of_order(self, connector: Connector) -> None:
        """A connector failed or was taken out of service: its reservation is over (1.6 §5.13)."""
        for each in self.held:
            nowhere = each.connector == ANY and all(
                _word(other) in ("Faulted", "Unavailable") for other in self._charger.box.connectors
            )
            if each.connector == connector.number or nowhere:
                self._end(each.number, "ends: out of order")
        self._mark()

    async def _expire(self, reservation: Reservation) -> None:
        await self._charger.clock.sleep_until(reservation.expires_at)
        if self._held.get(reservation.number) is reservation:
            self._end(reservation.number, "expired")

    def _end(self, number: int, how: str) -> bool:
        if self._held.pop(number, None) is None:
            return False
        self._charger.say(f"reservation {number} {how}")
        self._mark()
        return True

    def look_again(self) -> None:
        """A connector became free, or not: which must be kept for a reservation of any?"""
        if self._held:
            self._mark()

    def _mark(self) -> None:
        """Reserve connectors: those that are named, and all free ones when reservations of any one need them all."""
        box = self._charger.box
        named = {each.connector for each in self._held.values()}
        of_any = sum(each.connector == ANY for each in self._held.values())
        free = [connector for connector in box.connectors if connector.number not in named and connector.free]
        for connector in box.connectors:
            reserved = connector.number in named or (connector in free and len(free) <= of_any)
            if reserved != connector.reserved:
                connector.reserved = reserved
                box.refresh(connector)


def _word(connector: Connector) -> str:
    """What a connector's state says to a reservation."""
    match connector.true_status():
        case "Available":
            return "Accepted"
        case "Faulted" | "Unavailable" as status:
            return status
    return "Occupied"


def _place(reservation: Reservation) -> str:
    return f"connector {reservation.connector}" if reservation.connector else "any connector"

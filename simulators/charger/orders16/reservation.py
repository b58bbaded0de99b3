"""Reservation: ReserveNow and CancelReservation (1.6 §5.1, §5.13)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.charger.connector import Tag
from simulators.charger.link import Reply
from simulators.charger.reservations import Reservation
from simulators.frames import Payload

from .reply import instant, status, text, whole

if TYPE_CHECKING:
    from simulators.charger.charger import Charger

    from .reply import Order


def _reserve(charger: Charger, payload: Payload) -> Reply:
    text(payload, "expiryDate")
    reservation = Reservation(
        number=whole(payload, "reservationId"),
        connector=whole(payload, "connectorId"),
        tag=Tag(text(payload, "idTag")),
        parent=None if payload.get("parentIdTag") is None else text(payload, "parentIdTag"),
        expires_at=instant(payload, "expiryDate") or 0,
    )
    if "reservation" in charger.failing:
        return status("Rejected")
    return status(charger.reservations.reserve(reservation))


def _cancel(charger: Charger, payload: Payload) -> Reply:
    return status("Accepted" if charger.reservations.cancel(whole(payload, "reservationId")) else "Rejected")


ORDERS: dict[str, Order] = {"ReserveNow": _reserve, "CancelReservation": _cancel}

"""What we tell an OCPP 1.6 charger in the Reservation profile (§5.1, §5.13)."""

from __future__ import annotations

from csms.core import commands
from csms.ocpp.dialect import Payload, Says
from csms.ocpp.v16.places import connector
from csms.ocpp.wording import answered, instant


def _reserve(command: commands.ReserveNow) -> Payload:
    payload: Payload = {
        "connectorId": connector(command.place),
        "expiryDate": instant(command.expires_at),
        "idTag": command.token.value,
        "reservationId": command.reservation_id,
    }
    if command.parent:
        payload["parentIdTag"] = command.parent
    return payload


def _cancel(command: commands.CancelReservation) -> Payload:
    return {"reservationId": command.reservation_id}


ROWS = (
    Says(command=commands.ReserveNow, action="ReserveNow", write=_reserve, read=answered),
    Says(command=commands.CancelReservation, action="CancelReservation", write=_cancel, read=answered),
)

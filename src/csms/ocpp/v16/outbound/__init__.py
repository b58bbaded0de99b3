"""What we tell an OCPP 1.6 charger: one module per feature profile."""

from __future__ import annotations

from . import core, firmware, local_list, reservation, security, smart_charging, trigger

SAYS = (
    *core.ROWS,
    *firmware.ROWS,
    *local_list.ROWS,
    *reservation.ROWS,
    *smart_charging.ROWS,
    *trigger.ROWS,
    *security.ROWS,
)

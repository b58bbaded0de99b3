"""What an OCPP 1.6 charger tells us: one module per feature profile."""

from __future__ import annotations

from . import core, firmware, security

HEARS = (*core.ROWS, *firmware.ROWS, *security.ROWS)

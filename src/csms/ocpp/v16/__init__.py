"""OCPP 1.6-J: all six feature profiles, and the security whitepaper's messages."""

from __future__ import annotations

from csms.ocpp.dialect import Codes, Dialect

from .inbound import HEARS
from .outbound import SAYS

DIALECT = Dialect(
    subprotocol="ocpp1.6",
    title="OCPP 1.6",
    hears=HEARS,
    says=SAYS,
    schemas="v16",
    codes=Codes(
        # 1.6-J §4.2.3, spelt as it spells them; the errata (5.1, 5.2) keep the spelling. Unknown message types are ignored (§4.1.3).
        format="FormationViolation",
        missing="OccurenceConstraintViolation",
        unreadable="FormationViolation",
        unreadable_id=None,
        unknown_type=None,
    ),
)

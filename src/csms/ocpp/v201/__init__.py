"""OCPP 2.0.1: what every charge needs."""

from __future__ import annotations

from csms.ocpp.dialect import Codes, Dialect

from .inbound import HEARS
from .outbound import SAYS

CODES = Codes(  # part 4 §4.3 and, for what cannot be read, §4.2.3 and §4.4
    format="FormatViolation",
    missing="OccurrenceConstraintViolation",
    unreadable="RpcFrameworkError",
    unreadable_id="-1",
    unknown_type="MessageTypeNotSupported",
)

DIALECT = Dialect(
    subprotocol="ocpp2.0.1",
    title="OCPP 2.0.1",
    hears=HEARS,
    says=SAYS,
    schemas="v201",
    request_suffix="Request",
    codes=CODES,
)

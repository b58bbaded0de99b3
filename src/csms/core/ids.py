"""Names for the identifiers that travel between layers."""

from __future__ import annotations

from typing import NewType

import attrs

TenantId = NewType("TenantId", int)
"""Whose data a row is; our own integer."""

ChargerId = NewType("ChargerId", str)
"""The charger's identity in its connection URL, percent-decoded; unique per installation (OCPP-J 1.6 §3.1.1)."""

TransactionId = NewType("TransactionId", int)
"""Our own integer for a transaction, 1 to 2**31 - 1; OCPP 1.6 chargers are answered with it."""

DEFAULT_TENANT = TenantId(1)
"""The tenant that every installation has, and to which an unknown charger belongs until it is approved."""

MAX_TRANSACTION_ID = 2**31 - 1


@attrs.frozen(slots=True)
class Place:
    """Where at a charger something happens.

    OCPP 1.6 connector *n* is ``Place(n, 1)`` and its connector 0, the charger as a whole, is ``Place(0, 0)``.
    OCPP 2.x says ``Place(evse, connector)``; ``connector`` 0 means the whole EVSE.
    """

    evse: int = 0
    connector: int = 0

    @property
    def is_whole_charger(self) -> bool:
        """Whether this names the charger itself rather than one of its EVSEs."""
        return self.evse == 0

    def __str__(self) -> str:
        return f"{self.evse}.{self.connector}"


WHOLE_CHARGER = Place(0, 0)


def charger_key(charger_id: str) -> str:
    """The write key of everything that belongs to one charger (see ``ports.Database.write``)."""
    return f"charger:{charger_id}"


def token_key(tenant: int, value: str) -> str:
    """The write key of one token; tokens compare case-insensitively (OCPP 1.6 §7.28 CiString)."""
    return f"token:{tenant}:{value.casefold()}"

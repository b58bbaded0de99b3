"""The commands of everyday operation: OCPP 1.6's Core profile and what 2.x made of it."""

from __future__ import annotations

from typing import Any

import attrs

from csms.core.charging import ChargingProfile
from csms.core.ids import Place
from csms.core.reports import Token

from .command import Command


@attrs.frozen(slots=True)
class StartCharging(Command):
    """RemoteStartTransaction (1.6 §5.11) or RequestStartTransaction (2.0.1 F01). ``remote_start_id`` correlates it (2.x).

    ``profile`` is a TxProfile for the transaction that follows (1.6 §5.16.2).
    """

    title = "start charging for a token"

    token: Token
    place: Place | None = None
    remote_start_id: int = 0
    profile: ChargingProfile | None = None


@attrs.frozen(slots=True)
class StopCharging(Command):
    """RemoteStopTransaction (1.6 §5.12) or RequestStopTransaction (2.0.1 F03); ``reference`` is the charger's own id (2.x)."""

    title = "stop a transaction"

    transaction_id: int
    reference: str = ""


@attrs.frozen(slots=True)
class Reset(Command):
    """Reset. ``when`` is ``immediately`` (1.6: Hard) or ``when_idle`` (1.6: Soft, which ends transactions first, §5.14)."""

    title = "restart the charger"

    when: str = attrs.field(default="when_idle", validator=attrs.validators.in_(("when_idle", "immediately")))
    evse: int | None = None


@attrs.frozen(slots=True)
class UnlockConnector(Command):
    """UnlockConnector (1.6 §5.18; 2.0.1 F05)."""

    title = "unlock a connector"

    place: Place


@attrs.frozen(slots=True)
class ChangeAvailability(Command):
    """ChangeAvailability (1.6 §5.2; 2.0.1 G03, G04)."""

    idempotent = True
    title = "take a charger or connector in or out of service"

    place: Place
    operative: bool


@attrs.frozen(slots=True)
class VariableName:
    """A configuration variable. A 1.6 configuration key has only ``name``; 2.x adds the component, and maybe an EVSE or instance."""

    name: str
    component: str = ""
    instance: str = ""
    component_instance: str = ""
    evse: int | None = None
    connector: int | None = None


@attrs.frozen(slots=True)
class GetVariables(Command):
    """GetConfiguration (1.6 §5.8; none named: all) or GetVariables (2.0.1 B06; at least one)."""

    idempotent = True
    title = "read configuration"

    variables: tuple[VariableName, ...] = ()


@attrs.frozen(slots=True)
class Setting:
    """One variable and the value it shall have."""

    variable: VariableName
    value: str


@attrs.frozen(slots=True)
class SetVariables(Command):
    """ChangeConfiguration (1.6 §5.3; exactly one setting a command) or SetVariables (2.0.1 B05)."""

    title = "change configuration"

    settings: tuple[Setting, ...]


@attrs.frozen(slots=True)
class ClearCache(Command):
    """ClearCache (1.6 §5.4; 2.0.1 C11): forget the authorization cache."""

    idempotent = True
    title = "clear the authorization cache"


@attrs.frozen(slots=True)
class SendData(Command):
    """DataTransfer to the charger (1.6 §5.5; 2.0.1 P01)."""

    title = "send vendor data"

    vendor_id: str
    message_id: str = ""
    data: str = ""


@attrs.frozen(slots=True)
class RawCall(Command):
    """Any OCPP call, as it is written, to whoever knows what they do. ``check`` False sends also what the version's schema refuses.

    The answer's status is that of the payload (``Accepted`` where it has none), its detail the whole payload.
    """

    title = "send any OCPP call"

    action: str = attrs.field(validator=attrs.validators.matches_re(r"[A-Za-z][A-Za-z0-9]{0,49}"))
    payload: dict[str, Any] = attrs.field(factory=dict)
    check: bool = True

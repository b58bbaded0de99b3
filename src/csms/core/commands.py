"""What we tell a charger, in words that serve every OCPP version, and the outcomes a command can have."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs

from .ids import Place
from .reports import Token


@attrs.frozen(slots=True)
class Command:
    """What every command is. ``idempotent`` means that the newest of two equal ones may replace a queued older one."""

    idempotent: ClassVar[bool] = False
    title: ClassVar[str] = ""


@attrs.frozen(slots=True)
class StartCharging(Command):
    """RemoteStartTransaction (1.6 §5.11) or RequestStartTransaction (2.0.1 F01). ``remote_start_id`` correlates it (2.x)."""

    title = "start charging for a token"

    token: Token
    place: Place | None = None
    remote_start_id: int = 0


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


COMMANDS: dict[str, type[Command]] = {
    command.__name__: command
    for command in (
        StartCharging,
        StopCharging,
        Reset,
        UnlockConnector,
        ChangeAvailability,
        GetVariables,
        SetVariables,
        ClearCache,
        SendData,
    )
}
"""Every command by name: what ``csms send`` and the API offer."""


# --- outcomes -------------------------------------------------------------------------------------------------------------------


@attrs.frozen(slots=True)
class Outcome:
    """What became of a command. ``certain`` is False where the charger may have obeyed although we did not hear so."""

    certain: ClassVar[bool] = True


@attrs.frozen(slots=True)
class Answered(Outcome):
    """The charger answered: its status word (``Accepted`` where the message has none) and whatever else it said, as JSON values."""

    status: str
    detail: dict[str, Any] = attrs.field(factory=dict)

    @property
    def accepted(self) -> bool:
        """Whether the charger said yes, perhaps with conditions (``Scheduled``, ``RebootRequired``, ``Unlocked``)."""
        return self.status in {"Accepted", "Scheduled", "RebootRequired", "Unlocked"}


@attrs.frozen(slots=True)
class CallError(Outcome):
    """The charger answered with a CALLERROR."""

    code: str
    description: str = ""
    details: dict[str, Any] = attrs.field(factory=dict)


@attrs.frozen(slots=True)
class TimedOut(Outcome):
    """Sent, and no answer within the time limit: it may have run."""

    certain = False


@attrs.frozen(slots=True)
class Lost(Outcome):
    """Sent, then the link died: it may have run."""

    certain = False


@attrs.frozen(slots=True)
class Expired(Outcome):
    """Its time to live passed before it could be sent: it has not run."""


@attrs.frozen(slots=True)
class Superseded(Outcome):
    """A newer equal command took its place before it was sent: it has not run."""


@attrs.frozen(slots=True)
class QueueFull(Outcome):
    """The charger's queue was full: it has not run."""


@attrs.frozen(slots=True)
class Offline(Outcome):
    """The charger is not connected, or was not accepted yet for this command: it has not run."""

    reason: str = "not connected"


@attrs.frozen(slots=True)
class NotSupported(Outcome):
    """The charger's OCPP version cannot say this: it has not run."""

    reason: str = ""

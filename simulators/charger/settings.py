"""A charger's configuration: OCPP 1.6 keys (§9) and OCPP 2.0.1 variables (part 2, appendix) are two names of the same values."""

from __future__ import annotations

import attrs


@attrs.frozen(slots=True)
class Row:
    """One value: our short name, its 1.6 key and its 2.x component and variable (``""`` where a version has none)."""

    name: str
    key: str
    component: str
    variable: str
    default: str
    kind: str = "text"
    """``text``, ``int`` (not negative), ``bool`` or ``secret`` (never shown)."""
    writable: bool = True
    needs_reboot: bool = False

    def allows(self, value: str) -> bool:
        """Whether a value is of its kind."""
        if self.kind == "int":
            return value.isascii() and value.isdigit() and len(value) <= LONGEST_NUMBER
        if self.kind == "bool":
            return value.lower() in ("true", "false")
        if self.kind == "secret":
            return 16 <= len(value) <= 40
        return len(value) <= 500


LONGEST_NUMBER = 9
SAMPLED = "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage,SoC"

ROWS: tuple[Row, ...] = (
    Row("heartbeat_s", "HeartbeatInterval", "OCPPCommCtrlr", "HeartbeatInterval", "300", "int"),
    Row("connection_timeout_s", "ConnectionTimeOut", "TxCtrlr", "EVConnectionTimeOut", "60", "int"),
    Row("meter_interval_s", "MeterValueSampleInterval", "SampledDataCtrlr", "TxUpdatedInterval", "60", "int"),
    Row("meter_measurands", "MeterValuesSampledData", "SampledDataCtrlr", "TxUpdatedMeasurands", SAMPLED),
    Row("aligned_interval_s", "ClockAlignedDataInterval", "AlignedDataCtrlr", "Interval", "0", "int"),
    Row("aligned_measurands", "MeterValuesAlignedData", "AlignedDataCtrlr", "Measurands", "Energy.Active.Import.Register"),
    Row("stop_measurands", "StopTxnSampledData", "SampledDataCtrlr", "TxEndedMeasurands", "Energy.Active.Import.Register"),
    Row("stop_aligned_measurands", "StopTxnAlignedData", "AlignedDataCtrlr", "TxEndedMeasurands", ""),
    Row("connectors", "NumberOfConnectors", "", "", "1", "int", writable=False),
    Row("max_keys", "GetConfigurationMaxKeys", "", "", "100", "int", writable=False),
    Row("authorize_remote", "AuthorizeRemoteTxRequests", "AuthCtrlr", "AuthorizeRemoteStart", "true", "bool"),
    Row("authorize_offline", "LocalAuthorizeOffline", "AuthCtrlr", "LocalAuthorizeOffline", "true", "bool"),
    Row("pre_authorize", "LocalPreAuthorize", "AuthCtrlr", "LocalPreAuthorize", "false", "bool"),
    Row("offline_unknown", "AllowOfflineTxForUnknownId", "AuthCtrlr", "OfflineTxForUnknownIdEnabled", "true", "bool"),
    Row("cache", "AuthorizationCacheEnabled", "AuthCacheCtrlr", "Enabled", "true", "bool"),
    Row("stop_on_unplug", "StopTransactionOnEVSideDisconnect", "TxCtrlr", "StopTxOnEVSideDisconnect", "true", "bool"),
    Row("stop_on_invalid", "StopTransactionOnInvalidId", "TxCtrlr", "StopTxOnInvalidId", "true", "bool"),
    Row("unlock_on_unplug", "UnlockConnectorOnEVSideDisconnect", "OCPPCommCtrlr", "UnlockOnEVSideDisconnect", "true", "bool"),
    Row("attempts", "TransactionMessageAttempts", "OCPPCommCtrlr", "MessageAttempts", "3", "int"),
    Row("retry_interval_s", "TransactionMessageRetryInterval", "OCPPCommCtrlr", "MessageAttemptInterval", "60", "int"),
    Row("ping_interval_s", "WebSocketPingInterval", "OCPPCommCtrlr", "WebSocketPingInterval", "0", "int"),
    Row("reset_retries", "ResetRetries", "OCPPCommCtrlr", "ResetRetries", "1", "int"),
    Row("rotation", "ConnectorPhaseRotation", "", "", "0.RST,1.RST"),
    Row("profiles", "SupportedFeatureProfiles", "", "", "Core,RemoteTrigger", writable=False),
    Row("start_point", "", "TxCtrlr", "TxStartPoint", "PowerPathClosed"),
    Row("stop_point", "", "TxCtrlr", "TxStopPoint", "PowerPathClosed"),
    Row("password", "AuthorizationKey", "SecurityCtrlr", "BasicAuthPassword", "", "secret"),
    Row("security_profile", "SecurityProfile", "SecurityCtrlr", "SecurityProfile", "1", "int", writable=False),
    Row("apn", "VendorModemApn", "ModemCtrlr", "Apn", "internet", needs_reboot=True),
    Row("light", "LightIntensity", "Lighting", "Intensity", "80", "int"),
)

BY_NAME = {row.name: row for row in ROWS}
BY_KEY = {row.key.casefold(): row for row in ROWS if row.key}
BY_VARIABLE = {(row.component.casefold(), row.variable.casefold()): row for row in ROWS if row.variable}
COMPONENTS = frozenset(row.component.casefold() for row in ROWS if row.component)


class Settings:
    """One charger's values: the table above, and what differs from it."""

    __slots__ = ("_changed",)

    def __init__(self, **changed: str) -> None:
        unknown = changed.keys() - BY_NAME.keys()
        if unknown:
            raise ValueError(f"no such setting: {', '.join(sorted(unknown))} (one of {', '.join(sorted(BY_NAME))})")
        self._changed = changed

    def text(self, name: str) -> str:
        """A value."""
        return self._changed.get(name, BY_NAME[name].default)

    def number(self, name: str) -> int:
        """A value as a number."""
        return int(self.text(name))

    def flag(self, name: str) -> bool:
        """A value as yes or no."""
        return self.text(name).lower() == "true"

    def hear(self, name: str, value: str) -> None:
        """Take a value over from the server, such as the heartbeat interval of a boot."""
        self._changed[name] = value

    def set(self, row: Row, value: str) -> str:
        """Change a value: ``Accepted``, ``Rejected`` or ``RebootRequired``."""
        if not row.writable or not row.allows(value):
            return "Rejected"
        self._changed[row.name] = value
        return "RebootRequired" if row.needs_reboot else "Accepted"

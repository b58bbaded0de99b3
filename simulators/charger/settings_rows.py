"""Every value of a charger's configuration: OCPP 1.6 key (§9, whitepaper §7) and OCPP 2.0.1 variable (part 2, appendix) side by side."""

from __future__ import annotations

import attrs

LONGEST_NUMBER = 9
MEASURANDS = frozenset(
    [
        "Current.Export",
        "Current.Import",
        "Current.Offered",
        "Energy.Active.Export.Register",
        "Energy.Active.Import.Register",
        "Energy.Reactive.Export.Register",
        "Energy.Reactive.Import.Register",
        "Energy.Active.Export.Interval",
        "Energy.Active.Import.Interval",
        "Energy.Reactive.Export.Interval",
        "Energy.Reactive.Import.Interval",
        "Frequency",
        "Power.Active.Export",
        "Power.Active.Import",
        "Power.Factor",
        "Power.Offered",
        "Power.Reactive.Export",
        "Power.Reactive.Import",
        "RPM",
        "SoC",
        "Temperature",
        "Voltage",
    ]
)
"""1.6 §7.31; a phase may follow, as in ``Voltage.L1`` (§9.1.17)."""
PHASES = ("L1", "L2", "L3", "N", "L1-N", "L2-N", "L3-N", "L1-L2", "L2-L3", "L3-L1")
MOST_MEASURANDS = 12
HEX_DIGITS = frozenset("0123456789abcdefABCDEF")


def measurand(text: str) -> bool:
    """Whether a measurand, with or without a phase, exists."""
    stem, _, phase = text.rpartition(".")
    return text in MEASURANDS or (stem in MEASURANDS and phase in PHASES)


@attrs.frozen(slots=True)
class Row:
    """One value: our short name, its 1.6 key and its 2.x component and variable (``""`` where a version has none)."""

    name: str
    key: str
    component: str
    variable: str
    default: str
    kind: str = "text"
    """``text``, ``int`` (not negative), ``bool``, ``measurands`` (comma-separated) or ``secret`` (never shown)."""
    writable: bool = True
    needs_reboot: bool = False
    most: int = 0
    """The greatest number that is allowed (0: any)."""

    def allows(self, value: str) -> bool:
        """Whether a value is of its kind."""
        match self.kind:
            case "int":
                digits = value.isascii() and value.isdigit() and len(value) <= LONGEST_NUMBER
                return digits and (not self.most or int(value) <= self.most)
            case "bool":
                return value.lower() in ("true", "false")
            case "secret":
                return 16 <= len(value) <= 40
            case "measurands":
                items = [item.strip() for item in value.split(",")] if value else []
                return len(items) <= MOST_MEASURANDS and all(map(measurand, items))
        return len(value) <= 500


SAMPLED = "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage,SoC"
ENERGY = "Energy.Active.Import.Register"

CORE: tuple[Row, ...] = (
    Row("heartbeat_s", "HeartbeatInterval", "OCPPCommCtrlr", "HeartbeatInterval", "300", "int"),
    Row("connection_timeout_s", "ConnectionTimeOut", "TxCtrlr", "EVConnectionTimeOut", "60", "int"),
    Row("meter_interval_s", "MeterValueSampleInterval", "SampledDataCtrlr", "TxUpdatedInterval", "60", "int"),
    Row("meter_measurands", "MeterValuesSampledData", "SampledDataCtrlr", "TxUpdatedMeasurands", SAMPLED, "measurands"),
    Row("aligned_interval_s", "ClockAlignedDataInterval", "AlignedDataCtrlr", "Interval", "0", "int"),
    Row("aligned_measurands", "MeterValuesAlignedData", "AlignedDataCtrlr", "Measurands", ENERGY, "measurands"),
    Row("stop_measurands", "StopTxnSampledData", "SampledDataCtrlr", "TxEndedMeasurands", ENERGY, "measurands"),
    Row("stop_aligned_measurands", "StopTxnAlignedData", "AlignedDataCtrlr", "TxEndedMeasurands", "", "measurands"),
    Row("meter_most", "MeterValuesSampledDataMaxLength", "", "", str(MOST_MEASURANDS), "int", writable=False),
    Row("aligned_most", "MeterValuesAlignedDataMaxLength", "", "", str(MOST_MEASURANDS), "int", writable=False),
    Row("stop_most", "StopTxnSampledDataMaxLength", "", "", str(MOST_MEASURANDS), "int", writable=False),
    Row("stop_aligned_most", "StopTxnAlignedDataMaxLength", "", "", str(MOST_MEASURANDS), "int", writable=False),
    Row("connectors", "NumberOfConnectors", "", "", "1", "int", writable=False),
    Row("max_keys", "GetConfigurationMaxKeys", "", "", "100", "int", writable=False),
    Row("authorize_remote", "AuthorizeRemoteTxRequests", "AuthCtrlr", "AuthorizeRemoteStart", "true", "bool"),
    Row("authorize_offline", "LocalAuthorizeOffline", "AuthCtrlr", "LocalAuthorizeOffline", "true", "bool"),
    Row("pre_authorize", "LocalPreAuthorize", "AuthCtrlr", "LocalPreAuthorize", "false", "bool"),
    Row("offline_unknown", "AllowOfflineTxForUnknownId", "AuthCtrlr", "OfflineTxForUnknownIdEnabled", "true", "bool"),
    Row("cache", "AuthorizationCacheEnabled", "AuthCacheCtrlr", "Enabled", "true", "bool"),
    Row("stop_on_unplug", "StopTransactionOnEVSideDisconnect", "TxCtrlr", "StopTxOnEVSideDisconnect", "true", "bool"),
    Row("stop_on_invalid", "StopTransactionOnInvalidId", "TxCtrlr", "StopTxOnInvalidId", "true", "bool"),
    Row("energy_on_invalid_wh", "MaxEnergyOnInvalidId", "TxCtrlr", "MaxEnergyOnInvalidId", "0", "int"),
    Row("unlock_on_unplug", "UnlockConnectorOnEVSideDisconnect", "OCPPCommCtrlr", "UnlockOnEVSideDisconnect", "true", "bool"),
    Row("attempts", "TransactionMessageAttempts", "OCPPCommCtrlr", "MessageAttempts", "3", "int"),
    Row("retry_interval_s", "TransactionMessageRetryInterval", "OCPPCommCtrlr", "MessageAttemptInterval", "60", "int"),
    Row("ping_interval_s", "WebSocketPingInterval", "OCPPCommCtrlr", "WebSocketPingInterval", "0", "int"),
    Row("reset_retries", "ResetRetries", "OCPPCommCtrlr", "ResetRetries", "1", "int"),
    Row("status_settles_s", "MinimumStatusDuration", "", "", "0", "int"),
    Row("blinks", "BlinkRepeat", "", "", "3", "int"),
    Row("rotation", "ConnectorPhaseRotation", "", "", "0.RST,1.RST"),
    Row("rotation_most", "ConnectorPhaseRotationMaxLength", "", "", "21", "int", writable=False),
    Row("profiles", "SupportedFeatureProfiles", "", "", "Core", writable=False),
    Row("profiles_most", "SupportedFeatureProfilesMaxLength", "", "", "6", "int", writable=False),
    Row("start_point", "", "TxCtrlr", "TxStartPoint", "PowerPathClosed"),
    Row("stop_point", "", "TxCtrlr", "TxStopPoint", "PowerPathClosed"),
    Row("apn", "VendorModemApn", "ModemCtrlr", "Apn", "internet", needs_reboot=True),
    Row("light", "LightIntensity", "Lighting", "Intensity", "80", "int", most=100),
)

PROFILES: tuple[Row, ...] = (
    Row("list_enabled", "LocalAuthListEnabled", "", "", "true", "bool"),
    Row("list_most", "LocalAuthListMaxLength", "", "", "500", "int", writable=False),
    Row("list_most_at_once", "SendLocalListMaxLength", "", "", "50", "int", writable=False),
    Row("reserves_any", "ReserveConnectorZeroSupported", "", "", "true", "bool", writable=False),
    Row("stack_most", "ChargeProfileMaxStackLevel", "", "", "8", "int", writable=False),
    Row("rate_units", "ChargingScheduleAllowedChargingRateUnit", "", "", "Current,Power", writable=False),
    Row("periods_most", "ChargingScheduleMaxPeriods", "", "", "48", "int", writable=False),
    Row("profiles_installed_most", "MaxChargingProfilesInstalled", "", "", "20", "int", writable=False),
    Row("switches_phases", "ConnectorSwitch3to1PhaseSupported", "", "", "false", "bool", writable=False),
    Row("transfer_protocols", "SupportedFileTransferProtocols", "", "", "HTTP,HTTPS", writable=False),
)

SECURITY: tuple[Row, ...] = (
    Row("password", "AuthorizationKey", "SecurityCtrlr", "BasicAuthPassword", "", "secret"),
    Row("security_profile", "SecurityProfile", "", "", "0", "int", most=3),
    Row("network_security_profile", "", "SecurityCtrlr", "SecurityProfile", "0", "int", writable=False),
    Row("organization", "CpoName", "SecurityCtrlr", "OrganizationName", "Example CPO"),
    Row("chain_most", "CertificateSignedMaxChainSize", "", "", "10000", "int", writable=False),
    Row("certificates_most", "CertificateStoreMaxLength", "", "", "10", "int", writable=False),
    Row("checks_new_roots", "AdditionalRootCertificateCheck", "", "", "false", "bool", writable=False),
)

ROWS: tuple[Row, ...] = (*CORE, *PROFILES, *SECURITY)

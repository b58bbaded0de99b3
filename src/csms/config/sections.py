"""What there is to configure: one frozen class per section, and every key explains itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs

from .analytics import AnalyticsConfig
from .documents import DocumentsConfig
from .drivers import DriversConfig
from .identity import IdentityConfig
from .limits import LimitsConfig
from .messages import MessagesConfig
from .rules import (
    ADDRESS,
    CALL_NAMES,
    DATABASE_URL,
    ORIGINS,
    PLUGIN_NAMES,
    PUBLIC_URL,
    REDIS_URL,
    URL_PATH,
    Between,
    Networks,
    OneOf,
    SomeOf,
)
from .secrets import SecretsConfig
from .security import SecurityConfig
from .setting import setting
from .shown import hidden_settings_repr
from .webhooks import WebhooksConfig

PROFILES = ("development", "staging", "production")
PROTOCOLS = ("ocpp2.0.1", "ocpp1.6")


@attrs.frozen(slots=True, kw_only=True)
class DatabaseConfig:
    """Where facts are kept."""

    url: str = setting(
        "sqlite:///csms.db",
        "the database; a relative SQLite path starts at the folder of the config file",
        validator=DATABASE_URL,
        secret=True,
        env=("DATABASE_URL",),
    )
    pool_size: int = setting(8, "reader connections", validator=Between(1, 256))
    lanes: int = setting(4, "PostgreSQL writer lanes", validator=Between(1, 32))
    batch_limit: int = setting(512, "verbs in one SQLite group commit", validator=Between(1, 10_000))
    queue_limit: int = setting(20_000, "verbs and rows that may wait for the writer", validator=Between(100, 1_000_000))
    statement_timeout_s: float = setting(
        30.0, "longest statement on PostgreSQL, longest wait for a lock on SQLite", validator=Between(0.1, 3600)
    )
    connect_timeout_s: float = setting(10.0, "longest wait for a PostgreSQL connection", validator=Between(0.1, 600))
    tls: str = setting(
        "prefer",
        "PostgreSQL sslmode; verify-full is the only one that nobody in between can defeat",
        validator=OneOf(("disable", "allow", "prefer", "require", "verify-ca", "verify-full")),
        profiles={"production": "require"},
    )
    tls_root_certificate: str = setting("", "file of the certificate authority for verify-ca and verify-full", path=True)
    backup_folder: str = setting("backups", "where `csms backup` writes", path=True)
    backup_keep_days: int = setting(30, "days a backup is kept", validator=Between(1, 3650))


@attrs.frozen(slots=True, kw_only=True)
class OcppConfig:
    """How chargers reach us and how their links are treated."""

    host: str = setting("127.0.0.1", "address that chargers connect to; 0.0.0.0 is every IPv4 address", validator=ADDRESS)
    port: int = setting(9000, "port that chargers connect to; 0 takes any free one", validator=Between(0, 65535))
    path: str = setting("/ocpp", "path before the charger id", validator=URL_PATH)
    protocols: tuple[str, ...] = setting(PROTOCOLS, "subprotocols offered, the preferred one first", validator=SomeOf(PROTOCOLS))
    fallback_protocol: str = setting(
        "", 'subprotocol assumed for a charger that offers none; "" closes it', validator=OneOf(("", *PROTOCOLS))
    )
    authentication: bool = setting(True, "whether a charger must show its key (HTTP Basic, security profile 1); production insists")
    unknown_chargers: str = setting(
        "rejected",
        "what happens to a charger id nobody added; production refuses accepted",
        validator=OneOf(("rejected", "pending", "accepted")),
    )
    heartbeat_interval_s: int = setting(300, "heartbeat interval given at boot", validator=Between(1, 86_400))
    retry_interval_s: int = setting(60, "retry wait given to a pending or rejected boot", validator=Between(1, 86_400))
    call_timeout_s: float = setting(30.0, "longest wait for a charger's answer", validator=Between(1, 600))
    command_ttl_s: float = setting(60.0, "longest wait of a command in a charger's queue", validator=Between(1, 86_400))
    command_queue_limit: int = setting(50, "commands that may wait for one charger", validator=Between(1, 1000))
    inbox_limit: int = setting(100, "received calls that may wait per charger before reading pauses", validator=Between(1, 10_000))
    handshake_timeout_s: float = setting(30.0, "longest handshake, waits for a busy server included", validator=Between(1, 120))
    max_message_bytes: int = setting(
        1_048_576,
        "largest message that is heard; up to four times that is refused by a CALLERROR, beyond it the link is closed",
        validator=Between(1024, 67_108_864),
    )
    max_connections: int = setting(20_000, "most charger connections", validator=Between(1, 1_000_000))
    ping_interval_s: float = setting(
        30.0, "silence of a charger after which it is sent a WebSocket ping; 0 sends none", validator=Between(0, 3600)
    )
    idle_heartbeats: float = setting(
        3.0, "heartbeat intervals of silence that close a link which never pongs", validator=Between(1, 100)
    )
    login_failures_limit: int = setting(
        10, "failed log-ins per charger id within a minute before 429", validator=Between(1, 10_000)
    )
    trusted_proxies: tuple[str, ...] = setting((), "networks whose X-Forwarded-For is believed", validator=Networks())
    tls_certificate: str = setting("", "certificate chain file; with it chargers connect with wss://", path=True)
    tls_key: str = setting("", "private key file of the certificate", path=True)
    tls_second_certificate: str = setting(
        "",
        "a second chain file with the other kind of key, ECDSA beside RSA: some chargers know only one (A00.FR.317)",
        path=True,
    )
    tls_second_key: str = setting("", "private key file of the second certificate", path=True)
    tls_client_ca: tuple[str, ...] = setting(
        (),
        "files of the authorities whose client certificates are trusted (security profile 3); a charger that shows a certificate of "
        "anybody else is turned away, one that shows none is not",
        path=True,
    )
    tls_client_organizations: tuple[str, ...] = setting(
        (), "organizations (O) of the client certificates that count; an empty list is all that the authorities vouch for"
    )
    tls_reload_s: float = setting(
        60.0, "how often the TLS files are looked at; changed ones count for new connections", validator=Between(0.1, 86_400)
    )
    min_security_profile: int = setting(
        1,
        "least security profile of chargers that have none of their own (`csms charger security`): 1 key, 2 key over TLS, "
        "3 client certificate; without authentication it is 0",
        validator=Between(1, 3),
    )
    allow_plain: bool = setting(
        True,
        "whether chargers may connect from elsewhere without TLS: on a trusted network, or where a proxy ends it",
        profiles={"production": False},
    )
    before_boot: tuple[str, ...] = setting(
        ("StatusNotification",),
        "calls taken from a charger that is not accepted yet; others get SecurityError",
        validator=CALL_NAMES,
    )
    frame_log_kb_per_min: int = setting(
        2048,
        "frame log that one charger may fill, ten minutes' worth at once; what is beyond is cut short; 0 keeps all",
        validator=Between(0, 10_000_000),
    )
    quirks_file: str = setting("", "TOML file of quirks besides those that come with csms (docs/quirks.md)", path=True)
    framing: str = setting(
        "lean",
        "WebSocket framing: lean (websockets' protocol on the Trio stream, half the CPU per message) or trio-websocket",
        validator=OneOf(("lean", "trio-websocket")),
    )
    slow_message_ms: float = setting(100.0, "messages slower than this are logged with their stages", validator=Between(1, 600_000))


@attrs.frozen(slots=True, kw_only=True)
class ApiConfig:
    """The management API."""

    host: str = setting("127.0.0.1", "address of the API; 0.0.0.0 is every IPv4 address", validator=ADDRESS)
    port: int = setting(8080, "port of the API; 0 takes any free one", validator=Between(0, 65535), env=("PORT",))
    key: str = setting("", 'operator key; "" keeps one in key_file, made on first start', secret=True)
    key_file: str = setting("csms.key", "file (mode 0600) of the operator key that `csms send` and `csms tail` use", path=True)
    max_body_bytes: int = setting(1_048_576, "largest request body", validator=Between(1024, 1_073_741_824))
    trusted_proxies: tuple[str, ...] = setting(
        (), "networks whose X-Forwarded-For and X-Forwarded-Proto are believed", validator=Networks()
    )
    cors_origins: tuple[str, ...] = setting(
        (),
        'origins of web pages elsewhere that may use the API, such as "https://console.example.org"; "*" is every one',
        validator=ORIGINS,
    )
    cors_credentials: bool = setting(False, "whether pages of these origins may use it with cookies")
    max_live_streams: int = setting(100, "most live feeds at a time", validator=Between(1, 100_000))
    max_live_streams_each: int = setting(20, "most live feeds at a time of one user or key", validator=Between(1, 100_000))
    tls_certificate: str = setting("", "certificate chain file; with it the API is served over https://", path=True)
    tls_key: str = setting("", "private key file of the certificate", path=True)
    allow_plain: bool = setting(
        True,
        "whether the API may be reached from elsewhere without TLS: on a trusted network, or where a proxy ends it",
        profiles={"production": False},
    )


@attrs.frozen(slots=True, kw_only=True)
class FilesConfig:
    """The built-in file server: chargers fetch firmware from it and send diagnostics and logs to it, by signed links that expire."""

    enabled: bool = setting(True, "whether it runs; without it firmware and logs need servers of yours")
    host: str = setting(
        "127.0.0.1", "address that chargers fetch from and send to; 0.0.0.0 is every IPv4 address", validator=ADDRESS
    )
    port: int = setting(8090, "port of it; 0 takes any free one", validator=Between(0, 65535))
    public_url: str = setting(
        "", 'how links begin, where chargers reach it by another name; "" is its own address', validator=PUBLIC_URL
    )
    folder: str = setting("files", "where files are kept", path=True)
    key_file: str = setting("csms-files.key", "file (mode 0600) of the key that signs links, made on first start", path=True)
    tls_certificate: str = setting("", "certificate chain file; with it links are https://", path=True)
    tls_key: str = setting("", "private key file of the certificate", path=True)
    allow_plain: bool = setting(
        True,
        "whether files may go elsewhere without TLS: on a trusted network, or where a proxy ends it",
        profiles={"production": False},
    )
    max_upload_bytes: int = setting(104_857_600, "largest file that a charger may send", validator=Between(1024, 10_737_418_240))
    max_image_bytes: int = setting(
        1_073_741_824, "largest firmware image that may be uploaded over the API", validator=Between(1024, 10_737_418_240)
    )
    reserve_bytes: int = setting(
        268_435_456, "free disk space that no file takes: the database may live there, too", validator=Between(0, 2**50)
    )
    max_transfers: int = setting(50, "most files on their way at a time; others are told to come again", validator=Between(1, 900))
    bytes_per_s: int = setting(
        52_428_800,
        "most bytes a second, all transfers together, so that chargers' messages get through; 0 is no limit",
        validator=Between(0, 2**40),
    )
    idle_timeout_s: float = setting(60.0, "longest silence of a charger in the middle of a file", validator=Between(1, 3600))
    transfer_limit_s: float = setting(14_400.0, "longest transfer of one file", validator=Between(1, 604_800))
    firmware_limit_s: int = setting(
        86_400, "how long a firmware update may take from its time on, before it counts as lost", validator=Between(60, 2_592_000)
    )
    upload_limit_s: int = setting(7200, "how long diagnostics or a log are waited for", validator=Between(60, 2_592_000))
    uploads_days: int = setting(90, "days that diagnostics and logs are kept; 0 keeps all", validator=Between(0, 36_500))


@attrs.frozen(slots=True, kw_only=True)
class TransactionsConfig:
    """How transactions are kept true."""

    reconciliation_deadline_s: int = setting(
        300, "wait for the real stop after a boot in the middle of a transaction", validator=Between(1, 604_800)
    )
    pending_start_s: int = setting(120, "life of a remote start that no transaction follows", validator=Between(1, 86_400))
    max_per_token: int = setting(
        1, "transactions a token may run at a time unless the token says otherwise; 0 is no limit", validator=Between(0, 1000)
    )


@attrs.frozen(slots=True, kw_only=True)
class SmartChargingConfig:
    """How charging profiles are reckoned."""

    voltage_v: int = setting(
        230, "set voltage of the area from line to neutral, by which amperes and watts are converted", validator=Between(50, 1000)
    )


@attrs.frozen(slots=True, kw_only=True)
class LocalListsConfig:
    """Local authorization lists, by which chargers know tokens without asking."""

    mode: str = setting(
        "off",
        "whether lists are kept in step with who may charge: auto or off; a charger may say otherwise (`csms local-list mode`)",
        validator=OneOf(("off", "auto")),
    )
    message_limit: int = setting(
        100, "entries in one message, for a charger that does not say how many it takes", validator=Between(1, 10_000)
    )
    check_interval_s: int = setting(21_600, "how often a list that should be in step is compared", validator=Between(60, 2_592_000))


@attrs.frozen(slots=True, kw_only=True)
class ReservationsConfig:
    """How connectors are kept free for those who reserved them."""

    longest_s: int = setting(604_800, "how far ahead a reservation may expire", validator=Between(60, 31_536_000))
    retry_s: int = setting(
        120, "wait before a charger whose answer is missing is asked again about a reservation", validator=Between(1, 86_400)
    )


@attrs.frozen(slots=True, kw_only=True)
class UpkeepConfig:
    """How chargers are kept as they should be: configuration, availability, resets."""

    apply_configuration: bool = setting(
        True, "tell chargers what is wanted of their configuration as soon as it differs; if false, only look"
    )
    check_configuration_s: int = setting(
        86_400, "how often a charger of which something is wanted is asked whether it has it", validator=Between(60, 2_592_000)
    )
    status_wait_s: int = setting(
        60, "how long a charger may take to show that it goes in or out of service", validator=Between(1, 86_400)
    )
    reset_limit_s: int = setting(900, "how long a charger may take to boot after a reset", validator=Between(10, 86_400))


@attrs.frozen(slots=True, kw_only=True)
class RetentionConfig:
    """How long bulky data is kept."""

    frames_days: int = setting(30, "days of frame log; 0 keeps all", validator=Between(0, 36_500))
    meter_readings_days: int = setting(730, "days of meter readings; 0 keeps all", validator=Between(0, 36_500))
    events_days: int = setting(90, "days of delivered events; 0 keeps all", validator=Between(0, 36_500))
    security_events_days: int = setting(730, "days of security events; 0 keeps all", validator=Between(0, 36_500))
    commands_days: int = setting(
        180, "days of commands that were sent, and what became of them; 0 keeps all", validator=Between(0, 36_500)
    )
    webhook_deliveries_days: int = setting(30, "days of webhook deliveries; 0 keeps all", validator=Between(0, 36_500))
    messages_days: int = setting(
        180, "days of messages to people, and what became of them; 0 keeps all", validator=Between(0, 36_500)
    )
    audit_days: int = setting(3650, "days of audit log; 0 keeps all", validator=Between(0, 36_500))
    resolved_alerts_days: int = setting(365, "days of resolved alerts; 0 keeps all", validator=Between(0, 36_500))
    ended_reservations_days: int = setting(730, "days of reservations that are over; 0 keeps all", validator=Between(0, 36_500))
    ended_resets_days: int = setting(365, "days of resets that are over; 0 keeps all", validator=Between(0, 36_500))
    slice_ms: float = setting(10.0, "longest slice of the writer that a retention job takes", validator=Between(1, 1000))


@attrs.frozen(slots=True, kw_only=True)
class PluginsConfig:
    """Which plugins load, in the order in which they are asked, and how long each may take."""

    enabled: tuple[str, ...] = setting(
        (), "plugins to load, in order: entry-point names of the group csms (`csms plugins` lists them)", validator=PLUGIN_NAMES
    )
    must_agree: tuple[str, ...] = setting(
        (),
        "plugins whose failure refuses what they were asked (a token, a charger, vendor data); the failure of others is no opinion",
        validator=PLUGIN_NAMES,
    )
    decision_timeout_s: float = setting(2.0, "time limit of a decision, per plugin", validator=Between(0.01, 60))
    event_timeout_s: float = setting(30.0, "time limit of an event hook", validator=Between(0.01, 600))
    breaker_failures: int = setting(5, "failures in a row that open a plugin's circuit breaker", validator=Between(1, 1000))
    breaker_wait_s: float = setting(30.0, "how long an open breaker rests the plugin", validator=Between(0.1, 3600))
    max_attempts: int = setting(12, "deliveries of an event before it is a dead letter", validator=Between(1, 100))
    settings: dict[str, dict[str, Any]] = attrs.field(
        factory=dict,
        repr=hidden_settings_repr,
        metadata={"help": "a table per plugin, [plugins.settings.NAME]; each plugin's README says what it takes"},
    )


@attrs.frozen(slots=True, kw_only=True)
class ClusterConfig:
    """Several servers that share the chargers. This version runs as one server; the section exists so that REDIS_URL has a home."""

    redis_url: str = setting(
        "",
        "Redis through which servers will speak to each other; checked, shown by `csms check`, and not used yet",
        validator=REDIS_URL,
        secret=True,
        env=("REDIS_URL",),
    )


@attrs.frozen(slots=True, kw_only=True)
class LogConfig:
    """What is said about the running server."""

    level: str = setting("info", "least level logged", validator=OneOf(("debug", "info", "warning", "error")), env=("LOG_LEVEL",))
    format: str = setting(
        "auto",
        "auto is console on a terminal and json elsewhere",
        validator=OneOf(("json", "console", "auto")),
        profiles={"staging": "json", "production": "json"},
    )


@attrs.frozen(slots=True, kw_only=True)
class Config:
    """Everything that can be configured. Relative paths are taken from the folder of the config file."""

    profile: str = setting("development", "what the server is used for; changes some defaults", validator=OneOf(PROFILES))
    shutdown_grace_s: float = setting(10.0, "longest graceful shutdown", validator=Between(0.1, 600))
    database: DatabaseConfig = attrs.field(factory=DatabaseConfig)
    ocpp: OcppConfig = attrs.field(factory=OcppConfig)
    api: ApiConfig = attrs.field(factory=ApiConfig)
    files: FilesConfig = attrs.field(factory=FilesConfig)
    documents: DocumentsConfig = attrs.field(factory=DocumentsConfig)
    drivers: DriversConfig = attrs.field(factory=DriversConfig)
    limits: LimitsConfig = attrs.field(factory=LimitsConfig)
    security: SecurityConfig = attrs.field(factory=SecurityConfig)
    identity: IdentityConfig = attrs.field(factory=IdentityConfig)
    secrets: SecretsConfig = attrs.field(factory=SecretsConfig)
    transactions: TransactionsConfig = attrs.field(factory=TransactionsConfig)
    smart_charging: SmartChargingConfig = attrs.field(factory=SmartChargingConfig)
    local_lists: LocalListsConfig = attrs.field(factory=LocalListsConfig)
    reservations: ReservationsConfig = attrs.field(factory=ReservationsConfig)
    upkeep: UpkeepConfig = attrs.field(factory=UpkeepConfig)
    analytics: AnalyticsConfig = attrs.field(factory=AnalyticsConfig)
    webhooks: WebhooksConfig = attrs.field(factory=WebhooksConfig)
    messages: MessagesConfig = attrs.field(factory=MessagesConfig)
    retention: RetentionConfig = attrs.field(factory=RetentionConfig)
    plugins: PluginsConfig = attrs.field(factory=PluginsConfig)
    cluster: ClusterConfig = attrs.field(factory=ClusterConfig)
    log: LogConfig = attrs.field(factory=LogConfig)
    folder: Path = attrs.field(factory=Path.cwd, metadata={"internal": True})

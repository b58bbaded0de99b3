"""TOML and environment into a frozen ``Config``; every key explains itself, and a wrong one is refused with file, key and what is allowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
from attrs import validators as v


def setting(default: Any, help: str, *, validator: Any = None, secret: bool = False, env: tuple[str, ...] = ()) -> Any:
    """A config key: its default, its explanation, how it is checked, whether it is hidden when printed, conventional variables."""
    metadata = {"help": help, "secret": secret, "env": env}
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        return attrs.field(factory=default.factory, validator=validator, metadata=metadata)
    return attrs.field(default=default, validator=validator, metadata=metadata)


def _between(low: float, high: float) -> Any:
    return v.and_(v.ge(low), v.le(high))


@attrs.frozen(slots=True, kw_only=True)
class DatabaseConfig:
    """Where facts are kept."""

    url: str = setting(
        "sqlite:///csms.db", "sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/NAME", secret=True, env=("DATABASE_URL",)
    )
    pool_size: int = setting(8, "reader connections", validator=_between(1, 256))
    lanes: int = setting(4, "PostgreSQL writer lanes", validator=_between(1, 32))
    batch_limit: int = setting(512, "verbs in one SQLite group commit", validator=_between(1, 10_000))
    queue_limit: int = setting(20_000, "verbs and rows that may wait for the writer", validator=_between(100, 1_000_000))
    statement_timeout_s: float = setting(
        30.0, "longest statement on PostgreSQL, longest wait for a lock on SQLite", validator=_between(0.1, 3600)
    )
    connect_timeout_s: float = setting(10.0, "longest wait for a PostgreSQL connection", validator=_between(0.1, 600))
    tls: str = setting(
        "prefer",
        "PostgreSQL sslmode",
        validator=v.in_(("disable", "allow", "prefer", "require", "verify-ca", "verify-full")),
    )
    tls_root_certificate: str = setting("", "file of the certificate authority for verify-ca and verify-full")
    backup_folder: str = setting("backups", "where `csms backup` writes")
    backup_keep_days: int = setting(30, "days a backup is kept", validator=_between(1, 3650))


@attrs.frozen(slots=True, kw_only=True)
class OcppConfig:
    """How chargers reach us and how their links are treated."""

    host: str = setting("127.0.0.1", "address that chargers connect to")
    port: int = setting(9000, "port that chargers connect to", validator=_between(0, 65535))
    path: str = setting("/ocpp", "path before the charger id")
    protocols: tuple[str, ...] = setting(
        ("ocpp2.0.1", "ocpp1.6"),
        "subprotocols offered, the preferred one first",
        validator=v.deep_iterable(v.in_(("ocpp1.6", "ocpp2.0.1"))),
    )
    fallback_protocol: str = setting(
        "", 'subprotocol assumed for a charger that offers none; "" closes it', validator=v.in_(("", "ocpp1.6", "ocpp2.0.1"))
    )
    authentication: bool = setting(True, "whether a charger must show its key (HTTP Basic, security profile 1)")
    unknown_chargers: str = setting(
        "rejected", "what happens to a charger id nobody added", validator=v.in_(("rejected", "pending", "accepted"))
    )
    heartbeat_interval_s: int = setting(300, "heartbeat interval given at boot", validator=_between(1, 86_400))
    retry_interval_s: int = setting(60, "retry wait given to a pending or rejected boot", validator=_between(1, 86_400))
    call_timeout_s: float = setting(30.0, "longest wait for a charger's answer", validator=_between(1, 600))
    command_ttl_s: float = setting(60.0, "longest wait of a command in a charger's queue", validator=_between(1, 86_400))
    command_queue_limit: int = setting(50, "commands that may wait for one charger", validator=_between(1, 1000))
    inbox_limit: int = setting(100, "received calls that may wait per charger before reading pauses", validator=_between(1, 10_000))
    handshake_timeout_s: float = setting(10.0, "longest handshake", validator=_between(1, 120))
    max_message_bytes: int = setting(1_048_576, "largest message", validator=_between(1024, 67_108_864))
    max_connections: int = setting(20_000, "most charger connections", validator=_between(1, 1_000_000))
    ping_interval_s: float = setting(30.0, "WebSocket ping interval; 0 sends none", validator=_between(0, 3600))
    idle_heartbeats: float = setting(
        3.0, "heartbeat intervals of silence that close a link which never pongs", validator=_between(1, 100)
    )
    login_failures_limit: int = setting(
        10, "failed log-ins per charger id within a minute before 429", validator=_between(1, 10_000)
    )
    trusted_proxies: tuple[str, ...] = setting((), "networks whose X-Forwarded-For is believed, such as 10.0.0.0/8")
    tls_certificate: str = setting("", "certificate chain file; with it chargers connect with wss://")
    tls_key: str = setting("", "private key file of the certificate")
    before_boot: tuple[str, ...] = setting(
        ("StatusNotification",),
        "calls taken from a charger that is not accepted yet; others get SecurityError",
    )
    slow_message_ms: float = setting(
        100.0, "messages slower than this are logged with their stages", validator=_between(1, 600_000)
    )


@attrs.frozen(slots=True, kw_only=True)
class ApiConfig:
    """The management API."""

    host: str = setting("127.0.0.1", "address of the API")
    port: int = setting(8080, "port of the API", validator=_between(0, 65535), env=("PORT",))
    key: str = setting("", 'operator key; "" makes one on first start, in key_file', secret=True)
    key_file: str = setting("csms.key", "file (mode 0600) of the operator key that `csms send` and `csms tail` use")
    max_body_bytes: int = setting(1_048_576, "largest request body", validator=_between(1024, 1_073_741_824))
    max_live_streams: int = setting(100, "most live feeds at a time", validator=_between(1, 100_000))
    tls_certificate: str = setting("", "certificate chain file; with it the API is served over https://")
    tls_key: str = setting("", "private key file of the certificate")


@attrs.frozen(slots=True, kw_only=True)
class TransactionsConfig:
    """How transactions are kept true."""

    reconciliation_deadline_s: int = setting(
        300, "wait for the real stop after a boot in the middle of a transaction", validator=_between(1, 604_800)
    )
    pending_start_s: int = setting(120, "life of a remote start that no transaction follows", validator=_between(1, 86_400))
    max_per_token: int = setting(
        1, "transactions a token may run at a time unless the token says otherwise; 0 is no limit", validator=_between(0, 1000)
    )


@attrs.frozen(slots=True, kw_only=True)
class RetentionConfig:
    """How long bulky data is kept."""

    frames_days: int = setting(30, "days of frame log; 0 keeps all", validator=_between(0, 36_500))
    meter_readings_days: int = setting(730, "days of meter readings; 0 keeps all", validator=_between(0, 36_500))
    events_days: int = setting(90, "days of delivered events; 0 keeps all", validator=_between(0, 36_500))
    slice_ms: float = setting(10.0, "longest slice of the writer that a retention job takes", validator=_between(1, 1000))


@attrs.frozen(slots=True, kw_only=True)
class PluginsConfig:
    """Which plugins load, in the order in which they are asked, and how long each may take."""

    enabled: tuple[str, ...] = setting((), "entry-point names of the group csms, in order")
    decision_timeout_s: float = setting(2.0, "time limit of a decision, per plugin", validator=_between(0.01, 60))
    event_timeout_s: float = setting(30.0, "time limit of an event hook", validator=_between(0.01, 600))
    breaker_failures: int = setting(5, "failures in a row that open a plugin's circuit breaker", validator=_between(1, 1000))
    breaker_wait_s: float = setting(30.0, "how long an open breaker rests the plugin", validator=_between(0.1, 3600))
    max_attempts: int = setting(12, "deliveries of an event before it is a dead letter", validator=_between(1, 100))
    settings: dict[str, dict[str, Any]] = setting(attrs.Factory(dict), "a table per plugin, [plugins.settings.NAME]")


@attrs.frozen(slots=True, kw_only=True)
class LogConfig:
    """What is said about the running server."""

    level: str = setting("info", "least level logged", validator=v.in_(("debug", "info", "warning", "error")), env=("LOG_LEVEL",))
    format: str = setting("auto", "json, console, or auto (console on a terminal)", validator=v.in_(("json", "console", "auto")))


@attrs.frozen(slots=True, kw_only=True)
class Config:
    """Everything that can be configured. Relative paths are taken from the folder of the config file."""

    profile: str = setting(
        "development", "development, staging or production", validator=v.in_(("development", "staging", "production"))
    )
    shutdown_grace_s: float = setting(10.0, "longest graceful shutdown", validator=_between(0.1, 600))
    database: DatabaseConfig = attrs.field(factory=DatabaseConfig)
    ocpp: OcppConfig = attrs.field(factory=OcppConfig)
    api: ApiConfig = attrs.field(factory=ApiConfig)
    transactions: TransactionsConfig = attrs.field(factory=TransactionsConfig)
    retention: RetentionConfig = attrs.field(factory=RetentionConfig)
    plugins: PluginsConfig = attrs.field(factory=PluginsConfig)
    log: LogConfig = attrs.field(factory=LogConfig)
    folder: Path = attrs.field(factory=Path.cwd, metadata={"internal": True})

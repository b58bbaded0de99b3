"""Configuration: what can be set, with TOML and environment read into a frozen ``Config``; a wrong key is refused in words.

``sections`` (and ``security``) is what there is to configure and what each key means, ``setting`` how a key is declared; ``rules`` what a value may be; ``sources`` reads the file and the
environment; ``checks`` compares keys with each other; ``loading`` puts it together; ``shown`` prints it without its secrets;
``reference`` writes the reference file and page; ``keys`` keeps the operator key.
"""

from .analytics import AnalyticsConfig
from .checks import remarks
from .documents import DocumentsConfig
from .drivers import DriversConfig
from .identity import IdentityConfig
from .keys import make_files_key, make_identity_key, make_operator_key, operator_key
from .limits import LimitsConfig
from .loading import ConfigError, Loaded, load, load_traced
from .secrets import SecretsConfig
from .sections import (
    ApiConfig,
    ClusterConfig,
    Config,
    DatabaseConfig,
    FilesConfig,
    LogConfig,
    OcppConfig,
    PluginsConfig,
    ReservationsConfig,
    RetentionConfig,
    SmartChargingConfig,
    TransactionsConfig,
    UpkeepConfig,
)
from .security import SecurityConfig
from .shown import hidden_url, shown

__all__ = [
    "AnalyticsConfig",
    "ApiConfig",
    "ClusterConfig",
    "Config",
    "ConfigError",
    "DatabaseConfig",
    "DocumentsConfig",
    "DriversConfig",
    "FilesConfig",
    "IdentityConfig",
    "LimitsConfig",
    "Loaded",
    "LogConfig",
    "OcppConfig",
    "PluginsConfig",
    "ReservationsConfig",
    "RetentionConfig",
    "SecretsConfig",
    "SecurityConfig",
    "SmartChargingConfig",
    "TransactionsConfig",
    "UpkeepConfig",
    "hidden_url",
    "load",
    "load_traced",
    "make_files_key",
    "make_identity_key",
    "make_operator_key",
    "operator_key",
    "remarks",
    "shown",
]

"""Configuration: what can be set, with TOML and environment read into a frozen ``Config``; a wrong key is refused in words.

``sections`` is what there is to configure and what each key means; ``rules`` what a value may be; ``sources`` reads the file and the
environment; ``checks`` compares keys with each other; ``loading`` puts it together; ``shown`` prints it without its secrets;
``reference`` writes the reference file and page; ``keys`` keeps the operator key.
"""

from .checks import remarks
from .keys import make_operator_key, operator_key
from .loading import ConfigError, Loaded, load, load_traced
from .sections import (
    ApiConfig,
    ClusterConfig,
    Config,
    DatabaseConfig,
    LogConfig,
    OcppConfig,
    PluginsConfig,
    RetentionConfig,
    TransactionsConfig,
)
from .shown import hidden_url, shown

__all__ = [
    "ApiConfig",
    "ClusterConfig",
    "Config",
    "ConfigError",
    "DatabaseConfig",
    "Loaded",
    "LogConfig",
    "OcppConfig",
    "PluginsConfig",
    "RetentionConfig",
    "TransactionsConfig",
    "hidden_url",
    "load",
    "load_traced",
    "make_operator_key",
    "operator_key",
    "remarks",
    "shown",
]

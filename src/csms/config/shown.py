"""Configuration as it may be printed: complete, and without its secrets."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

HIDDEN = "***"

_USERINFO = re.compile(r"([a-z][a-z0-9+.-]*://[^:@/\s]*):(\S*)@", re.IGNORECASE)
_URL_SECRET = re.compile(r"([?&](?:password|sslpassword|token|secret|key|api_?key)=)[^&#\s]*", re.IGNORECASE)
_SECRET_NAME = re.compile(r"secret|passw|token|credential|(^|_)(key|pin|dsn|salt)($|_)", re.IGNORECASE)


def hidden_url(text: str) -> str:
    """The URL with the password of its user, and any password among its parameters, replaced."""
    return _URL_SECRET.sub(rf"\1{HIDDEN}", _USERINFO.sub(rf"\1:{HIDDEN}@", text))


def hidden(value: Any) -> Any:
    """A secret as it may be shown: a URL keeps all but its password, anything else is only said to be there."""
    if isinstance(value, str) and "://" in value:
        return hidden_url(value)
    return HIDDEN if value else value


def hidden_repr(value: Any) -> str:
    """``repr`` for a secret attribute, so that no log line or traceback shows it."""
    return repr(hidden(value))


def hidden_settings(settings: Any, name: str = "") -> Any:
    """A plugin's settings, where only the names tell what is secret: ``secret``, ``password``, ``api_key``, ``token`` ..."""
    if isinstance(settings, dict):
        return {key: hidden_settings(value, str(key)) for key, value in settings.items()}
    if _SECRET_NAME.search(name):
        return hidden(settings)
    if isinstance(settings, (list, tuple)):
        return [hidden_settings(value) for value in settings]
    return hidden_url(settings) if isinstance(settings, str) else settings


def hidden_settings_repr(value: Any) -> str:
    """``repr`` for plugin settings."""
    return repr(hidden_settings(value))


def shown(config: Any) -> dict[str, Any]:
    """A ``Config`` or one of its sections as plain values for JSON and tables, secrets hidden."""
    plain: dict[str, Any] = {}
    for field in config.__attrs_attrs__:
        value = getattr(config, field.name)
        if hasattr(value, "__attrs_attrs__"):
            plain[field.name] = shown(value)
        elif field.metadata.get("secret"):
            plain[field.name] = hidden(value)
        elif isinstance(value, dict):
            plain[field.name] = {
                name: shown(each) if hasattr(each, "__attrs_attrs__") else hidden_settings(each, str(name))
                for name, each in value.items()
            }
        elif isinstance(value, Path):
            plain[field.name] = str(value)
        else:
            plain[field.name] = list(value) if isinstance(value, tuple) else value
    return plain

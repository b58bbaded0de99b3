"""How a config key is declared: ``setting(...)``, which explains itself."""

from __future__ import annotations

from typing import Any

import attrs

from .rules import Rule
from .shown import hidden_repr


def setting(
    default: Any,
    help: str,
    *,
    validator: Rule | None = None,
    secret: bool = False,
    path: bool = False,
    env: tuple[str, ...] = (),
    profiles: dict[str, Any] | None = None,
) -> Any:
    """A config key: its default, what it is for, and what it may be.

    ``secret`` hides it when printed; ``path`` is taken from the config file's folder; ``env`` names conventional variables that set
    it besides its ``CSMS_`` one; ``profiles`` gives the defaults of profiles that differ.
    """
    metadata = {"help": help, "secret": secret, "path": path, "env": env, "profiles": profiles or {}}
    return attrs.field(default=default, validator=validator, repr=hidden_repr if secret else True, metadata=metadata)

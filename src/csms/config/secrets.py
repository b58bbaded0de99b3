"""The section ``[secrets]``: the keys that encrypt what the store keeps secret."""

from __future__ import annotations

import attrs

from .rules import Pattern
from .setting import setting

KEYS = Pattern(r"[A-Za-z0-9_-]{43}", "a list of keys of 32 bytes in URL-safe base64, as `csms secrets key` prints one", each=True)


@attrs.frozen(slots=True, kw_only=True)
class SecretsConfig:
    """Encryption of secrets in the store: second factors, bank details, webhook secrets."""

    keys: tuple[str, ...] = setting(
        (),
        "keys, the one that encrypts first, then those that still open what was encrypted before; an empty list keeps them in key_file",
        validator=KEYS,
        secret=True,
    )
    key_file: str = setting(
        "csms-secrets.key",
        "file (mode 0600) of the keys, one a line, made on first start; changes count within a minute",
        path=True,
    )

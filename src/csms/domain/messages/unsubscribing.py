"""Links by which somebody says that they want no more messages of a kind: sealed, so that nobody can make or change one."""

from __future__ import annotations

import attrs
import msgspec

from csms.core.vault import NoKey, Vault

_PURPOSE = "csms-unsubscribe"


@attrs.frozen(slots=True, kw_only=True)
class Unsubscribing:
    """Who wants no more of which kind."""

    tenant: int
    person_kind: str
    person_id: int
    kind: str


def token_of(vault: Vault, wanted: Unsubscribing) -> str:
    """The token of a link. Raises ``NoKey``."""
    return vault.seal(msgspec.json.encode([_PURPOSE, wanted.tenant, wanted.person_kind, wanted.person_id, wanted.kind]).decode())


def read_token(vault: Vault, token: str) -> Unsubscribing | None:
    """What a token was made for; None for one that we did not make."""
    try:
        purpose, tenant, person_kind, person_id, kind = msgspec.json.decode(vault.open(token), type=tuple[str, int, str, int, str])
    except (NoKey, msgspec.DecodeError, UnicodeError):
        return None
    if purpose != _PURPOSE:
        return None
    return Unsubscribing(tenant=tenant, person_kind=person_kind, person_id=person_id, kind=kind)

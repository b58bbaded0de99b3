"""Verbs of the security slice."""

from __future__ import annotations

from .certificates import (
    expire,
    handed_over,
    handing_over,
    logged_in,
    objection,
    refused_at_door,
    renewing,
    revoke,
    revoke_removed,
    warn_of_ends,
)
from .events import notice, security_event
from .keys import (
    begin_rotation,
    begin_upgrade,
    check_upgrade,
    key_told,
    settle_rotations,
    settle_upgrades,
    upgrade_told,
)
from .requests import not_reached, not_signed, request_certificate, signed
from .roots import (
    add_root,
    installed,
    name_of,
    need_root,
    read_installed,
    remove_root,
    to_delete,
    trusts_firmware_certificate,
)
from .views import (
    installed_roots,
    need_certificate,
    need_event,
    need_request,
    need_root_detail,
    security_of,
)

__all__ = [
    "add_root",
    "begin_rotation",
    "begin_upgrade",
    "check_upgrade",
    "expire",
    "handed_over",
    "handing_over",
    "installed",
    "installed_roots",
    "key_told",
    "logged_in",
    "name_of",
    "need_certificate",
    "need_event",
    "need_request",
    "need_root",
    "need_root_detail",
    "not_reached",
    "not_signed",
    "notice",
    "objection",
    "read_installed",
    "refused_at_door",
    "remove_root",
    "renewing",
    "request_certificate",
    "revoke",
    "revoke_removed",
    "security_event",
    "security_of",
    "settle_rotations",
    "settle_upgrades",
    "signed",
    "to_delete",
    "trusts_firmware_certificate",
    "upgrade_told",
    "warn_of_ends",
]

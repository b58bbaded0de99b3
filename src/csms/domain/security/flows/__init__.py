"""Flows of the security slice: what waits for chargers, for threads, or for a certificate authority."""

from __future__ import annotations

from .certificates import deliver_due, hand_out_due, judge, renew, renew_and_settle, renew_due, revoke, take_stock
from .keys import rotate_key, upgrade_profile
from .requests import ask_certificate, sign_due
from .roots import delete_root, install_root, read_installed

__all__ = [
    "ask_certificate",
    "delete_root",
    "deliver_due",
    "hand_out_due",
    "install_root",
    "judge",
    "read_installed",
    "renew",
    "renew_and_settle",
    "renew_due",
    "revoke",
    "rotate_key",
    "sign_due",
    "take_stock",
    "upgrade_profile",
]

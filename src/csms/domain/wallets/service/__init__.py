"""Verbs of the wallets slice: movements, wallets, holds, allowances."""

from __future__ import annotations

from .configuring import adjust, change_wallet
from .fees import collect_fee, give_back
from .granting import allowances, expire_allowances, grant, need_allowance, withdraw
from .holding import held, hold, need_hold, release, release_expired
from .opening import funds, need_wallet, open_wallet
from .posting import balance, keys_of, need_account, need_movement, post

__all__ = [
    "adjust",
    "allowances",
    "balance",
    "change_wallet",
    "collect_fee",
    "expire_allowances",
    "funds",
    "give_back",
    "grant",
    "held",
    "hold",
    "keys_of",
    "need_account",
    "need_allowance",
    "need_hold",
    "need_movement",
    "need_wallet",
    "open_wallet",
    "post",
    "release",
    "release_expired",
    "withdraw",
]

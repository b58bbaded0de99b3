"""Verbs on drivers' saved methods."""

from __future__ import annotations

from csms.core.errors import NotFound
from csms.core.ports import ReadTx, Tx
from csms.domain.payments.model import SavedMethod
from csms.domain.payments.store import methods as store

from .crediting import methods_key


def need_method(tx: ReadTx, driver_id: int, method_id: int) -> SavedMethod:
    """A saved method of a driver. Raises ``NotFound``."""
    known = store.method(tx, driver_id, method_id)
    if known is None:
        raise NotFound(f"there is no saved method {method_id}")
    return known


def prefer(tx: Tx, driver_id: int, method_id: int) -> SavedMethod:
    """Have a method be the one that the driver usually pays with. Raises ``NotFound``."""
    tx.claim(methods_key(tx.tenant, driver_id))
    need_method(tx, driver_id, method_id)
    store.prefer(tx, driver_id, method_id)
    return need_method(tx, driver_id, method_id)


def remove(tx: Tx, driver_id: int, method_id: int) -> None:
    """Forget a method. Raises ``NotFound``."""
    tx.claim(methods_key(tx.tenant, driver_id))
    need_method(tx, driver_id, method_id)
    store.remove(tx, driver_id, method_id)

"""Verbs of the privacy slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from csms.core.errors import NotFound
from csms.core.ports import ReadTx, Tx

from . import store
from .model import DriverErased, Erasure, Trace, erasure_key


def need_erasure(tx: ReadTx, driver_id: int) -> Erasure:
    """The erasure of a driver. Raises ``NotFound``."""
    found = store.of_driver(tx, driver_id)
    if found is None:
        raise NotFound(f"the data of driver {driver_id} was not erased")
    return found


def note(tx: Tx, driver_id: int, *, by: str, sealed: str) -> Erasure:
    """Note that a driver's data is erased with this transaction; ``sealed`` is what is still to be masked in logs."""
    tx.claim(erasure_key(tx.tenant, driver_id))
    store.insert(tx, driver_id, by=by, sealed=sealed)
    tx.emit(DriverErased(driver_id=driver_id))
    return need_erasure(tx, driver_id)


def mask(tx: Tx, erasure_id: int, trace: Trace, last: int, rows: Sequence[Mapping[str, Any]]) -> None:
    """Replace the texts of rows of a log, and note that it is masked up to ``last``."""
    store.mask(tx, trace, rows)
    store.advance(tx, erasure_id, place=trace.table, last=last, masked=len(rows))


def finish(tx: Tx, erasure_id: int) -> None:
    """The logs are masked."""
    store.finish(tx, erasure_id)

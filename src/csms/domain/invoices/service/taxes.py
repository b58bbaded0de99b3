"""The month's summary for the tax office, out of the documents that were issued in it."""

from __future__ import annotations

from typing import Any

from csms.core.ports import ReadTx, Row
from csms.domain.invoices.model.settlements import BusinessRow, CodeRow, ConsumerRow, SeriesRow, TaxSummary
from csms.domain.invoices.store import taxes as store

from .settlements import months_of


def summary(tx: ReadTx, month: str) -> TaxSummary:
    """What was supplied in a month. Four statements. Raises ``Invalid`` for a month that has not begun."""
    begin, end = months_of(tx, month)
    return TaxSummary(
        month=month,
        b2b=[BusinessRow(**_whole(row)) for row in store.business(tx, begin, end)],
        b2c=[ConsumerRow(**_whole(row)) for row in store.consumers(tx, begin, end)],
        codes=[CodeRow(**_whole(row)) for row in store.codes(tx, begin, end)],
        documents=[SeriesRow(**_whole(row)) for row in store.documents(tx, begin, end)],
    )


def _whole(row: Row) -> dict[str, Any]:
    """A row whose sums are integers: PostgreSQL adds up to decimals."""
    return {name: value if isinstance(value, str) else int(value) for name, value in row.items()}

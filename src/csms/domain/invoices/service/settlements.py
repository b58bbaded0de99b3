"""What partners are due for a month, out of the ledger; and payouts to them."""

from __future__ import annotations

from typing import Any

import attrs

from csms.core.errors import Conflict, Invalid, NotFound, Refused
from csms.core.ledger import GATEWAY, PARTNER, PAYOUT, SHARE, AccountRef, Leg, NewMovement
from csms.core.money import written
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.invoices.model import partner_key
from csms.domain.invoices.model.settlements import (
    LedgerMonth,
    NewPayout,
    PartnerDetail,
    PartnerMonth,
    Payout,
    Settlements,
    StationShare,
    TaxTotal,
)
from csms.domain.invoices.numbering import bounds
from csms.domain.invoices.store import settlements as store
from csms.domain.tenants import store as tenants
from csms.domain.wallets import service as wallets

BANK = "bank"
"""The account from which partners are paid."""
FEE = "PLAN_FEE"


def months_of(tx: ReadTx, month: str) -> tuple[int, int]:
    """When a month begins and ends in the tenant's time zone. Raises ``Invalid`` for one that has not begun."""
    tenant = tenants.current(tx)
    assert tenant is not None
    begin, end = bounds(month, tenant.time_zone)
    if begin > tx.now:
        raise Invalid(f"{month} has not begun yet", field="month")
    return begin, end


def settlements(tx: ReadTx, month: str) -> Settlements:
    """The settlement of a month. Raises ``Invalid``."""
    begin, end = months_of(tx, month)
    parts = {(row["party"], row["currency"]): row for row in store.parts(tx, begin, end)}
    partners = [_partner(row, parts.get((row["name"], row["unit"])), month) for row in store.partners(tx, begin, end)]
    return Settlements(month=month, partners=partners, totals=_totals(tx, begin, end))


def settlement(tx: ReadTx, party_id: int, month: str) -> PartnerDetail:
    """The settlement of one partner. Raises ``NotFound`` or ``Invalid``."""
    begin, end = months_of(tx, month)
    _need(tx, party_id)
    (row,) = store.partners(tx, begin, end, party_id)
    parts = {(each["party"], each["currency"]): each for each in store.parts(tx, begin, end)}
    found = _partner(row, parts.get((row["name"], row["unit"])), month)
    stations = [StationShare(**_whole(each)) for each in store.parts_by_station(tx, found.party, found.currency, begin, end)]
    facts: dict[str, Any] = {field.name: getattr(found, field.name) for field in attrs.fields(PartnerMonth)}
    return PartnerDetail(**facts, stations=stations, payouts=store.payouts(tx, party_id, month))


def _need(tx: ReadTx, party_id: int) -> Row:
    found = store.account(tx, party_id)
    if found is None:
        raise NotFound(f"there is no partner {party_id}")
    return found


def _whole(row: Row) -> dict[str, Any]:
    """A row whose sums are integers: PostgreSQL adds up to decimals."""
    return {name: value if value is None or isinstance(value, str) else int(value) for name, value in row.items()}


_PARTS = ("bills", "energy_wh", "revenue_minor", "tax_minor", "electricity_minor")


def _partner(row: Row, part: Row | None, month: str) -> PartnerMonth:
    opening, share, paid_out, closing = (int(row[name]) for name in ("opening", "share", "paid_out", "closing"))
    return PartnerMonth(
        party_id=row["id"],
        party=row["name"],
        currency=row["unit"],
        month=month,
        **{name: 0 if part is None else int(part[name]) for name in _PARTS},
        opening_minor=opening,
        share_minor=share,
        paid_out_minor=paid_out,
        other_minor=closing - opening - share + paid_out,
        closing_minor=closing,
        due_minor=int(row["due"]),
    )


def _totals(tx: ReadTx, begin: int, end: int) -> list[LedgerMonth]:
    rows = [_whole(row) for row in store.ledger(tx, begin, end)]

    def total(unit: str, kind: str, *, only: str = "", but: str = "") -> int:
        return sum(
            row["amount"]
            for row in rows
            if (row["unit"], row["kind"]) == (unit, kind) and only in ("", row["what"]) and row["what"] != but
        )

    found = []
    for unit in sorted({row["unit"] for row in rows}):
        names = sorted({row["name"] for row in rows if row["unit"] == unit and row["kind"] == "tax"})
        taxes = [TaxTotal(name=each, amount_minor=_tax(rows, unit, each)) for each in names]
        found.append(
            LedgerMonth(
                currency=unit,
                revenue_minor=total(unit, "revenue", but=SHARE),
                fees_minor=total(unit, "revenue", only=FEE),
                shares_minor=total(unit, "partner", only=SHARE),
                kept_minor=total(unit, "revenue"),
                paid_out_minor=-total(unit, "partner", only=PAYOUT),
                taxes=taxes,
            )
        )
    return found


def _tax(rows: list[dict[str, Any]], unit: str, name: str) -> int:
    return sum(row["amount"] for row in rows if (row["unit"], row["kind"], row["name"]) == (unit, "tax", name))


# --- payouts --------------------------------------------------------------------------------------------------------------------


def pay_out(tx: Tx, party_id: int, wanted: NewPayout, *, by: str) -> Payout:
    """Record that a partner was paid; one ``reference`` is recorded once, and again gives what was recorded then.

    Raises ``NotFound``, ``Refused`` for more than is due, ``Conflict`` for another payout under the reference, ``Invalid``.
    """
    months_of(tx, wanted.month)
    account = _need(tx, party_id)
    tx.claim(partner_key(party_id))
    known = store.payout(tx, party_id, wanted.reference)
    if known is not None:
        if (known.month, wanted.amount_minor or known.amount_minor) != (wanted.month, known.amount_minor):
            raise Conflict(
                f"{written(known.amount_minor, known.currency)} was paid out under {wanted.reference!r} for {known.month}"
            )
        return known
    ref = AccountRef(kind=PARTNER, unit=account["unit"], name=account["name"])
    due = wallets.balance(tx, ref)
    amount = due if wanted.amount_minor is None else wanted.amount_minor
    if due <= 0 or amount > due:
        raise Refused(f"{account['name']} is due {written(max(0, due), account['unit'])}")
    movement = wallets.post(
        tx,
        NewMovement(
            kind=PAYOUT,
            key=f"payout:{party_id}:{wanted.reference}",
            legs=(Leg(ref, -amount), Leg(AccountRef(kind=GATEWAY, unit=account["unit"], name=BANK), amount)),
            description=f"{account['name']}, {wanted.month}: {wanted.reference}"[:300],
            reference_kind="settlement",
            reference_id=wanted.month,
            by=by,
        ),
    )
    store.insert_payout(
        tx,
        account_id=party_id,
        party=account["name"],
        currency=account["unit"],
        month=wanted.month,
        amount_minor=amount,
        reference=wanted.reference,
        note=wanted.note,
        made_by=by,
        movement_id=movement.id,
    )
    made = store.payout(tx, party_id, wanted.reference)
    assert made is not None
    return made

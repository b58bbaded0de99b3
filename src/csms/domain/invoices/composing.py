"""What an invoice says, made of bills and who they are between. No store here: the same bills make the same content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal

import attrs

from csms.core.money import major, minor
from csms.core.pricing import ALLOWANCE, Price, TaxLine
from csms.core.units import kwh
from csms.domain.billing.model import Bill
from csms.domain.drivers.model import Driver
from csms.domain.tenants.model import TenantProfile

from .model import Charged, ContentLine, ContentTax, Party, Recipient, Settled, State, Supply, state_of
from .numbering import local

HUNDRED = Decimal(100)
GST, VAT = "GSTIN", "VAT"
PRECISE = Decimal("0.001")
GUEST = "Customer who paid in advance"


# --- parties --------------------------------------------------------------------------------------------------------------------


def supplier_of(tenant: TenantProfile) -> Party:
    """Who sells: the tenant by its legal name, with its GSTIN, else the first tax number that it has."""
    ranked = sorted(tenant.tax_ids, key=lambda each: {GST: 0, VAT: 1}.get(each.kind.upper(), 2))
    tax = ranked[0] if ranked else None
    is_gst = tax is not None and tax.kind.upper() == GST
    state = state_of(tax.value[:2]) if tax is not None and is_gst else None
    return Party(
        name=tenant.legal_name or tenant.name,
        address=tenant.address,
        tax_id="" if tax is None else tax.value,
        tax_id_kind="" if tax is None else tax.kind,
        state="" if state is None else state.name,
        state_code="" if state is None else state.code,
        country=tenant.country,
        email=tenant.email,
        phone=tenant.phone,
        registration=tenant.registration_number,
    )


def recipient_of(driver: Driver | None, wanted: Recipient | None, supplier: Party) -> Party:
    """Who is supplied: in the name that the driver wants, else in their own; a guest has none."""
    if driver is None:
        return Party(name=GUEST, country=supplier.country)
    said = "" if wanted is None else wanted.state
    tax_id = "" if wanted is None else wanted.tax_id
    is_gst = supplier.tax_id_kind.upper() == GST
    text = (tax_id[:2] if tax_id and is_gst else "") or said or str(driver.preferences.get("state", ""))
    state = state_of(text) if is_gst else None
    return Party(
        name=driver.name if wanted is None else wanted.name,
        address=(driver.address if wanted is None else wanted.address) or driver.address,
        tax_id=tax_id,
        tax_id_kind=supplier.tax_id_kind if tax_id else "",
        state=(said or text) if state is None else state.name,
        state_code="" if state is None else state.code,
        email=driver.email,
        phone=driver.phone,
    )


def place_of(bill: Bill, supplier: Party) -> State:
    """Where a charge was supplied: what its price says, else where the supplier is; with its code in GST where it has one."""
    said = "" if bill.price is None else bill.price.place_of_supply
    known = state_of(said) if supplier.tax_id_kind.upper() == GST else None
    if known is not None:
        return known
    return State("", said) if said else State(supplier.state_code, supplier.state)


# --- lines ----------------------------------------------------------------------------------------------------------------------


def lines_of(bills: Sequence[Bill], time_zone: str, usual_code: str) -> tuple[ContentLine, ...]:
    """Of one charge every part of its price; of several, and of corrections, a line for each."""
    if len(bills) == 1 and bills[0].price is not None and not bills[0].number:
        return _parts(bills[0], bills[0].price, usual_code)
    return tuple(_whole(each, time_zone, usual_code) for each in bills)


def _parts(bill: Bill, price: Price, usual_code: str) -> tuple[ContentLine, ...]:
    rate = sum((each.rate_percent for each in price.taxes), Decimal(0)) if price.tax_inclusive else Decimal(0)
    return tuple(
        ContentLine(
            description=each.description,
            tax_code=price.tax_code or usual_code,
            quantity=each.quantity.quantize(PRECISE, ROUND_HALF_UP) if _is_long(each.quantity) else each.quantity,
            unit=each.unit,
            rate=each.unit_price,
            taxable_minor=minor(each.amount * HUNDRED / (HUNDRED + rate), bill.currency),
        )
        for each in price.lines
    )


def _is_long(quantity: Decimal) -> bool:
    exponent = quantity.as_tuple().exponent
    return isinstance(exponent, int) and exponent < -3


def _whole(bill: Bill, time_zone: str, usual_code: str) -> ContentLine:
    day = local(bill.started_at, time_zone).strftime("%d %b %Y %H:%M")
    what = "Correction of the charge" if bill.number else "Charging"
    energy = Decimal(kwh(bill.energy_wh))
    unit_price = Decimal(0)
    if bill.energy_wh:
        unit_price = (major(bill.net_minor, bill.currency) / energy).quantize(Decimal("0.0001"), ROUND_HALF_UP)
    return ContentLine(
        description=f"{what} at {bill.charger_id}, {day}",
        tax_code=_code(bill, usual_code),
        quantity=energy,
        unit="kWh",
        rate=unit_price,
        taxable_minor=bill.net_minor,
    )


def _code(bill: Bill, usual_code: str) -> str:
    return (bill.price.tax_code if bill.price is not None else "") or usual_code


# --- taxes ----------------------------------------------------------------------------------------------------------------------


def taxes_of(taxes: Sequence[TaxLine]) -> tuple[ContentTax, ...]:
    """Taxes by name and rate, all bills together."""
    sums: dict[tuple[str, Decimal], list[int]] = {}
    for each in taxes:
        found = sums.setdefault((each.name, each.rate_percent), [0, 0])
        found[0] += each.taxable_minor
        found[1] += each.amount_minor
    return tuple(
        ContentTax(name=name, rate_percent=rate, taxable_minor=taxable, amount_minor=amount)
        for (name, rate), (taxable, amount) in sums.items()
    )


def supplies_of(bills: Sequence[Bill], place: State, usual_code: str) -> tuple[Supply, ...]:
    """What the tax office wants to know of bills: by code and rate."""
    made: dict[tuple[str, Decimal], Supply] = {}
    for bill in bills:
        code = _code(bill, usual_code)
        rate = sum((each.rate_percent for each in bill.taxes), Decimal(0))
        known = made.get((code, rate)) or Supply(
            tax_code=code, place=place.code or place.name, rate_percent=rate, energy_wh=0, taxable_minor=0
        )
        known = attrs.evolve(known, energy_wh=known.energy_wh + bill.energy_wh, taxable_minor=known.taxable_minor + bill.net_minor)
        for tax in bill.taxes:
            known = with_tax(known, tax.name, tax.amount_minor)
        made[code, rate] = known
    return tuple(made.values())


_COLUMNS: Mapping[str, str] = {"IGST": "igst_minor", "CGST": "cgst_minor", "SGST": "sgst_minor", "UTGST": "sgst_minor"}


def with_tax(supply: Supply, name: str, amount_minor: int) -> Supply:
    """A supply with a tax more."""
    column = _COLUMNS.get(name.upper(), "other_minor")
    return attrs.evolve(supply, **{column: getattr(supply, column) + amount_minor})


# --- what was charged, and how it was paid --------------------------------------------------------------------------------------


def charged_of(bills: Sequence[Bill], stations: Mapping[int, str]) -> tuple[Charged, ...]:
    """The charges themselves."""
    return tuple(
        Charged(
            bill_id=each.id,
            transaction_id=each.transaction_id,
            charger_id=each.charger_id,
            station="" if each.station_id is None else stations.get(each.station_id, ""),
            started_at=each.started_at,
            ended_at=each.ended_at,
            energy_wh=each.energy_wh,
            net_minor=each.net_minor,
            tax_minor=each.tax_minor,
            total_minor=each.total_minor,
            tariff=each.tariff,
        )
        for each in bills
    )


def settled_of(bills: Sequence[Bill]) -> Settled:
    """How bills were paid, as far as they are."""
    covered = dict.fromkeys(
        line.description for bill in bills if bill.price is not None for line in bill.price.lines if line.kind == ALLOWANCE
    )
    return Settled(
        prepaid_minor=sum(each.prepaid_minor for each in bills),
        wallet_minor=sum(each.wallet_minor for each in bills),
        owed_minor=sum(each.owed_minor for each in bills),
        waived_minor=sum(each.waived_minor for each in bills),
        due_minor=sum(each.open_minor for each in bills),
        covered=tuple(covered),
    )

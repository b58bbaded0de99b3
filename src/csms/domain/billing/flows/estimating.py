"""How much energy an amount of money will do for at a place: whoever prices is asked about charges that never were."""

from __future__ import annotations

import attrs
import msgspec

from csms.core.ids import TenantId
from csms.core.ports import Ports, ReadTx
from csms.core.pricing import SUPPOSED, Charge, MeterPoint, Price
from csms.domain.billing.store import prepaying as store
from csms.domain.stations.model import GRANTED
from csms.domain.transactions.store import consumption

USUAL_POWER_W = 11_000
"""Where nobody says how fast a connector charges."""
LEAST_WH, MOST_WH, STEP_WH = 100, 1_000_000, 10
"""Less than the first is not worth a start; more than the second no vehicle takes; what is between is found by steps."""


@attrs.frozen(slots=True, kw_only=True)
class Site:
    """A place, as a charge that never was: of no energy. ``restricted``: only who has a grant for it charges there."""

    charge: Charge
    restricted: bool


def site_of(tx: ReadTx, charger_id: str, evse: int, connector: int, driver_id: int | None, promo_code: str) -> Site | None:
    """What a price there is made of, began it now; None where there is no such charger in this tenant."""
    row = store.site(tx, charger_id, evse, connector)
    if row is None:
        return None
    known = None if driver_id is None else store.customer(tx, driver_id)
    preferences = msgspec.json.decode(known["preferences"]) if known is not None and known["preferences"] else {}
    groups = () if driver_id is None else consumption.groups(tx, [driver_id]).get(driver_id, ())
    charge = Charge(
        purpose=SUPPOSED,
        currency=row["currency"],
        time_zone=row["time_zone"],
        started_at=tx.now,
        ended_at=tx.now,
        energy_wh=0,
        points=(MeterPoint(tx.now, 0),),
        charger_id=charger_id,
        evse=evse,
        connector=connector,
        connector_type=row["connector_type"] or "",
        current_type=row["current_type"] or "",
        max_power_w=row["max_power_w"],
        station_id=row["station_id"],
        station_state=row["station_state"] or "",
        station_country=row["station_country"] or "",
        driver_id=driver_id,
        driver_groups=groups,
        membership="" if known is None else known["membership"] or "",
        customer_state=str(preferences.get("state", "")),
        promo_code=promo_code,
    )
    return Site(charge=charge, restricted=row["access"] == GRANTED)


async def price_of(ports: Ports, charge: Charge, energy_wh: int, tenant: TenantId) -> Price | None:
    """What so much energy would cost there, drawn as fast as the connector gives it; None where nobody says, or in other money.

    Allowances are not asked about: whoever prepays pays. Raises ``Undecided``.
    """
    end = charge.started_at + energy_wh * 3_600_000 // (charge.max_power_w or USUAL_POWER_W)
    supposed = attrs.evolve(
        charge, ended_at=end, energy_wh=energy_wh, points=(MeterPoint(charge.started_at, 0), MeterPoint(end, energy_wh))
    )
    price: Price | None = await ports.decisions.ask("price_charge", charge=supposed, tenant=tenant)
    return price if price is not None and price.currency == charge.currency else None


async def enough_for(ports: Ports, charge: Charge, amount_minor: int, tenant: TenantId) -> int | None:
    """How much energy (Wh) an amount does for; 0 where it does not do for a start, None where nobody prices it. Raises ``Undecided``.

    The price need not be in proportion (windows, minutes, a fee for the start, a minimum), so it is looked for between what is too little
    and what is too much: near the middle by proportion first, then by halves.
    """

    async def total(steps: int) -> int | None:
        price = await price_of(ports, charge, steps * STEP_WH, tenant)
        return None if price is None else price.total_minor

    low, high = LEAST_WH // STEP_WH, MOST_WH // STEP_WH
    least, most = await total(low), await total(high)
    if least is None or most is None:
        return None
    if least > amount_minor:
        return 0
    if most <= amount_minor:
        return MOST_WH
    guess = low * amount_minor // max(1, least)
    while high - low > 1:
        if not low < guess < high:
            guess = (low + high) // 2
        cost = await total(guess)
        if cost is None:
            return None
        low, high = (guess, high) if cost <= amount_minor else (low, guess)
        nearer = guess * amount_minor // max(1, cost)
        guess = nearer + 1 if nearer == low else nearer
        if abs(guess - low) > (high - low) // 2:
            guess = (low + high) // 2
    return low * STEP_WH

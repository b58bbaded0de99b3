"""Charges that never were, to say what they would cost."""

from __future__ import annotations

from decimal import Decimal

from csms.hooks import Charge, Invalid, MeterPoint, ReadTx, Span

from . import store
from .bodies import Supposed
from .model import Customer, Site
from .pricing import price
from .rules import ENERGY
from .terms import Surroundings, Terms

SUPPOSED = "supposed"
USUAL_POWER_W = 11_000
"""Where nobody says how fast a connector charges."""


def site_of(tx: ReadTx, body: Supposed) -> Site:
    """Where it is. Raises ``NotFound``."""
    if body.charger_id:
        return store.site(tx, body.charger_id, body.evse, body.connector)
    return store.station(tx, body.station_id)


def charge_of(body: Supposed, site: Site, customer: Customer, currency: str, now: int) -> Charge:
    """The charge: energy flows evenly, then the vehicle idles. Raises ``Invalid`` where energy, power and duration say too much."""
    energy_wh, took_ms = _size(body, site)
    began = now if body.started_at is None else body.started_at
    charged = began + took_ms
    ended = charged + body.idle_s * 1000
    points = [MeterPoint(began, 0), MeterPoint(charged, energy_wh)]
    if ended > charged:
        points.append(MeterPoint(ended, energy_wh))
    return Charge(
        purpose=SUPPOSED,
        currency=currency,
        time_zone=site.time_zone,
        started_at=began,
        ended_at=ended,
        energy_wh=energy_wh,
        points=tuple(points),
        idle=(Span(charged, ended),) if ended > charged else (),
        charger_id=site.charger_id,
        evse=site.evse,
        connector=site.connector,
        connector_type=site.connector_type,
        current_type=site.current_type,
        max_power_w=site.max_power_w,
        station_id=site.station_id,
        station_state=site.state,
        station_country=site.country,
        driver_id=customer.driver_id,
        driver_groups=tuple(dict.fromkeys((*customer.groups, *body.driver_groups))),
        membership=body.membership or customer.membership,
        customer_state=body.customer_state,
        promo_code=body.promo_code,
        reserved_s=body.reserved_s,
    )


def _size(body: Supposed, site: Site) -> tuple[int, int]:
    """How much energy in how many milliseconds."""
    energy_wh, power_w, duration_s = body.energy_wh, body.power_w, body.duration_s
    if energy_wh is None:
        if power_w is None or duration_s is None:
            raise Invalid("energy_wh, or power_w and duration_s", field="energy_wh")
        return (2 * power_w * duration_s + 3600) // 7200, duration_s * 1000
    if duration_s is not None:
        if power_w is not None:
            raise Invalid("of energy_wh, power_w and duration_s two say all", field="power_w")
        return energy_wh, duration_s * 1000
    return energy_wh, energy_wh * 3_600_000 // (power_w or site.max_power_w or USUAL_POWER_W)


def per_kwh(charge: Charge, terms: Terms, around: Surroundings) -> Decimal | None:
    """What the first kWh of a charge costs as it starts, with all taxes; None where no energy component applies."""
    made = price(charge, terms, around)
    rates = [each.unit_price for each in made.lines if each.kind == ENERGY]
    if not rates:
        return None
    rate = sum(rates, Decimal(0))
    version = terms.at(charge.started_at)
    if terms.tax_inclusive or version is None:
        return rate
    return (rate * (100 + version.rules.tax_percent)).scaleb(-2)

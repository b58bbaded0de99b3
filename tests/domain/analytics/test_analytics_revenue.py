"""Revenue on the figures: the net of what was billed, on the day on which the charge ended, corrections reckoned in. On both engines."""

from __future__ import annotations

from functools import partial
from typing import Any

import attrs

from csms.core.events import Delivered
from csms.core.ids import DEFAULT_TENANT
from csms.core.units import parse_instant
from csms.db import StoreDatabase
from csms.domain.analytics.listeners import count
from csms.domain.analytics.model import FiguresQuery, HeatQuery, RankingQuery, analytics_key
from csms.domain.analytics.service import figures, monthly, patterns
from csms.domain.billing.model import BillCorrected, BillCredited, BillSettled
from csms.domain.drivers import service as drivers
from csms.domain.transactions.model import TransactionEnded
from csms.testing.plugins import example

KEY = (analytics_key(DEFAULT_TENANT),)


def at(text: str) -> int:
    return parse_instant(text)[0]


async def test_what_was_billed_is_revenue_once(database: StoreDatabase) -> None:
    driver = (await database.write(partial(drivers.add_driver, name="Asha"), tenant=DEFAULT_TENANT)).id
    began, ended = at("2026-10-30T12:00:00Z"), at("2026-10-31T20:00:00Z")  # November already, in the tenant's Asia/Kolkata
    bill: Any = example(
        BillSettled,
        bill_id=1,
        charger_id="C1",
        station_id=7,
        driver_id=driver,
        started_at=began,
        ended_at=ended,
        currency="INR",
        net_minor=60_000,
        tax_minor=9_000,
        total_minor=59_000,
    )
    fields = {field.name: getattr(bill, field.name) for field in attrs.fields(BillSettled)}
    corrected = BillCorrected(**{**fields, "bill_id": 2, "number": 1, "net_minor": -15_000})
    credit: dict[str, Any] = {"given_minor": 5_900, "credited_minor": 5_900, "credited_net_minor": 5_000}
    credited = BillCredited(**{**fields, "bill_id": 1, "net_minor": 60_000, **credit})

    async def tell(event: Any) -> None:
        delivered = Delivered(1, DEFAULT_TENANT, ended, event)
        await database.write(count, delivered, tenant=DEFAULT_TENANT, keys=KEY)

    async def read(query: Any, *arguments: Any) -> Any:
        return await database.read(query, *arguments, tenant=DEFAULT_TENANT)

    days = FiguresQuery(from_day="2026-10-30", until_day="2026-11-02")
    assert (await read(figures.series, days, 700)).total.revenue_minor is None
    await tell(
        example(
            TransactionEnded,
            token_status="Accepted",
            driver_id=driver,
            started_at=began,
            stopped_at=ended,
            energy_wh=5000,
            charger_id="C1",
        )
    )
    for event in (bill, bill, corrected, corrected, credited, credited):
        await tell(event)

    found = await read(figures.series, days, 700)
    assert [(each.begins, each.revenue_minor) for each in found.items if each.revenue_minor] == [("2026-11-01", 40_000)]
    assert (found.total.revenue_minor, found.total.currency) == (40_000, "INR")
    ranked = await read(
        figures.ranking,
        RankingQuery(from_day="2026-11-01", until_day="2026-11-30", sort="-revenue_minor"),
        "station",
        {"7": "Depot", "8": "Mall"},
        700,
    )
    assert [(each.name, each.figures.revenue_minor) for each in ranked.items] == [("Depot", 40_000), ("Mall", 0)]
    report = await read(monthly.report, "2026-11", 700, 97.0)
    assert (report.total.revenue_minor, report.before.revenue_minor) == (40_000, 0)
    heat = await read(patterns.heat_map, HeatQuery(from_day="2026-10-01", until_day="2026-11-30"))
    assert heat.revenue_minor is not None
    assert heat.revenue_minor[4][17] == 40_000  # it began on a Friday at half past five
    (month,) = (await read(patterns.driver, driver, "Asia/Kolkata")).months
    assert (month.begins, month.revenue_minor, month.currency) == ("2026-11-01", 40_000, "INR")

    euros = BillSettled(**{**fields, "bill_id": 3, "currency": "EUR", "net_minor": 700})
    await tell(euros)
    for currency, revenue in ((None, 700), ("EUR", 700), ("INR", 40_000)):  # the newest bill's, unless one is named
        november: dict[str, Any] = {"from_day": "2026-11-01", "until_day": "2026-11-30", "currency": currency}
        found = await read(figures.series, FiguresQuery(**november), 700)
        assert (found.total.revenue_minor, found.total.currency) == (revenue, currency or "EUR")
        assert [each.revenue_minor for each in found.items if each.revenue_minor] == [revenue]
        ranked = await read(figures.ranking, RankingQuery(**november), "station", {"7": "Depot"}, 700)
        assert ranked.items[0].figures.revenue_minor == revenue
        heat = await read(patterns.heat_map, HeatQuery(from_day="2026-10-01", until_day="2026-11-30", currency=currency))
        assert heat.revenue_minor is not None
        assert (heat.revenue_minor[4][17], sum(map(sum, heat.revenue_minor))) == (revenue, revenue)
    (month,) = (await read(patterns.driver, driver, "Asia/Kolkata")).months
    assert (month.revenue_minor, month.currency) == (700, "EUR")

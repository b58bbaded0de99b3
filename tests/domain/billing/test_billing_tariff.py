"""A charge at a real tariff: priced with taxes while it runs and when it ended, and settled as the ledger says."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

import csms_tariff
from csms.core.units import iso
from csms.domain.drivers import service as drivers
from csms.testing.fixtures import ConnectCharger
from csms.testing.live import listen
from csms.testing.script import script
from csms.testing.server import TestServer

MINUTE = 60_000
FLAT: dict[str, Any] = {
    "components": [{"kind": "energy", "rate": "14.50"}],
    "taxes": {"scheme": "gst", "percent": "18", "code": "996911"},
}


@pytest.fixture
def engine() -> str:
    return "sqlite"


@pytest.fixture
def server_plugins() -> dict[str, object]:
    return {"tariff": csms_tariff}


async def test_a_charge_at_a_tariff(hurried_jobs: None, server: TestServer, charger: ConnectCharger) -> None:
    now = server.ports.clock.now
    driver = (await server.do(partial(drivers.add_driver, name="Asha"))).id
    await server.add_token("CARD", driver_id=driver)
    say = script(await charger("CP1", protocol="ocpp2.0.1"))
    made = await server.request(
        "POST", "/api/v1/tariffs", {"name": "Flat", "rules": FLAT, "valid_from_at": iso(now() - 86_400_000)}
    )
    assert made.status_code == 201, made.text
    tariff = made.json()["tariff"]["id"]
    assigned = await server.request("POST", "/api/v1/tariffs/assignments", {"tariff_id": tariff, "level": "tenant"})
    assert assigned.status_code == 201, assigned.text

    began = now() + 1000
    async with listen(server, "?kinds=costs") as feed:
        charge = await say.start("CARD", at=began)
        await say.meter(charge, 10_000, began + 30 * MINUTE)
        while (told := (await feed.until("cost_updated"))[-1][1]["data"])["energy_wh"] < 10_000:
            await server.do(look_again)
    assert (told["amount_minor"], told["currency"], told["driver_id"]) == (17_110, "INR", driver)  # 10 kWh at 14.50 and 18% of GST
    await say.stop(charge, 20_000, began + 60 * MINUTE)
    (row,) = await server.eventually("SELECT id FROM bills WHERE state = 'SETTLED'")
    bill = (await server.request("GET", f"/api/v1/bills/{row['id']}")).json()
    assert (bill["net_minor"], bill["tax_minor"], bill["total_minor"], bill["tariff"]) == (29_000, 5_220, 34_220, "Flat")
    assert (bill["open_minor"], bill["tax_code"]) == (34_220, "996911")
    assert sum(each["amount_minor"] for each in bill["taxes"]) == 5_220
    dry = (await server.request("POST", f"/api/v1/transactions/{bill['transaction_id']}/price")).json()
    assert dry["price"]["total_minor"] == 34_220


def look_again(tx: Any) -> None:
    """Have the watch look at once."""
    tx.run("UPDATE charge_watches SET look_at = 0 WHERE tenant = :tenant")

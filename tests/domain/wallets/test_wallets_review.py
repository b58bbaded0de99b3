"""What plugins may not do with the ledger: move anything under a key that the core itself moves under."""

from __future__ import annotations

from typing import Any

import pytest

from csms.core.errors import Invalid
from csms.core.ids import DEFAULT_TENANT
from csms.core.ledger import Fee
from csms.db import StoreDatabase
from csms.domain.drivers import service as drivers
from csms.domain.wallets.desk import OF_THE_CORE, WalletDesk


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
async def test_a_plugin_takes_no_key_of_the_core(database: StoreDatabase) -> None:
    desk = WalletDesk(database)
    driver = await database.write(lambda tx: drivers.add_driver(tx, "Asha"), tenant=DEFAULT_TENANT)
    wanted: dict[str, Any] = {"unit": "WH", "amount": 1, "name": "plan"}
    plan: dict[str, Any] = {"description": "a plan", "tenant": DEFAULT_TENANT}
    granted = await desk.grant(driver.id, key="plan:1", **wanted, **plan)
    fee = {"reference_kind": "plan", "reference_id": "1", **plan}
    for key in [*(f"{each}1" for each in OF_THE_CORE), "", "x" * 201]:
        with pytest.raises(Invalid):
            await desk.grant(driver.id, key=key, **wanted, **plan)
        with pytest.raises(Invalid):
            await desk.withdraw(granted.account_id, key=key, **plan)
        with pytest.raises(Invalid):
            await desk.give_back(driver.id, Fee(amount_minor=1, net_minor=1), key=key, **fee)
        with pytest.raises(Invalid):
            await desk.collect_fee(driver.id, amount_minor=1, net_minor=1, taxes=(), key=key, **fee)
    (left,) = await desk.allowances(driver.id, tenant=DEFAULT_TENANT)
    assert left.balance == 1

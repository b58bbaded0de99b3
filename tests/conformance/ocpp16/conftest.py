"""A charger under the tester's hand and a running server, for cases that say what each hears and what is stored afterwards."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
import trio

from csms.config import Config, DatabaseConfig
from csms.core.units import iso
from csms.testing.charger import ScriptedCharger
from csms.testing.fixtures import ConnectCharger
from csms.testing.server import TestServer, config_for

CHARGER = "CP"
TAG = "TAG-1"


@attrs.define
class Operator:
    """Plays the charger and the operator of one case."""

    server: TestServer
    charger: ScriptedCharger
    limits_told: bool = False

    @property
    def now(self) -> str:
        """The server's time, as a charger whose clock is right says it."""
        return iso(self.server.ports.clock.now())

    def ago(self, seconds: float) -> str:
        """A time in the past."""
        return iso(self.server.ports.clock.now() - round(seconds * 1000))

    async def call(self, action: str, **payload: Any) -> dict[str, Any]:
        """The charger calls; the payload of the answer, which must be a CALLRESULT."""
        return await self.charger.call(action, payload)

    async def boot(self) -> dict[str, Any]:
        """BootNotification, which must be accepted."""
        told = await self.call("BootNotification", chargePointVendor="Test", chargePointModel="T1")
        assert told["status"] == "Accepted"
        return told

    async def status(self, connector: int, status: str, error: str = "NoError", **more: Any) -> None:
        """StatusNotification, answered, and stored as the connector's present status."""
        assert (
            await self.call("StatusNotification", connectorId=connector, status=status, errorCode=error, timestamp=self.now, **more)
            == {}
        )
        assert await self.connector(connector) == (status, error)

    async def connector(self, connector: int) -> tuple[str, str]:
        """The stored status and error of a connector."""
        (row,) = await self.server.rows(
            "SELECT status, error_code FROM connectors WHERE charger_id = :charger AND evse = :evse",
            charger=CHARGER,
            evse=connector,
        )
        return row["status"], row["error_code"]

    async def authorize(self, tag: str = TAG) -> dict[str, Any]:
        """Authorize; the idTagInfo."""
        info: dict[str, Any] = (await self.call("Authorize", idTag=tag))["idTagInfo"]
        return info

    async def start(self, connector: int = 1, tag: str = TAG, meter: int = 1000, at: str = "", **more: Any) -> tuple[int, str]:
        """StartTransaction: our id and the tag's status."""
        told = await self.call(
            "StartTransaction", connectorId=connector, idTag=tag, meterStart=meter, timestamp=at or self.now, **more
        )
        return told["transactionId"], told["idTagInfo"]["status"]

    async def stop(self, transaction_id: int, meter: int = 5000, at: str = "", **more: Any) -> dict[str, Any]:
        """StopTransaction."""
        return await self.call("StopTransaction", transactionId=transaction_id, meterStop=meter, timestamp=at or self.now, **more)

    async def charge(self, connector: int = 1, tag: str = TAG, **more: Any) -> int:
        """A transaction that runs: its id."""
        transaction_id, status = await self.start(connector, tag, **more)
        assert status == "Accepted"
        await self.status(connector, "Charging")
        return transaction_id

    async def meter(self, connector: int, transaction_id: int | None, energy_wh: int) -> None:
        """MeterValues, answered."""
        payload: dict[str, Any] = {
            "connectorId": connector,
            "meterValue": [{"timestamp": self.now, "sampledValue": [{"value": str(energy_wh), "unit": "Wh"}]}],
        }
        if transaction_id is not None:
            payload["transactionId"] = transaction_id
        assert await self.charger.call("MeterValues", payload) == {}

    async def transaction(self, transaction_id: int) -> dict[str, Any]:
        """What is stored of a transaction."""
        (row,) = await self.server.rows("SELECT * FROM transactions WHERE id = :id", id=transaction_id)
        return row

    async def transactions(self) -> list[dict[str, Any]]:
        """Every stored transaction, in the order of their ids."""
        return await self.server.rows("SELECT * FROM transactions ORDER BY id")

    async def ask(self, command: str, action: str, answer: dict[str, Any], **fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The operator commands, the charger answers: what the charger heard, and what the operator was told."""
        heard: list[dict[str, Any]] = []

        async def obey() -> None:
            if action == "SetChargingProfile" and not self.limits_told:  # asked once, before the first profile
                asked = await self.charger.obey("GetConfiguration", {"unknownKey": []})
                assert "ChargeProfileMaxStackLevel" in asked["key"]
                self.limits_told = True
            heard.append(await self.charger.obey(action, answer))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(obey)
            told = await self.server.command(CHARGER, command, **fields)
        assert told.get("outcome") == "Answered", told
        return heard[0], told


def place(connector: int) -> dict[str, int]:
    """A connector as commands name it."""
    return {"evse": connector, "connector": min(connector, 1)}


@pytest.fixture
def engine() -> str:
    """The wire is the same on either engine; the stores are tested on both where they are."""
    return "sqlite"


@pytest.fixture
def server_config(store_config: DatabaseConfig, tmp_path: Any) -> Config:
    return config_for(tmp_path, database=store_config)


@pytest.fixture
async def t(server: TestServer, charger: ConnectCharger) -> Operator:
    """The tester: a charger that has booted, and a token that may charge."""
    await server.add_token(TAG)
    return Operator(server, await charger(CHARGER))

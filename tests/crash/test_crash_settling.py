"""A server is killed (SIGKILL) while chargers charge, drivers pay and bills are settled: everything is billed once, and the books agree.

``CRASH_SEED`` repeats a run (as far as two processes can), ``CRASH_KILLS`` says how many kills.
"""

from __future__ import annotations

import os
import random
import signal
import socket
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
import trio

import csms_razorpay
import csms_tariff
from csms.config import DatabaseConfig
from csms.core.units import iso
from csms.db.migrate import MigrationSource, core_migrations
from csms.domain.drivers import service as drivers
from csms.outside import SystemClock
from csms.testing import forked
from csms.testing.server import config_for, running_server
from csms.testing.swarm import Swarm
from simulators.razorpay import RazorpayStub

from .settling_server import KEY

CHARGERS = 8
LOAD = 80
"""Acknowledged calls at least between a start and the next kill."""
DAY_MS, HOUR_MS = 86_400_000, 3_600_000
"""The swarm lives an hour ahead of us: what starts now is charged by a tariff of now."""
PATIENCE_S = 60.0
RATE = {"components": [{"kind": "energy", "rate": "14.50"}], "taxes": {"scheme": "gst", "percent": "18"}}
ACCOUNT = {
    "name": "shop",
    "provider": "razorpay",
    "key_id": "rzp_test_A",
    "key_secret": "of the key",
    "webhook_secret": "of webhooks",
}
DUE = {
    "a charge without its bill": "SELECT count(*) AS n FROM transactions t WHERE t.state = 'completed'"
    " AND NOT EXISTS (SELECT 1 FROM bills b WHERE b.transaction_id = t.id)",
    "a bill that is due": "SELECT count(*) AS n FROM bills WHERE due_at IS NOT NULL",
    "a bill without its invoice": "SELECT count(*) AS n FROM bills b WHERE b.state = 'SETTLED' AND b.total_minor <> 0"
    " AND NOT EXISTS (SELECT 1 FROM invoice_bills i WHERE i.bill_id = b.id)",
    "a refund": "SELECT count(*) AS n FROM refunds WHERE state IN ('wanted', 'asked')",
    "a debt that the wallet could pay": "SELECT count(*) AS n FROM wallets WHERE owed_minor > 0 AND balance_minor > held_minor",
}


@pytest.fixture
def store_migrations() -> list[MigrationSource]:
    return [core_migrations(), MigrationSource("tariff", Path(csms_tariff.__file__).parent / "migrations")]


@attrs.define(eq=False)
class Shop:
    """A server that is killed and started again, always at the same addresses and on the same store."""

    folder: Path
    store: str
    api: int
    ocpp: int
    process: forked.Forked | None = None

    @property
    def log(self) -> str:
        file = self.folder / "server.log"
        return file.read_text() if file.exists() else ""

    async def start(self) -> None:
        script = Path(__file__).with_name("settling_server.py")
        arguments = (str(self.folder), str(self.api), str(self.ocpp), self.store)
        said, out = forked.pipe()
        with out:
            self.process = await forked.start(
                str(script), *arguments, folder=self.folder, environ=os.environ, out=out, err=self.folder / "server.log"
            )
        async with said:
            with trio.fail_after(PATIENCE_S):
                assert await said.receive_some() == b"ready\n", self.log[-3000:]

    async def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        assert await self.process.wait() == -signal.SIGKILL

    async def ask(self, client: httpx.AsyncClient, method: str, path: str, body: Any = None, **more: str) -> Any:
        headers = {"Authorization": f"Bearer {KEY}"} | more
        answer = await client.request(method, f"http://127.0.0.1:{self.api}/api/v1{path}", json=body, headers=headers)
        assert answer.status_code < 300, answer.text
        return answer.json()


@pytest.fixture
async def shop(store_config: DatabaseConfig, tmp_path: Path) -> Any:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        api, ocpp = one.getsockname()[1], other.getsockname()[1]
    shop = Shop(tmp_path, store_config.url, api, ocpp)
    yield shop
    if shop.process is not None:
        shop.process.kill()


@pytest.fixture
def seed() -> int:
    return int(os.environ.get("CRASH_SEED") or random.SystemRandom().randrange(10**6))


async def test_everything_is_billed_once(shop: Shop, query: Any, engine: str, seed: int, store_config: DatabaseConfig) -> None:
    await settle_and_kill(shop, query, {"sqlite": 2, "postgresql": 1}[engine], seed, store_config)


@pytest.mark.campaign
async def test_many_kills(shop: Shop, query: Any, engine: str, seed: int, store_config: DatabaseConfig) -> None:
    kills = int(os.environ.get("CRASH_KILLS") or {"sqlite": 60, "postgresql": 20}[engine])
    await settle_and_kill(shop, query, kills, seed, store_config)


async def settle_and_kill(shop: Shop, query: Callable[[str], list[Any]], kills: int, seed: int, store: DatabaseConfig) -> None:
    stub, chance = RazorpayStub(retry_s=(0.1, 0.2)), random.Random(seed)
    swarm = Swarm.of(f"ws://127.0.0.1:{shop.ocpp}/ocpp", CHARGERS, now=SystemClock().now() + HOUR_MS, seed=seed)
    try:
        async with trio.open_nursery() as nursery:
            await nursery.start(stub.serve_tcp)
            stub.account(ACCOUNT["key_id"], ACCOUNT["key_secret"], ACCOUNT["webhook_secret"])
            people, notice_path = await furnish(shop, stub, store, [charger.token for charger in swarm.chargers])
            book = stub.account(
                ACCOUNT["key_id"], ACCOUNT["key_secret"], ACCOUNT["webhook_secret"], f"http://127.0.0.1:{shop.api}{notice_path}"
            )
            await shop.start()
            async with trio.open_nursery() as paying:
                for driver_id in people:
                    paying.start_soon(pay, shop, stub, driver_id)
                async with trio.open_nursery() as charging:
                    charging.start_soon(swarm.run)
                    for _ in range(kills):
                        enough = swarm.acknowledged + chance.randrange(LOAD, 2 * LOAD)
                        with trio.fail_after(PATIENCE_S):
                            while swarm.acknowledged < enough:
                                await trio.sleep(0.01)
                        await trio.sleep(chance.uniform(0, 0.8))
                        await shop.kill()
                        await shop.start()
                    swarm.finish()
                paying.cancel_scope.cancel()
            with trio.fail_after(PATIENCE_S):
                await stub.poster.settled()
                while unfinished := await trio.to_thread.run_sync(partial(waiting, query, book)):
                    await trio.sleep(0.3)
            assert unfinished == []
            async with httpx.AsyncClient(timeout=10) as client:
                assert (await shop.ask(client, "POST", "/ledger/check"))["balanced"]
            await shop.kill()
            nursery.cancel_scope.cancel()
        assert list(broken(query)) == []
        assert query("SELECT count(*) AS n FROM bills WHERE state = 'SETTLED'")[0]["n"] >= 2 * kills
        assert query("SELECT count(*) AS n FROM payments WHERE state = 'paid'")[0]["n"] >= kills
        assert '"level": "error"' not in shop.log
        assert "Traceback" not in shop.log
    except BaseException as error:
        error.add_note(f"CRASH_SEED={seed}; the server's last words:\n{shop.log[-3000:]}")
        raise


async def furnish(shop: Shop, stub: RazorpayStub, store: DatabaseConfig, tokens: list[str]) -> tuple[list[int], str]:
    """A tariff, a gateway, drivers with the chargers' tokens; before the first start."""
    people = []
    config = config_for(shop.folder, database=store)
    plugins = {"tariff": csms_tariff, "razorpay": csms_razorpay}
    config = attrs.evolve(config, plugins=attrs.evolve(config.plugins, settings={"razorpay": {"allowed_hosts": ["127.0.0.1"]}}))
    async with running_server(config, plugins=plugins) as server:
        for number, token in enumerate(tokens):
            driver = await server.do(partial(drivers.add_driver, name=f"Driver {number}", email=f"d{number}@example.org"))
            await server.add_token(token, driver_id=driver.id, max_transactions=0)
            people.append(driver.id)
        valid = iso(server.ports.clock.now() - 400 * DAY_MS)
        made = await server.request("POST", "/api/v1/tariffs", {"name": "Flat", "rules": RATE, "valid_from_at": valid})
        assert made.status_code == 201, made.text
        body = {"tariff_id": made.json()["tariff"]["id"], "level": "tenant"}
        assigned = await server.request("POST", "/api/v1/tariffs/assignments", body)
        assert assigned.status_code == 201, assigned.text
        assert (await server.request("PATCH", "/api/v1/billing/settings", {"invoice_mode": "each"})).status_code == 200
        gateway = await server.request("POST", "/api/v1/gateways", {**ACCOUNT, "base_url": stub.url})
        assert gateway.status_code == 201, gateway.text
        return people, gateway.json()["notice_path"]


async def pay(shop: Shop, stub: RazorpayStub, driver_id: int) -> None:
    """Tops up by link, again and again, whether or not the server is there."""
    async with httpx.AsyncClient(timeout=5) as client:
        for number in count(1):
            body = {"driver_id": driver_id, "amount_minor": 1_000 + number, "way": "link"}
            await trio.sleep(0.2)
            try:
                wanted = await shop.ask(client, "POST", "/payments", body, **{"Idempotency-Key": f"{driver_id}-{number}"})
            except (httpx.HTTPError, AssertionError):
                continue
            if wanted["offer_ref"]:
                stub.pay(wanted["offer_ref"], method="upi")


def waiting(query: Callable[[str], list[Any]], book: Any) -> list[str]:
    """What is not over yet."""
    taken = sum(each["amount"] - each["amount_refunded"] - each["fee"] for each in book.all("payment") if each["captured"])
    ours = query(
        "SELECT COALESCE(sum(e.amount), 0) AS n FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id WHERE a.kind = 'gateway'"
    )
    found = [what for what, sql in DUE.items() if query(sql)[0]["n"]]
    return found if taken == -ours[0]["n"] else [*found, f"the gateway has {taken}, the ledger has {-ours[0]['n']}"]


def broken(query: Callable[[str], list[Any]]) -> Any:
    """What does not hold of the books."""
    billed: dict[int, list[Any]] = {}
    for bill in query("SELECT * FROM bills ORDER BY id"):
        billed.setdefault(bill["transaction_id"], []).append(bill)
    for row in query("SELECT id, energy_wh FROM transactions WHERE state = 'completed'"):
        bills = billed.pop(row["id"], [])
        net = sum(bill["net_minor"] for bill in bills)
        wanted = (row["energy_wh"] * 145 + 50) // 100
        total = sum(bill["total_minor"] for bill in bills)
        if net != wanted or total != wanted + 2 * ((wanted * 9 + 50) // 100):
            yield f"transaction {row['id']} of {row['energy_wh']} Wh is billed {net} net, {total} in all"
        if sorted(bill["number"] for bill in bills) != list(range(len(bills))):
            yield f"transaction {row['id']} has the bills {[bill['number'] for bill in bills]}"
    yield from (f"bills of {each}, which never was" for each in billed)
    for what, sql in (
        (
            "unbalanced movements",
            "SELECT e.movement_id, sum(e.amount) AS n FROM ledger_entries e GROUP BY e.movement_id HAVING sum(e.amount) <> 0",
        ),
        (
            "balances that are not their entries",
            "SELECT a.id, a.balance AS n FROM ledger_accounts a LEFT JOIN ledger_entries e ON e.account_id = a.id"
            " WHERE a.through IS NULL GROUP BY a.id, a.balance HAVING COALESCE(sum(e.amount), 0) <> a.balance",
        ),
        (
            "bills that are not booked once",
            "SELECT b.id, b.total_minor AS n FROM bills b WHERE b.state = 'SETTLED' AND b.total_minor <> 0"
            " AND (SELECT count(*) FROM ledger_movements m WHERE m.key = 'bill:' || b.id) <> 1",
        ),
        (
            "payments that are not credited once",
            "SELECT g.id, g.amount_minor AS n FROM gateway_payments g WHERE g.state = 'paid' AND (SELECT count(*) FROM ledger_movements m"
            " WHERE m.key = 'payment:' || g.payment_id || ':' || g.payment_ref) <> 1",
        ),
        (
            "series with gaps",
            "SELECT kind AS id, count(*) AS n FROM invoices GROUP BY tenant, kind, year"
            " HAVING min(sequence) <> 1 OR max(sequence) <> count(*)",
        ),
        (
            "debts that are no open bills",
            "SELECT w.driver_id AS id, w.owed_minor AS n FROM wallets w WHERE w.owed_minor <>"
            " COALESCE((SELECT sum(b.open_minor) FROM bills b WHERE b.driver_id = w.driver_id), 0)",
        ),
    ):
        if found := [tuple(dict(row).values()) for row in query(sql)]:
            yield f"{what}: {found[:5]}"

"""A server is killed (SIGKILL) while drivers pay through Razorpay's stub: what they paid is in their wallets, once, and no more."""

from __future__ import annotations

import os
import random
import signal
import socket
from pathlib import Path
from typing import Any

import attrs
import httpx
import pytest
import trio

from csms.testing import forked
from simulators.razorpay import RazorpayStub

from .paying_server import KEY

KEY_ID, KEY_SECRET, WEBHOOK_SECRET = "rzp_test_A", "the secret of the key", "the secret of the webhook"
DRIVERS, PATIENCE_S = 4, 40.0


@attrs.define(eq=False)
class Shop:
    """A server that is killed and started again, always at the same address."""

    folder: Path
    port: int
    process: forked.Forked | None = None

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {KEY}"}

    async def start(self) -> None:
        script = Path(__file__).with_name("paying_server.py")
        log, arguments = self.folder / "server.log", (str(self.folder), str(self.port))
        said, out = forked.pipe()
        with out:
            self.process = await forked.start(str(script), *arguments, folder=self.folder, environ=os.environ, out=out, err=log)
        async with said:
            with trio.fail_after(PATIENCE_S):
                assert await said.receive_some() == b"ready\n", log.read_text()[-3000:]

    async def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        assert await self.process.wait() == -signal.SIGKILL

    async def ask(self, client: httpx.AsyncClient, method: str, path: str, body: Any = None, **more: str) -> Any:
        answer = await client.request(
            method, f"http://127.0.0.1:{self.port}/api/v1{path}", json=body, headers=self.headers() | more
        )
        assert answer.status_code < 300, answer.text
        return answer.json()


@pytest.fixture
async def shop(tmp_path: Path) -> Any:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    shop = Shop(tmp_path, port)
    yield shop
    if shop.process is not None:
        shop.process.kill()


@pytest.mark.campaign
async def test_no_payment_is_lost_or_credited_twice(shop: Shop) -> None:
    await kill_and_pay(shop, int(os.environ.get("CRASH_KILLS") or 20))


async def kill_and_pay(shop: Shop, kills: int) -> None:
    stub, chance = RazorpayStub(retry_s=(0.1, 0.2)), random.Random(7)
    async with trio.open_nursery() as nursery, httpx.AsyncClient(timeout=10) as client:
        await nursery.start(stub.serve_tcp)
        await shop.start()
        stub.account(KEY_ID, KEY_SECRET, WEBHOOK_SECRET)
        account = {
            "name": "shop",
            "provider": "razorpay",
            "key_id": KEY_ID,
            "key_secret": KEY_SECRET,
            "webhook_secret": WEBHOOK_SECRET,
        }
        made = await shop.ask(client, "POST", "/gateways", {**account, "base_url": stub.url})
        book = stub.account(KEY_ID, KEY_SECRET, WEBHOOK_SECRET, f"http://127.0.0.1:{shop.port}{made['notice_path']}")
        drivers = [(await shop.ask(client, "POST", "/drivers", {"name": f"Driver {each}"}))["id"] for each in range(DRIVERS)]
        over = trio.Event()

        async def drive(driver_id: int, number: int) -> None:
            """Pays by link, again and again, whether or not the server is there."""
            while not over.is_set():
                number += 1
                body = {"driver_id": driver_id, "amount_minor": 10_000 + number, "way": "link"}
                try:
                    wanted = await shop.ask(client, "POST", "/payments", body, **{"Idempotency-Key": f"{driver_id}-{number}"})
                except (httpx.HTTPError, AssertionError):
                    await trio.sleep(0.05)
                    continue
                if wanted["offer_ref"]:
                    stub.pay(wanted["offer_ref"], method="upi")

        async def paid_and_credited() -> tuple[int, int]:
            taken = sum(each["amount"] - each["amount_refunded"] for each in book.all("payment") if each["status"] == "captured")
            wallets = [await shop.ask(client, "GET", f"/drivers/{each}/wallet") for each in drivers]
            return taken, sum(each["balance_minor"] for each in wallets)

        for number, each in enumerate(drivers):
            nursery.start_soon(drive, each, number * 1000)
        for _ in range(kills):
            await trio.sleep(chance.uniform(0.5, 1.2))
            await shop.kill()
            await shop.start()
        over.set()
        with trio.fail_after(PATIENCE_S):
            await stub.poster.settled()
            taken, credited = await paid_and_credited()
            while taken != credited:
                await trio.sleep(0.1)
                taken, credited = await paid_and_credited()
        log = (shop.folder / "server.log").read_text()
        assert '"level": "error"' not in log, log[-3000:]
        assert "Traceback" not in log, log[-3000:]
        assert taken > 10_000 * kills
        waiting = (await shop.ask(client, "GET", "/payments?state=created"))["items"]
        assert [each for each in waiting if not each["error"]] == []
        assert (await shop.ask(client, "POST", "/ledger/check"))["balanced"]
        await shop.kill()
        nursery.cancel_scope.cancel()

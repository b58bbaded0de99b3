"""A newcomer's walk with money: every command of the tour in docs/money.md is run as it stands there, at a real ``csms serve --demo``."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from string import Template
from typing import Any

import attrs
import httpx
import trio

from csms.demo.stubs import PLUGINS
from csms.plugins import installed
from csms.testing.live import LiveStream

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
CONFIG = "[ocpp]\nport = 0\n[api]\nport = 0\n[files]\nport = 0\n"
Json = Any


@attrs.define
class Tour:
    """The commands of the page's tour, one after the other. ``known`` are the variables in them."""

    lines: Iterator[str]
    client: httpx.AsyncClient
    known: dict[str, str]

    @classmethod
    def of(cls, client: httpx.AsyncClient, **known: str) -> Tour:
        page = (ROOT / "docs" / "money.md").read_text(encoding="utf-8")
        section = page.partition("\n## A tour\n")[2].partition("\n## ")[0]
        blocks = "\n".join(re.findall(r"```sh\n(.*?)```", section, re.DOTALL)).splitlines()
        return cls(iter([line for line in blocks if line.startswith("curl")]), client, known)

    def request(self, expected: str) -> dict[str, Any]:
        """The next command, which must be the ``expected`` one (method and end of the path)."""
        words = iter([Template(word).substitute(self.known) for word in shlex.split(next(self.lines), comments=True)[1:]])
        headers, body, form, method, url = {}, None, None, "", ""
        for word in words:
            if word == "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value
            elif word == "--json":
                body, method = json.loads(next(words)), method or "POST"
            elif word == "-d":
                form, method = dict([next(words).split("=")]), method or "POST"
            elif word == "-X":
                method = next(words)
            elif word == "-o":
                next(words)
            elif not word.startswith("-"):
                url = word
        wanted, _, path = expected.partition(" ")
        assert (method or "GET", url.partition("?")[0].endswith(path)) == (wanted, True), (expected, method, url)
        return {"method": method or "GET", "url": url, "headers": headers, "json": body, "data": form}

    async def ask(self, expected: str, status: int = 200, *, until: Callable[[Json], Any] | None = None) -> Json:
        """What the next command is answered; asked again ``until`` that is so."""
        request = self.request(expected)
        with trio.fail_after(PATIENCE_S):
            while True:
                answer = await self.client.request(**request)
                assert answer.status_code == status, (expected, answer.text)
                is_json = "json" in answer.headers.get("content-type", "")
                said = answer.json() if is_json else answer.content
                if until is None or until(said):
                    return said
                await trio.sleep(0.05)

    @asynccontextmanager
    async def listen(self, expected: str) -> AsyncIterator[LiveStream]:
        request = self.request(expected)
        async with self.client.stream(request["method"], request["url"], headers=request["headers"]) as response:
            assert response.status_code == 200, await response.aread()
            stream = LiveStream(response)
            await stream.begun()
            yield stream


def plugins_path(folder: Path) -> str:
    """``PYTHONPATH`` for a process that is to find the plugins of this tree: where it is not installed, as if it were."""
    path = os.environ.get("PYTHONPATH", "")
    if set(PLUGINS) <= set(installed()):
        return path
    found = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]["csms"]
    metadata = folder / "found" / "csms_demo-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: csms_demo\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[csms]\n" + "".join(f"{name} = {value}\n" for name, value in found.items()))
    return os.pathsep.join(filter(None, [str(metadata.parent), path]))


@asynccontextmanager
async def demo(folder: Path) -> AsyncIterator[dict[str, str]]:
    """A real demo, hurried where it would only wait, and what its welcome says."""
    ours = ("CSMS_", "DATABASE_URL", "REDIS_URL", "PORT", "LOG_LEVEL", "COV_CORE")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    environ["PYTHONPATH"] = plugins_path(folder)
    (folder / "csms.toml").write_text(CONFIG)
    command = [sys.executable, "-m", "csms.testing.hurried", "serve", "--demo", "--config", "csms.toml"]
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = await trio.lowlevel.open_process(
            command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
        )
    try:
        with trio.fail_after(PATIENCE_S):
            while "Ctrl+C ends" not in (said := (folder / "out").read_text()):
                assert process.returncode is None, (folder / "err").read_text()
                await trio.sleep(0.05)
        yield welcome(said + (folder / "err").read_text())
        process.send_signal(signal.SIGINT)
        with trio.fail_after(PATIENCE_S):
            assert await process.wait() == 0, (folder / "err").read_text()
        assert '"level": "error"' not in (folder / "err").read_text()
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
        with trio.CancelScope(shield=True):
            await process.wait()


def welcome(said: str) -> dict[str, str]:
    api = re.search(r"(http://\S+)/api/docs", said)
    stubs = re.search(r"outboxes\s+http://127.0.0.1:(\d+)", said)
    login = re.search(r"log in as\s+\S+\s+(\S+)", said)
    codes = re.search(r"codes at DEMO-4\s+(\S+) (\S+)", said)
    assert api, said
    assert stubs, said
    assert login, said
    assert codes, said
    first = int(stubs[1])
    return {
        "api": f"{api[1]}/api/v1",
        "stub": f"http://127.0.0.1:{first + 1}",
        "whatsapp": f"http://127.0.0.1:{first + 2}",
        "outbox": f"http://127.0.0.1:{first + 4}",
        "password": login[1],
        "code": codes[1],
        "second": codes[2],
    }


async def test_a_newcomer_pays_charges_and_gets_an_invoice(tmp_path: Path) -> None:
    async with demo(tmp_path) as known, httpx.AsyncClient(timeout=PATIENCE_S) as client:
        await connected(client, f"{known['api']}/start/{known['code']}")
        tour = Tour.of(client, **known)
        tour.known["owner"] = f"Authorization: Bearer {(tmp_path / 'csms.key').read_text().strip()}"
        tour.known["month"] = datetime.now(UTC).strftime("%Y-%m")
        await prepaid(tour)
        await wallet(tour)
        await writing(tour)
        await plan(tour)
        await month(tour)
        assert next(tour.lines, None) is None


async def connected(client: httpx.AsyncClient, start: str) -> None:
    """The charger of the tour is a process that has to come up."""
    with trio.fail_after(PATIENCE_S):
        while not (await client.get(start)).json()["startable"]:
            await trio.sleep(0.05)


async def prepaid(tour: Tour) -> None:
    price = await tour.ask("GET /price")
    assert price["prepayable"]
    assert price["energy_wh"] > 10_000  # 200 rupees, at 9.00 to 14.50 and 18% on top
    made = await tour.ask("POST /payments", 201)
    assert (made["state"], made["payment_state"]) == ("waiting", "open")
    tour.known |= {"token": made["token"], "link": made["pay_url"].rpartition("/")[2]}
    await tour.ask(f"POST /{tour.known['link']}")
    running = await tour.ask(f"GET /{made['token']}", until=lambda shown: shown["energy_wh"] and shown["cost_minor"])
    assert (running["state"], running["paid_minor"]) == ("charging", 20_000)
    await tour.ask("POST /stop")
    over = await tour.ask(
        f"GET /{made['token']}",
        until=lambda shown: shown["refunds"] and shown["refunds"][0]["state"] == "refunded" and shown["state"] == "finished",
    )
    assert over["cost_minor"] > 0
    assert [each["amount_minor"] for each in over["refunds"]] == [20_000 - over["cost_minor"]]


async def wallet(tour: Tour) -> None:
    login = await tour.ask("POST /auth/login")
    tour.known["me"] = f"Authorization: Bearer {login['access_token']}"
    top_up = await tour.ask("POST /me/wallet/top-ups", 201)
    tour.known["topup"] = top_up["pay_url"].rpartition("/")[2]
    await tour.ask(f"POST /{tour.known['topup']}")
    await tour.ask("GET /me/wallet", until=lambda shown: shown["balance_minor"] == 100_000)
    started = await tour.ask("POST /me/transactions", 201)
    tour.known["transaction"] = str(started["transaction"]["id"])
    async with tour.listen("GET /me/live") as live:
        cost = 0
        with trio.fail_after(PATIENCE_S):
            while not cost:
                kind, told = await live.next()
                cost = told["data"]["amount_minor"] if kind == "cost_updated" else 0
    so_far = await tour.ask("GET /cost")
    assert so_far["cost"]["amount_minor"] >= cost
    await tour.ask("POST /stop")
    bills = await tour.ask("GET /me/bills", until=lambda shown: shown["items"] and shown["items"][0]["state"] == "SETTLED")
    bill = bills["items"][0]
    assert (bill["tariff"], bill["total_minor"]) == ("Day and night", bill["wallet_minor"])
    invoices = await tour.ask("GET /me/invoices", until=lambda shown: any(each["kind"] == "invoice" for each in shown["items"]))
    (invoice,) = [each for each in invoices["items"] if each["kind"] == "invoice"]
    assert (invoice["total_minor"], invoice["tax_minor"], invoice["status"]) == (bill["total_minor"], bill["tax_minor"], "paid")
    await correct(tour, invoice["id"])
    tour.known["invoice"] = str(invoice["id"])
    pdf = await tour.ask(f"GET /{invoice['id']}.pdf")
    assert pdf.startswith(b"%PDF")
    await tour.ask("GET /stub/outbox", until=lambda shown: invoice["number"] in json.dumps(shown))


async def writing(tour: Tour) -> None:
    assert (await tour.ask("POST /stub/inbound"))["id"]
    await tour.ask("GET /stub/outbox", until=lambda shown: "Available: ₹" in json.dumps(shown, ensure_ascii=False))


async def correct(tour: Tour, invoice_id: int) -> None:
    """It says what GST asks for, and halves of the tax that make up the total."""
    me = {"Authorization": tour.known["me"].partition(": ")[2]}
    content = (await tour.client.get(f"{tour.known['api']}/me/invoices/{invoice_id}", headers=me)).json()["content"]
    assert (content["supplier"]["tax_id_kind"], content["place_of_supply"]) == ("GSTIN", "Karnataka")
    assert content["lines"][0]["tax_code"] == "996911"
    taxes = {each["name"]: each for each in content["taxes"]}
    assert set(taxes) == {"CGST", "SGST"}
    assert all(each["rate_percent"] == "9" for each in taxes.values())
    assert sum(each["taxable_minor"] for each in content["lines"]) == content["net_minor"]
    assert content["net_minor"] + sum(each["amount_minor"] for each in taxes.values()) == content["total_minor"]


async def plan(tour: Tour) -> None:
    (offered,) = (await tour.ask("GET /me/plans"))["items"]
    tour.known["plan"] = str(offered["id"])
    taken = await tour.ask("POST /me/subscriptions", 201)
    assert taken["amount_minor"] == 49_900
    (allowance,) = await tour.ask("GET /me/allowances", until=bool)
    assert (allowance["unit"], allowance["balance"]) == ("WH", 50_000)
    started = await tour.ask("POST /me/transactions", 201)
    tour.known["covered"] = transaction = str(started["transaction"]["id"])
    me = {"Authorization": tour.known["me"].partition(": ")[2]}
    with trio.fail_after(PATIENCE_S):
        while not (await tour.client.get(f"{tour.known['api']}/me/transactions/{transaction}", headers=me)).json()[
            "energy_so_far_wh"
        ]:
            await trio.sleep(0.05)
    await tour.ask("POST /stop")

    def billed(shown: Json) -> bool:
        return any(str(each["transaction_id"]) == transaction and each["state"] == "SETTLED" for each in shown["items"])

    bill = (await tour.ask("GET /me/bills", until=billed))["items"][0]
    assert bill["energy_wh"] > 0
    assert bill["total_minor"] == 0, "the plan paid for it"
    (left,) = (await tour.client.get(f"{tour.known['api']}/me/allowances", headers=me)).json()
    assert left["balance"] == 50_000 - bill["energy_wh"]


async def month(tour: Tour) -> None:
    """What the report says is what the ledger says, while cards go on charging elsewhere: so until nothing came between the two."""
    lines = list(tour.lines)
    with trio.fail_after(PATIENCE_S):
        while True:
            tour.lines = iter(lines)
            (totals,) = (await tour.ask("GET /settlements"))["totals"]
            trial = await tour.ask("GET /ledger/trial-balance")
            taxes = await tour.ask("GET /reports/gst")
            assert trial["balanced"]
            ledger = {row["kind"]: row["credit"] - row["debit"] for row in trial["rows"] if row["unit"] == "INR"}
            said = {
                "revenue": totals["kept_minor"],
                "partner": totals["shares_minor"],
                "tax": sum(each["amount_minor"] for each in totals["taxes"]),
            }
            gst = sum(each["cgst_minor"] + each["sgst_minor"] for each in taxes["b2c"])
            if said == {name: ledger[name] for name in said} and gst == ledger["tax"]:
                assert totals["revenue_minor"] == totals["kept_minor"] + totals["shares_minor"]
                return
            await trio.sleep(0.05)

"""Invoices over HTTP and real sockets: from a charge to its invoice, as everybody sees it as they may."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import httpx
import pytest
import trio

from csms.domain.drivers import service as drivers
from csms.domain.stations import service as stations
from csms.domain.tenants import service as tenants
from csms.hooks import Charge, Price, PriceLine, Share, TaxLine, hookimpl
from csms.testing.fixtures import ConnectCharger
from csms.testing.script import script
from csms.testing.server import TestServer

MINUTE = 60_000


@pytest.fixture
def engine() -> str:
    return "sqlite"


class Pricing:
    """Ten paise a Wh and 18% on top; a fifth is the mall's."""

    @hookimpl
    async def price_charge(self, charge: Charge) -> Price | None:
        net = 10 * charge.energy_wh
        line = PriceLine(
            kind="energy",
            description="energy",
            quantity=Decimal(charge.energy_wh) / 1000,
            unit="kWh",
            unit_price=Decimal(100),
            amount=Decimal(net) / 100,
        )
        return Price(
            currency="INR",
            lines=(line,),
            net_minor=net,
            taxes=(TaxLine(name="IGST", rate_percent=Decimal(18), taxable_minor=net, amount_minor=net * 18 // 100),),
            total_minor=net + net * 18 // 100,
            tax_code="998714",
            place_of_supply="KA",
            shares=(Share(party="Mall / Phase 1", amount_minor=net // 5),),
        )


@pytest.fixture
def server_plugins() -> dict[str, object]:
    return {"pricing": Pricing()}


class Walk:
    def __init__(self, server: TestServer, http: httpx.AsyncClient, as_: Any) -> None:
        self.server, self.http, self.as_ = server, http, as_
        self.now = server.ports.clock.now()
        self.month = datetime.fromtimestamp(self.now / 1000, UTC).strftime("%Y-%m")
        self.driver = 0

    async def __call__(self, line: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        method, path = line.split()
        answer = await self.http.request(method, f"/api/v1{path}", json=body, headers=headers or None)
        assert answer.status_code == status, (line, answer.text)
        return answer.json() if answer.headers.get("content-type", "").endswith("json") else answer.content

    async def until(self, line: str, count: int = 1) -> list[Any]:
        """What is in a list, once there is so much."""
        with trio.fail_after(15):
            while len(found := (await self(line))["items"]) < count:
                await trio.sleep(0.02)
        return list(found)


@pytest.fixture
async def walk(as_: Any, hurried_jobs: None, server: TestServer) -> AsyncIterator[Walk]:
    headers = {"Authorization": f"Bearer {server.operator_key}"}
    async with httpx.AsyncClient(base_url=server.api_url, headers=headers, timeout=60) as http:
        made = Walk(server, http, as_)
        made.driver = (await server.do(partial(drivers.add_driver, name="Asha"))).id
        await server.do(partial(stations.add_station, name="Depot"))
        await server.add_token("CARD", driver_id=made.driver)
        yield made


async def test_from_a_charge_to_its_invoice(walk: Walk, server: TestServer, charger: ConnectCharger) -> None:
    me, support = walk.as_("driver", driver_id=walk.driver), walk.as_("support")
    await walk("PATCH /billing/settings", {"invoice_mode": "each"})
    tax_ids = [{"kind": "GSTIN", "value": "27ABCDE1234F1Z5"}]
    await walk("PATCH /tenant", {"legal_name": "Green Ltd", "tax_ids": tax_ids, "country": "IN"})
    settings = await walk("PATCH /invoices/settings", {"prefix": "GC", "due_days": 10})
    assert (settings["prefix"], settings["credit_note_prefix"], settings["year_starts"]) == ("GC", "CN", 4)
    await walk("PATCH /invoices/settings", {"prefix": "TOOLONG"}, 422)
    await walk("PATCH /invoices/settings", {"prefix": "CN"}, 422)
    await walk("PATCH /invoices/settings", {}, 403, **support)
    assert (await walk("GET /invoices/settings", **support))["prefix"] == "GC"
    named = await walk("PUT /me/invoice-recipient", {"name": "Asha Ltd", "tax_id": "29ABCDE1234F1Z5"}, **me)
    assert await walk(f"GET /drivers/{walk.driver}/invoice-recipient") == named
    await walk("PUT /me/invoice-recipient", {"name": "Asha Ltd", "tax_id": "99ABCDE1234F1Z5"}, 422, **me)

    say = script(await charger("CP1"))
    charge = await say.start("CARD", at=walk.now - 60 * MINUTE)
    await say.stop(charge, 5000, walk.now - 30 * MINUTE)
    (item,) = await walk.until("GET /invoices")
    assert item["number"].startswith("GC/")
    assert (item["status"], item["total_minor"], item["due_minor"], item["transaction_id"]) == (
        "issued",
        59_000,
        59_000,
        charge.transaction_id,
    )
    assert (item["recipient_name"], item["recipient_tax_id"]) == ("Asha Ltd", "29ABCDE1234F1Z5")
    path = f"/invoices/{item['id']}"
    detail = await walk(f"GET {path}", **support)
    assert await walk(f"GET {path}.json") == detail
    assert (detail["content"]["supplier"]["name"], detail["content"]["place_of_supply"]) == ("Green Ltd", "Karnataka")
    assert detail["content"]["lines"][0]["quantity"] == "5"
    for filtered, count in (
        ("open=true", 1),
        ("business=false", 0),
        ("kind=receipt", 0),
        ("search=asha", 1),
        ("search=nobody", 0),
        (f"number={item['number']}", 1),
        (f"bill_id={detail['bill_ids'][0]}", 1),
        (f"transaction_id={charge.transaction_id}", 1),
        (f"driver_id={walk.driver}", 1),
    ):
        assert len((await walk(f"GET /invoices?{filtered}"))["items"]) == count, filtered
    await walk("GET /invoices?status=lost", status=422)
    assert (await walk("GET /invoices/waiting"))["items"] == []

    # who may see it, and who may not
    assert [each["id"] for each in (await walk("GET /me/invoices", **me))["items"]] == [item["id"]]
    assert (await walk(f"GET /me{path}", **me))["number"] == item["number"]
    pdf = await walk(f"GET /me{path}.pdf", **me)
    assert pdf.startswith(b"%PDF")
    assert pdf == await walk(f"GET {path}.pdf", **support)
    other = await server.do(partial(tenants.add, slug="other", name="Other", currency="EUR", time_zone="UTC"))
    abroad, stranger = walk.as_("tenant_owner", tenant=int(other)), walk.as_("driver", driver_id=999)
    for line, body in (
        (f"GET {path}", None),
        (f"GET {path}.pdf", None),
        (f"POST {path}/credit-notes", {"reason": "because"}),
        (f"POST {path}/paid", {"reason": "because"}),
        (f"POST {path}/send", None),
        (f"GET /drivers/{walk.driver}/statements/{walk.month}", None),
    ):
        await walk(line, body, 404, **abroad)
        await walk(line, body, 403, **me)
        await walk(line, body, 401, Authorization="Bearer nobody")
    assert (await walk("GET /invoices", **abroad))["items"] == []
    await walk(f"GET /me{path}", status=404, **stranger)
    await walk(f"GET /me{path}.pdf", status=404, **stranger)
    await walk(f"POST {path}/paid", {"reason": "because"}, 403, **support)
    await walk("GET /invoices", status=403, **walk.as_("tenant_operator", stations=[1]))
    await walk("POST /invoices", {"bill_ids": detail["bill_ids"]}, 409)
    await walk("POST /invoices", {"bill_ids": []}, 422)
    await walk("POST /invoices", {"bill_ids": [999]}, 404)

    # paid in part, given back, paid
    await walk(f"POST {path}/paid", {"reason": "x"}, 422)
    part = await walk(f"POST {path}/paid", {"reason": "cash at the desk", "amount_minor": 9_000})
    assert (part["status"], part["due_minor"]) == ("partly_paid", 50_000)
    note = await walk(f"POST {path}/credit-notes", {"reason": "too slow", "amount_minor": 11_800}, 201)
    assert (note["kind"], note["net_minor"], note["original_id"], note["content"]["reason"]) == (
        "credit_note",
        10_000,
        item["id"],
        "too slow",
    )
    await walk(f"POST {path}/credit-notes", {"reason": "too slow", "amount_minor": 47_201}, 422)
    await walk(f"POST /invoices/{note['id']}/credit-notes", {"reason": "of a note"}, 409)
    paid = await walk(f"POST {path}/paid", {"reason": "bank, UTR 4711"})
    assert (paid["status"], paid["due_minor"], paid["credited_minor"]) == ("paid", 0, 11_800)
    assert [each["id"] for each in paid["related"]] == [note["id"]]
    await walk(f"POST {path}/paid", {"reason": "again"}, 409)
    (noted,) = (await walk("GET /audit?action=invoices.credit_"))["items"] or (await walk("GET /audit?action=invoices.credit"))[
        "items"
    ]
    assert noted["detail"] == {"reason": "too slow"}
    sent = await walk(f"POST {path}/send")
    assert sent["invoice_id"] == item["id"]
    (document,) = (await walk(f"GET /documents?subject_kind=transaction&subject_id={charge.transaction_id}"))["items"]
    assert document["content_type"] == "application/pdf"
    await walk(f"POST {path}/send")
    assert len((await walk("GET /documents?subject_kind=transaction"))["items"]) == 1, "the same document is not kept twice"

    # the month: settlement, taxes, statement
    month = await walk(f"GET /settlements?month={walk.month}")
    (mall,) = month["partners"]
    assert (mall["party"], mall["share_minor"], mall["revenue_minor"]) == ("Mall / Phase 1", 8_000, 40_000)
    await walk(f"GET /settlements?month={walk.month}", status=403, **support)
    await walk("GET /settlements?month=soon", status=422)
    payouts = f"/settlements/{mall['party_id']}/payouts"
    payout = {"month": walk.month, "reference": "UTR 1", "amount_minor": 3_000}
    first = await walk(f"POST {payouts}", payout, 201)
    assert await walk(f"POST {payouts}", payout, 201) == first
    await walk(f"POST {payouts}", {**payout, "amount_minor": 1}, 409)
    await walk(f"POST {payouts}", {**payout, "reference": "UTR 2", "amount_minor": 5_001}, 409)
    await walk(f"POST {payouts}", payout, 404, **abroad)
    detail = await walk(f"GET /settlements/{mall['party_id']}?month={walk.month}")
    assert (detail["due_minor"], [each["reference"] for each in detail["payouts"]]) == (5_000, ["UTR 1"])
    table = await walk(f"GET /settlements?month={walk.month}&format=csv")
    assert b"Mall / Phase 1" in table
    gst = await walk(f"GET /reports/gst?month={walk.month}")
    assert [(each["number"], each["igst_minor"]) for each in gst["b2b"]] == [(item["number"], 9_000), (note["number"], -1_800)]
    assert [(each["tax_code"], each["taxable_minor"], each["energy_kwh"]) for each in gst["codes"]] == [("998714", 40_000, "5.000")]
    assert b"section" in await walk(f"GET /reports/gst?month={walk.month}&format=csv")
    assert (await walk(f"GET /reports/gst?month={walk.month}&format=xlsx")).startswith(b"PK")
    assert (await walk(f"GET /reports/gst?month={walk.month}", **abroad))["documents"] == []
    statement = await walk(f"GET /me/statements/{walk.month}", **me)
    assert (statement["charged_minor"], statement["invoices"]) == (47_200, [item["number"], note["number"]])
    assert (await walk(f"GET /me/statements/{walk.month}.pdf", **me)).startswith(b"%PDF")
    await walk("GET /me/statements/soon", status=422, **me)


async def test_a_list_goes_on_from_its_cursor_by_hand(walk: Walk, charger: ConnectCharger) -> None:
    await walk("PATCH /billing/settings", {"invoice_mode": "manual"})
    say = script(await charger("CP1"))
    for number in range(4):
        charge = await say.start("CARD", at=walk.now - 60 * MINUTE + number * MINUTE)
        await say.stop(charge, 1000, walk.now - 60 * MINUTE + number * MINUTE + 30_000)
    waiting = await walk.until("GET /invoices/waiting", 4)
    await walk("PATCH /invoices/settings", {"send_pdf": True})
    for each in waiting[:3]:
        made = await walk("POST /invoices", {"bill_ids": [each["bill_id"]]}, 201)
        assert made["issued_by"]
    first = await walk("GET /invoices?limit=2")
    rest = await walk(f"GET /invoices?limit=2&after={first['next']}")
    numbers = [each["number"][-4:] for each in first["items"] + rest["items"]]
    assert (numbers, rest["next"]) == (["0003", "0002", "0001"], None)
    assert [each["bill_id"] for each in (await walk("GET /invoices/waiting"))["items"]] == [waiting[3]["bill_id"]]
    await walk("GET /invoices?after=x", status=422)
    names = {each["name"] for each in await walk.until("GET /documents?subject_kind=transaction", 3)}
    assert len(names) == 3, "each was printed to be sent"
    await walk.server.eventually("SELECT sequence FROM events WHERE type = 'invoice_issued'", at_least=3)

"""What the demo's tour pays with: a tenant with a tax number, a gateway, a tariff, a plan, a driver who logs in, and codes to scan.

Everything but the login is laid over the management API, and only what is not there yet: an operator's changes stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import attrs

from csms import identity
from csms.core.access import DRIVER
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import ReadTx
from csms.domain.users.gate import Gate
from csms.domain.users.service import people
from csms.domain.users.store import people as people_store

from .api import Api
from .stubs import KEY_ID, KEY_SECRET, WEBHOOK_SECRET, Stubs
from .world import CHARGERS, Ground

API = "/api/v1"
LOGIN, NAME, PHONE = "asha@example.org", "Asha Demo", "+919876543210"
TENANT = {
    "name": "Demo Charging",
    "legal_name": "Demo Charging Private Limited",
    "tax_ids": [{"kind": "GSTIN", "value": "29AABCU9603R1ZJ"}],
    "address": "1 Example Street\nBengaluru 560001",
    "country": "IN",
    "email": "billing@example.org",
}
GATEWAY, TARIFF, PLAN = "Demo gateway", "Day and night", "Commuter"
TAXES = {"scheme": "gst", "percent": "18", "code": "996911"}
RULES = {
    "taxes": TAXES,
    "components": [
        {"kind": "energy", "name": "Energy, day", "rate": "14.50"},
        {"kind": "energy", "name": "Energy, night", "rate": "9.00", "priority": 1, "windows": [{"start": "22:00", "end": "06:00"}]},
        {"kind": "idle", "rate": "1.50", "grace_s": 600},
    ],
    "electricity": [
        {"rate": "7.20"},
        {"rate": "5.90", "priority": 1, "windows": [{"start": "22:00", "end": "06:00"}]},
    ],
    "shares": [{"party": "Site owner", "of": "margin", "percent": "30"}],
}
TERMS = {
    "period": "monthly",
    "price_minor": 49900,
    "taxes": {**TAXES, "inclusive": True},
    "energy_wh": 50_000,
    "excess_rate": "12.00",
}
BILLING = {"invoice_mode": "each", "low_balance_minor": 5_000}
MEANS_MINOR = 5_000_000
INVOICES = {"tax_code": TAXES["code"], "upi_id": "demo@examplebank"}


@attrs.frozen(slots=True, kw_only=True)
class Laid:
    """What the welcome tells: the login, and the codes at the connectors of the quiet charger."""

    login: str
    password: str = attrs.field(repr=False)
    codes: tuple[str, ...]
    webhook_path: str


async def lay(api: Api, gate: Gate, stubs: Stubs, ground: Ground) -> Laid:
    """Lay whatever is missing. Raises ``Refused`` or ``OSError``."""
    await _tenant(api, ground.station_id)
    webhook_path = await _gateway(api, stubs) if stubs.own_gateway else ""
    if "tariff" in stubs.plugins:
        await _tariff(api)
    if "plans" in stubs.plugins:
        await _plan(api)
    await _means(api, ground.driver_id)
    password = await log_in(gate)
    return Laid(login=LOGIN, password=password, codes=await _codes(api), webhook_path=webhook_path)


async def _tenant(api: Api, station_id: int) -> None:
    if not (await api.ask("GET", f"{API}/tenant"))["legal_name"]:
        await api.ask("PATCH", f"{API}/tenant", TENANT)
    station = await api.ask("GET", f"{API}/stations/{station_id}")
    if not station["address"].get("state"):
        address = {
            "lines": ["1 Example Street"],
            "city": "Bengaluru",
            "state": "Karnataka",
            "postal_code": "560001",
            "country": "IN",
        }
        await api.ask("PATCH", f"{API}/stations/{station_id}", {"address": address})
    if (await api.ask("GET", f"{API}/billing/settings"))["changed_at"] is None:
        await api.ask("PATCH", f"{API}/billing/settings", BILLING)
    if (await api.ask("GET", f"{API}/invoices/settings"))["changed_at"] is None:
        await api.ask("PATCH", f"{API}/invoices/settings", INVOICES)


async def _gateway(api: Api, stubs: Stubs) -> str:
    """The account at the gateway's stub, which may be at another port than the last time: the path where its webhooks go."""
    known = await _named(api, f"{API}/gateways", GATEWAY)
    if known is None:
        wanted = {
            "name": GATEWAY,
            "provider": "razorpay",
            "key_id": KEY_ID,
            "key_secret": KEY_SECRET,
            "webhook_secret": WEBHOOK_SECRET,
            "base_url": stubs.url(1),
        }
        known = await api.ask("POST", f"{API}/gateways", wanted)
    elif known["base_url"] != stubs.url(1):
        known = await api.ask("PATCH", f"{API}/gateways/{known['id']}", {"base_url": stubs.url(1)})
    return str(known["notice_path"])


async def _tariff(api: Api) -> None:
    """Unless somebody made one of their own."""
    if (await api.ask("GET", f"{API}/tariffs"))["items"]:
        return
    made = await api.ask("POST", f"{API}/tariffs", {"name": TARIFF, "description": "Cheaper at night", "rules": RULES})
    await api.ask("POST", f"{API}/tariffs/assignments", {"tariff_id": made["tariff"]["id"], "level": "tenant"})


async def _plan(api: Api) -> None:
    if not (await api.ask("GET", f"{API}/plans"))["items"]:
        await api.ask("POST", f"{API}/plans", {"name": PLAN, "description": "50 kWh a month", "terms": TERMS})


async def _means(api: Api, driver_id: int) -> None:
    """Whose cards the simulated drivers show can pay: nobody wants to read of their debts."""
    path = f"{API}/drivers/{driver_id}/wallet"
    if (await api.ask("GET", path))["balance_minor"] < MEANS_MINOR // 10:
        await api.ask("POST", f"{path}/adjustments", {"amount_minor": MEANS_MINOR, "reason": "for the cards of the demo"})


async def _named(api: Api, path: str, name: str) -> Mapping[str, Any] | None:
    items = (await api.ask("GET", path))["items"]
    return next((each for each in items if each["name"] == name), None)


async def log_in(gate: Gate) -> str:
    """The driver of the tour, with a password that is good until the demo starts again."""
    database, password = gate.ports.database, gate.ports.random.token(9)
    hashed = await gate.passwords.hash(password)

    def known(tx: ReadTx) -> int | None:
        found = people_store.by_email(tx, LOGIN)
        return None if found is None else found.id

    user_id = await database.read(known, tenant=DEFAULT_TENANT)
    if user_id is None:
        await identity.add_user(database, role=DRIVER, name=NAME, email=LOGIN, phone=PHONE, password_hash=hashed)
    else:
        await database.write(partial(people.set_password, user_id=user_id, password_hash=hashed), tenant=DEFAULT_TENANT)
    return password


async def _codes(api: Api) -> tuple[str, ...]:
    """The codes of every connector; those of the last charger, where nobody comes by chance, are told."""
    codes: list[str] = []
    for charger in CHARGERS:
        path = f"{API}/chargers/{charger.charger_id}/connectors"
        known = {each["evse"]: each for each in (await api.ask("GET", path))["items"]}
        codes = []
        for evse in range(1, charger.connectors + 1):
            if evse not in known:
                described = {"evse": evse, "current_type": charger.current_type, "max_power_w": charger.power_w}
                known[evse] = await api.ask("POST", path, described)
            elif known[evse]["max_power_w"] is None:  # it told its status before it was described
                await api.ask("PATCH", f"{path}/{evse}", {"current_type": charger.current_type, "max_power_w": charger.power_w})
            if not known[evse]["qr_code"]:
                await api.ask("GET", f"{path}/{evse}/qr.svg")
                known[evse] = await api.ask("GET", f"{path}/{evse}")
            codes.append(str(known[evse]["qr_code"]))
    return tuple(codes)

"""One of everything: what a test needs that asks every route for things which there are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from csms.api.openapi import examples
from csms.api_pages import described
from csms.config import Config
from csms.core.ledger import PARTNER, REVENUE, SHARE, AccountRef, Leg, NewMovement
from csms.core.ports import Tx
from csms.domain.alerts import service as alerts
from csms.domain.alerts.model import Occurrence
from csms.domain.billing import service as billing
from csms.domain.invoices import service as invoices
from csms.domain.wallets import service as wallets
from csms.domain.wallets.model.shown import Adjustment

from .fixtures import ConnectCharger
from .script import Script16, script
from .server import TestServer

C1 = "/api/v1/chargers/C1"

MADE: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("station_group_id", "/api/v1/station-groups", {}),
    ("model_id", "/api/v1/charger-models", {}),
    ("driver_id", "/api/v1/drivers", {}),
    ("vehicle_id", "/api/v1/drivers/{driver_id}/vehicles", {}),
    ("token_group_id", "/api/v1/token-groups", {}),
    ("token_id", "/api/v1/tokens", {"driver_id": 1}),
    ("grant_id", "/api/v1/grants", {"driver_id": 1, "station_id": 1}),
    ("webhook_id", "/api/v1/webhooks", {}),
    ("key_id", "/api/v1/api-keys", {}),
    ("invitation_id", "/api/v1/users/invitations", {}),
    ("exclusion_id", "/api/v1/uptime-exclusions", {"charger_id": "C1"}),
    ("template_id", "/api/v1/configuration-templates", {}),
    ("ticket_id", "/api/v1/tickets", {"driver_id": 1, "charger_id": "C1"}),
    ("record_id", "/api/v1/chargers/{charger_id}/service-records", {}),
    ("message_id", "/api/v1/messages/test", {}),
)
"""What is made first, in an order in which each finds what it needs: the parameter it is named by, where, and its body's changes."""


@cache
def bodies() -> Mapping[str, Mapping[str, Any]]:
    """The example of the body of each POST, by its path."""
    asked = ((path, examples(route)[0]) for route, path in described(Config()).operations() if route.method == "POST")
    return {path: body for path, body in asked if isinstance(body, dict)}


def id_of(body: Mapping[str, Any]) -> int:
    """The id of what was made; some answers hold it beside a secret."""
    if "id" in body:
        return int(body["id"])
    return next(int(inner["id"]) for inner in body.values() if isinstance(inner, Mapping) and "id" in inner)


async def one_of_everything(server: TestServer, charger: ConnectCharger, at: int) -> dict[str, Any]:
    """A tenant with one of everything; the ids by the names that paths give them. Its charger C1 charged at ``at``."""
    ids: dict[str, Any] = {"charger_id": "C1", "place": "1", "user_id": 1, "event_id": 1, "frame_id": 1}
    ids |= {"template": "receipt", "language": "en", "channel": "outbox"}
    made = await server.request("POST", "/api/v1/stations", {"name": "Depot"})
    assert made.status_code == 201, made.text
    ids["station_id"] = made.json()["id"]
    say = script(await charger("C1"))
    assert isinstance(say, Script16)
    await say.status(1, "Available", at)
    await server.request("PATCH", C1, {"station_id": ids["station_id"]})
    for name, path, changes in MADE:
        body = {**bodies()[path], **changes}
        answer = await server.request("POST", path.format(**ids), body)
        assert answer.status_code == 201, (path, answer.text)
        ids[name] = id_of(answer.json())
    charge = await say.start(bodies()["/api/v1/tokens"]["value"], at=at)
    await say.stop(charge, 5000, at + 60_000)
    ids["transaction_id"] = charge.transaction_id
    found = Occurrence(kind="x", severity="info", subject="x", message="x", charger_id="C1")
    ids["alert_id"] = await server.do(alerts.raise_alert, found)
    ids |= await server.do(_hold, ids["driver_id"])
    ids["bill_id"] = await server.do(_bill, ids["transaction_id"])
    ids |= await server.do(_invoice, ids["driver_id"])
    return ids


def _bill(tx: Tx, transaction_id: int) -> int:
    """The bill of a transaction that ended."""
    billing.make(tx, transaction_id)
    made = billing.bill_of(tx, transaction_id)
    assert made is not None
    return made.id


def _invoice(tx: Tx, driver_id: int) -> dict[str, Any]:
    """The invoice for a fee, and a partner who shares in it."""
    wallets.collect_fee(
        tx,
        driver_id,
        amount_minor=118,
        net_minor=100,
        taxes=[("GST", 18)],
        key="fee",
        description="Gold",
        reference_kind="",
        reference_id="",
    )
    share = (Leg(AccountRef(kind=PARTNER, unit="INR", name="Mall"), 20), Leg(AccountRef(kind=REVENUE, unit="INR"), -20))
    made = wallets.post(tx, NewMovement(kind=SHARE, key="share", legs=share, description="a share"))
    fee = tx.value("SELECT id FROM ledger_movements WHERE tenant = :tenant AND key = 'fee'")
    month = datetime.fromtimestamp(tx.now / 1000, UTC).strftime("%Y-%m")
    return {"invoice_id": invoices.charge_fee(tx, fee), "party_id": made.entries[0].account_id, "month": month}


def _hold(tx: Tx, driver_id: int) -> dict[str, int]:
    """A hold on a driver's wallet, with the account and the movement that it made."""
    given = Adjustment(amount_minor=100_000, reason="to be spent")
    made = wallets.adjust(tx, driver_id, given, key="everything", by="a test")
    held = wallets.hold(tx, driver_id, 500, key="everything", reference_kind="", reference_id="", description="a charge")
    return {"hold_id": held.id, "account_id": made.entries[0].account_id, "movement_id": made.id}

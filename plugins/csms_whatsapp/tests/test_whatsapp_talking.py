"""What drivers write, through a real server: signed, once each, and only to their own account."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

import csms_whatsapp
from csms.config import PluginsConfig
from csms.domain.drivers import service as drivers
from csms.domain.drivers.model import driver_key
from csms.testing.server import config_for, running_server
from csms_whatsapp.talking import Said, understood
from simulators.whatsapp import WhatsAppStub
from simulators.whatsapp.server import APP_SECRET, NUMBER_ID, TOKEN

PHONE = "919812345678"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("START AB12", Said("start", "AB12")),
        ("  start. AB12 ", Said("start", "AB12")),
        ("Stop!", Said("stop", "")),
        ("शेष", Said("balance", "")),
        ("hello there", Said("", "there")),
        ("", Said("", "")),
    ],
)
def test_what_a_text_means(text: str, said: Said) -> None:
    assert understood(text) == said


async def replies(stub: WhatsAppStub, number: int) -> list[str]:
    with trio.fail_after(10):
        while len(stub.outbox.sent) < number:
            await trio.sleep(0.01)
    return [each.words for each in stub.outbox.sent]


async def test_a_driver_writes(tmp_path: Path, nursery: trio.Nursery) -> None:
    stub = WhatsAppStub(seed=1)
    await nursery.start(stub.serve_tcp)
    told = {"phone_number_id": NUMBER_ID, "token": TOKEN, "app_secret": APP_SECRET, "verify_token": "shown-once", "url": stub.url}
    plugins = PluginsConfig(enabled=("whatsapp",), settings={"whatsapp": told})
    async with running_server(config_for(tmp_path, plugins=plugins), plugins={"whatsapp": csms_whatsapp}) as server:
        stub.webhook_url, stub.verify_token = f"{server.api_url}/plugins/whatsapp/webhook", "shown-once"
        assert await stub.verify()
        stub.verify_token = "something else"
        assert not await stub.verify()

        stub.write(PHONE, "BALANCE")
        assert "belongs to no driver" in (await replies(stub, 1))[-1]

        driver = await server.do(lambda tx: drivers.add_driver(tx, "Asha", phone=f"+{PHONE}"))
        await server.do(
            lambda tx: (
                tx.claim(driver_key(tx.tenant, driver.id)),
                tx.run("UPDATE drivers SET language = 'hi' WHERE tenant = :tenant"),
            )
        )
        stub.write(PHONE, "balance")
        assert (await replies(stub, 2))[-1] == "उपलब्ध: ₹0.00 (शेष ₹0.00)।"
        stub.write(PHONE, "STATUS")
        assert (await replies(stub, 3))[-1] == "आप अभी चार्ज नहीं कर रहे हैं।"
        stub.write(PHONE, "START no-such-code")
        assert "no-such-code" in (await replies(stub, 4))[-1]
        stub.write(PHONE, "what?")
        assert "STOP" in (await replies(stub, 5))[-1]

        heard = next(each for each in reversed(stub.poster.notices) if b'"messages": [' in each.body)
        async with httpx.AsyncClient() as client:
            again = await client.post(stub.webhook_url, content=heard.body, headers=heard.headers)
            assert again.status_code == 204
            forged = await client.post(stub.webhook_url, content=heard.body + b" ", headers=heard.headers)
            assert forged.status_code == 401
        kept: list[Any] = await server.rows("SELECT count(*) AS n FROM plugin_whatsapp_heard WHERE tenant = :tenant")
        assert kept[0]["n"] == 5, "what comes twice is heard once"
        events = await server.rows("SELECT count(*) AS n FROM events WHERE tenant = :tenant AND type = 'whatsapp_heard'")
        assert events[0]["n"] == 5

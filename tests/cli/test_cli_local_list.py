"""``csms local-list`` beside a running server: a charger's list is set to auto, sent, and shown."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import trio

from csms.testing import forked
from csms.testing.fixtures import ConnectCharger
from csms.testing.server import TestServer


@pytest.fixture
def engine() -> str:
    """One engine is enough here."""
    return "sqlite"


ANSWERS: list[tuple[str, dict[str, Any]]] = [
    ("GetConfiguration", {"configurationKey": [{"key": "SendLocalListMaxLength", "readonly": True, "value": "1"}]}),
    ("GetLocalListVersion", {"listVersion": 0}),
    ("SendLocalList", {"status": "Accepted"}),
    ("SendLocalList", {"status": "Accepted"}),
]


async def test_a_list_is_synchronised_and_shown(server: TestServer, charger: ConnectCharger, tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CSMS_")} | {
        "CSMS_SERVER": server.api_url,
        "CSMS_API_KEY": server.operator_key,
        "CSMS_DATABASE_URL": f"sqlite:///{tmp_path}/csms.db",
    }

    async def csms(*arguments: str) -> str:
        with trio.fail_after(60):
            ended = await forked.run("csms", *arguments, folder=tmp_path, environ=environ)
        ended.check_returncode()
        return ended.stdout.decode()

    await server.add_token("CARD")
    await server.add_token("OTHER")
    scripted = await charger("C1")
    heard: list[Any] = []

    async def obey() -> None:
        for action, reply in ANSWERS:
            heard.append(await scripted.obey(action, reply))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(obey)
        assert "in step at version 2" in await csms("local-list", "sync", "C1")
    assert heard[2:] == [
        {
            "listVersion": 1,
            "updateType": "Full",
            "localAuthorizationList": [{"idTag": "CARD", "idTagInfo": {"status": "Accepted"}}],
        },
        {
            "listVersion": 2,
            "updateType": "Differential",
            "localAuthorizationList": [{"idTag": "OTHER", "idTagInfo": {"status": "Accepted"}}],
        },
    ]
    shown = json.loads(await csms("local-list", "show", "C1", "--json"))
    assert [each["token"] for each in shown["entries"]] == ["CARD", "OTHER"]
    assert "C1" in await csms("local-list", "list")

"""A firmware campaign whose server is killed in the middle: it goes on where it was, and no charger is asked twice."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import trio

from csms.testing import forked
from csms.testing.charger import ScriptedCharger, connect

Serving = Callable[..., AbstractAsyncContextManager[Any]]
PATIENCE_S = 30


async def csms(folder: Path, *arguments: str) -> Any:
    """What the command line answers, beside the running server."""
    command = ("csms", *arguments, "--config", "csms.toml", "--json")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CSMS_")}
    with trio.fail_after(PATIENCE_S):
        ended = await forked.run(*command, folder=folder, environ=inherited)
    ended.check_returncode()
    return msgspec.json.decode(ended.stdout)


async def told(charger: ScriptedCharger) -> str:
    """The location of the update that the charger is told to make; jobs of the server take their time."""
    with trio.fail_after(PATIENCE_S):
        while True:
            try:
                _, payload = await charger.expect("UpdateFirmware")
            except trio.TooSlowError:
                continue
            location: str = payload["location"]
            return location


async def test_a_campaign_goes_on_after_the_server_was_killed(serving: Serving, tmp_path: Path) -> None:
    (tmp_path / "ac22.bin").write_bytes(b"firmware" * 1000)
    async with serving(tmp_path, program="csms.testing.hurried") as served:
        line = await served.says("listening", what="chargers")
        url = line["url"].removesuffix("/CHARGER-ID")
        async with connect(url, "C1") as one, connect(url, "C2") as two:
            for charger in (one, two):
                await charger.boot_v16(firmwareVersion="1.0")
            image = await csms(tmp_path, "firmware", "add", "ac22.bin", "--vendor", "Test", "--model", "T1", "--version", "2.0")
            campaign = await csms(tmp_path, "firmware", "campaign", "start", str(image["id"]), "--wave", "1")
            assert (campaign["chargers"], campaign["waves"]) == (2, 2)
            first = await told(one)
            served.process.kill()  # it has asked, and will never hear the answer
    async with serving(tmp_path, program="csms.testing.hurried") as served:
        url = (await served.says("listening", what="chargers"))["url"].removesuffix("/CHARGER-ID")
        files = (await served.says("listening", what="files"))["url"]
        async with connect(url, "C1") as one, connect(url, "C2") as two:
            async with httpx.AsyncClient() as client:
                response = await client.get(files + "/" + first.split("/", 3)[3])
                assert response.content == b"firmware" * 1000, "the link is still good"
            for status in ("Downloaded", "Installing"):
                await one.call("FirmwareStatusNotification", {"status": status})
            await one.boot_v16(firmwareVersion="2.0")
            assert await told(two) != first
            shown = await csms(tmp_path, "firmware", "campaign", "show", str(campaign["id"]))
            assert [(each["charger_id"], each["state"], each["tries"]) for each in shown["members"]] == [
                ("C1", "done", 1),
                ("C2", "updating", 1),
            ]
            assert not [frame for frame in one.heard if frame[0] == 2 and frame[2] == "UpdateFirmware"], "C1 was not asked again"
            await two.call("FirmwareStatusNotification", {"status": "Installed"})

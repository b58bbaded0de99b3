"""Configuration that is wanted reaches chargers over the wire: at boot, after changes, across lost answers and restarts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import attrs
import msgspec
import pytest
import trio

from csms import turns
from csms.config import Config, DatabaseConfig, UpkeepConfig
from csms.core.errors import Invalid
from csms.domain.upkeep.flows import configuration as flows
from csms.domain.upkeep.model.configuration import Template
from csms.domain.upkeep.service import templates
from csms.testing.charger import ScriptedCharger, connect
from csms.testing.fixtures import ConnectCharger
from csms.testing.server import TestServer, config_for, running_server

pytestmark = pytest.mark.usefixtures("hurried_jobs")

KEY = "the key of charger C1"


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "EVERY_S", 0.02)


@pytest.fixture
def server_config(store_config: DatabaseConfig, tmp_path: Any) -> Config:
    return config_for(tmp_path, database=store_config)


@attrs.define
class Settings:
    """A charger's configuration, and how it answers to having it read and changed."""

    scripted: ScriptedCharger
    values: dict[str, str]
    verdicts: dict[str, str] = attrs.field(factory=dict)
    """What it answers instead of Accepted, by key; ``silent`` is no answer at all (it obeys), ``deaf`` neither."""
    most: int | None = None
    heard: list[Any] = attrs.field(factory=list)

    async def obey(self) -> None:
        """Answer for ever."""
        while True:
            message_id, action, payload = await anything(self.scripted)
            if action == "GetConfiguration":
                self.heard.append(("get", tuple(payload.get("key", ()))))
                await self.scripted.reply(message_id, self.told(payload.get("key")))
            elif action == "ChangeConfiguration":
                key, value = payload["key"], payload["value"]
                self.heard.append(("set", key, value))
                verdict = self.verdicts.get(key, "Accepted")
                if verdict in ("Accepted", "RebootRequired", "silent"):
                    self.values[key] = value
                if verdict not in ("silent", "deaf"):
                    await self.scripted.reply(message_id, {"status": verdict.replace("Liar", "Accepted")})
            else:
                raise AssertionError(f"unexpected: {action}")

    def told(self, keys: list[str] | None) -> dict[str, Any]:
        asked = list(self.values) if keys is None else keys
        assert self.most is None or keys is None or len(keys) <= self.most
        own = {**self.values, **({} if self.most is None else {"GetConfigurationMaxKeys": str(self.most)})}
        known = [{"key": key, "readonly": False, "value": own[key]} for key in asked if key in own]
        return {"configurationKey": known, "unknownKey": [key for key in asked if key not in own]}

    @property
    def sets(self) -> list[Any]:
        return [each[1:] for each in self.heard if each[0] == "set"]


async def anything(scripted: ScriptedCharger) -> tuple[str, str, dict[str, Any]]:
    """The server's next CALL, whichever it is."""
    async with scripted._arrived:
        while not scripted._calls:
            await scripted._arrived.wait()
        return scripted._calls.popleft()


@asynccontextmanager
async def obeying(settings: Settings) -> AsyncIterator[Settings]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(settings.obey)
        yield settings
        nursery.cancel_scope.cancel()


async def want(server: TestServer, charger_id: str = "C1", **wanted: str) -> None:
    await server.do(templates.want, charger_id, wanted)


async def state(server: TestServer, *states: str) -> list[str]:
    """The states of what is wanted, by name, as soon as they are these."""
    with trio.fail_after(10):
        while True:
            found = [row["state"] for row in await server.rows("SELECT state FROM configuration_keys ORDER BY folded")]
            if found == list(states):
                return found
            await trio.sleep(0.01)


async def test_nobody_who_is_not_configured_hears_anything(server: TestServer, charger: ConnectCharger) -> None:
    await server.add_charger("C2")
    await want(server, "C2", HeartbeatInterval="300")
    scripted = await charger("C1")
    with trio.move_on_after(0.3):
        await anything(scripted)
        raise AssertionError("it was told something")


async def test_what_is_wanted_is_set_read_back_and_told(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("C1")
    box = Settings(scripted, {"HeartbeatInterval": "60", "MeterValueSampleInterval": "30", "Same": "TRUE"})
    async with obeying(box):
        await want(server, HeartbeatInterval="300", MeterValueSampleInterval="30.0", Same="true")
        await state(server, "in_step", "in_step", "in_step")
        (event,) = await server.eventually("SELECT payload FROM events WHERE type = 'configuration_applied'")
    assert box.sets == [("HeartbeatInterval", "300")], "what means the same is left alone"
    assert '"keys":["HeartbeatInterval"]' in event["payload"]
    assert box.heard[-1] == ("get", ("HeartbeatInterval",))
    assert not await server.rows("SELECT 1 AS one FROM events WHERE type = 'configuration_drifted'")


async def test_drift_is_found_told_once_and_put_right(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("C1")
    box = Settings(scripted, {"HeartbeatInterval": "300"})
    async with obeying(box):
        await want(server, HeartbeatInterval="300")
        await state(server, "in_step")
        box.values["HeartbeatInterval"] = "10"
        told = await server.command("C1", "GetVariables", variables=[])
        assert told["status"] == "Accepted"
        with trio.fail_after(10):
            while box.values["HeartbeatInterval"] != "300":
                await trio.sleep(0.01)
        await state(server, "in_step")
    drifts = await server.rows("SELECT payload FROM events WHERE type = 'configuration_drifted'")
    told = [msgspec.json.decode(row["payload"]) for row in drifts]
    assert told == [{"charger_id": "C1", "keys": ["HeartbeatInterval"], "refused": []}]


async def test_a_refusal_is_kept_and_not_asked_again_until_something_changes(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("C1")
    box = Settings(scripted, {"A": "1", "B": "1", "D": "1"}, {"A": "Rejected", "C": "NotSupported", "D": "Liar"})
    async with obeying(box):
        await want(server, A="2", B="2", C="2", D="2")
        await state(server, "rejected", "in_step", "not_supported", "not_kept")
        told = len(box.sets)
        await scripted.boot_v16(firmwareVersion="1.0")  # the first that it tells of its firmware
        await state(server, "rejected", "in_step", "not_supported", "not_kept")
        with trio.fail_after(10):
            while len(box.sets) < told + 3:
                await trio.sleep(0.01)
        told = len(box.sets)
        (before,) = await server.rows("SELECT checked_at FROM configuration_standings")
        await scripted.boot_v16(firmwareVersion="1.0")
        await server.eventually(
            "SELECT 1 AS one FROM configuration_standings WHERE checked_at > :before", before=before["checked_at"]
        )
        assert len(box.sets) == told, "nothing has changed"
        box.verdicts.clear()
        await want(server, A="3")
        await state(server, "in_step", "in_step", "not_supported", "not_kept")
        answer = await server.request("POST", "/api/v1/chargers/C1/configuration/apply", {"again": True})
        assert {key["variable"]: key["state"] for key in answer.json()["keys"]} == dict.fromkeys("ABCD", "in_step")
    drifts = await server.rows("SELECT payload FROM events WHERE type = 'configuration_drifted'")
    assert len(drifts) == 6, "each refusal is told once, before and after the new firmware"


async def test_what_needs_a_reboot_waits_for_it(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("C1")
    box = Settings(scripted, {"A": "1"}, {"A": "RebootRequired"})
    async with obeying(box):
        await want(server, A="2")
        await state(server, "reboot_required")
        (row,) = await server.eventually("SELECT reboot_since_at FROM configuration_standings WHERE reboot_since_at IS NOT NULL")
        await scripted.boot_v16()
        await state(server, "in_step")
        (row,) = await server.rows("SELECT reboot_since_at FROM configuration_standings")
        assert row["reboot_since_at"] is None
    assert box.sets == [("A", "2")]


async def test_keys_are_read_as_many_at_a_time_as_the_charger_tells(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("C1")
    names = [f"Key{number}" for number in range(5)]
    box = Settings(scripted, dict.fromkeys(names, "1"), most=2)
    async with obeying(box):
        await want(server, **dict.fromkeys(names, "1"))
        await state(server, *["in_step"] * 5)
    assert box.heard == [
        ("get", ("GetConfigurationMaxKeys",)),
        ("get", ("Key0", "Key1")),
        ("get", ("Key2", "Key3")),
        ("get", ("Key4",)),
    ]


async def test_templates_apply_at_boot_by_precedence(server: TestServer, charger: ConnectCharger) -> None:
    await server.do(templates.add_template, Template(name="Everybody"), {"A": "all", "B": "all", "C": "all"})
    model = Template(name="T1", scope="model", vendor="TEST", model="t1")
    await server.do(templates.add_template, model, {"B": "model", "C": "model"})
    scripted = await charger("C1")
    box = Settings(scripted, {"A": "", "B": "", "C": ""})
    async with obeying(box):
        await want(server, C="own")
        with trio.fail_after(10):
            while box.values != {"A": "all", "B": "model", "C": "own"}:
                await trio.sleep(0.01)
        await server.do(templates.remove_template, "T1")
        with trio.fail_after(10):
            while box.values != {"A": "all", "B": "all", "C": "own"}:
                await trio.sleep(0.01)
        await server.do(templates.unwant, "C1", ["c"])
        with trio.fail_after(10):
            while box.values["C"] != "all":
                await trio.sleep(0.01)


@contextmanager
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(flows, "ANSWER_S", 0.1)
        yield


@pytest.mark.parametrize(("verdict", "sets"), [("silent", 1), ("deaf", 2)])
async def test_a_lost_answer_is_settled_by_reading_after_a_restart(
    server_config: Config, monkeypatch: pytest.MonkeyPatch, verdict: str, sets: int
) -> None:
    async with running_server(server_config) as server:
        await server.add_charger("C1", KEY)
        async with connect(server.url, "C1", password=KEY) as scripted, trio.open_nursery() as nursery:
            await scripted.boot_v16()
            box = Settings(scripted, {"A": "1", "B": "1"}, {"A": verdict})
            nursery.start_soon(box.obey)
            with impatient(monkeypatch):
                await want(server, A="2", B="2")
                await server.eventually("SELECT 1 AS one FROM configuration_keys WHERE state = 'uncertain'")
            with trio.fail_after(10):
                while ("A", "2") not in box.sets:  # on its way: a slow machine gave up on the answer before
                    await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
    async with running_server(server_config) as server:
        async with connect(server.url, "C1", password=KEY) as scripted:
            again = Settings(scripted, box.values)
            async with obeying(again):
                await state(server, "in_step", "in_step")
            assert len([each for each in [*box.sets, *again.sets] if each == ("A", "2")]) == sets
            assert again.values == {"A": "2", "B": "2"}
        applied = "SELECT payload FROM events WHERE type = 'configuration_applied' AND payload LIKE '%\"A\"%'"
        assert len(await server.eventually(applied)) == 1


async def test_a_secret_is_neither_wanted_nor_kept(server: TestServer, charger: ConnectCharger) -> None:
    with pytest.raises(Invalid, match="rotate-keys"):
        await server.do(templates.add_template, Template(name="Leak"), {"AuthorizationKey": "a-secret-of-mine"})
    scripted = await charger("C1")
    box = Settings(scripted, {"AuthorizationKey": "a-secret-of-mine", "WifiPassword": "another", "A": "1"})
    async with obeying(box):
        told = await server.command("C1", "GetVariables", variables=[])
    assert told["status"] == "Accepted"
    rows = await server.rows("SELECT variable, value FROM configuration_values ORDER BY folded")
    assert {row["variable"]: row["value"] for row in rows} == {"A": "1", "AuthorizationKey": None, "WifiPassword": None}


async def test_an_operators_own_setting_is_put_right(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("C1")
    box = Settings(scripted, {"A": "1"})
    async with obeying(box):
        await want(server, A="1")
        await state(server, "in_step")
        told = await server.command("C1", "SetVariables", settings=[{"variable": {"name": "A"}, "value": "7"}])
        assert (told["status"], told["wanted"]) == ("Accepted", {"A": "1"})
        with trio.fail_after(10):
            while box.sets != [("A", "7"), ("A", "1")]:
                await trio.sleep(0.01)


async def test_only_looking(tmp_path: Any, store_config: DatabaseConfig) -> None:
    config = config_for(tmp_path, database=store_config, upkeep=UpkeepConfig(apply_configuration=False))
    async with running_server(config) as server:
        await server.add_charger("C1", KEY)
        async with connect(server.url, "C1", password=KEY) as scripted:
            await scripted.boot_v16()
            box = Settings(scripted, {"A": "1"})
            async with obeying(box):
                await want(server, A="2")
                await server.eventually("SELECT 1 AS one FROM configuration_standings WHERE checked_at IS NOT NULL")
                assert box.heard == [("get", ("A",))]
                answer = await server.request("POST", "/api/v1/chargers/C1/configuration/apply", {})
                assert [key["state"] for key in answer.json()["keys"]] == ["in_step"]

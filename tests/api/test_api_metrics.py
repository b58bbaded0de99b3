"""``/metrics``: what a scraper finds after a charge."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families

from csms import __version__
from csms.hooks import DataVerdict, hookimpl
from csms.testing.fixtures import ConnectCharger
from csms.testing.script import script
from csms.testing.server import TestServer

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Listening:
    """A plugin that is asked and told."""

    @hookimpl
    async def answer_data_transfer(self) -> DataVerdict | None:
        return DataVerdict("Accepted")

    @hookimpl
    async def charger_booted(self) -> None:
        return None


@pytest.fixture
def server_plugins() -> Mapping[str, object]:
    return {"listening": Listening}


async def scrape(server: TestServer) -> Samples:
    response = await server.request("GET", "/metrics", authorized=False)
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    families = list(text_string_to_metric_families(response.text))
    assert len({family.name for family in families}) == len(families), "no metric twice"
    return {(sample.name, frozenset(sample.labels.items())): sample.value for family in families for sample in family.samples}


def one(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, frozenset(labels.items())]


def total(samples: Samples, name: str, **labels: str) -> float:
    return sum(value for (found, its), value in samples.items() if found == name and labels.items() <= dict(its).items())


async def test_what_a_charge_leaves_in_the_numbers(server: TestServer, charger: ConnectCharger, an_hour_ago: int) -> None:
    await server.add_token("CARD")
    say = script(await charger("CP1"))
    await charger("CP2", protocol="ocpp2.0.1")
    charge = await say.start("CARD", at=an_hour_ago)
    await say.meter(charge, 1, an_hour_ago + 1)
    await say.meter(charge, 2, an_hour_ago + 2)
    await say.data("org.example", "hello")
    await server.eventually("SELECT * FROM frames WHERE action = 'DataTransfer' AND direction = 'out'")
    await server.request("GET", "/api/v1/connections")
    await server.request("GET", "/api/v1/nothing")
    found = await scrape(server)

    assert one(found, "csms_build", version=__version__) == 1
    for stage in ("queued", "heard", "sent"):
        assert one(found, "csms_message_stage_seconds_count", action="MeterValues", stage=stage) == 2
        assert one(found, "csms_message_stage_seconds_count", action="StartTransaction", stage=stage) == 1
    assert total(found, "csms_message_stage_seconds_sum", action="MeterValues") > 0
    assert one(found, "csms_connected_chargers") == 2
    assert one(found, "csms_connected_chargers_by_protocol", protocol="ocpp1.6") == 1
    assert one(found, "csms_connected_chargers_by_protocol", protocol="ocpp2.0.1") == 1
    assert one(found, "csms_request_seconds_count", route="/api/v1/connections", method="GET", status="200") == 1
    assert one(found, "csms_request_seconds_count", route="unknown", method="GET", status="404") == 1
    assert total(found, "csms_statements_total") > 10
    assert any(name == "csms_statements_total" and "meter_readings" in dict(labels)["statement"] for name, labels in found)
    assert total(found, "csms_statement_seconds_total") > 0
    assert one(found, "csms_plugin_call_seconds_count", plugin="listening", hook="answer_data_transfer", result="ok") == 1
    assert one(found, "csms_plugin_hook_calls_total", plugin="listening", hook="answer_data_transfer") == 1
    assert one(found, "csms_plugin_resting", plugin="listening", hook="answer_data_transfer") == 0
    assert one(found, "csms_writer_verbs_total") >= 6
    assert one(found, "csms_writer_rows_total") >= 12
    assert one(found, "csms_writer_commit_seconds_total") > 0
    assert one(found, "csms_writer_queue") == 0
    assert one(found, "process_resident_memory_bytes") > 1_000_000
    assert one(found, "csms_live_listeners") == 0


async def test_how_late_the_loop_is_is_measured(server: TestServer) -> None:
    with trio.fail_after(5):
        while not one(await scrape(server), "csms_event_loop_lag_seconds_count"):
            await trio.sleep(0.05)


async def test_oddities_and_ended_connections_are_counted(server: TestServer, charger: ConnectCharger) -> None:
    scripted = await charger("CP1")
    await scripted.call("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Charged"})
    await scripted.hang_up()
    await server.eventually("SELECT * FROM events WHERE type = 'charger_disconnected'")
    found = await scrape(server)
    assert one(found, "csms_oddities_total", action="StatusNotification", rule="enum") == 1
    assert one(found, "csms_disconnections_total", reason="peer_closed") == 1


async def test_made_up_methods_do_not_make_up_labels(server: TestServer) -> None:
    for number in range(3):
        await server.request(f"MADEUP{number}", "/api/v1/connections")
    found = await scrape(server)
    methods = {dict(labels)["method"] for name, labels in found if name == "csms_request_seconds_count"}
    assert not any(method.startswith("MADEUP") for method in methods)

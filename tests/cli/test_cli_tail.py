"""``csms tail``: frames and events as they come, readable or as JSON lines."""

from __future__ import annotations

import json

import pytest

from csms.cli.server import parsed
from csms.cli.tail import event_line

from .conftest import Run, Stub

FRAME = (
    '{"charger_id": "C1", "at": 1767225600123, "direction": "in", "kind": "call", "message_id": "7", "action": "Heartbeat",'
    ' "text": "[2,\\"7\\",\\"Heartbeat\\",{}]", "took_ms": null, "problem": ""}'
)
EVENT = '{"charger_id": "C1", "occurred_at": 1767225601000, "transaction_id": 17, "energy_wh": 4200}'
FEED = f": csms live feed\n\nevent: frame\ndata: {FRAME}\n\n: still here\n\nid: 9\nevent: transaction_ended\ndata: {EVENT}\n\n".encode()


def test_frames_and_events_are_shown_until_the_server_ends(run: Run, stub: Stub) -> None:
    stub.feed = FEED + b'event: end\ndata: {"reason": "server stopping"}\n\n'
    result = run("tail", code=3)
    frame, event = result.stdout.splitlines()
    assert frame == '00:00:00.123 C1 → Heartbeat [2,"7","Heartbeat",{}]'
    assert event == "00:00:01.000 C1 ★ transaction_ended transaction_id=17 energy_wh=4200"
    assert result.stderr == "csms: the server ended the feed: server stopping\n"
    assert stub.asked[0][1] == "/api/v1/live"


def test_json_lines(run: Run, stub: Stub) -> None:
    stub.feed = FEED
    lines = [json.loads(line) for line in run("tail", "--json", "--count", "2").stdout.splitlines()]
    assert [line["event"] for line in lines] == ["frame", "transaction_ended"]
    assert lines[0]["kind"] == "call"
    assert lines[1]["transaction_id"] == 17


@pytest.mark.parametrize(
    ("arguments", "query"),
    [(["C1"], "charger=C1"), (["--frames"], "kinds=frame"), (["--kind", "a", "--kind", "b"], "kinds=a%2Cb")],
)
def test_the_server_chooses(run: Run, stub: Stub, arguments: list[str], query: str) -> None:
    run("tail", *arguments, code=3)
    assert stub.asked[0][1] == f"/api/v1/live?{query}"


def test_events_only(run: Run, stub: Stub) -> None:
    stub.feed = FEED
    assert run("tail", "--events", "--count", "1").stdout.endswith("★ transaction_ended transaction_id=17 energy_wh=4200\n")
    run("tail", "--events", "--frames", code=2)


def test_meter_values_and_places_are_short() -> None:
    samples = [
        {"measurand": "Power.Active.Import", "phase": "", "value": "11000", "unit": "W"},
        {"measurand": "Voltage", "phase": "L1-N", "value": "231.6", "unit": "V"},
    ]
    line = event_line(
        "meter_values", {"charger_id": "C1", "place": {"evse": 1, "connector": 2}, "readings": [{"samples": samples}]}
    )
    assert line.plain.endswith("place=1.2 readings=Power.Active.Import 11000 W, Voltage L1-N 231.6 V")
    assert event_line("odd", {"place": "here", "readings": [{"x": 1}]}).plain.endswith('place=here readings=[{"x":1}]')


def test_no_server(run: Run) -> None:
    assert "no server answers" in run("tail", "--server", "http://127.0.0.1:1", code=3).stderr


def test_events_of_several_lines_and_cut_off_events() -> None:
    lines = ["event:a", "data:{", 'data: "x": 1}', "", "retry: 5", "", "event: b", "data: {}"]
    assert [(event.kind, event.data) for event in parsed(iter(lines))] == [("a", {"x": 1})]

"""``csms tail``: frames and events as they come, readable or as JSON lines."""

from __future__ import annotations

import json

import pytest

from csms.cli import tail
from csms.cli.server import parsed
from csms.cli.tail import event_line

from .conftest import Run, Stub

FRAME = (
    '{"event_id": null, "type": "frame", "occurred_at": "2026-01-01T00:00:00.123Z", "charger_id": "C1", "data": {"direction": "in",'
    ' "kind": "call", "message_id": "7", "action": "Heartbeat", "text": "[2,\\"7\\",\\"Heartbeat\\",{}]", "took_ms": null,'
    ' "problem": ""}}'
)
EVENT = (
    '{"event_id": 9, "type": "transaction_ended", "occurred_at": "2026-01-01T00:00:01.000Z", "charger_id": "C1",'
    ' "data": {"charger_id": "C1", "transaction_id": 17, "energy_wh": 4200, "energy_kwh": "4.200"}}'
)
FEED = f": csms live feed\n\nevent: frame\ndata: {FRAME}\n\n: still here\n\nid: 9\nevent: transaction_ended\ndata: {EVENT}\n\n".encode()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "PATIENCE_S", 0.0)
    monkeypatch.setattr(tail, "FIRST_WAIT_S", 0.001)


def test_frames_and_events_are_shown_until_the_server_ends(run: Run, stub: Stub) -> None:
    stub.feed = FEED + b'event: end\ndata: {"reason": "server stopping"}\n\n'
    result = run("tail", code=3)
    frame, event = result.stdout.splitlines()
    assert frame == '00:00:00.123 C1 → Heartbeat [2,"7","Heartbeat",{}]'
    assert event == "00:00:01.000 C1 ★ transaction_ended transaction_id=17 energy_wh=4200"
    assert result.stderr == "csms: the server ended the feed: server stopping\n"
    assert stub.asked[0][1] == "/api/v1/live"


def test_a_feed_that_breaks_off_is_taken_up_where_it_was(run: Run, stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "PATIENCE_S", 0.01)
    stub.feed = FEED + b": still here\nid: 12\n\n"
    result = run("tail", "--events", "--after", "5", "--count", "3")
    assert [path for _, path, _ in stub.asked] == [f"/api/v1/live?last_event_id={last}" for last in (5, 12, 12)]
    assert len(result.stdout.splitlines()) == 3
    assert result.stderr.startswith("the server closed the feed; looking for it again\n")


def test_that_something_is_missing_is_said(run: Run, stub: Stub) -> None:
    stub.feed = b'event: reset\ndata: {"reason": "event 5 is not kept"}\n\n' + FEED
    assert "missing here: event 5 is not kept" in run("tail", "--events", "--count", "1").stderr


def test_json_lines(run: Run, stub: Stub) -> None:
    stub.feed = FEED
    lines = [json.loads(line) for line in run("tail", "--json", "--count", "2").stdout.splitlines()]
    assert [line["type"] for line in lines] == ["frame", "transaction_ended"]
    assert lines[0]["data"]["kind"] == "call"
    assert lines[1]["data"]["transaction_id"] == 17


@pytest.mark.parametrize(
    ("arguments", "query"),
    [(["C1"], "charger_id=C1"), (["--frames"], "kinds=frame"), (["--kind", "a", "--kind", "b"], "kinds=a%2Cb")],
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
    measured = {"place": {"evse": 1, "connector": 2}, "readings": [{"samples": samples}]}
    line = event_line("meter_values", {"charger_id": "C1", "data": measured})
    assert line.plain.endswith("place=1.2 readings=Power.Active.Import 11000 W, Voltage L1-N 231.6 V")
    assert event_line("odd", {"data": {"place": "here", "readings": [{"x": 1}]}}).plain.endswith('place=here readings=[{"x":1}]')


def test_no_server(run: Run) -> None:
    assert "no server answers" in run("tail", "--server", "http://127.0.0.1:1", code=3).stderr


def test_events_of_several_lines_and_cut_off_events() -> None:
    lines = ["event:a", "data:{", 'data: "x": 1}', "", "retry: 5", "", ": still here", "id: 7", "", "event: b", "data: {}"]
    assert [(event.kind, event.data, event.id) for event in parsed(iter(lines))] == [("a", {"x": 1}, ""), ("", None, "7")]

"""``python -m benchmarks api``: its routes, its report, its client, and a few requests from beginning to end."""

from __future__ import annotations

import asyncio
import json
import os
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from benchmarks import api, api_load, api_report, frames, proc
from benchmarks.api_routes import Data, mix, routes
from benchmarks.http_client import Connection, asked

DATA = Data(chargers=50, connected=300, transactions=5000, drivers=1000, stations=5)


def row(**given: Any) -> api_report.Row:
    usual: dict[str, Any] = {
        "name": "GET /x",
        "kind": "list",
        "cpu_us": 500.0,
        "p50_ms": 1.0,
        "p99_ms": 2.0,
        "requests_per_s": 900.0,
        "answer_bytes": 10,
    }
    return api_report.Row(**usual | given)


def mixed(**given: Any) -> api_report.Mixed:
    usual: dict[str, Any] = {
        "rate": 500.0,
        "charger_rate": 300.0,
        "listeners": 2,
        "requests_per_s": 500.0,
        "wrong": {},
        "times_ms": {"list": [1.0, 2.0], "detail": [3.0]},
        "heard_ms": [4.0],
        "dropped": 0,
        "server_cpu_share": 0.5,
        "chargers": {"requests_per_s": 300.0, "p50_ms": 5.0, "p99_ms": 9.0, "seconds": 2.0},
    }
    return api_report.Mixed(**usual | given)


def report(rows: list[api_report.Row], together: api_report.Mixed) -> api_report.Report:
    return api_report.Report(rows=rows, mixed=together, connected=300, chargers=50, transactions=5000)


def met(found: api_report.Report) -> list[bool]:
    return [each for _, _, each in api_report.targets(found)]


def test_all_kinds_of_routes_are_measured_and_none_twice() -> None:
    measured = routes(DATA)
    names = [each.name for each in measured]
    assert len(set(names)) == len(names)
    assert {each.kind for each in measured} == {"floor", "list", "detail", "figures", "change", "command"}


def test_requests_ask_only_for_what_there_is() -> None:
    for number in (0, 1, 17, 99_999):
        for each in routes(DATA):
            path = each.ask(number).path
            assert path.startswith(("/api/v1/", "/health"))
            if "/stations/" in path:
                assert 1 <= int(path.rpartition("/")[2]) <= DATA.stations
            if "/drivers/" in path:
                assert 1 <= int(path.split("/")[4]) <= DATA.drivers


def test_the_mix_has_every_route_as_often_as_its_share_says() -> None:
    measured = routes(DATA)
    turns = [each.name for each in mix(measured)]
    assert {each.name: turns.count(each.name) for each in measured} == {each.name: each.share for each in measured}
    assert len(set(turns[:20])) > 10, "spread, not one after another"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (report([row()], mixed()), [True, True, True, True]),
        (report([row(cpu_us=1001.0)], mixed()), [False, True, True, True]),
        (report([row(cpu_us=9999.0, kind="floor")], mixed()), [True, True, True, True]),
        (report([row()], mixed(requests_per_s=480.0)), [True, False, True, True]),
        (report([row()], mixed(wrong={"GET /x: 503": 1})), [True, True, False, True]),
        (report([row()], mixed(times_ms={"list": [1.0, 201.0]})), [True, True, False, True]),
        (
            report([row()], mixed(chargers={"requests_per_s": 300, "p50_ms": 9, "p99_ms": 51, "seconds": 1})),
            [True, True, True, False],
        ),
        (
            report([row()], mixed(chargers={"requests_per_s": 200, "p50_ms": 9, "p99_ms": 9, "seconds": 1})),
            [True, False, True, True],
        ),
    ],
)
def test_targets_are_met_only_when_they_are(found: api_report.Report, expected: list[bool]) -> None:
    assert met(found) == expected


def test_the_page_names_every_route_and_what_went_wrong() -> None:
    rows = [row(name="empty", kind="floor", cpu_us=250.0), row(cpu_us=1500.0)]
    page = api_report.page(report(rows, mixed(wrong={"GET /x: 503": 7})), machine="2 cores", rounds=3)
    assert "| `GET /x` | list | 1500 | 6.0 |" in page
    assert "over it: GET /x 1500" in page
    assert "7 × GET /x: 503" in page
    assert json.dumps(attrs.asdict(report(rows, mixed())))


def test_percentiles() -> None:
    assert api_report.percentile([], 99) == 0
    assert api_report.percentile([float(each) for each in range(100, 0, -1)], 50) == 51
    assert api_report.percentile([7.0], 99) == 7


def test_the_clock_of_a_process_is_finer_than_ticks() -> None:
    before = proc.cpu_ns(os.getpid())
    sum(range(10_000))
    used = proc.cpu_ns(os.getpid()) - before
    assert used > 0
    assert used % 10_000_000


def test_frames_can_be_of_now() -> None:
    try:
        frames.begin_at(int(datetime(2026, 5, 31, 23, 59, 59, tzinfo=UTC).timestamp()))
        assert [frames.timestamp(0), frames.timestamp(1)] == ["2026-05-31T23:59:59Z", "2026-06-01T00:00:00Z"]
    finally:
        frames.begin_at(0)
    assert frames.timestamp(0) == "2026-01-01T12:00:00Z"


ANSWERS = (
    b"HTTP/1.1 200 \r\ncontent-length: 2\r\n\r\n{}",
    b"HTTP/1.1 404 \r\ncontent-length: 0\r\nConnection: close\r\n\r\n",
    b'HTTP/1.1 200 \r\ntransfer-encoding: chunked\r\n\r\n18\r\nevent: x\ndata: {"a":1}\n\n\r\n0\r\n\r\n',
)


def test_the_client_keeps_its_connection_until_it_is_told_to_close_it() -> None:
    async def whole() -> tuple[list[Any], int]:
        opened = 0
        told = iter(ANSWERS)

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal opened
            opened += 1
            try:
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    if b"Content-Length: 7" in head:
                        await reader.readexactly(7)
                    assert b"Authorization: Bearer k" in head
                    writer.write(next(told))
                    if head.startswith(b"GET /api/v1/live"):
                        break
            except asyncio.IncompleteReadError:
                pass
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        async with server:
            connection = Connection(server.sockets[0].getsockname()[1], "k")
            found: list[Any] = [await connection.ask(asked("GET", "/x")), await connection.ask(asked("POST", "/y", {"a": 1}))]
            found += [event async for event in connection.events("/live")]
            connection.close()
        return found, opened

    assert asyncio.run(whole()) == ([(200, b"{}"), (404, b""), {"a": 1}], 2)


def test_a_wrong_answer_ends_the_measurement() -> None:
    class Refusing(Connection):
        async def ask(self, request: Any) -> tuple[int, bytes]:
            return 403, b"no"

    with pytest.raises(RuntimeError, match="GET /health answered 403: no"):
        asyncio.run(api_load.one_after_another(os.getpid(), Refusing(0, ""), routes(DATA)[0], 0, 1, 0.0))


def test_a_year_of_another_schema_is_not_used_again() -> None:
    assert len(api.schema()) == 8
    assert api.schema() == api.schema()

"""The checker finds what was acknowledged but is absent, and what is there more than once."""

from __future__ import annotations

import csv
import json
import re
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest

import simulators.check.kept as kept_module
from simulators.acked import AckedRecord
from simulators.check.command_line import check, command, read_acked
from simulators.check.kept import KeptTransaction
from simulators.check.source import ExportSource, SourceError, SqliteSource
from simulators.clock import parse_iso
from simulators.fleet.plan import Wishes, plan
from simulators.fleet.run import Course, Fleet
from simulators.watch import Watchers

ROOT = Path(__file__).parents[2]
TABLES = {
    "frames": "charger_id TEXT, message_id TEXT, direction TEXT, kind TEXT, at INTEGER",
    "chargers": "id TEXT, vendor TEXT, model TEXT, booted_at INTEGER",
    "connector_status_history": "charger_id TEXT, evse INTEGER, connector INTEGER, status TEXT, reported_at INTEGER,"
    " received_at INTEGER",
    "transactions": "id INTEGER, charger_id TEXT, evse INTEGER, reference TEXT, token TEXT, started_at INTEGER,"
    " meter_start_wh INTEGER, stopped_at INTEGER, stopped_at_raw TEXT DEFAULT '', meter_stop_wh INTEGER, stop_source TEXT",
    "transaction_events": "transaction_id INTEGER, seq_no INTEGER, kind TEXT",
    "late_stops": "transaction_id INTEGER, stopped_at INTEGER, meter_stop_wh INTEGER",
    "meter_readings": "charger_id TEXT, evse INTEGER, connector INTEGER, sampled_at INTEGER, received_at INTEGER, energy_wh INTEGER",
    "quarantine": "charger_id TEXT, received_at INTEGER, last_received_at INTEGER",
}


class Store:
    """What an honest server would keep of what it heard."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path)
        for table, columns in TABLES.items():
            self.db.execute(f"CREATE TABLE {table} ({columns})")

    def put(self, table, **row):
        marks = ", ".join(f":{name}" for name in row)
        self.db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", row)

    def keep(self, heard, at, answered_ids):
        payload, charger_id = heard.payload, heard.charger_id
        self.put("frames", charger_id=charger_id, message_id=heard.message_id, direction="in", kind="call", at=at)
        stamp = parse_iso(payload["timestamp"]) if "timestamp" in payload else None
        evse = payload.get("evseId", payload.get("evse", {}).get("id", payload.get("connectorId")))
        match heard.action:
            case "BootNotification":
                station = payload.get("chargingStation", {})
                vendor = payload.get("chargePointVendor") or station["vendorName"]
                model = payload.get("chargePointModel") or station["model"]
                self.db.execute("DELETE FROM chargers WHERE id = ?", (charger_id,))
                self.put("chargers", id=charger_id, vendor=vendor, model=model, booted_at=at)
            case "StatusNotification":
                status = payload.get("status") or payload["connectorStatus"]
                row = {"charger_id": charger_id, "evse": evse, "connector": min(evse, 1), "status": status}
                self.put("connector_status_history", **row, reported_at=min(stamp, at), received_at=at)
            case "StartTransaction":
                number = answered_ids[heard.message_id, charger_id]
                row = {"id": number, "charger_id": charger_id, "evse": evse, "reference": "", "token": payload["idTag"]}
                self.put("transactions", **row, started_at=stamp, meter_start_wh=payload["meterStart"], stop_source="")
            case "StopTransaction":
                self.db.execute(
                    "UPDATE transactions SET stop_source = 'reported', stopped_at = ?, meter_stop_wh = ? WHERE id = ?",
                    (stamp, payload["meterStop"], payload["transactionId"]),
                )
                (evse,) = self.db.execute("SELECT evse FROM transactions WHERE id = ?", (payload["transactionId"],)).fetchone()
            case "TransactionEvent":
                reference = payload["transactionInfo"]["transactionId"]
                kind = payload["eventType"].lower()
                if kind == "started":
                    (number,) = self.db.execute("SELECT 1000000 + count(*) FROM transactions").fetchone()
                    row = {"charger_id": charger_id, "reference": reference}
                    self.put("transactions", **row, id=number, evse=evse, token="", started_at=stamp, stop_source="")
                (number,) = self.db.execute(
                    "SELECT id FROM transactions WHERE charger_id = ? AND reference = ?", (charger_id, reference)
                ).fetchone()
                self.put("transaction_events", transaction_id=number, seq_no=payload["seqNo"], kind=kind)
                if kind == "ended":
                    self.db.execute("UPDATE transactions SET stop_source = 'reported' WHERE id = ?", (number,))
        for value in payload.get("meterValue") or payload.get("transactionData") or []:
            energy = next(float(s["value"]) for s in value["sampledValue"] if s["measurand"].startswith("Energy"))
            place = {"charger_id": charger_id, "evse": evse, "connector": min(evse, 1), "sampled_at": parse_iso(value["timestamp"])}
            self.db.execute(
                "DELETE FROM meter_readings WHERE charger_id = ? AND evse = ? AND sampled_at = ?",
                (*tuple(place.values())[:2], place["sampled_at"]),
            )
            self.put("meter_readings", **place, received_at=at, energy_wh=round(energy))


@pytest.fixture
async def run(bench, tmp_path):
    """A fleet's run: its record, and the honest store; ``autojump_clock`` is up to the test."""

    async def go(**wishes):
        wishes = Wishes(**{"chargers": 8, "seed": "5", "ramp_s": 2, "gap_s": 20, "stay_s": 200, "quirk_share": 0.0} | wishes)
        numbers = {}
        usual = bench.server.answer

        def answer(connection, call):
            answer = usual(connection, call)
            if call.action == "StartTransaction":
                numbers[call.message_id, connection.charger_id] = answer["transactionId"]
            return answer

        bench.server.answer = answer
        record = AckedRecord(tmp_path / "acked.jsonl")
        with record:
            fleet = Fleet(
                plan(wishes),
                bench.address,
                Course(duration_s=600, drops_per_hour=0, seed="5"),
                bench.ledger,
                clock=bench.clock,
                watcher=Watchers(bench.ledger, record),
                stream=bench.stream,
            )
            await fleet.run()
        store = Store(tmp_path / "csms.db")
        for heard in bench.heard():
            store.keep(heard, int(bench.clock.epoch_ms + (heard.at - bench.clock.started) * 1000), numbers)
        store.db.commit()
        return store

    return go


def findings(tmp_path):
    return check(SqliteSource(tmp_path / "csms.db"), list(read_acked((tmp_path / "acked.jsonl",))))


async def test_everything_kept_is_found(autojump_clock, bench, run, tmp_path):
    await run()
    found = findings(tmp_path)
    answered = bench.ledger.total().answered - bench.ledger.actions["Heartbeat"].answered
    assert sum(found.acked.values()) == answered > 200
    assert found.broken == []


@pytest.mark.parametrize(
    ("damage", "how", "what"),
    [
        ("DELETE FROM frames WHERE rowid = 50", "absent", "the frame"),
        ("DELETE FROM meter_readings WHERE rowid = (SELECT max(rowid) FROM meter_readings)", "absent", "the reading of EVSE"),
        (
            "UPDATE meter_readings SET energy_wh = energy_wh + 50 WHERE rowid = (SELECT max(rowid) FROM meter_readings)",
            "absent",
            "Wh of EVSE",
        ),
        ("DELETE FROM transactions WHERE reference = '' AND id = 1", "absent", "transaction 1"),
        ("UPDATE transactions SET meter_start_wh = 1 WHERE reference = '' AND id = 1", "absent", "transaction 1 with EVSE"),
        (
            "UPDATE transactions SET stop_source = 'estimated' WHERE reference = '' AND id = 1",
            "absent",
            "the stop of transaction 1",
        ),
        (
            "UPDATE transactions SET stop_source = '' WHERE id = (SELECT min(id) FROM transactions WHERE id > 999999)",
            "absent",
            "the end of",
        ),
        ("DELETE FROM transaction_events WHERE rowid = 1", "absent", "event 0 (Started)"),
        ("INSERT INTO transaction_events SELECT * FROM transaction_events WHERE rowid = 1", "more than once", "event 0 (Started)"),
        (
            "INSERT INTO meter_readings SELECT * FROM meter_readings WHERE rowid = (SELECT max(rowid) FROM meter_readings)",
            "more than once",
            "the reading",
        ),
        (
            "INSERT INTO transactions SELECT 500, charger_id, evse, reference, token, started_at, meter_start_wh, stopped_at,"
            " stopped_at_raw, meter_stop_wh, stop_source FROM transactions WHERE id = 1",
            "more than once",
            "the start of transaction 1",
        ),
        ("DELETE FROM connector_status_history", "absent", "status Available of 0.0"),
        ("UPDATE chargers SET booted_at = 0", "absent", "the boot at"),
        ("UPDATE chargers SET vendor = 'Nobody'", "absent", "vendor and model"),
    ],
)
async def test_every_kind_of_damage_is_found(autojump_clock, run, tmp_path, damage, how, what):
    store = await run()
    assert store.db.execute(damage).rowcount
    store.db.commit()
    broken = findings(tmp_path).broken
    assert [one for one in broken if one.how == how and what in one.what]
    assert {one.how for one in broken} == {how}


async def test_a_status_that_changes_nothing_need_not_be_a_row(autojump_clock, run, tmp_path):
    store = await run()
    again = store.db.execute("SELECT charger_id, message_id FROM frames LIMIT 1").fetchone()
    line = next(json.loads(line) for line in (tmp_path / "acked.jsonl").read_text().splitlines() if "StatusNotification" in line)
    last = store.db.execute(
        "SELECT status, received_at FROM connector_status_history WHERE charger_id = ? AND evse = 1 ORDER BY received_at DESC",
        (line["charger_id"],),
    ).fetchone()
    at = last[1] + 60_000
    line |= {"message_id": again[1], "charger_id": again[0], "sent_at": at, "acked_at": at + 5}
    for status, broken in ((last[0], 0), ("Faulted", 1)):
        line["facts"] = {"at": at - 1000, "evse": 1, "connector": 1, "status": status}
        (tmp_path / "one.jsonl").write_text(json.dumps(line) + "\n")
        store.db.execute("UPDATE frames SET at = ?", (at,))
        store.db.commit()
        assert len(check(SqliteSource(tmp_path / "csms.db"), list(read_acked((tmp_path / "one.jsonl",)))).broken) == broken


async def test_a_stop_before_its_start_is_kept_as_it_was_said(autojump_clock, run, tmp_path):
    store = await run()
    line = next(json.loads(line) for line in (tmp_path / "acked.jsonl").read_text().splitlines() if '"StopTransaction"' in line)
    said = datetime.fromtimestamp(line["facts"]["at"] / 1000, UTC).isoformat(timespec="milliseconds")
    for raw, broken in ((said, 0), ("", 1), ("not a time", 1)):
        store.db.execute(
            "UPDATE transactions SET stopped_at = stopped_at + 200, stopped_at_raw = ? WHERE id = ?",
            (raw, line["facts"]["transaction_id"]),
        )
        store.db.commit()
        assert len(findings(tmp_path).broken) == broken


async def test_a_stop_in_quarantine_or_late_is_kept(autojump_clock, run, tmp_path):
    store = await run()
    line = next(json.loads(line) for line in (tmp_path / "acked.jsonl").read_text().splitlines() if '"StopTransaction"' in line)
    store.db.execute("UPDATE transactions SET meter_stop_wh = 0 WHERE id = ?", (line["facts"]["transaction_id"],))
    store.db.commit()
    assert len(findings(tmp_path).broken) == 1
    store.put(
        "late_stops",
        transaction_id=line["facts"]["transaction_id"],
        stopped_at=line["facts"]["at"],
        meter_stop_wh=line["facts"]["meter_wh"],
    )
    store.db.commit()
    assert findings(tmp_path).broken == []
    store.db.execute("DELETE FROM late_stops")
    store.put("quarantine", charger_id=line["charger_id"], received_at=line["acked_at"], last_received_at=line["acked_at"])
    store.db.commit()
    assert findings(tmp_path).broken == []


@pytest.mark.parametrize("form", ["csv", "json", "jsonl"])
async def test_an_export_says_the_same(autojump_clock, run, tmp_path, form):
    store = await run()
    folder = tmp_path / "export"
    folder.mkdir()
    for table in TABLES:
        cursor = store.db.execute(f"SELECT * FROM {table}")
        names = [column[0] for column in cursor.description]
        rows = cursor.fetchall()
        objects = [dict(zip(names, row, strict=True)) for row in rows]
        with (folder / f"{table}.{form}").open("w", newline="") as file:
            if form == "csv":
                csv.writer(file).writerows([names, *rows])
            elif form == "json":
                json.dump(objects, file)
            else:
                file.writelines(json.dumps(one) + "\n" for one in objects)
    acked = list(read_acked((tmp_path / "acked.jsonl",)))
    assert check(ExportSource(folder), acked).broken == []
    (folder / f"meter_readings.{form}").unlink()
    with pytest.raises(SourceError, match=r"has no meter_readings\.csv"):
        check(ExportSource(folder), acked)


async def test_the_command_line(autojump_clock, run, tmp_path, capsys):
    store = await run()
    arguments = ["--acked", str(tmp_path / "acked.jsonl"), "--database", str(tmp_path / "csms.db")]
    assert command.main(arguments, standalone_mode=False) == 0
    assert "everything that was acknowledged is there once" in capsys.readouterr().out
    store.db.execute("DELETE FROM frames WHERE rowid < 40")
    store.db.commit()
    assert command.main([*arguments, "--report", str(tmp_path / "out.json")], standalone_mode=False) == 1
    text = capsys.readouterr().out
    assert "absent: the frame" in text
    assert "more (see --report)" in text
    assert json.loads((tmp_path / "out.json").read_text())["absent"] == len(
        re.findall("frame", (tmp_path / "out.json").read_text())
    )


def test_a_half_written_last_line_is_passed_over(tmp_path):
    path = tmp_path / "acked.jsonl"
    whole = {"charger_id": "A", "message_id": "1", "action": "Authorize", "sent_at": 1, "acked_at": 2, "facts": {}}
    path.write_text(json.dumps(whole) + "\n" + '{"charger_id": "A", "mess')
    assert len(list(read_acked((path,)))) == 1
    path.write_text("nonsense\n" + json.dumps(whole) + "\n")
    with pytest.raises(SourceError, match="line 1"):
        list(read_acked((path,)))
    with pytest.raises(SourceError, match="cannot read"):
        list(read_acked((tmp_path / "none",)))


def test_every_column_that_is_read_exists_in_the_server():
    """Tables change: whoever changes one that is read here must hear of it."""
    text = "\n".join(path.read_text() for path in sorted((ROOT / "src/csms/migrations").glob("*.sql")))
    source = Path(kept_module.__file__).read_text()
    reads = re.findall(r'source\.rows\(\s*"(\w+)", \(([^)]*)\)', source)
    reads.append(("transactions", ", ".join(f'"{field.name}"' for field in attrs.fields(KeptTransaction))))
    assert {table for table, _ in reads} == set(TABLES)
    for table, columns in reads:
        body = re.search(rf"CREATE TABLE {table} \((.*?)\n\) STRICT", text, re.DOTALL)
        assert body, table
        for column in re.findall(r'"(\w+)"', columns):
            assert re.search(rf"^    {column} ", body[1], re.MULTILINE), f"{table}.{column}"

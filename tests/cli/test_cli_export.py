"""``csms export``: any table, whole, in the format asked for."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from pathlib import Path

import pytest

from .conftest import Run, facts

NAMES = ['plain, "quoted"', "zwei\nZeilen", "ünï", ""]


@pytest.fixture
def named(store: Run, tmp_path: Path) -> Run:
    """A database with four chargers of awkward names."""
    with sqlite3.connect(tmp_path / "csms.db") as connection:
        connection.executemany(
            "INSERT INTO chargers (id, tenant, approval, created_at, name) VALUES (?, 1, 'accepted', 0, ?)",
            [(f"C{number}", name) for number, name in enumerate(NAMES)],
        )
        connection.execute("INSERT INTO charger_keys VALUES ('C1', 1, 'sealed-thing', 'given', 0)")
    connection.close()
    return store


def test_csv_reads_back_as_it_was(named: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(named("export", "chargers").stdout, newline="")))
    assert [row["name"] for row in rows] == NAMES
    assert rows[0]["station_id"] == ""


def test_a_cell_that_looks_like_a_formula_is_text_to_a_spreadsheet(store: Run, tmp_path: Path) -> None:
    names = ["=cmd()", "+1+1", "-2-2", "@x", "\t=1", "-5", "plain"]
    with sqlite3.connect(tmp_path / "csms.db") as connection:
        connection.executemany("INSERT INTO drivers (tenant, name, created_at) VALUES (1, ?, 0)", [(name,) for name in names])
    connection.close()
    rows = list(csv.DictReader(io.StringIO(store("export", "drivers").stdout, newline="")))
    assert [row["name"] for row in rows] == ["'=cmd()", "'+1+1", "'-2-2", "'@x", "'\t=1", "-5", "plain"]
    assert [each["name"] for each in json.loads(store("export", "drivers", "--format", "json").stdout)] == names


def test_json_and_json_lines_read_back_as_they_were(named: Run) -> None:
    whole = json.loads(named("export", "chargers", "--format", "json").stdout)
    assert [row["name"] for row in whole] == NAMES
    assert whole[0]["station_id"] is None
    assert json.loads(named("export", "chargers", "--json").stdout) == whole
    assert [json.loads(line) for line in named("export", "chargers", "--format", "jsonl").stdout.splitlines()] == whole
    assert json.loads(named("export", "drivers", "--format", "json").stdout) == []


def test_all_tables_go_into_a_folder_without_the_keys(named: Run, tmp_path: Path) -> None:
    written = facts(named("export", "--all", "--output", "out", "--json"))
    counted = {each["table"]: each["rows"] for each in written}
    assert counted["chargers"] == 4
    assert {file.name for file in (tmp_path / "out").iterdir()} == {f"{name}.csv" for name in counted}
    assert "sealed-thing" not in "".join(file.read_text() for file in (tmp_path / "out").iterdir())
    assert "sealed-thing" in named("export", "charger_keys").stdout


def test_a_file_appears_only_when_it_is_whole(named: Run, tmp_path: Path) -> None:
    named("export", "chargers", "--output", "chargers.csv")
    assert len((tmp_path / "chargers.csv").read_text().splitlines()) == 6
    (tmp_path / "taken").mkdir()
    named("export", "chargers", "--output", "taken", code=1)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_the_list_counts_rows(named: Run) -> None:
    counted = {each["table"]: each["rows"] for each in facts(named("export", "--list", "--json"))}
    assert counted["chargers"] == 4
    assert counted["transactions"] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["charger"], 1, "there is no table charger; did you mean chargers?"),
        ([], 2, "name one table, or say --all or --list"),
        (["chargers", "--all"], 2, "name one table, or say --all or --list"),
        (["--all"], 2, "--all needs a folder"),
        (["chargers", "--format", "xml"], 2, "'xml' is not one of"),
        (['chargers"; DROP TABLE chargers; --'], 1, "there is no table"),
    ],
)
def test_mistakes(named: Run, arguments: list[str], code: int, words: str) -> None:
    assert words in named("export", *arguments, code=code).stderr

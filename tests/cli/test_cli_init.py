"""``csms init``, ``csms migrate`` and ``csms check``: from nothing to a server that could start."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from .conftest import Run, facts


def test_init_makes_all_that_is_needed(run: Run, tmp_path: Path) -> None:
    output = run("init").output
    assert "Wrote csms.toml" in output
    assert "Made the database" in output
    assert (tmp_path / "csms.db").is_file()
    assert len((tmp_path / "csms.key").read_text().strip()) >= 40
    assert (tmp_path / "csms.key").stat().st_mode & 0o777 == 0o600
    run("check")
    run("migrate", "--check")


def test_init_again_keeps_everything(run: Run, tmp_path: Path) -> None:
    run("init")
    run("charger", "add", "C1")
    before = [(tmp_path / name).read_text() for name in ("csms.toml", "csms.key")]
    again = facts(run("init", "--json"))
    assert (again["written"], again["migrations"]) == (False, 0)
    assert [(tmp_path / name).read_text() for name in ("csms.toml", "csms.key")] == before
    assert [each["id"] for each in facts(run("charger", "list", "--json"))] == ["C1"]


def test_init_takes_a_file_a_profile_and_a_database(run: Run, tmp_path: Path) -> None:
    run("init", "--config", "etc/my.toml", "--profile", "staging", "--database", "sqlite:///data.db")
    assert (tmp_path / "etc" / "data.db").is_file()
    checked = facts(run("check", "--config", "etc/my.toml", "--json"))
    assert checked["config"]["profile"] == "staging"
    assert "there already" in run("init", "--config", "etc/my.toml", "--profile", "staging", code=2).stderr


def test_init_refuses_a_wrong_database_before_it_writes_anything(run: Run, tmp_path: Path) -> None:
    result = run("init", "--database", "mysql://me:sesame@db/x", code=2)
    assert "must be sqlite:///PATH or postgresql://" in result.stderr
    assert "sesame" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_not_there_or_not_up_to_date_is_told(run: Run, tmp_path: Path) -> None:
    assert "`csms init` or `csms serve` makes it" in run("charger", "list", code=6).stderr
    sqlite3.connect(tmp_path / "csms.db").close()
    (tmp_path / "csms.db").touch()
    assert "`csms migrate` applies them" in run("charger", "list", code=6).stderr
    assert "0001" in run("migrate", "--check", code=1).stdout.replace("     1", " 0001")
    assert len(facts(run("migrate", "--json"))) > 0
    assert run("migrate").output == "The database is up to date\n"
    run("charger", "list")


def test_a_file_that_is_no_database_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "csms.db").write_bytes(b"this is no database, and longer than a header of SQLite would be" * 20)
    for command in (["charger", "list"], ["migrate"], ["export", "--list"]):
        result = run(*command, code=6)
        assert len(result.stderr.splitlines()) == 1
        assert "csms.db" in result.stderr


# --- check ----------------------------------------------------------------------------------------------------------------------


def test_check_prints_what_is_in_force_and_where_it_was_set(run: Run, tmp_path: Path) -> None:
    (tmp_path / "csms.toml").write_text('[ocpp]\nport = 9100\n[api]\nkey = "sesame-sesame-sesame"\n')
    output = run("check").stdout
    assert any(line.split() == ["ocpp.port", "9100", "csms.toml:2"] for line in output.splitlines())
    assert any(line.split() == ["api.port", "8080", "default"] for line in output.splitlines())
    assert "sesame" not in output
    assert [line.split()[0] for line in run("check", "--set").stdout.splitlines()] == ["key", "ocpp.port", "api.key"]


def test_check_tells_every_mistake_in_a_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[ocpp]\nport = 99999\nprot = 1\n")
    result = run("check", "--config", "bad.toml", code=2)
    assert sorted(result.stderr.splitlines()) == [
        "csms: bad.toml:2: ocpp.port = 99999: must be a whole number, 0 to 65535",
        "csms: bad.toml:3: ocpp.prot: unknown key; did you mean ocpp.port?",
    ]
    assert run("check", "--config", "none.toml", code=2).stderr == "csms: none.toml: there is no such file\n"


def test_every_command_refuses_a_wrong_configuration(run: Run, tmp_path: Path) -> None:
    (tmp_path / "csms.toml").write_text("colour = 1\n")
    for command in (["charger", "list"], ["send", "C1", "Reset"], ["serve"], ["export", "--list"], ["migrate"]):
        assert run(*command, code=2).stderr.startswith("csms: csms.toml:1: colour: unknown key")


def test_check_knows_the_plugins(run: Run, tmp_path: Path) -> None:
    (tmp_path / "csms.toml").write_text('[plugins]\nenabled = ["wobhook"]\n')
    result = run("check", code=2)
    assert "wobhook" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_check_remarks_what_is_risky(run: Run) -> None:
    run("check", "--json")
    assert "note:" not in run("check").stderr


def test_the_reference_is_a_configuration(run: Run, tmp_path: Path) -> None:
    (tmp_path / "csms.toml").write_text(run("check", "--reference").stdout)
    assert all(line.endswith(" default") or "csms.toml" in line for line in run("check").stdout.splitlines()[1:])

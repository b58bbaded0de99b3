"""``csms backup``, ``verify`` and ``restore``: what was there is there again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from csms.config import DatabaseConfig

from .conftest import KEY, Run, Stub, facts


@pytest.fixture
def either(run: Run, store_config: DatabaseConfig, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A database with one charger, on SQLite and on PostgreSQL, and no server."""
    monkeypatch.setenv("CSMS_DATABASE_URL", store_config.url)
    monkeypatch.setenv("CSMS_API_PORT", "1")
    run("charger", "add", "C1")
    return run


def test_a_backup_is_whole_and_can_be_restored(either: Run, tmp_path: Path) -> None:
    taken = facts(either("backup", "--json"))
    assert Path(taken["file"]).parent == tmp_path / "backups"
    assert Path(taken["file"]).stat().st_mode & 0o777 == 0o600
    assert taken["bytes"] == Path(taken["file"]).stat().st_size
    report = facts(either("verify", "--json"))
    assert (report["ok"], report["tables"]["chargers"]) == (True, 1)

    either("charger", "add", "C2")
    either("restore", "--newest", code=1)
    assert len(facts(either("charger", "list", "--json"))) == 2
    output = either("restore", taken["file"], "--replace").output
    assert output.startswith(f"Restored {taken['file']}")
    assert [each["id"] for each in facts(either("charger", "list", "--json"))] == ["C1"]
    either("charger", "add", "C3")


def test_a_damaged_backup_is_told_and_not_restored(either: Run) -> None:
    file = Path(facts(either("backup", "--json"))["file"])
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2 : len(raw) // 2 + 4000] = b"\xa5" * 4000
    file.write_bytes(bytes(raw))
    result = either("verify", str(file), code=1)
    assert "cannot be relied on" in result.stderr
    either("restore", str(file), "--replace", code=1)
    assert len(facts(either("charger", "list", "--json"))) == 1


def test_old_backups_go_and_the_newest_stays(store: Run, tmp_path: Path) -> None:
    old = tmp_path / "backups" / "csms-20200101T000000Z.sqlite"
    older = tmp_path / "backups" / "csms-20190101T000000Z.sqlite"
    old.parent.mkdir()
    for file in (old, older):
        file.write_bytes(b"")
    assert facts(store("backup", "--keep-days", "0", "--json"))["removed"] == []
    assert facts(store("backup", "--json"))["removed"] == [str(older), str(old)]
    assert sorted(file.name for file in old.parent.iterdir())[0].startswith("csms-20")
    assert not old.exists()


def test_backups_go_where_they_are_told(store: Run, tmp_path: Path) -> None:
    store("backup", "--folder", "elsewhere")
    assert len(list((tmp_path / "elsewhere").iterdir())) == 1
    assert "there is no backup in" in store("verify", code=1).stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["verify", "none.sqlite"], 1, "cannot read none.sqlite"),
        (["restore"], 2, "name a backup, or say --newest"),
        (["restore", "x", "--newest"], 2, "name a backup, or say --newest"),
        (["restore", "none.sqlite"], 1, "cannot read none.sqlite"),
    ],
)
def test_mistakes(store: Run, arguments: list[str], code: int, words: str) -> None:
    assert words in store(*arguments, code=code).stderr


def test_there_is_nothing_to_back_up(run: Run) -> None:
    assert "there is no database" in run("backup", code=6).stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(store: Run, tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    assert "cannot write to" in store("backup", "--folder", "locked/x", code=1).stderr


def test_a_running_server_must_be_stopped_first(run: Run, stub: Stub) -> None:
    run("init")
    run("backup")
    stub.answer("GET", "/health", {"status": "ok"})
    assert run("restore", "--newest", "--replace", code=1).stderr == "csms: a server is running: stop it first\n"
    assert KEY

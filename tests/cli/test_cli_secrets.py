"""``csms secrets``: making, changing and forgetting keys."""

from __future__ import annotations

from pathlib import Path

from .conftest import Run, facts


def test_keys_are_changed_and_the_old_one_is_forgotten(run: Run, tmp_path: Path) -> None:
    run("init")
    first = facts(run("secrets", "status", "--json"))
    assert [(each["use"], each["secrets"]) for each in first] == [("seals", 0)]
    rotated = facts(run("secrets", "rotate", "--json"))
    both = facts(run("secrets", "status", "--json"))
    assert [(each["key"], each["use"]) for each in both] == [(rotated["key"], "seals"), (first[0]["key"], "opens")]
    assert facts(run("secrets", "forget", "--json"))["forgotten"] == 1
    assert [each["key"] for each in facts(run("secrets", "status", "--json"))] == [rotated["key"]]
    assert (tmp_path / "csms-secrets.key").stat().st_mode & 0o777 == 0o600


def test_keys_in_the_configuration_are_changed_there(run: Run, tmp_path: Path) -> None:
    run("init")
    fresh = facts(run("secrets", "key", "--json"))["key"]
    with (tmp_path / "csms.toml").open("a") as file:
        file.write(f'\n[secrets]\nkeys = ["{fresh}"]\n')
    assert fresh not in run("check").output
    assert "change them there" in run("secrets", "rotate", code=2).stderr

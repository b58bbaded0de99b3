"""``csms user``, and the first administrator that ``csms init`` makes."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from csms.cli import main

from .conftest import Run, facts


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CSMS_IDENTITY_PASSWORD_MEMORY_KIB", "64")
    monkeypatch.setenv("CSMS_IDENTITY_PASSWORD_PASSES", "1")


def test_init_makes_an_administrator_once(run: Run) -> None:
    first = facts(run("init", "--admin", "asha@example.org", "--json"))
    assert first["admin"] == "asha@example.org"
    assert len(first["password"]) >= 16
    listed = facts(run("user", "list", "--json"))
    assert [(each["email"], each["role"]) for each in listed] == [("asha@example.org", "system_admin")]
    again = run("init").output
    assert "password" not in again
    assert len(facts(run("user", "list", "--json"))) == 1


def test_people_are_added_changed_and_disabled(store: Run) -> None:
    added = facts(store("user", "add", "ravi@example.org", "--role", "tenant_operator", "--name", "Ravi", "--json"))
    assert (added["role"], added["name"], len(added["password"]) >= 16) == ("tenant_operator", "Ravi", True)
    assert store("user", "add", "RAVI@example.org", "--role", "support", code=1).stderr.startswith("csms: another account has")
    driver = facts(store("user", "add", "+91 20 5550 1234", "--role", "driver", "--json"))
    assert [each["name"] for each in facts(store("driver", "list", "--json"))] == [driver["name"]]
    changed = facts(store("user", "role", "ravi@example.org", "tenant_owner", "--json"))
    assert changed["role"] == "tenant_owner"
    assert "last owner" in store("user", "disable", "ravi@example.org", code=1).stderr
    assert "last owner" in store("user", "role", "ravi@example.org", "support", code=1).stderr
    store("user", "add", "o@example.org", "--role", "tenant_owner")
    assert "Disabled ravi@example.org" in store("user", "disable", "ravi@example.org").output
    assert "Enabled ravi@example.org" in store("user", "enable", str(added["id"])).output
    assert "Password, shown this once" in store("user", "password", "+912055501234").output
    assert "Ended 0 logins" in store("user", "logout", "ravi@example.org").output
    assert "no second factor" in store("user", "second-factor-off", "ravi@example.org").output
    assert "there is no user" in store("user", "logout", "nobody@example.org", code=1).stderr
    assert "there is no tenant 'north'" in store("user", "list", "--tenant", "north", code=1).stderr
    table = store("user", "list", "--role", "tenant_owner").output
    assert table.splitlines()[0].startswith("id")


def test_a_password_is_asked_for(store: Run, tmp_path: Path) -> None:
    typed = "correct horse battery\n" * 2
    asked = CliRunner().invoke(main, ["user", "add", "a@example.org", "--role", "support", "--ask"], input=typed)
    assert asked.exit_code == 0, asked.output
    assert "correct horse" not in asked.output
    weak = CliRunner().invoke(main, ["user", "password", "a@example.org", "--ask"], input="short\nshort\n")
    assert weak.exit_code != 0

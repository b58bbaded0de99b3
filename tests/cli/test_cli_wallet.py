"""``csms wallet``: what drivers have, and whether the ledger adds up."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from .conftest import Run, facts


def test_a_wallet_from_the_command_line(store: Run, tmp_path: Path) -> None:
    driver = str(facts(store("driver", "add", "Asha Rao", "--json"))["id"])
    assert facts(store("wallet", "show", driver, "--json"))["available_minor"] == 0
    assert "Nothing moved" in store("wallet", "movements", driver).output
    given = store("wallet", "adjust", driver, "250.50", "--reason", "Goodwill", "--key", "k1")
    assert given.output == f"Adjusted: the wallet of driver {driver} has ₹250.50\n"
    assert "done before" in store("wallet", "adjust", driver, "250.50", "--reason", "Goodwill", "--key", "k1").output
    store("wallet", "adjust", driver, "-50.50", "--reason", "Charged twice", "--by", "Ravi")
    assert "at most 2 digits" in store("wallet", "adjust", driver, "1.005", "--reason", "Rounded", code=2).stderr
    assert "available" in store("wallet", "adjust", driver, "-999", "--reason", "Too much", code=1).stderr
    assert "reason" in store("wallet", "adjust", driver, "1", "--reason", "", code=2).stderr
    store("wallet", "adjust", "99", "1", "--reason", "Nobody", code=1)
    lines = facts(store("wallet", "movements", driver, "--json"))
    assert [(each["amount"], each["balance"]) for each in lines] == [("-₹50.50", "₹200.00"), ("₹250.50", "₹250.50")]
    assert "Charged twice" in store("wallet", "movements", driver).output
    assert store("wallet", "credit", driver, "500").output == f"The wallet of driver {driver} has ₹500.00 of credit\n"
    assert "frozen" in store("wallet", "credit", driver, "--freeze").output
    assert facts(store("wallet", "credit", driver, "--usual", "--unfreeze", "--json"))["available_minor"] == 20_000
    store("wallet", "credit", driver, code=2)
    (listed,) = facts(store("wallet", "list", "--search", "asha", "--json"))
    assert (listed["driver_name"], listed["balance"]) == ("Asha Rao", "₹200.00")
    assert "There are no such wallets" in store("wallet", "list", "--owing").output
    store("wallet", "list", "--sort", "weight", code=2)


def test_the_ledger_is_checked(store: Run, tmp_path: Path) -> None:
    driver = str(facts(store("driver", "add", "Asha Rao", "--json"))["id"])
    assert "Nothing has moved yet" in store("wallet", "trial-balance").output
    store("wallet", "adjust", driver, "250", "--reason", "Goodwill")
    assert "The ledger adds up: 1 movements, 2 accounts, 1 wallets" in store("wallet", "check").output
    table = store("wallet", "trial-balance").output
    assert table.count("₹250.00") == 4, "what was given, what it went to, and both sums"
    (file,) = tmp_path.glob("*.db")
    with sqlite3.connect(file) as database:
        database.execute("UPDATE ledger_accounts SET balance = 1 WHERE kind = 'wallet'")
    database.close()
    found = store("wallet", "check", code=1)
    assert "does not add up" in found.stderr
    assert "account" in found.output
    assert not facts(store("wallet", "check", "--json", code=1))["balanced"]

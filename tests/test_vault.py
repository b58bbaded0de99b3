"""Secrets at rest: sealed, opened, altered; and a change of keys while the server runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from csms import vault
from csms.config import Config
from csms.core.vault import NoKey
from csms.outside import SystemEntropy
from csms.testing.server import config_for, running_server
from csms.vault import KeyedVault, SealedColumn, read_keys, write_keys

OLD, NEW = b"o" * 32, b"n" * 32


def test_what_is_sealed_opens_and_tells_nothing() -> None:
    held = KeyedVault([OLD])
    sealed = held.seal("₹ account 4711")
    assert held.open(sealed) == "₹ account 4711"
    assert "4711" not in sealed
    assert held.seal("same") != held.seal("same"), "equal secrets do not look equal"


@pytest.mark.parametrize(
    "change", [lambda text: text[:-2] + "AA", lambda text: text + "A", lambda text: "v1.00000000." + text, lambda _: ""]
)
def test_what_was_altered_does_not_open(change: object) -> None:
    held = KeyedVault([OLD])
    with pytest.raises(NoKey):
        held.open(change(held.seal("secret")))  # type: ignore[operator]  # a lambda


def test_an_older_key_still_opens_and_a_forgotten_one_does_not() -> None:
    sealed = KeyedVault([OLD]).seal("secret")
    both = KeyedVault([NEW, OLD])
    assert both.open(sealed) == "secret"
    assert (both.is_current(sealed), both.is_current(both.seal("secret"))) == (False, True)
    with pytest.raises(NoKey, match="not configured any more"):
        KeyedVault([NEW]).open(sealed)


def test_the_key_file_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    config = Config(folder=tmp_path)
    sealed = vault.open_vault(config, SystemEntropy()).seal("secret")
    assert vault.open_vault(config, SystemEntropy()).open(sealed) == "secret"
    assert vault.key_file(config).stat().st_mode & 0o777 == 0o600


async def test_keys_change_while_the_server_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault, "SEALED", (SealedColumn("notes", "sealed"),))
    config = config_for(tmp_path)
    async with running_server(config) as server:
        held = server.ports.vault
        await server.do(lambda tx: tx.run("CREATE TABLE notes (id INTEGER PRIMARY KEY, sealed TEXT NOT NULL)"))
        before = [held.seal("one"), held.seal("two"), "", "v1.00000000.AAAA"]
        for sealed in before:
            await server.do(lambda tx, sealed=sealed: tx.run("INSERT INTO notes (sealed) VALUES (:sealed)", sealed=sealed))
        rotation = vault.rotation(config, server.ports)
        assert rotation is not None
        await rotation.turn(server.ports)
        file = vault.key_file(config)
        write_keys(file, [SystemEntropy().token(32), file.read_text().strip()])
        await rotation.turn(server.ports)
        rows = await server.rows("SELECT sealed FROM notes ORDER BY id")
    after = [row["sealed"] for row in rows]
    only_new = KeyedVault(read_keys(file)[:1])
    assert [only_new.open(each) for each in after[:2]] == ["one", "two"]
    assert after[2:] == before[2:], "what is empty or does not open stays"


async def test_the_columns_that_are_sealed_anew_are_there(tmp_path: Path) -> None:
    async with running_server(config_for(tmp_path)) as server:
        for column in vault.SEALED:
            await server.rows(f"SELECT {column.id}, {column.column} FROM {column.table} LIMIT 1")

"""Erasing a driver in the store, on both engines; and how words are masked in logs."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest

from csms import privacy
from csms.core.errors import NotFound, Refused
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Database
from csms.domain.drivers import service as drivers
from csms.domain.privacy import flows, masking
from csms.domain.privacy import store as erasures
from csms.vault import KeyedVault

VAULT = KeyedVault([bytes(32)])
CARD = "04Ab77FF"


async def run(database: Database, sql: str, **values: Any) -> None:
    await database.write(lambda tx: tx.run(sql, **values), tenant=DEFAULT_TENANT)


async def rows(database: Database, sql: str) -> list[dict[str, Any]]:
    found = await database.read(lambda tx: [dict(row) for row in tx.system("a test").all(sql)], tenant=DEFAULT_TENANT)
    return list(found)


async def add_transaction(database: Database, driver_id: int, token: str, state: str, *, token_id: int | None) -> None:
    closed = 1 if state == "completed" else None
    await run(
        database,
        "INSERT INTO transactions (tenant, charger_id, evse, connector, reference, state, token, token_folded, token_kind, token_id,"
        " driver_id, token_status, started_at, started_at_raw, stopped_at_raw, energy_basis, stop_reason, stop_source, stop_token,"
        " charging_state, offline, note, created_at, updated_at, closed_at, id) VALUES (:tenant, 'C', 1, 1, '', :state, :token, :folded,"
        " '', :token_id, :driver, 'Accepted', 5, '', '', '', '', :source, :token, '', 0, 'called Asha', 0, 0, :closed,"
        " (SELECT COALESCE(max(id), 0) + 1 FROM transactions WHERE tenant = :tenant))",
        state=state,
        token=token,
        folded=token.casefold(),
        token_id=token_id,
        driver=driver_id,
        source="reported" if closed else "",
        closed=closed,
    )


async def test_a_driver_is_erased_once_and_only_between_charges(database: Database, clock: Any) -> None:
    driver_id = (await database.write(drivers.add_driver, "Asha Rao", tenant=DEFAULT_TENANT)).id
    other_id = (await database.write(drivers.add_driver, "Ravi", tenant=DEFAULT_TENANT)).id
    await run(database, "INSERT INTO chargers (id, tenant, approval, created_at) VALUES ('C', :tenant, 'accepted', 0)")
    card, other = [
        (await database.write(lambda tx, v=value, o=owner: drivers.add_token(tx, v, driver_id=o), tenant=DEFAULT_TENANT)).id
        for value, owner in ((CARD, driver_id), ("OTHER", other_id))
    ]
    await add_transaction(database, driver_id, CARD, "completed", token_id=card)
    await add_transaction(database, driver_id, "never issued", "completed", token_id=None)
    await add_transaction(database, other_id, "OTHER", "completed", token_id=other)
    frame = (
        "INSERT INTO frames (tenant, charger_id, connection_id, at, direction, kind, message_id, action, text, problem)"
        " VALUES (:tenant, 'C', 'c', 0, 'in', 'call', 'm', 'Authorize', :text, '')"
    )
    for shown in (CARD, CARD.lower(), f"{CARD}0", "OTHER"):
        await run(database, frame, text=json.dumps([2, "m", "Authorize", {"idTag": shown}]))

    def forget(tx: Any) -> Any:
        return privacy.forget(tx, driver_id, VAULT, "Ada")

    await run(
        database, "UPDATE transactions SET state = 'running', closed_at = NULL, stop_source = '' WHERE tenant = :tenant AND id = 1"
    )
    with pytest.raises(Refused, match="charges"):
        await database.write(forget, tenant=DEFAULT_TENANT)
    await run(
        database,
        "UPDATE transactions SET state = 'completed', closed_at = 1, stop_source = 'reported' WHERE tenant = :tenant AND id = 1",
    )
    with pytest.raises(NotFound):
        await database.write(forget, tenant=TenantId(2))
    erasure, _, _ = await database.write(forget, tenant=DEFAULT_TENANT)
    assert (await database.write(forget, tenant=DEFAULT_TENANT))[0] == erasure
    tokens = [row["token"] for row in await rows(database, "SELECT token FROM transactions ORDER BY id")]
    assert tokens == [f"erased-token-{card}", "erased-transaction-2", "OTHER"]
    (driver, untouched) = await rows(database, "SELECT name, removed_at FROM drivers ORDER BY id")
    assert (driver["name"], untouched["name"], untouched["removed_at"]) == (f"erased-driver-{driver_id}", "Ravi", None)
    assert "asha" not in str(await rows(database, "SELECT note FROM transactions WHERE token <> 'OTHER'")).casefold()

    clock.advance(flows.SETTLE_MS + 1)
    ports: Any = OnlyDatabase(database, clock, VAULT)
    assert await flows.mask_traces(ports) == 1
    heard = [json.loads(row["text"])[3]["idTag"] for row in await rows(database, "SELECT text FROM frames ORDER BY id")]
    assert heard == [f"erased-token-{card}", f"erased-token-{card}", f"{CARD}0", "OTHER"], "whole words, in any case"
    events = str(await rows(database, "SELECT payload FROM events"))
    assert CARD not in events
    done = await database.read(erasures.of_driver, driver_id, tenant=DEFAULT_TENANT)
    assert done is not None
    assert done.done_at == clock.now()
    assert (await rows(database, "SELECT sealed FROM erasures"))[0]["sealed"] == "", "what was looked for is forgotten, too"
    assert await flows.mask_traces(ports) == 0


@attrs.frozen
class OnlyDatabase:
    """As much of the ports as masking needs."""

    database: Database
    clock: Any
    vault: KeyedVault


def test_words_are_masked_however_json_spells_them() -> None:
    known = masking.spellings({'Räo "Ash"': "nobody", "X": "too short"})
    for text in (
        json.dumps({"name": 'Räo "Ash"'}),
        json.dumps({"name": 'RÄO "ASH"'}, ensure_ascii=False),
        json.dumps(['räo "ash"', "X"]),
    ):
        assert "nobody" in masking.masked(text, known), text
        assert json.loads(masking.masked(text, known))
    assert masking.masked('{"name": "Raos"}', known) == '{"name": "Raos"}'

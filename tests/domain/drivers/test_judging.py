from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import attrs
import pytest

from csms.core.ids import DEFAULT_TENANT, WHOLE_CHARGER, Place
from csms.core.ports import Database, Ports, ReadTx, Tx
from csms.core.reports import StartReported, StopReported, Token, TokenPresented, TokenVerdict
from csms.domain.drivers import flows, service
from csms.domain.drivers.model import Judgement
from csms.domain.stations import service as stations
from csms.domain.tenants import service as tenants

FAR = 2**42
"""An instant in the year 2109."""

Judge = Callable[..., Awaitable[Judgement]]


async def write(database: Database, verb: Any, *arguments: Any, **options: Any) -> Any:
    return await database.write(partial(verb, **options), *arguments, tenant=DEFAULT_TENANT)


@pytest.fixture
async def judge(database: Database) -> Judge:
    """Ask about a token at CP1, which stands at the station Depot."""
    depot = await write(database, stations.add_station, "Depot")
    await write(database, stations.add_charger, "CP1", station_id=depot.id)

    async def ask(value: str, decision: TokenVerdict | None = None, charger_id: str = "CP1") -> Judgement:
        def verb(tx: Tx) -> Judgement:
            return service.judge(tx, Token(value), charger_id=charger_id, decision=decision, place=Place(1, 1))

        return await database.write(verb, tenant=DEFAULT_TENANT)

    return ask


async def test_a_token_that_was_issued_may_charge(judge: Judge, database: Database) -> None:
    driver = await write(database, service.add_driver, "Asha")
    group = await write(database, service.add_token_group, "Fleet", parent="FLEET")
    token = await write(
        database,
        service.add_token,
        "04A1B2",
        driver_id=driver.id,
        token_group_id=group.id,
        expires_at=FAR,
        valid_from=1,
        max_transactions=2,
    )
    assert await judge("04A1B2") == Judgement(
        verdict=TokenVerdict("Accepted", expires_at=FAR, parent="FLEET"), token_id=token.id, driver_id=driver.id, max_transactions=2
    )


async def test_tokens_compare_case_insensitively(judge: Judge, database: Database) -> None:
    await write(database, service.add_token, "04a1B2ß")
    for value in ("04A1B2ß", "04a1b2SS"):
        assert (await judge(value)).verdict.accepted


async def test_a_token_that_nobody_issued_is_invalid(judge: Judge) -> None:
    assert await judge("04A1B2") == Judgement(verdict=TokenVerdict("Invalid"))


@pytest.mark.parametrize("value", ["", "\x00", "a\x00b", "\ud800", "x" * 5000, "%", "_", "' OR 1=1 --"])
async def test_no_garbage_is_a_token_or_breaks_anything(judge: Judge, database: Database, value: str) -> None:
    await write(database, service.add_token, "04A1B2")
    assert (await judge(value)).verdict == TokenVerdict("Invalid")


async def test_another_tenants_token_is_unknown(judge: Judge, database: Database) -> None:
    add_tenant = partial(tenants.add, slug="other", name="Other", currency="EUR", time_zone="UTC")
    other = await database.write(add_tenant, tenant=DEFAULT_TENANT)
    await database.write(service.add_token, "04A1B2", tenant=other)
    assert (await judge("04A1B2")).verdict.status == "Invalid"


@pytest.mark.parametrize(
    ("options", "status"),
    [({"expires_at": 1000}, "Expired"), ({"valid_from": FAR}, "NotAtThisTime"), ({"valid_from": 1, "expires_at": FAR}, "Accepted")],
)
async def test_a_token_is_good_for_its_time(judge: Judge, database: Database, options: dict[str, int], status: str) -> None:
    await write(database, service.add_token, "T", **options)
    assert (await judge("T")).verdict.status == status


async def test_blocking_is_undone_by_unblocking_at_every_level(judge: Judge, database: Database) -> None:
    driver = await write(database, service.add_driver, "Asha")
    group = await write(database, service.add_token_group, "Fleet")
    await write(database, service.add_token, "T", driver_id=driver.id, token_group_id=group.id)
    for block, unblock, what in (
        (service.block_token, service.unblock_token, "T"),
        (service.block_driver, service.unblock_driver, driver.id),
        (service.block_token_group, service.unblock_token_group, group.id),
    ):
        await write(database, block, what)
        blocked = await judge("T")
        assert (blocked.verdict.status, blocked.driver_id) == ("Blocked", driver.id)
        await write(database, unblock, what)
        assert (await judge("T")).verdict.accepted


async def test_blocked_comes_before_expired(judge: Judge, database: Database) -> None:
    await write(database, service.add_token, "T", expires_at=1000)
    await write(database, service.block_token, "t")
    assert (await judge("T")).verdict.status == "Blocked"


async def test_a_removed_token_is_unknown_until_it_is_issued_again(judge: Judge, database: Database) -> None:
    await write(database, service.add_token, "T")
    await write(database, service.remove_token, "t")
    assert (await judge("T")).verdict.status == "Invalid"
    await write(database, service.add_token, "t")
    assert (await judge("T")).verdict.accepted


# --- where ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("whose", ["token", "group", "driver"])
async def test_a_grant_restricts_to_what_is_granted(judge: Judge, database: Database, whose: str) -> None:
    driver = await write(database, service.add_driver, "Asha")
    group = await write(database, service.add_token_group, "Fleet")
    await write(database, service.add_token, "T", driver_id=driver.id, token_group_id=group.id)
    await write(database, service.add_token, "U")
    yard = await write(database, stations.add_station, "Yard")
    await write(database, stations.add_charger, "CP2", station_id=yard.id)
    await write(database, stations.add_charger, "CP3")
    subject: dict[str, Any] = {
        "token": {"token": "t"},
        "group": {"token_group_id": group.id},
        "driver": {"driver_id": driver.id},
    }[whose]
    grant = await write(database, service.grant, station_id=yard.id, **subject)

    async def statuses(value: str) -> list[str]:
        return [(await judge(value, charger_id=charger_id)).verdict.status for charger_id in ("CP1", "CP2", "CP3")]

    assert await statuses("T") == ["NotAtThisLocation", "Accepted", "NotAtThisLocation"]
    assert await statuses("U") == ["Accepted", "Accepted", "Accepted"]
    await write(database, service.revoke, grant.id)
    assert await statuses("T") == ["Accepted", "Accepted", "Accepted"]


async def test_a_grant_for_a_station_group_covers_its_stations(judge: Judge, database: Database) -> None:
    campus = await write(database, stations.add_station_group, "Campus")
    hall = await write(database, stations.add_station, "Hall", station_group_id=campus)
    await write(database, stations.add_charger, "CP2", station_id=hall.id)
    await write(database, service.add_token, "T")
    await write(database, service.grant, token="T", station_group_id=campus)
    assert (await judge("T", charger_id="CP2")).verdict.accepted
    assert (await judge("T", charger_id="CP1")).verdict.status == "NotAtThisLocation"


async def test_grants_of_token_group_and_driver_add_up(judge: Judge, database: Database) -> None:
    group = await write(database, service.add_token_group, "Fleet")
    await write(database, service.add_token, "T", token_group_id=group.id)
    places = []
    for number, subject in enumerate(({"token": "T"}, {"token_group_id": group.id})):
        station = await write(database, stations.add_station, f"S{number}")
        await write(database, stations.add_charger, f"S{number}", station_id=station.id)
        await write(database, service.grant, station_id=station.id, **subject)
        places.append(f"S{number}")
    assert [(await judge("T", charger_id=place)).verdict.accepted for place in places] == [True, True]


async def test_a_private_station_takes_only_those_with_a_grant(judge: Judge, database: Database) -> None:
    private = await write(database, stations.add_station, "Private", access="granted")
    await write(database, stations.add_charger, "CP2", station_id=private.id)
    for value in ("T", "U"):
        await write(database, service.add_token, value)
    await write(database, service.grant, token="T", station_id=private.id)
    assert (await judge("T", charger_id="CP2")).verdict.accepted
    assert (await judge("U", charger_id="CP2")).verdict.status == "NotAtThisLocation"


# --- plugins --------------------------------------------------------------------------------------------------------------------


async def test_any_refusal_of_a_plugin_stands(judge: Judge, database: Database) -> None:
    token = await write(database, service.add_token, "T", expires_at=FAR)
    judgement = await judge("T", TokenVerdict("NoCredit", message="top up"))
    assert judgement == Judgement(verdict=TokenVerdict("NoCredit", expires_at=FAR, message="top up"), token_id=token.id)


@pytest.mark.parametrize("options", [{"expires_at": 1000}, {"valid_from": FAR}])
async def test_nobody_overrides_our_own_refusal(judge: Judge, database: Database, options: dict[str, int]) -> None:
    await write(database, service.add_token, "T", **options)
    ours = (await judge("T")).verdict
    assert (await judge("T", TokenVerdict("Accepted", vouches=True))).verdict == ours
    await write(database, service.block_token, "T")
    for decision in (TokenVerdict("Accepted", vouches=True), TokenVerdict("NoCredit")):
        assert (await judge("T", decision)).verdict.status == "Blocked"


async def test_an_accepting_plugin_may_shorten_a_tokens_life_but_not_prolong_it(judge: Judge, database: Database) -> None:
    await write(database, service.add_token, "T", expires_at=FAR)
    assert (await judge("T", TokenVerdict("Accepted", expires_at=FAR - 5))).verdict.expires_at == FAR - 5
    assert (await judge("T", TokenVerdict("Accepted", expires_at=FAR + 5))).verdict.expires_at == FAR
    assert (await judge("T", TokenVerdict("Accepted"))).verdict.expires_at == FAR


async def test_only_a_plugin_that_vouches_lets_a_stranger_in(judge: Judge) -> None:
    assert (await judge("S", TokenVerdict("Accepted"))).verdict.status == "Invalid"
    judgement = await judge("S", TokenVerdict("Accepted", expires_at=FAR, parent="ROAM", vouches=True))
    assert judgement == Judgement(verdict=TokenVerdict("Accepted", expires_at=FAR, parent="ROAM"))
    assert (await judge("S", TokenVerdict("Blocked"))).verdict.status == "Blocked"


# --- Authorize ------------------------------------------------------------------------------------------------------------------


async def test_authorize_answers_and_tells_that_the_token_was_seen(judge: Judge, database: Database) -> None:
    token = await write(database, service.add_token, "Tok")
    for value in ("TOK", "stranger\x00"):
        report = TokenPresented(charger_id="CP1", received_at=5, token=Token(value, "ISO14443"))
        await database.write(service.authorize, report, None, tenant=DEFAULT_TENANT)

    def seen(tx: ReadTx) -> list[dict[str, Any]]:
        rows = tx.all("SELECT payload FROM events WHERE tenant = :tenant AND type = 'token_seen' ORDER BY sequence")
        return [json.loads(row["payload"]) for row in rows]

    known, unknown = await database.read(seen, tenant=DEFAULT_TENANT)
    assert (known["token"], known["kind"], known["status"], known["token_id"]) == ("TOK", "ISO14443", "Accepted", token.id)
    assert (unknown["token"], unknown["status"], unknown["token_id"]) == ("stranger�", "Invalid", None)


@attrs.define
class Answers:
    asked: list[dict[str, Any]] = attrs.field(factory=list)

    async def ask(self, hook: str, /, **question: Any) -> Any:
        self.asked.append({"hook": hook} | question)
        return TokenVerdict("NoCredit")


async def test_plugins_are_asked_with_what_the_hook_takes() -> None:
    absent: Any = None
    decisions = Answers()
    ports = Ports(database=absent, chargers=absent, decisions=decisions, clock=absent, random=absent, blocking=absent, http=absent)
    shown = TokenPresented(charger_id="CP1", received_at=5, token=Token("T"))
    assert await flows.ask_token(ports, shown, DEFAULT_TENANT) == TokenVerdict("NoCredit")
    start = StartReported(charger_id="CP1", received_at=5, place=Place(2, 1), started_at=5, token=Token("T"))
    assert await flows.ask_token(ports, start, DEFAULT_TENANT) == TokenVerdict("NoCredit")
    common = {"hook": "authorize_token", "token": Token("T"), "charger_id": "CP1", "tenant": DEFAULT_TENANT}
    assert decisions.asked == [
        common | {"place": WHOLE_CHARGER, "purpose": "authorize"},
        common | {"place": Place(2, 1), "purpose": "start"},
    ]


async def test_nobody_is_asked_about_no_token_or_about_a_stop() -> None:
    absent: Any = None
    decisions = Answers()
    ports = Ports(database=absent, chargers=absent, decisions=decisions, clock=absent, random=absent, blocking=absent, http=absent)
    start = StartReported(charger_id="CP1", received_at=5, place=Place(2, 1), started_at=5)
    stop = StopReported(charger_id="CP1", received_at=5, stopped_at=5, transaction_id=1, token=Token("T"))
    assert [await flows.ask_token(ports, report, DEFAULT_TENANT) for report in (start, stop)] == [None, None]
    assert decisions.asked == []

"""A place that is kept for somebody else: starts there are refused, and we do not ask for any."""

from __future__ import annotations

from typing import Any

import pytest

from csms.config import TransactionsConfig
from csms.core.commands import StartCharging, TimedOut
from csms.core.errors import Refused
from csms.core.ids import DEFAULT_TENANT, Place
from csms.core.reports import Token, TokenPresented
from csms.domain.transactions import flows as transactions

from .conftest import HOUR, Scene

CONFIG = TransactionsConfig(max_per_token=0)


async def status_of(scene: Scene, token: str, **more: Any) -> str:
    verdict = await scene.start(token, **more)
    assert verdict.token is not None
    return verdict.token.status


async def remote_start(scene: Scene, token: str, evse: int | None = 1) -> None:
    place = None if evse is None else Place(evse, 1)
    scene.chargers.sent.clear()
    await transactions.remote_start(scene.ports, CONFIG, "CP-1", Token(token), place, tenant=DEFAULT_TENANT)


async def test_a_wrong_token_is_refused_on_a_reserved_connector_only(scene: Scene) -> None:
    known = await scene.reserve()
    assert await status_of(scene, "OTHER") == "NotAtThisTime"
    assert await status_of(scene, "OTHER", evse=2) == "Accepted"
    assert (await scene.get(known.id)).state == "active"
    assert await status_of(scene, "CARD") == "Accepted"


async def test_an_authorize_names_no_connector_and_is_not_refused(scene: Scene) -> None:
    await scene.reserve()
    verdict = await scene.tell(TokenPresented(charger_id="CP-1", received_at=scene.clock.now(), token=Token("OTHER")))
    assert verdict.status == "Accepted"


async def test_a_reservation_that_ended_is_in_nobodys_way(scene: Scene) -> None:
    known = await scene.reserve()
    scene.clock.advance(HOUR)
    assert await status_of(scene, "OTHER", evse=1) == "Accepted", "it has expired, though nobody has marked it yet"
    assert (await scene.get(known.id)).state == "active"


async def test_a_start_from_before_the_reservation_is_not_refused(scene: Scene) -> None:
    await scene.reserve()
    assert await status_of(scene, "OTHER", at=scene.clock.now() - HOUR) == "Accepted"


async def test_what_the_charger_has_not_confirmed_counts_only_before_we_ask_it(scene: Scene) -> None:
    await scene.reserve(TimedOut())
    with pytest.raises(Refused, match=r"NotAtThisTime \(reserved for another token\)"):
        await remote_start(scene, "OTHER")
    assert scene.chargers.sent == []
    assert await status_of(scene, "OTHER") == "Accepted", "the charger let it start: it keeps no such reservation"


async def test_a_remote_start_on_a_reserved_connector(scene: Scene) -> None:
    await scene.reserve(token="VAN-1")
    with pytest.raises(Refused, match="reserved"):
        await remote_start(scene, "OTHER")
    await remote_start(scene, "OTHER", evse=2)
    await remote_start(scene, "VAN-2")
    assert [type(each) for each in scene.chargers.sent] == [StartCharging]


async def test_one_connector_stays_free_for_who_reserved_any(scene: Scene) -> None:
    await scene.reserve(evse=0)
    assert await status_of(scene, "OTHER", evse=1) == "Accepted", "connector 2 is still free"
    await scene.status("Charging", evse=1)
    assert await status_of(scene, "OTHER", evse=2) == "NotAtThisTime"
    with pytest.raises(Refused):
        await remote_start(scene, "OTHER", evse=None)
    assert await status_of(scene, "CARD", evse=2) == "Accepted"


async def test_a_charge_that_goes_on_is_not_refused_when_the_last_connector_is_taken(scene: Scene) -> None:
    at = scene.clock.now()
    await scene.reserve(evse=0)
    assert await status_of(scene, "OTHER", evse=1, at=at) == "Accepted"
    await scene.status("Charging", evse=1)
    await scene.status("Faulted", evse=2)
    assert await status_of(scene, "OTHER", evse=1, at=at) == "Accepted", "the charger repeats its start"


async def test_a_remote_start_anywhere_needs_a_connector_that_nobody_reserved(scene: Scene) -> None:
    await scene.reserve()
    await remote_start(scene, "OTHER", evse=None)
    await scene.reserve(evse=2, token="VAN-1")
    with pytest.raises(Refused):
        await remote_start(scene, "OTHER", evse=None)
    await remote_start(scene, "CARD", evse=None)

"""The local list: what it accepts, and what an offline charger decides by it (1.6 §3.5.2, §5.10, §5.15)."""

from __future__ import annotations

import pytest

from simulators.charger import Car, Tag


def entry(token, status="Accepted", **more):
    return {"idTag": token, "idTagInfo": {"status": status, **more}}


async def version(order):
    return (await order("GetLocalListVersion"))["listVersion"]


async def send(order, number, kind, *entries):
    return (await order("SendLocalList", listVersion=number, updateType=kind, localAuthorizationList=list(entries)))["status"]


async def test_versions_full_and_differential(autojump_clock, bench, order):
    charger = await bench.charger(settings={"list_most_at_once": "3", "list_most": "4"})
    assert await version(order) == 0
    assert await send(order, 0, "Full", entry("A")) == "Failed"
    assert await send(order, 5, "Full", entry("A"), entry("B", "Blocked")) == "Accepted"
    assert await version(order) == 5
    assert await send(order, 5, "Differential", entry("C")) == "VersionMismatch"
    assert await send(order, 4, "Differential", entry("C")) == "VersionMismatch"
    assert await send(order, 7, "Differential", entry("C"), {"idTag": "a"}) == "Accepted"
    assert await version(order) == 7
    local = charger.authority.local_list
    assert (local.find("A"), local.find("b").status, local.find("c").status) == (None, "Blocked", "Accepted")
    assert await send(order, 8, "Differential") == "Accepted"
    assert (await version(order), len(local)) == (8, 2)
    # too many at once, too many at all, the same twice, nothing to say of one: refused whole
    assert await send(order, 9, "Full", *(entry(name) for name in "WXYZ")) == "Failed"
    assert await send(order, 9, "Differential", *(entry(name) for name in "XYZ")) == "Failed"
    assert await send(order, 9, "Full", entry("X"), entry("x")) == "Failed"
    assert await send(order, 9, "Full", entry("X"), {"idTag": "Y"}) == "Failed"
    assert (await version(order), len(local)) == (8, 2)
    assert await send(order, 3, "Full") == "Accepted"
    assert await version(order) == 0


async def test_a_failing_a_disabled_and_a_missing_list(autojump_clock, bench, order):
    charger = await bench.charger(failing=frozenset({"local-list"}))
    assert await send(order, 1, "Full", entry("A")) == "Failed"
    charger.failing.clear()
    await order("ChangeConfiguration", key="LocalAuthListEnabled", value="false")
    assert await send(order, 1, "Full", entry("A")) == "NotSupported"
    assert await version(order) == -1


async def test_a_charger_without_lists(autojump_clock, bench, order):
    await bench.charger(without=frozenset({"LocalAuthListManagement"}))
    assert await version(order) == -1
    assert await send(order, 1, "Full", entry("A")) == "NotSupported"
    keys = await order("GetConfiguration", key=["LocalAuthListEnabled", "SupportedFeatureProfiles"])
    assert keys["unknownKey"] == ["LocalAuthListEnabled"]
    assert "LocalAuthListManagement" not in keys["configurationKey"][0]["value"]


@pytest.mark.parametrize(
    ("token", "expected"), [("GOOD", "Accepted"), ("BAD", "Blocked"), ("OLD", "Expired"), ("STRANGER", "Offline")]
)
async def test_offline_it_decides(autojump_clock, bench, order, token, expected):
    charger = await bench.charger(settings={"offline_unknown": "false"})
    entries = [entry("GOOD"), entry("BAD", "Blocked"), entry("OLD", expiryDate="2027-01-01T00:00:00Z")]
    assert await send(order, 1, "Full", *entries) == "Accepted"
    charger.life.go_offline()
    charger.box.plug(1, Car())
    assert await charger.box.tap(1, Tag(token.lower())) == expected
    assert (charger.box.connector(1).transaction is not None) == (expected == "Accepted")


async def test_offline_it_does_not_decide_when_told_not_to(autojump_clock, bench, order):
    charger = await bench.charger(settings={"authorize_offline": "false", "offline_unknown": "false"})
    await send(order, 1, "Full", entry("GOOD"))
    charger.life.go_offline()
    assert await charger.authorize(Tag("GOOD")) == "Offline"


async def test_even_with_unknown_tokens_allowed_a_blocked_one_is_refused(autojump_clock, bench, order):
    charger = await bench.charger(settings={"offline_unknown": "true"})
    await send(order, 1, "Full", entry("BAD", "Blocked"))
    charger.life.go_offline()
    assert await charger.authorize(Tag("BAD")) == "Blocked"
    assert await charger.authorize(Tag("STRANGER")) == "Accepted"


async def test_online_only_with_local_pre_authorize(autojump_clock, bench, order):
    charger = await bench.charger()
    await send(order, 1, "Full", entry("GOOD"), entry("BAD", "Blocked"))
    assert await charger.authorize(Tag("GOOD")) == "Accepted"
    assert len(bench.heard("Authorize")) == 1
    await order("ChangeConfiguration", key="LocalPreAuthorize", value="true")
    assert await charger.authorize(Tag("GOOD")) == "Accepted"
    assert len(bench.heard("Authorize")) == 1
    await charger.authorize(Tag("BAD"))  # the server may know better (1.6 §4.1)
    assert len(bench.heard("Authorize")) == 2


async def test_the_list_goes_before_the_cache(autojump_clock, bench, order):
    charger = await bench.charger(settings={"offline_unknown": "false"})
    assert await charger.authorize(Tag("X")) == "Accepted"
    await send(order, 1, "Full", entry("X", "Blocked"))
    charger.life.go_offline()
    assert await charger.authorize(Tag("X")) == "Blocked"

"""Who is let in, and how the others are told: the handshake on real sockets."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from csms.core.errors import StoreUnavailable
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Admission, Handshake, Turned

from .conftest import BOOT, HEARTBEAT, Logs, RawCharger, Serve, masked

# --- subprotocols -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offered", "confirmed"),
    [
        (["ocpp1.6"], "ocpp1.6"),
        (["ocpp2.0.1"], "ocpp2.0.1"),
        (["OCPP1.6"], "OCPP1.6"),
        (["ocpp1.6, ocpp2.0.1"], "ocpp2.0.1"),
        (["ocpp2.0.1,ocpp1.6"], "ocpp2.0.1"),
        (["ocpp1.2, ocpp1.5", "ocpp1.6"], "ocpp1.6"),
        (["ocpp1.6", "ocpp2.0.1"], "ocpp2.0.1"),
    ],
)
async def test_negotiation(serve: Serve, offered: list[str], confirmed: str) -> None:
    async with serve() as world:
        charger = await world.connect(protocols=offered)
        assert charger.headers["sec-websocket-protocol"] == confirmed
        assert (await charger.ask(HEARTBEAT))[0] == 3
        (info,) = world.fleet.connections()
        assert info.protocol == confirmed.lower()


async def test_our_preference_is_configurable(serve: Serve) -> None:
    async with serve(protocols=("ocpp1.6", "ocpp2.0.1")) as world:
        charger = await world.connect(protocols=["ocpp2.0.1, ocpp1.6"])
        assert charger.headers["sec-websocket-protocol"] == "ocpp1.6"


@pytest.mark.parametrize("offered", [["ocpp1.5"], ["ocpp2.1, foo"], []])
async def test_without_a_common_version_the_handshake_completes_without_the_header_and_closes(
    serve: Serve, offered: list[str]
) -> None:
    async with serve() as world:
        charger = await world.connect(protocols=offered)
        assert "sec-websocket-protocol" not in charger.headers
        code, reason = await charger.closed()
        assert code == 1002
        assert "ocpp2.0.1, ocpp1.6" in reason
        assert world.events == []
        assert world.observer.refusals == ["no_protocol"]


async def test_a_fallback_is_spoken_but_not_confirmed(serve: Serve) -> None:
    async with serve(fallback_protocol="ocpp1.6") as world:
        charger = await world.connect(protocols=[])
        assert "sec-websocket-protocol" not in charger.headers
        assert (await charger.ask(BOOT))[2]["status"] == "Accepted"


async def test_a_fallback_is_only_for_those_who_offer_nothing(serve: Serve) -> None:
    async with serve(fallback_protocol="ocpp1.6") as world:
        charger = await world.connect(protocols=["soap"])
        assert (await charger.closed())[0] == 1002


async def test_a_charger_may_have_a_fallback_of_its_own(serve: Serve) -> None:
    async with serve(admission={"subprotocol_fallback": "ocpp2.0.1"}) as world:
        await world.connect(protocols=[])
        await world.until(lambda: len(world.fleet) == 1)
        assert world.fleet.connections()[0].protocol == "ocpp2.0.1"


async def test_the_query_form_names_charger_and_version(serve: Serve) -> None:
    async with serve() as world:
        charger = await world.connect("/ocpp?chargePointId=RDAM%20123&version=1.6", protocols=[])
        assert "sec-websocket-protocol" not in charger.headers
        assert (await charger.ask(HEARTBEAT))[0] == 3
        assert world.handshakes[0].charger_id == "RDAM 123"
        assert world.handshakes[0].subprotocols == ("ocpp1.6",)


async def test_2x_limits_the_identity_to_48_characters(serve: Serve) -> None:
    async with serve() as world:
        assert (await world.knock("/ocpp/" + "x" * 49, protocols=["ocpp2.0.1"])).status == 404
        assert (await world.knock("/ocpp/" + "x" * 48, protocols=["ocpp2.0.1"])).status == 101
        assert (await world.knock("/ocpp/" + "x" * 49, protocols=["ocpp1.6"])).status == 101


# --- identity and HTTP ----------------------------------------------------------------------------------------------------------


async def test_the_identity_is_percent_decoded(serve: Serve) -> None:
    async with serve(keys={"a/b é+:": b"se:cret\xff"}) as world:
        await world.connect("/ocpp/a%2Fb%20%C3%A9+%3A/?x=1", auth="a/b é+:".encode() + b":se:cret\xff")
        await world.until(lambda: world.fleet.connection("a/b é+:") is not None)


@pytest.mark.parametrize("target", ["/", "/ocpp", "/ocpp/", "/other/CP1", "/ocpp/%FF"])
async def test_no_charger_there(serve: Serve, target: str) -> None:
    async with serve() as world:
        assert (await world.knock(target)).status == 404
        assert world.handshakes == []


async def answer_to(world: Any, request: bytes) -> RawCharger:
    charger: RawCharger = await world.call(request)
    await charger.read_head()
    return charger


async def test_plain_http_is_told_to_upgrade(serve: Serve) -> None:
    async with serve() as world:
        charger = await answer_to(world, b"GET /ocpp/CP1 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert charger.status == 426
        assert charger.headers["upgrade"] == "websocket"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"POST /ocpp/CP1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", 405),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 this is a TLS hello\r\n\r\n", 400),
        (b"GET /ocpp/CP1 HTTP/1.1\r\nHost: x\r\n" + b"X-Long: " + b"x" * 200_000 + b"\r\n\r\n", 431),
        (
            b"GET /ocpp/CP1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: \xff\xfe, ocpp1.6\r\n\r\n",
            101,
        ),
    ],
    ids=["post", "tls", "long", "latin-1"],
)
async def test_odd_requests_get_an_answer(serve: Serve, request_bytes: bytes, status: int) -> None:
    async with serve() as world:
        assert (await answer_to(world, request_bytes)).status == status


async def test_frames_sent_with_the_request_are_not_lost(serve: Serve) -> None:
    async with serve() as world:
        charger = await world.connect(early=masked(9, b"p"))
        assert await charger.read() == (10, b"p")
        charger = await world.connect(early=masked(1, b'[2,"e1","Heartbeat",{}]'))
        assert (await charger.hear())[:2] == [3, "e1"]


async def test_a_client_behind_a_proxy_has_its_own_address(serve: Serve) -> None:
    async with serve(trusted_proxies=("127.0.0.0/8",)) as world:
        await world.connect(headers=[("X-Forwarded-For", "6.6.6.6, 198.51.100.7")])
        assert world.handshakes[0].remote_address == "198.51.100.7"
    async with serve() as world:
        await world.connect(headers=[("X-Forwarded-For", "198.51.100.7")])
        assert world.handshakes[0].remote_address == "127.0.0.1"


async def test_a_handshake_has_a_time_limit(serve: Serve) -> None:
    async with serve(handshake_timeout_s=1) as world:
        charger = await world.call(b"GET /ocpp/CP1 HTTP/1.1\r\n")
        assert await charger.read() == (-1, b"")
        assert world.observer.refusals == ["timeout"]


async def test_a_peer_that_hangs_up_at_once_is_no_event(serve: Serve) -> None:
    async with serve() as world:
        for _ in range(3):
            await (await world.call()).cut()
        assert (await (await world.connect()).ask(HEARTBEAT))[0] == 3


# --- keys -------------------------------------------------------------------------------------------------------------------


async def test_the_right_key_opens(serve: Serve) -> None:
    async with serve(authentication=True, keys={"CP1": b"right"}) as world:
        charger = await world.connect(auth=b"CP1:right")
        assert (await charger.ask(HEARTBEAT))[0] == 3


@pytest.mark.parametrize("auth", [None, b"CP1:wrong", b"CP1:", b"CP2:right", b":right"])
async def test_a_wrong_key_is_told_how_to_log_in(serve: Serve, auth: bytes | None) -> None:
    async with serve(authentication=True, keys={"CP1": b"right"}) as world:
        charger = await world.knock(auth=auth)
        assert charger.status == 401
        assert charger.headers["www-authenticate"].startswith("Basic ")
        assert len(world.fleet) == 0


async def test_no_key_ever_reaches_the_log(serve: Serve, logs: Logs) -> None:
    async with serve(authentication=True, keys={"CP1": b"right-secret"}, login_failures_limit=1) as world:
        for key in (b"wrong-secret", b"wrong-secret", b"right-secret"):
            await world.knock(auth=b"CP1:" + key)
        await world.knock(auth=b"CP1-wrong-secret")
        await world.knock("/ocpp/CP2", auth=b"CP1:right-secret")
    assert [entry["status"] for entry in logs if entry["event"] == "charger.refused"] == [401, 429, 429, 401]
    assert "secret" not in repr(logs)


async def test_an_unknown_charger_is_not_found(serve: Serve) -> None:
    async with serve(authentication=True, keys={"CP1": b"right"}) as world:
        assert (await world.knock("/ocpp/CP9", auth=b"CP9:right")).status == 404


async def test_failures_are_limited_but_a_right_key_always_passes(serve: Serve) -> None:
    keys = {"CP1": b"right", "CP2": b"right"}
    async with serve(authentication=True, keys=keys, login_failures_limit=3) as world:
        for _ in range(3):
            assert (await world.knock(auth=b"CP1:wrong")).status == 401
        limited = await world.knock(auth=b"CP1:wrong")
        assert limited.status == 429
        assert 1 <= int(limited.headers["retry-after"]) <= 60
        assert (await world.knock("/ocpp/CP2", auth=b"CP2:wrong")).status == 401
        charger = await world.connect(auth=b"CP1:right")
        assert (await charger.ask(HEARTBEAT))[0] == 3
        assert (await world.knock(auth=b"CP1:wrong")).status == 429
        assert world.observer.refusals.count("too_many") == 2


async def test_guesses_for_one_id_are_checked_a_few_at_a_time(serve: Serve) -> None:
    async with serve(authentication=True, keys={"CP1": b"right"}, login_failures_limit=1) as world:
        assert (await world.knock(auth=b"CP1:wrong")).status == 401
        at_once = most = 0

        async def admit(handshake: Handshake) -> Admission | Turned:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            await trio.sleep(0.01)
            at_once -= 1
            return await world.judge(handshake)

        world.door_admit = admit
        statuses: list[int] = []

        async def guess(key: bytes) -> None:
            statuses.append((await world.knock(auth=b"CP1:" + key)).status)

        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(guess, b"wrong")
            nursery.start_soon(guess, b"right")
        assert sorted(statuses) == [101] + [429] * 8
        assert most <= 2


async def test_a_store_that_is_away_is_said_with_503(serve: Serve) -> None:
    async with serve() as world:

        async def admit(handshake: Handshake) -> Admission | Turned:
            raise StoreUnavailable("disk full")

        world.door_admit = admit
        charger = await world.knock()
        assert charger.status == 503
        assert int(charger.headers["retry-after"]) > 0


async def test_a_bug_in_admission_ends_one_connection_only(serve: Serve) -> None:
    async with serve() as world:

        async def admit(handshake: Handshake) -> Admission | Turned:
            if handshake.charger_id == "CP1":
                raise KeyError("bug")
            return Admission(charger_id=handshake.charger_id, tenant=DEFAULT_TENANT, registration="accepted")

        world.door_admit = admit
        other = await world.connect("/ocpp/CP2")
        assert (await world.knock("/ocpp/CP1")).status == 500
        assert (await other.ask(HEARTBEAT))[0] == 3


@pytest.mark.parametrize("status", [403, 429, 503, 418])
async def test_admission_chooses_the_status(serve: Serve, status: int) -> None:
    async with serve() as world:

        async def admit(handshake: Handshake) -> Admission | Turned:
            return Turned(status, "because")

        world.door_admit = admit
        assert (await world.knock()).status == status


# --- limits -------------------------------------------------------------------------------------------------------------------


async def test_the_connection_limit_is_said_before_work_is_done(serve: Serve) -> None:
    async with serve(max_connections=2) as world:
        first = await world.connect("/ocpp/CP1")
        await world.connect("/ocpp/CP2")
        await world.until(lambda: len(world.fleet) == 2)
        seen = len(world.handshakes)
        assert (await world.knock("/ocpp/CP3")).status == 503
        assert len(world.handshakes) == seen
        again = await world.connect("/ocpp/CP2")  # replacing one's own link needs no room
        assert (await again.ask(HEARTBEAT))[0] == 3
        await first.cut()
        await world.until(lambda: len(world.fleet) == 1)
        assert (await world.knock("/ocpp/CP3")).status == 101


async def test_sockets_beyond_the_headroom_are_refused_unread(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("csms.net.door.HANDSHAKE_HEADROOM", 0)
    async with serve(max_connections=1) as world:
        await world.connect("/ocpp/CP1")
        late = await world.call()
        await late.read_head()
        assert late.status == 503


async def test_an_unauthenticated_connection_never_ends_an_authenticated_one(serve: Serve) -> None:
    async with serve() as world:
        authenticated = True

        async def admit(handshake: Handshake) -> Admission | Turned:
            return Admission(
                charger_id=handshake.charger_id, tenant=DEFAULT_TENANT, registration="accepted", authenticated=authenticated
            )

        world.door_admit = admit
        charger = await world.connect()
        authenticated = False
        assert (await world.knock()).status == 403
        assert (await charger.ask(HEARTBEAT))[0] == 3
        authenticated = True
        newer = await world.connect()
        assert (await newer.ask(HEARTBEAT))[0] == 3
        assert (await charger.closed())[0] == 1008

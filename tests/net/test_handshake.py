"""What an opening request says, without a socket."""

from __future__ import annotations

import base64

import pytest

from csms.net.handshake import credentials, identity, understand, websocket_key
from csms.net.http import Head, Refused

KEY = base64.b64encode(bytes(16)).decode()
UPGRADE = (("upgrade", "websocket"), ("connection", "Upgrade"), ("sec-websocket-version", "13"), ("sec-websocket-key", KEY))


def head(target: str = "/ocpp/CP1", *extra: tuple[str, str], method: str = "GET", without: str = "") -> Head:
    return Head(method, target, tuple(header for header in UPGRADE if header[0] != without) + extra)


@pytest.mark.parametrize(
    ("target", "charger_id"),
    [
        ("/ocpp/CP1", "CP1"),
        ("/ocpp/CP1/", "CP1"),
        ("/ocpp//CP1", "CP1"),
        ("//ocpp/CP1", "CP1"),
        ("/ocpp/CP1?token=abc", "CP1"),
        ("/ocpp/RDAM%20123", "RDAM 123"),
        ("/ocpp/a%2Fb", "a/b"),
        ("/ocpp/caf%C3%A9%E2%9A%A1", "café⚡"),
        ("/ocpp/*-_=:+|@.", "*-_=:+|@."),
        ("/ocpp/%2A%2d_%3D%3a%2B%7C%40.", "*-_=:+|@."),
        ("/ocpp/CP#1", "CP#1"),
        ("/ocpp/100%25", "100%"),
        ("/ocpp?chargePointId=CP1&version=1.6", "CP1"),
        ("/ocpp/?version=1.6&chargePointId=RDAM%20123", "RDAM 123"),
        ("/ocpp?chargePointId=a+b", "a+b"),
        ("/ocpp/CP1?chargePointId=CP2", "CP1"),
        ("ws://example.test:9000/ocpp/CP1", "CP1"),
        ("/ocpp/" + "x" * 255, "x" * 255),
    ],
)
def test_identity_is_the_percent_decoded_last_part_of_the_path(target: str, charger_id: str) -> None:
    assert identity(target, "/ocpp")[0] == charger_id


@pytest.mark.parametrize("prefix", ["", "/", "/a/b/ocpp", "/a/b/ocpp/", "a/b/ocpp"])
def test_the_prefix_is_configurable(prefix: str) -> None:
    path = prefix.strip("/")
    assert identity(f"/{path}/CP1" if path else "/CP1", prefix)[0] == "CP1"


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/ocpp",
        "/ocpp/",
        "/ocpp/?version=1.6",
        "/ocpp?chargePointId=",
        "/ocppCP1",
        "/other/CP1",
        "/ocpp/CP1/more",
        "/ocpp/%20",
        "/ocpp/%00",
        "/ocpp/a%0Ab",
        "/ocpp/%FF",
        "/ocpp/" + "x" * 256,
        "*",
    ],
)
def test_no_usable_identity_is_not_found(target: str) -> None:
    with pytest.raises(Refused) as refused:
        identity(target, "/ocpp")
    assert refused.value.status == 404


@pytest.mark.parametrize(
    ("query", "version"),
    [("version=1.6", "ocpp1.6"), ("version=ocpp2.0.1", "ocpp2.0.1"), ("Version=OCPP1.6", "OCPP1.6"), ("other=1", "")],
)
def test_the_query_may_name_the_version(query: str, version: str) -> None:
    assert understand(head(f"/ocpp?chargePointId=CP1&{query}"), "/ocpp").assumed == version


def test_an_offered_subprotocol_outranks_the_query() -> None:
    knock = understand(head("/ocpp/CP1?version=1.6", ("sec-websocket-protocol", "ocpp2.0.1")), "/ocpp")
    assert (knock.offered, knock.assumed) == (("ocpp2.0.1",), "")


def test_subprotocols_may_be_split_over_several_header_lines() -> None:
    lines = (
        ("sec-websocket-protocol", "ocpp2.1 ,OCPP2.0.1"),
        ("sec-websocket-protocol", ""),
        ("sec-websocket-protocol", "ocpp1.6"),
    )
    assert understand(head("/ocpp/CP1", *lines), "/ocpp").offered == ("ocpp2.1", "OCPP2.0.1", "ocpp1.6")


def basic(plain: bytes) -> list[str]:
    return [f"Basic {base64.b64encode(plain).decode()}"]


@pytest.mark.parametrize(
    ("authorization", "charger_id", "expected"),
    [
        (basic(b"CP1:secret"), "CP1", ("CP1", b"secret")),
        (basic(b"CP1:a:b:c"), "CP1", ("CP1", b"a:b:c")),
        (basic(b"a:b:secret"), "a:b", ("a:b", b"secret")),
        (basic(b"CP1:"), "CP1", ("CP1", b"")),
        (basic("café:schlüssel".encode()), "café", ("café", "schlüssel".encode())),
        (basic(b"CP2:secret"), "CP1", ("CP2", b"secret")),
        (["bAsIc  " + base64.b64encode(b"CP1:secret!").decode().rstrip("=")], "CP1", ("CP1", b"secret!")),
        # OCPP-J 1.6 §6.2: the example of the specification, a key of 20 raw bytes
        (["Basic QUwxMDAwOgABAgMEBQYH////////////////"], "AL1000", ("AL1000", bytes(range(8)) + b"\xff" * 12)),
        ([], "CP1", (None, None)),
        (["Bearer abc"], "CP1", (None, None)),
        (["Basic !!!"], "CP1", (None, None)),
        (["Basic"], "CP1", (None, None)),
        (basic(b"no colon"), "CP1", (None, None)),
        (basic(b"CP1:secret") * 2, "CP1", (None, None)),
    ],
)
def test_credentials(authorization: list[str], charger_id: str, expected: tuple[str | None, bytes | None]) -> None:
    assert credentials(authorization, charger_id) == expected


def test_a_password_is_never_printed() -> None:
    knock = understand(head("/ocpp/CP1", ("authorization", basic(b"CP1:topsecret")[0])), "/ocpp")
    assert "topsecret" not in repr(knock)


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        (head(method="POST"), 405),
        (head(without="upgrade"), 426),
        (head(without="connection"), 426),
        (head(without="sec-websocket-version"), 426),
        (head("/ocpp/CP1", ("sec-websocket-version", "8"), without="sec-websocket-version"), 426),
        (head(without="sec-websocket-key"), 400),
        (head("/ocpp/CP1", ("sec-websocket-key", "short"), without="sec-websocket-key"), 400),
        (head("/ocpp/CP1", ("sec-websocket-key", KEY)), 400),
    ],
)
def test_what_is_no_websocket_is_told_so(request_head: Head, status: int) -> None:
    with pytest.raises(Refused) as refused:
        websocket_key(request_head)
    assert refused.value.status == status


def test_upgrade_headers_are_lists_in_any_case() -> None:
    request = Head(
        "GET",
        "/",
        (("upgrade", "h2c, WebSocket"), ("connection", "keep-alive"), ("connection", "UPGRADE"), *UPGRADE[2:]),
    )
    assert websocket_key(request) == KEY

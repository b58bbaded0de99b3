"""What is reckoned without a store: codes of authenticator apps, tokens, passwords, messages."""

from __future__ import annotations

import base64

import attrs
import pytest
import trio

from csms.config import IdentityConfig
from csms.core.errors import Invalid
from csms.core.messages import EMAIL, CannotNotify, Message
from csms.domain.users import passwords, totp
from csms.domain.users.addresses import address_of
from csms.domain.users.keys import Keys, parse_token
from csms.domain.users.model import Standing
from csms.domain.users.standings import FRESH_S, KEYS, Standings
from csms.notifying import MOST_WAITING, WrittenMessages, text_of
from csms.testing.plugins import InLine
from csms.testing.stores import SettableClock

RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (2000000000, "279037"), (20000000000, "353130")],
)
def test_the_codes_of_rfc_6238(seconds: int, code: str) -> None:
    assert totp.code_at(RFC_SECRET, seconds // 30) == code
    assert totp.step_of(RFC_SECRET, code, now=seconds * 1000, after=0) == seconds // 30


def test_a_code_of_a_step_works_once_and_clocks_may_differ_a_little() -> None:
    now = 1_000_000_000
    here = now // totp.STEP_MS
    for skew, taken in ((-2, False), (-1, True), (0, True), (1, True), (2, False)):
        code = totp.code_at(RFC_SECRET, here + skew)
        assert (totp.step_of(RFC_SECRET, code, now=now, after=0) is not None) is taken
    assert totp.step_of(RFC_SECRET, totp.code_at(RFC_SECRET, here), now=now, after=here) is None
    assert totp.step_of(RFC_SECRET, "not digits", now=now, after=0) is None
    assert totp.uri_of("ABC", "a b@x.org") == "otpauth://totp/csms:a%20b%40x.org?secret=ABC&issuer=csms"


def test_tokens_name_their_row() -> None:
    assert parse_token("csms", "csms_12_abc_def") == (12, "abc_def")
    for text in ("csms_x_abc", "csms_12_", "csmsr_12_abc", "", "csms_\u0661_x", f"csms_1_{'x' * 3000}", f"csms_{'9' * 30}_x"):
        assert parse_token("csms", text) is None
    keys, other = Keys("one"), Keys("two")
    token = keys.refresh_token(5, "secret")
    assert keys.read_refresh_token(token) == (5, "secret")
    assert other.read_refresh_token(token) is None
    assert keys.read_refresh_token(token.replace("_5_", "_6_")) is None
    assert len({keys.csrf(1), keys.csrf(2), other.csrf(1), keys.code_hash("1", ""), keys.recovery_hash(1, "")}) == 5


def test_what_people_type() -> None:
    assert address_of(" Asha@example.org ") == ("Asha@example.org", "")
    assert address_of("+91 (20) 5550-1234") == ("", "+912055501234")
    for nothing in ("", "asha", "+0123", "a@b@c", "a\n@b"):
        assert address_of(nothing) == ("", "")
    for weak in ("a@example.org", "Asha", "1234567890", "abababababab"):
        with pytest.raises(Invalid):
            passwords.check(weak, least=4, about=("Asha", "a@example.org"))


async def test_passwords_are_hashed_anew_when_costs_change() -> None:
    old, new = passwords.Passwords(InLine(), memory_kib=64, passes=1), passwords.Passwords(InLine(), memory_kib=128, passes=1)
    hashed = await old.hash("a good password")
    assert hashed.startswith("$argon2id$")
    assert (old.outdated(hashed), new.outdated(hashed)) == (False, True)
    assert await new.verify(hashed, "a good password")
    assert not await new.verify(hashed, "another")
    assert not await new.verify("", "a good password")
    assert not await new.verify("no hash", "a good password")
    assert IdentityConfig().password_memory_kib >= 19_456, "OWASP's least for argon2id"


def standing(user_id: int) -> Standing:
    return Standing(
        id=1,
        user_id=user_id,
        name="x",
        tenant=1,  # type: ignore[arg-type]
        role="driver",
        stations=None,
        driver_id=None,
        permissions=frozenset(),
        expires_at=None,
        last_used_at=None,
    )


async def test_standings_are_forgotten_in_time(autojump_clock: trio.testing.MockClock) -> None:
    standings, looks = Standings(None, trio.CapacityLimiter(1)), 0  # type: ignore[arg-type]

    async def look() -> Standing | None:
        nonlocal looks
        looks += 1
        return standing(7)

    async def nothing() -> Standing | None:
        nonlocal looks
        looks += 1
        return None

    key = ("login", 1, 1, "")
    for _ in range(3):
        assert await standings.get(7, key, look) == standing(7)
    assert looks == 1
    standings.forget(8)
    await standings.get(7, key, look)
    assert looks == 1
    standings.forget(7)
    await standings.get(7, key, look)
    assert looks == 2
    await trio.sleep(FRESH_S)
    await standings.get(7, key, look)
    assert looks == 3, "another process may have changed it"

    async def overtaken() -> Standing | None:
        standings.forget(7)
        return await look()

    await trio.sleep(FRESH_S)
    await standings.get(7, key, overtaken)
    await standings.get(7, key, look)
    assert looks == 5, "what was read before a change is not kept"
    await standings.get(KEYS, key, nothing)
    await standings.get(KEYS, key, nothing)
    assert looks == 7, "keys that are none are not remembered: anybody can make them up"
    standings.forget_all()
    await standings.get(7, key, look)
    assert looks == 8


async def test_messages_hide_their_secrets_and_are_bounded() -> None:
    message = Message(
        kind="code", channel=EMAIL, recipient="a@x.org", template="code_reset", fields={"minutes": "10"}, secrets={"code": "123456"}
    )
    assert "123456" not in repr(message)
    assert "123456" in text_of(message)
    strange = Message(kind="notice", channel=EMAIL, recipient="a@x.org", template="of a plugin", fields={"x": "y"})
    assert text_of(strange) == "x: y"
    assert "123456" in text_of(attrs.evolve(message, language="hi-IN"))
    notifier = WrittenMessages(SettableClock(), InLine(), None)
    for _ in range(MOST_WAITING):
        await notifier.notify(message)
    with pytest.raises(CannotNotify):
        await notifier.notify(message)

from __future__ import annotations

from itertools import count

import pytest

from csms.core.errors import Invalid
from csms.core.ports import Handshake
from csms.domain.stations import keys


class Salts:
    def __init__(self) -> None:
        self._next = count(1)

    def token(self, n_bytes: int) -> str:
        return f"{next(self._next):x}".rjust(n_bytes, "s")

    def message_id(self) -> str:
        return "m"

    def uniform(self, low: float, high: float) -> float:
        return low


def shown(charger_id: str, username: str | None, password: bytes | None) -> bytes | None:
    return keys.shown(Handshake(charger_id=charger_id, subprotocols=(), remote_address="", username=username, password=password))


def test_a_key_opens_what_it_sealed_and_nothing_else_does() -> None:
    sealed = keys.seal(b"a long and random key", Salts())
    assert keys.opens(sealed, b"a long and random key")
    for wrong in (b"", b"a long and random kez", b"A long and random key", b"a long and random key\x00", sealed.encode()):
        assert not keys.opens(sealed, wrong)


def test_the_sealed_key_does_not_show_the_key_and_differs_each_time() -> None:
    salts = Salts()
    one, two = keys.seal(b"the same key for both", salts), keys.seal(b"the same key for both", salts)
    assert one != two
    assert "same" not in one


def test_a_hexadecimal_key_may_be_shown_as_bytes_or_as_text_in_any_case() -> None:
    text = "30819c0d4f61aa6a5e2b00ff10203040506070ab"
    sealed = keys.seal(text.encode(), Salts())
    for form in (text.encode(), text.upper().encode(), bytes.fromhex(text)):
        assert keys.opens(sealed, form)
    assert not keys.opens(sealed, text[:-1].encode())
    assert not keys.opens(sealed, text[:2].encode() + b" " + text[2:].encode())
    assert not keys.opens(sealed, bytes.fromhex(text)[:-1])


def test_a_key_first_seen_as_bytes_is_later_recognised_as_hexadecimal_text() -> None:
    sealed = keys.seal(bytes(range(1, 21)), Salts())
    assert keys.opens(sealed, bytes(range(1, 21)).hex().encode())


def test_a_new_key_fits_both_versions_and_is_new_each_time() -> None:
    salts = Salts()
    one, two = keys.new_key(salts), keys.new_key(salts)
    assert one != two
    assert len(bytes.fromhex(one)) == 20
    assert keys.check(one) == one


@pytest.mark.parametrize("key", ["short", "x" * 41, "ümlaut in a key 16", "tab\tin a long key ...."])
def test_a_key_that_a_person_chose_is_checked(key: str) -> None:
    with pytest.raises(Invalid, match="16 to 40"):
        keys.check(key)


def test_the_user_name_must_be_the_chargers_id() -> None:
    assert shown("CP1", "CP1", b"secret") == b"secret"
    assert shown("CP1", "cp1", b"secret") is None
    assert shown("CP1", "CP1Invalid", b"secret") is None
    assert shown("CP1", "", b"secret") is None
    assert shown("CP1", None, None) is None
    assert shown("CP1", "CP1", b"") is None


def test_an_id_with_colons_survives_http_basic_which_splits_at_the_first() -> None:
    assert shown("site:7:CP", "site", b"7:CP:sec:ret") == b"sec:ret"
    assert shown("site:7:CP", "site", b"7:CQ:sec:ret") is None

"""Failed log-ins are counted per charger id, for a minute, in bounded memory."""

from __future__ import annotations

from csms.net.logins import FailedLogins


def test_the_limit_holds_for_a_minute_and_for_one_id() -> None:
    logins = FailedLogins(3)
    for second in range(3):
        assert not logins.exhausted("CP1", second)
        logins.failed("CP1", second)
    assert logins.exhausted("CP1", 3)
    assert logins.wait_s("CP1", 3) == 57
    assert not logins.exhausted("CP2", 3)
    assert logins.exhausted("CP1", 59)
    assert not logins.exhausted("CP1", 60)
    assert logins.failed("CP1", 60) == 1


def test_guessing_on_does_not_prolong_the_window() -> None:
    logins = FailedLogins(1)
    for second in range(0, 60, 10):
        logins.failed("CP1", second)
    assert not logins.exhausted("CP1", 60)


def test_memory_is_bounded() -> None:
    logins = FailedLogins(1, capacity=100)
    for number in range(1000):
        logins.failed(f"CP{number}", 0)
    assert len(logins) == 100
    assert logins.exhausted("CP999", 1)
    assert not logins.exhausted("CP0", 1)

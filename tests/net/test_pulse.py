"""When silence means death."""

from __future__ import annotations

from csms.net.pulse import Pulse, Step


def test_a_charger_that_pongs_is_never_dead() -> None:
    pulse = Pulse(ping_interval_s=30, idle_s=900, pongs=True, mono=0)
    heard_at = 0.0
    for _ in range(1000):
        at = pulse.next_look_at(heard_at)
        assert pulse.look(heard_at, at) is Step.PING
        heard_at = at + 0.1


def test_two_missed_pongs_within_ninety_seconds_are_death() -> None:
    pulse = Pulse(ping_interval_s=30, idle_s=900, pongs=True, mono=0)
    assert pulse.look(0, 30) is Step.PING
    died_at = 30.1  # right after this pong
    assert pulse.look(died_at, 60) is Step.PING
    assert pulse.look(died_at, 90) is Step.PING
    assert pulse.look(died_at, 119.9) is Step.NOTHING
    assert pulse.look(died_at, 120) is Step.DEAD
    assert 120 - died_at < 90


def test_any_frame_makes_good_for_a_missed_pong() -> None:
    pulse = Pulse(ping_interval_s=30, idle_s=900, pongs=True, mono=0)
    for at in range(30, 900, 30):
        assert pulse.look(at - 10, at) is Step.PING


def test_a_charger_not_known_to_pong_has_until_the_idle_limit() -> None:
    pulse = Pulse(ping_interval_s=30, idle_s=900, pongs=False, mono=0)
    for at in range(30, 900, 30):
        assert pulse.look(0, at) is Step.PING
    assert pulse.look(0, 900) is Step.DEAD


def test_without_pings_the_idle_limit_alone_counts() -> None:
    pulse = Pulse(ping_interval_s=0, idle_s=900, pongs=True, mono=0)
    assert pulse.next_look_at(100) == 1000
    assert pulse.look(100, 999) is Step.NOTHING
    assert pulse.look(100, 1000) is Step.DEAD

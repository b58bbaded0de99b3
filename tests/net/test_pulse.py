"""When silence means death."""

from __future__ import annotations

from csms.net.pulse import Pulse, Step, spread_of


def test_a_charger_that_pongs_is_never_dead() -> None:
    pulse = Pulse(ping_interval_s=30, idle_s=900, pongs=True, mono=0)
    heard_at = 0.0
    for _ in range(1000):
        at = pulse.next_look_at(heard_at)
        while (step := pulse.look(heard_at, at)) is Step.NOTHING:
            at = pulse.next_look_at(heard_at)
        assert step is Step.PING
        heard_at = at + 0.1


def test_two_missed_pongs_within_ninety_seconds_are_death() -> None:
    pulse = Pulse(ping_interval_s=30, idle_s=900, pongs=True, mono=0)
    assert pulse.look(0, 30) is Step.PING
    died_at = 31.0  # right after this pong
    assert pulse.look(died_at, 60) is Step.NOTHING, "it was heard half a minute ago"
    assert pulse.look(died_at, 61) is Step.PING
    assert pulse.look(died_at, 91) is Step.PING
    assert pulse.look(died_at, 120.9) is Step.NOTHING
    assert pulse.look(died_at, 121) is Step.DEAD
    assert 121 - died_at == 90


def test_any_frame_makes_good_for_a_missed_pong() -> None:
    pulse = Pulse(ping_interval_s=30, idle_s=900, pongs=True, mono=0)
    assert pulse.look(0, 30) is Step.PING
    for at in range(70, 900, 70):
        assert pulse.look(at - 40, at) is Step.PING, "this pong is missed"
        assert pulse.look(at + 1, at + 31) is Step.PING, "and this, but a message came in between"


def test_only_the_silent_are_pinged_once_it_is_known_whether_they_answer() -> None:
    pulse = Pulse(ping_interval_s=30, idle_s=900, pongs=False, mono=0)
    assert pulse.look(29, 30) is Step.PING, "the first shows whether it answers"
    for at in range(60, 600, 10):
        assert pulse.look(at - 5, at) is Step.NOTHING
    assert pulse.next_look_at(590) <= 620
    assert pulse.look(590, 620) is Step.PING


def test_who_came_at_the_same_time_is_not_pinged_at_the_same_time() -> None:
    firsts = [
        Pulse(ping_interval_s=30, idle_s=900, pongs=True, mono=0, spread=spread_of(f"CP-{number}")).next_ping_at
        for number in range(3000)
    ]
    assert 6 <= min(firsts) < 6.5
    assert 29.5 < max(firsts) <= 30
    busiest = max(sum(second <= at < second + 1 for at in firsts) for second in range(31))
    assert busiest < 200, "3,000 in 24 seconds"
    assert spread_of("CP-1") == spread_of("CP-1")


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

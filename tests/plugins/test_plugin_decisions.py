"""How questions are asked, how answers combine, and what happens when a plugin fails at answering."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from csms.core.ids import DEFAULT_TENANT
from csms.hooks import DataVerdict, Handshake, Place, Token, TokenVerdict, Turned, hookimpl
from csms.outside import Threads
from csms.testing.plugins import Plugged

ACCEPTED, BLOCKED, INVALID = TokenVerdict("Accepted"), TokenVerdict("Blocked"), TokenVerdict("Invalid")


def answering(answer: Any, hook: str = "authorize_token", asked: list[Any] | None = None) -> SimpleNamespace:
    async def hooked() -> Any:
        if asked is not None:
            asked.append(answer)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    return SimpleNamespace(**{hook: hookimpl(specname=hook)(hooked)})


def named(*answers: Any, hook: str = "authorize_token", asked: list[Any] | None = None) -> dict[str, object]:
    return {f"p{number}": answering(answer, hook, asked) for number, answer in enumerate(answers)}


async def authorize(plugged: Plugged) -> Any:
    return await plugged.bus.ask(
        "authorize_token", token=Token("A1"), charger_id="CP1", place=Place(1, 1), purpose="start", tenant=DEFAULT_TENANT
    )


@pytest.mark.parametrize(
    ("answers", "combined"),
    [
        ((), None),
        ((None,), None),
        ((None, None), None),
        ((ACCEPTED,), ACCEPTED),
        ((None, ACCEPTED), ACCEPTED),
        ((ACCEPTED, BLOCKED), BLOCKED),
        ((BLOCKED, ACCEPTED), BLOCKED),
        ((None, INVALID, BLOCKED), INVALID),
        ((ACCEPTED, TokenVerdict("Accepted", vouches=True)), TokenVerdict("Accepted", vouches=True)),
        ((TokenVerdict("Accepted", vouches=True), BLOCKED), BLOCKED),
        ((TokenVerdict("Accepted", expires_at=1), TokenVerdict("Accepted", expires_at=2)), TokenVerdict("Accepted", expires_at=1)),
    ],
)
async def test_any_refusal_wins_else_who_vouches_else_the_first_acceptance(answers: tuple[Any, ...], combined: Any) -> None:
    asked: list[Any] = []
    assert await authorize(Plugged(named(*answers, asked=asked))) == combined
    assert len(asked) == len(answers), "every plugin is asked"


async def test_tokens_are_judged_by_all_plugins_at_once() -> None:
    barrier = [trio.Event(), trio.Event()]

    def meeting(mine: int) -> SimpleNamespace:
        async def authorize_token() -> TokenVerdict:
            barrier[mine].set()
            await barrier[1 - mine].wait()
            return ACCEPTED

        return SimpleNamespace(authorize_token=hookimpl(authorize_token))

    with trio.fail_after(1):
        assert await authorize(Plugged({"one": meeting(0), "two": meeting(1)})) == ACCEPTED


async def test_other_questions_go_to_the_plugins_in_config_order_until_one_answers() -> None:
    asked: list[Any] = []
    answers = (None, DataVerdict("Accepted", "1"), DataVerdict("Accepted", "2"))
    plugged = Plugged(named(*answers, hook="answer_data_transfer", asked=asked))
    question = {"charger_id": "CP1", "vendor_id": "v", "message_id": "", "data": "", "tenant": DEFAULT_TENANT}
    assert await plugged.bus.ask("answer_data_transfer", **question) == DataVerdict("Accepted", "1")
    assert asked == [None, DataVerdict("Accepted", "1")]


async def test_config_order_and_not_the_alphabet_decides() -> None:
    plugins = {"zebra": answering(Turned(404, "z"), "admit_charger"), "ant": answering(Turned(404, "a"), "admit_charger")}
    handshake = Handshake(charger_id="CP1", subprotocols=("ocpp1.6",), remote_address="127.0.0.1")
    assert await Plugged(plugins).bus.ask("admit_charger", handshake=handshake, known=True) == Turned(404, "z")


async def test_a_failing_plugin_has_no_opinion_and_the_others_are_heard() -> None:
    plugged = Plugged(named(ValueError("broken"), ACCEPTED))
    assert await authorize(plugged) == ACCEPTED
    (health,) = [hook for hook in plugged.bus.health()["p0"].hooks if hook.hook == "authorize_token"]
    assert (health.calls, health.failures, health.last_error) == (1, 1, "ValueError: broken")


async def test_a_failing_plugin_that_must_agree_refuses() -> None:
    verdict = await authorize(Plugged(named(ValueError("broken"), ACCEPTED), must_agree=("p0",)))
    assert verdict is not None
    assert not verdict.accepted
    turned = Plugged(named(ValueError("broken"), hook="admit_charger"), must_agree=("p0",))
    handshake = Handshake(charger_id="CP1", subprotocols=("ocpp1.6",), remote_address="127.0.0.1")
    assert (await turned.bus.ask("admit_charger", handshake=handshake, known=True)).http_status == 503


@pytest.mark.parametrize("error", [SystemExit(1), ExceptionGroup("several", [ValueError("a"), KeyError("b")])])
async def test_whatever_a_plugin_raises_stays_inside(error: BaseException) -> None:
    assert await authorize(Plugged(named(error, ACCEPTED))) == ACCEPTED


@pytest.mark.parametrize("answer", [True, "Accepted", DataVerdict("Accepted")])
async def test_an_answer_of_the_wrong_type_is_a_failure(answer: Any) -> None:
    plugged = Plugged(named(answer))
    assert await authorize(plugged) is None
    assert "it must be TokenVerdict or None" in plugged.bus.health()["p0"].hooks[0].last_error


async def test_a_slow_plugin_is_not_waited_for(autojump_clock: MockClock) -> None:
    async def authorize_token() -> TokenVerdict:
        await trio.sleep_forever()
        raise AssertionError

    seen: list[tuple[str, str, str]] = []
    plugged = Plugged(
        {"slow": SimpleNamespace(authorize_token=hookimpl(authorize_token)), **named(ACCEPTED)},
        decision_timeout_s=2.0,
        observe=lambda plugin, hook, seconds, result: seen.append((plugin, hook, result)),
    )
    started = trio.current_time()
    assert await authorize(plugged) == ACCEPTED
    assert trio.current_time() - started == pytest.approx(2.0)
    assert ("slow", "authorize_token", "slow") in seen
    assert ("p0", "authorize_token", "ok") in seen


async def test_a_plain_function_that_blocks_is_left_behind_in_its_thread(autojump_clock: MockClock) -> None:
    release = threading.Event()

    @hookimpl
    def authorize_token() -> TokenVerdict:
        release.wait(30)
        return BLOCKED

    plugged = Plugged({"stuck": SimpleNamespace(authorize_token=authorize_token), **named(ACCEPTED)}, blocking=Threads())
    try:
        assert await authorize(plugged) == ACCEPTED
        assert plugged.bus.health()["stuck"].hooks[0].failures == 1
    finally:
        release.set()


async def test_a_plain_function_answers_from_a_thread_and_a_coroutine_in_disguise_is_told() -> None:
    here = threading.get_ident()
    threads: list[int] = []

    class Disguised:
        async def really(self) -> TokenVerdict:
            return ACCEPTED

        @hookimpl
        def authorize_token(self) -> Any:
            return self.really()

    @hookimpl
    def authorize_token(token: Token) -> TokenVerdict:
        threads.append(threading.get_ident())
        return BLOCKED if token.value == "A1" else ACCEPTED

    plugged = Plugged(
        {
            "plain": SimpleNamespace(authorize_token=authorize_token),
            "odd": Disguised,
        },
        blocking=Threads(),
        decision_timeout_s=30.0,
    )
    assert await authorize(plugged) == BLOCKED
    assert threads != [here]
    assert "appears to be asynchronous" in plugged.bus.health()["odd"].hooks[0].last_error


async def test_an_open_breaker_answers_at_once_and_recovers(autojump_clock: MockClock) -> None:
    works = False
    calls = 0

    @hookimpl
    async def authorize_token() -> TokenVerdict:
        nonlocal calls
        calls += 1
        if not works:
            await trio.sleep_forever()
        return ACCEPTED

    plugged = Plugged({"away": SimpleNamespace(authorize_token=authorize_token)}, breaker_failures=3, breaker_wait_s=30.0)
    for _ in range(3):
        assert await authorize(plugged) is None
    started = trio.current_time()
    assert await authorize(plugged) is None
    assert trio.current_time() == started, "it rests: nobody waits for it"
    assert calls == 3
    assert plugged.bus.health()["away"].hooks[0].breaker == "open"
    works = True
    await trio.sleep(30)
    assert await authorize(plugged) == ACCEPTED
    assert plugged.bus.health()["away"].hooks[0].breaker == "closed"


async def test_a_breaker_rests_one_hook_and_not_the_plugin() -> None:
    both = SimpleNamespace(
        **vars(answering(ValueError("broken"), "authorize_token")),
        **vars(answering(DataVerdict("Accepted"), "answer_data_transfer")),
    )
    plugged = Plugged({"half": both}, breaker_failures=1)
    await authorize(plugged)
    question = {"charger_id": "CP1", "vendor_id": "v", "message_id": "", "data": "", "tenant": DEFAULT_TENANT}
    assert await plugged.bus.ask("answer_data_transfer", **question) == DataVerdict("Accepted")


async def test_who_is_cancelled_while_asking_is_cancelled_and_blames_nobody() -> None:
    asked = trio.Event()

    @hookimpl
    async def authorize_token() -> TokenVerdict:
        asked.set()
        await trio.sleep_forever()
        raise AssertionError

    plugged = Plugged({"slow": SimpleNamespace(authorize_token=authorize_token)}, breaker_failures=1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(authorize, plugged)
        await asked.wait()
        nursery.cancel_scope.cancel()
    assert plugged.bus.health()["slow"].hooks[0].failures == 0
    assert plugged.bus.health()["slow"].hooks[0].breaker == "closed"


async def test_a_plugin_that_fails_at_being_cancelled_does_not_fail_who_asked() -> None:
    asked = trio.Event()

    @hookimpl
    async def authorize_token() -> None:
        async def bad_cleanup() -> None:
            try:
                await trio.sleep_forever()
            finally:
                raise ValueError("in the middle of cleaning up")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(bad_cleanup)
            nursery.start_soon(trio.sleep_forever)
            asked.set()

    plugged = Plugged({"messy": SimpleNamespace(authorize_token=authorize_token)})
    async with trio.open_nursery() as nursery:
        nursery.start_soon(authorize, plugged)
        await asked.wait()
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert plugged.bus.health()["messy"].hooks[0].failures == 1


async def test_a_cancelled_probe_does_not_keep_the_breaker_shut(autojump_clock: MockClock) -> None:
    mode = "fail"
    probing = trio.Event()

    @hookimpl
    async def authorize_token() -> TokenVerdict:
        if mode == "fail":
            raise ValueError
        if mode == "hang":
            probing.set()
            await trio.sleep_forever()
        return ACCEPTED

    plugged = Plugged({"p": SimpleNamespace(authorize_token=authorize_token)}, breaker_failures=1, breaker_wait_s=10.0)
    await authorize(plugged)
    await trio.sleep(10)
    mode = "hang"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(authorize, plugged)
        await probing.wait()
        nursery.cancel_scope.cancel()
    mode = "work"
    assert await authorize(plugged) == ACCEPTED


async def test_without_plugins_a_question_costs_no_trip_through_the_scheduler() -> None:
    asking = authorize(Plugged({}))
    with pytest.raises(StopIteration) as answered:
        asking.send(None)
    assert answered.value.value is None


async def test_a_question_that_lacks_an_argument_is_our_mistake_and_not_the_plugins() -> None:
    plugged = Plugged(named(ACCEPTED))
    with pytest.raises(TypeError, match="authorize_token is asked with charger_id, place, purpose, tenant, token, not with token"):
        await plugged.bus.ask("authorize_token", token=Token("A1"))
    assert plugged.bus.health()["p0"].hooks[0].failures == 0


async def test_an_unknown_question_is_an_error() -> None:
    with pytest.raises(LookupError):
        await Plugged({}).bus.ask("authorise_token")

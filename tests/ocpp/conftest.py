"""Scripts for conversations: say a frame, look at the effects."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from csms.core.commands import Command, Outcome
from csms.core.reports import (
    DataVerdict,
    Noted,
    Registration,
    Report,
    SigningVerdict,
    TimeTold,
    TokenVerdict,
    TransactionVerdict,
    Verdict,
)
from csms.ocpp.conversation import Call, Conversation, ConversationSettings, Effect, Ended, Heard, Send, Told
from csms.ocpp.registry import dialect_for

NOW = 1_767_225_600_000  # 2026-01-01T00:00:00Z


class Script:
    """A conversation with a clock: ``now`` and ``mono`` stand still until ``wait`` moves them."""

    NOW = NOW

    def __init__(self, protocol: str, registration: str = "accepted", **settings: Any) -> None:
        ids = itertools.count(1)
        self.now, self.mono = NOW, 1000.0
        self.conversation = Conversation(
            dialect_for(protocol),
            charger_id="CP-1",
            connection_id="link-1",
            registration=registration,
            settings=ConversationSettings(**settings),
            new_message_id=lambda: f"ours-{next(ids)}",
        )
        self.effects: list[Effect] = []
        self._ids = itertools.count(1)

    # what the charger does

    def hear(self, text: str | bytes | list[Any]) -> list[Effect]:
        """The charger sends this text, or this array as JSON."""
        if isinstance(text, list):
            text = json.dumps(text)
        self.effects = self.conversation.receive(text, self.now, self.mono)
        return self.effects

    def call(self, action: str, payload: Any = None, id: Any = None) -> list[Effect]:
        """The charger sends a CALL, with a fresh id unless one is given."""
        return self.hear([2, f"c{next(self._ids)}" if id is None else id, action, {} if payload is None else payload])

    def told(self, action: str, payload: Any = None, id: Any = None) -> Report:
        """The charger sends a CALL, and this is what the domain is told."""
        effects = self.call(action, payload, id)
        assert [type(effect) for effect in effects] == [Heard, Told], effects
        return effects[1].report  # type: ignore[union-attr]

    def told_call(self) -> Call:
        """The call of the last effects."""
        return next(effect.call for effect in self.effects if isinstance(effect, Told))

    # what we do

    def answer(self, verdict: Verdict, call: Call | None = None) -> list[Effect]:
        """The domain's verdict on a call, by default the last one."""
        self.effects = self.conversation.answer(call or self.told_call(), verdict, self.now, self.mono)
        return self.effects

    def reply(self, verdict: Verdict, call: Call | None = None) -> Any:
        """As ``answer``, but the payload of the one CALLRESULT that leaves."""
        (frame,) = self.sent(self.answer(verdict, call))
        assert frame[0] == 3, frame
        return frame[2]

    def command(self, ticket: int, command: Command, **limits: float) -> list[Effect]:
        """An operator commands."""
        self.effects = self.conversation.command(ticket, command, self.now, self.mono, **limits)
        return self.effects

    def wait(self, seconds: float) -> list[Effect]:
        """Time passes, and the link ticks."""
        self.now += int(seconds * 1000)
        self.mono += seconds
        self.effects = self.conversation.tick(self.now, self.mono)
        return self.effects

    def admit(self, registration: str) -> list[Effect]:
        return self.conversation.admit(registration, self.now, self.mono)

    def close(self) -> list[Effect]:
        return self.conversation.close(self.now, self.mono)

    def outcome(self, ticket: int, command: Command, answer: Any) -> Outcome:
        """The outcome of a command that the charger answers with this payload."""
        (request,) = self.sent(self.command(ticket, command))
        return self.ended(self.hear([3, request[1], answer]))[ticket]

    # what can be seen of it

    @staticmethod
    def sent(effects: list[Effect]) -> list[Any]:
        """Every frame that leaves, decoded."""
        return [json.loads(effect.text) for effect in effects if isinstance(effect, Send)]

    @staticmethod
    def ended(effects: list[Effect]) -> dict[int, Outcome]:
        """Every command that ended, by ticket."""
        return {effect.ticket: effect.outcome for effect in effects if isinstance(effect, Ended)}

    @staticmethod
    def problem(effects: list[Effect]) -> str:
        """What the frame log says is wrong with the received frame."""
        return next(effect.entry.problem for effect in effects if isinstance(effect, Heard))

    @staticmethod
    def verdict(report: Report) -> Verdict:
        """A verdict that fits a report."""
        verdicts: dict[str, Verdict] = {
            "Booted": Registration("accepted", 300, NOW),
            "HeartbeatSent": TimeTold(NOW),
            "StatusReported": Noted(),
            "MeterSampled": Noted(),
            "TokenPresented": TokenVerdict("Accepted"),
            "DataSent": DataVerdict("Accepted"),
            "FirmwareStatusReported": Noted(),
            "LogStatusReported": Noted(),
            "SecurityEventReported": Noted(),
            "CertificateRequested": SigningVerdict("Accepted"),
        }
        return verdicts.get(type(report).__name__, TransactionVerdict(1, TokenVerdict("Accepted")))


@pytest.fixture(scope="session")
def script() -> type[Script]:
    """``script("ocpp1.6", registration="accepted", **settings)`` begins a conversation."""
    return Script

"""The list of quirks, and what they make of a message."""

from __future__ import annotations

import attrs

from simulators.frames import Payload

from . import bends


@attrs.frozen(slots=True)
class Quirk:
    """A fault: what it is, and how it bends payloads if that is what it does."""

    text: str
    bend: bends.Bend | None = None
    everywhere: bool = True
    """False where its traces cannot be held against what was sent, or a server bears it only when told to: a fleet has it on demand."""


QUIRKS: dict[str, Quirk] = {
    # connections
    "no-subprotocol": Quirk("offers no subprotocol at the handshake", everywhere=False),
    "no-ping": Quirk("never answers a WebSocket ping"),
    "two-sockets": Quirk("opens a second connection beside the first now and then", everywhere=False),
    "pipelining": Quirk("sends calls without waiting for the answers to those before", everywhere=False),
    "reused-message-ids": Quirk("uses the message ids 1 to 10 over and over"),
    "long-ids": Quirk("uses message ids of 48 characters"),
    "unknown-result-ids": Quirk("sends results of calls that nobody made", everywhere=False),
    # booting and beating
    "always-boots": Quirk("boots at every reconnect"),
    "boot-storm": Quirk("boots every few seconds", everywhere=False),
    "talk-before-boot": Quirk("sends StatusNotification before its boot is accepted"),
    "heartbeat-ignored": Quirk("sends no heartbeats"),
    "heartbeat-eager": Quirk("sends a heartbeat every second, whatever interval it was given"),
    # transactions
    "twice": Quirk("sends every transaction message twice"),
    "forgetful": Quirk("forgets queued transaction messages when it restarts"),
    "minus-one": Quirk("stops every transaction with the id -1 (1.6)"),
    "made-up-transaction-ids": Quirk("says 0, -1 or 2^63-1 where the server's transaction id belongs (1.6)", everywhere=False),
    "start-again": Quirk("starts a running transaction once more (1.6)", everywhere=False),
    "stop-twice": Quirk("stops a transaction once more, a second later and for another reason (1.6)", everywhere=False),
    "stop-without-start": Quirk("stops transactions that it never started (1.6)", everywhere=False),
    "meter-before-start-answer": Quirk("sends meter values before its start was answered (1.6)", everywhere=False),
    "meter-rollover": Quirk("has a meter that soon begins anew at zero", everywhere=False),
    # clocks
    "clock-1970": Quirk("believes it is 1970 until a boot is accepted"),
    "time-1970": Quirk("believes it is 1970, whatever the server says", everywhere=False),
    "zoneless-time": Quirk("writes timestamps without a zone", bends.zoneless_time),
    "local-time": Quirk("writes the time of India, without a zone", bends.local_time, everywhere=False),
    # meter values
    "celcius": Quirk("adds a temperature in 'Celcius' to every meter value", bends.celcius),
    "kwh-as-strings": Quirk("sends energy in kWh, as text", bends.kwh_as_strings),
    "kwh-labelled-wh": Quirk("sends energy in kWh, and calls it Wh", bends.kwh_labelled_wh, everywhere=False),
    "phases": Quirk("measures currents from L1-N, and one on N", bends.phases, everywhere=False),
    "empty-values": Quirk("leaves values other than energy empty", bends.empty_values, everywhere=False),
    "nan-values": Quirk("writes NaN for values other than energy", bends.nan_values, everywhere=False),
    "decimal-comma": Quirk("writes values with a decimal comma", bends.decimal_comma, everywhere=False),
    "misspelt-measurand": Quirk("misspells measurands", bends.misspelt_measurand, everywhere=False),
    "no-measurand": Quirk("leaves measurands out", bends.no_measurand, everywhere=False),
    # words
    "wrong-case-enums": Quirk("writes every enumeration in lower case", bends.wrong_case_enums),
    "free-text-error-code": Quirk("writes prose into errorCode", bends.free_text_error_code, everywhere=False),
    "numbers-as-strings": Quirk("writes numbers as text", bends.numbers_as_strings),
    "strings-as-numbers": Quirk("writes text that looks like a number as a number", bends.strings_as_numbers, everywhere=False),
    "connector-as-string": Quirk("writes connectorId as text", bends.connector_as_string),
    "long-idtag": Quirk("sends tokens of 32 characters (1.6)", bends.long_idtag, everywhere=False),
    "extra-properties": Quirk("adds fields of its own to every message", bends.extra_properties),
    "nulls": Quirk("writes null where it has nothing to say", bends.nulls),
}
BENDS = tuple((name, quirk.bend) for name, quirk in QUIRKS.items() if quirk.bend is not None)
"""In the order of the list: what counts comes before what only spells."""


def bend(quirks: set[str], action: str, payload: Payload) -> Payload:
    """What a charger with these quirks sends instead; the honest payload is not changed."""
    if quirks:
        for name, change in BENDS:
            if name in quirks:
                payload = change(action, payload)
    return payload

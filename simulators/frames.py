"""The three shapes of an OCPP-J message (OCPP-J 1.6 §4.2), as text and back."""

from __future__ import annotations

from typing import Any

import attrs
import msgspec

Payload = dict[str, Any]

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


@attrs.frozen(slots=True)
class Call:
    """``[2, id, action, payload]``."""

    message_id: str
    action: str
    payload: Payload


@attrs.frozen(slots=True)
class Result:
    """``[3, id, payload]``."""

    message_id: str
    payload: Payload


@attrs.frozen(slots=True)
class Error:
    """``[4, id, code, description, details]``."""

    message_id: str
    code: str
    description: str


def call_text(message_id: str, action: str, payload: Payload) -> str:
    """The text of a CALL."""
    return _encode([2, message_id, action, payload]).decode()


def result_text(message_id: str, payload: Payload) -> str:
    """The text of a CALLRESULT."""
    return _encode([3, message_id, payload]).decode()


def error_text(message_id: str, code: str, description: str) -> str:
    """The text of a CALLERROR; a description has at most 255 characters."""
    return _encode([4, message_id, code, description[:255], {}]).decode()


def parse(text: str | bytes) -> Call | Result | Error | None:
    """The message in a text, or None when it is none of the three."""
    try:
        match _decode(text):
            case [2, str(message_id), str(action), dict(payload), *_]:
                return Call(message_id, action, payload)
            case [3, str(message_id), dict(payload), *_]:
                return Result(message_id, payload)
            case [4, str(message_id), str(code), *rest]:
                return Error(message_id, code, str(rest[0]) if rest else "")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None


def part(payload: Payload, name: str) -> Payload:
    """An object inside a payload; an empty one where there is none or something else."""
    value = payload.get(name)
    return value if isinstance(value, dict) else {}


def json_text(value: Any) -> str:
    """Any value as JSON text."""
    return _encode(value).decode()

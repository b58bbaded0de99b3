"""Shapes of OCPP-J frames: JSON text to a frame and back, with limits on size and depth; what cannot be read says why."""

from __future__ import annotations

import re
from typing import Any

import attrs
import msgspec

Payload = dict[str, Any]
Id = str | int
"""A message id as it stood in the frame. OCPP asks for a string; a number is answered as a number."""

MAX_CHARS = 1_048_576
MAX_DEPTH = 32
MAX_ID_CHARS = 36

_CALL, _RESULT, _ERROR = 2, 3, 4
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder(decimal_format="number").encode

_PADDING = "\ufeff\x00 \t\r\n"
_SALVAGED_ID = re.compile(r'\s*\[\s*2\s*,\s*"([^"\\\x00-\x1f]{1,255})"')
_SALVAGED_ANSWER = re.compile(r"\s*\[\s*[34]\s*,")


@attrs.frozen(slots=True)
class CallFrame:
    """``[2, id, action, payload]`` (1.6-J §4.2.1; 2.0.1 part 4 §4.2.1). ``problem`` says what was tolerated."""

    id: Id
    action: str
    payload: Payload
    text: str
    problem: str = ""


@attrs.frozen(slots=True)
class ResultFrame:
    """``[3, id, payload]``: the answer to a CALL of ours."""

    id: Id
    payload: Payload
    text: str
    problem: str = ""


@attrs.frozen(slots=True)
class ErrorFrame:
    """``[4, id, code, description, details]``: the refusal of a CALL of ours."""

    id: Id
    code: str
    description: str
    details: dict[str, Any]
    text: str
    problem: str = ""


@attrs.frozen(slots=True)
class BrokenFrame:
    """What is no frame. ``id`` is what could be read of its message id.

    ``fault`` is ``frame`` (not JSON, not an array, not a CALL's shape), ``payload`` (a CALL whose payload is no object), ``type``
    (an unknown message type) or ``answer`` (a spoilt CALLRESULT or CALLERROR, which nobody answers).
    """

    text: str
    problem: str
    fault: str = "frame"
    id: Id | None = None
    action: str = ""


Frame = CallFrame | ResultFrame | ErrorFrame | BrokenFrame


def parse(received: str | bytes, *, max_chars: int = MAX_CHARS, max_depth: int = MAX_DEPTH) -> Frame:
    """Read one received message; never raises for what it says.

    ``max_chars`` bounds its length and ``max_depth`` how deeply arrays and objects may nest.
    """
    if isinstance(received, str):
        text = received
    else:
        try:
            text = str(received, "utf-8")
        except UnicodeDecodeError:
            return _broken(str(received, "utf-8", "replace"), "not UTF-8")
    if len(text) > max_chars:
        return _broken(text[:max_chars], f"longer than {max_chars} characters")
    problem = ""
    try:
        frame = _decode(text)
    except (ValueError, RecursionError) as error:
        trimmed = text.strip(_PADDING)
        if trimmed == text:
            return _broken(text, f"not JSON: {error}")
        try:
            frame = _decode(trimmed)
        except (ValueError, RecursionError):
            return _broken(text, f"not JSON: {error}")
        text, problem = trimmed, "padded with bytes that are not JSON"
    if type(frame) is not list or not frame:
        return BrokenFrame(text, "not a JSON array")
    # Counting brackets bounds the depth from above, so that an ordinary frame is never walked.
    if text.count("[") + text.count("{") > max_depth and _deeper(frame, max_depth):
        return BrokenFrame(
            text, f"nested deeper than {max_depth}", "answer" if frame[0] in (_RESULT, _ERROR) else "frame", _id(frame)
        )
    if (
        len(frame) == 4
        and frame[0] == _CALL
        and type(frame[1]) is str
        and type(frame[2]) is str
        and type(frame[3]) is dict
        and not problem
        and "\\u0000" not in text
    ):
        return CallFrame(frame[1], frame[2], frame[3], text)
    return _read(frame, text, problem)


def _read(frame: list[Any], text: str, problem: str) -> Frame:
    """The same with tolerance: what is missing, superfluous or of another type is noted where that is harmless."""
    kind, id = frame[0], _id(frame)
    if isinstance(kind, bool) or not isinstance(kind, int | float):
        return BrokenFrame(text, "the message type is no number", "frame", id)
    if kind not in (_CALL, _RESULT, _ERROR):
        return BrokenFrame(text, f"unknown message type {kind}", "type", id)
    if id is None:
        return BrokenFrame(text, "the message id is missing or no string", "frame" if kind == _CALL else "answer")
    if "\\u0000" in text:  # neither PostgreSQL nor most logs can keep a NUL, and no field means anything by it
        frame, problem = [kind, id, *_without_nul(frame[2:])], _also(problem, "NUL characters removed")
    if kind == _CALL:
        return _call(frame, text, id, problem)
    if kind == _RESULT:
        payload, problem = _object(frame, 2, problem)
        return ResultFrame(id, payload, text, problem)
    code, description = (str(part) if part is not None else "" for part in [*frame, None, None][2:4])
    details, problem = _object(frame, 4, problem)
    return ErrorFrame(id, code, description, details, text, problem)


def _call(frame: list[Any], text: str, id: Id, problem: str) -> Frame:
    action = frame[2] if len(frame) > 2 else None
    if not isinstance(action, str):
        return BrokenFrame(text, "the action is missing or no string", "frame", id)
    payload = frame[3] if len(frame) > 3 else None
    if not isinstance(payload, dict | None):
        return BrokenFrame(text, "the payload is no object", "payload", id, action)
    if payload is None:  # 1.6-J §4.2.1: null may stand for {}
        payload, problem = {}, _also(problem, "no payload")
    if len(frame) > 4:
        problem = _also(problem, "more than four elements")
    if not isinstance(id, str):
        problem = _also(problem, "the message id is a number")
    return CallFrame(id, action, payload, text, problem)


def _object(frame: list[Any], at: int, problem: str) -> tuple[dict[str, Any], str]:
    found = frame[at] if len(frame) > at else None
    if isinstance(found, dict):
        return found, problem
    return {}, _also(problem, "the payload is no object")


def _id(frame: list[Any]) -> Id | None:
    found = frame[1] if len(frame) > 1 else None
    return found if isinstance(found, str | int) and not isinstance(found, bool) else None


def _broken(text: str, problem: str) -> BrokenFrame:
    """A message that is no JSON, in a text that can be stored; its id is salvaged where a CALL evidently began."""
    text = text.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")
    if _SALVAGED_ANSWER.match(text):
        return BrokenFrame(text, problem, "answer")
    salvaged = _SALVAGED_ID.match(text)
    return BrokenFrame(text, problem, "frame", salvaged[1] if salvaged else None)


def _deeper(value: Any, limit: int) -> bool:
    pending = [(value, 1)]
    while pending:
        found, depth = pending.pop()
        if depth > limit:
            return True
        children = found.values() if isinstance(found, dict) else found
        pending.extend((child, depth + 1) for child in children if isinstance(child, dict | list))
    return False


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, list):
        return [_without_nul(item) for item in value]
    if isinstance(value, dict):
        return {_without_nul(name): _without_nul(item) for name, item in value.items()}
    return value


def _also(problem: str, more: str) -> str:
    return f"{problem}; {more}" if problem else more


def call(id: str, action: str, payload: Payload) -> str:
    """The text of a CALL."""
    return _encode((_CALL, id, action, payload)).decode()


def result(id: Id, payload: Payload) -> str:
    """The text of a CALLRESULT."""
    return _encode((_RESULT, id, payload)).decode()


def error(id: Id, code: str, description: str, details: dict[str, Any]) -> str:
    """The text of a CALLERROR; the description is cut to the 255 characters that 2.0.1 allows."""
    description = description[:255].encode("utf-8", "replace").decode()
    return _encode((_ERROR, id, code, description, details)).decode()


def json_text(value: Any) -> str:
    """A JSON value as text."""
    return _encode(value).decode()


def json_value(text: str) -> Any:
    """The JSON value of a text. Raises ``ValueError`` when it is none, or nests deeper than ``MAX_DEPTH``."""
    try:
        value = _decode(text)
    except RecursionError as error:
        raise ValueError(f"nested deeper than {MAX_DEPTH}") from error
    if isinstance(value, dict | list) and _deeper(value, MAX_DEPTH):
        raise ValueError(f"nested deeper than {MAX_DEPTH}")
    return value


def loggable(id: Id | None) -> str:
    """A message id for the frame log: short enough, and without NUL."""
    text = "" if id is None else str(id)
    return text[:255].replace("\x00", "")

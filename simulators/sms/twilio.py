"""The endpoints that are shaped like Twilio's: a form in, JSON out, and a form with a signature back."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from simulators.web import Answer, Failed, Json, Request

if TYPE_CHECKING:
    from .server import SmsStub

_NUMBER = re.compile(r"\+[1-9]\d{6,14}")


def error(code: int, words: str, status: int = 400) -> Answer:
    """An error's body."""
    return Answer.json(
        {"code": code, "message": words, "more_info": f"https://www.twilio.com/docs/errors/{code}", "status": status}, status
    )


def outage(status: int) -> Answer:
    """What is answered by a fault of this status."""
    code, words = {401: (20003, "Authenticate"), 429: (20429, "Too Many Requests")}.get(status, (20500, "Internal Server Error"))
    return error(code, words, status)


def _authorized(stub: SmsStub, request: Request, sid: str) -> None:
    shown = f"Basic {base64.b64encode(f'{stub.account_sid}:{stub.auth_token}'.encode()).decode()}"
    if sid != stub.account_sid or request.headers.get("authorization", "") != shown:
        raise Failed(error(20003, "Authenticate", 401))


def account(stub: SmsStub, request: Request, sid: str) -> Answer:
    """``GET /2010-04-01/Accounts/SID.json``: whether the keys work."""
    _authorized(stub, request, sid)
    return Answer.json({"sid": sid, "friendly_name": "Stub", "status": "active", "type": "Full"})


def send(stub: SmsStub, request: Request, sid: str) -> Answer:
    """``POST /2010-04-01/Accounts/SID/Messages.json``."""
    _authorized(stub, request, sid)
    form = request.form()
    number, words = form.get("To", ""), form.get("Body", "")
    if not number:
        raise Failed(error(21604, "A 'To' phone number is required."))
    if _NUMBER.fullmatch(number) is None:
        raise Failed(error(21211, f"The 'To' number {number} is not a valid phone number."))
    if not form.get("From") and not form.get("MessagingServiceSid"):
        raise Failed(error(21603, "A 'From' phone number is required."))
    if not words:
        raise Failed(error(21602, "Message body is required."))
    if len(words) > 1600:
        raise Failed(error(21617, "The concatenated message body exceeds the 1600 character limit."))
    message_id = f"SM{stub.new_id(32)}"
    sent = stub.accept(message_id, number, "twilio", words, dict(form), form.get("StatusCallback", ""))
    return Answer.json(_shown(stub, message_id, sent.to, words, form), 201)


def show(stub: SmsStub, request: Request, sid: str, message_id: str) -> Answer:
    """``GET /2010-04-01/Accounts/SID/Messages/ID.json``."""
    _authorized(stub, request, sid)
    sent = stub.outbox.find(message_id)
    return Answer.json({**_shown(stub, message_id, sent.to, sent.words, sent.raw), "status": sent.state})


def _shown(stub: SmsStub, message_id: str, number: str, words: str, form: dict[str, str]) -> Json:
    return {
        "sid": message_id,
        "account_sid": stub.account_sid,
        "messaging_service_sid": form.get("MessagingServiceSid"),
        "to": number,
        "from": form.get("From"),
        "body": words,
        "status": "queued",
        "num_segments": str(len(words) // 153 + 1),
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "uri": f"/2010-04-01/Accounts/{stub.account_sid}/Messages/{message_id}.json",
    }


def callback(stub: SmsStub, url: str, message_id: str, number: str, state: str) -> tuple[bytes, dict[str, str], dict[str, str]]:
    """A status callback: its body, its headers, and those with a signature that does not hold."""
    told = {"AccountSid": stub.account_sid, "MessageSid": message_id, "MessageStatus": state, "SmsStatus": state, "To": number}
    if state in ("failed", "undelivered"):
        told["ErrorCode"] = "30003"
    words = url + "".join(f"{name}{told[name]}" for name in sorted(told))

    def signed(token: str) -> dict[str, str]:
        digest = hmac.new(token.encode(), words.encode(), hashlib.sha1).digest()
        return {"Content-Type": "application/x-www-form-urlencoded", "X-Twilio-Signature": base64.b64encode(digest).decode()}

    return urlencode(told).encode(), signed(stub.auth_token), signed(stub.auth_token + "?")

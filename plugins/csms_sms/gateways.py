"""What each gateway is asked and what it answers; no I/O."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

import attrs
import msgspec

from csms.hooks import NeverSent, NotSent, Outgoing

from .model import LONGEST, MSG91, PLAIN, TWILIO, Asked, Report, Settings

_NUMBER = re.compile(r"\+?[1-9]\d{7,14}")
_JSON = {"Content-Type": "application/json", "Accept": "application/json"}
_NEVER_TWILIO = frozenset({21211, 21214, 21217, 21265, 21408, 21610, 21612, 21614})
"""Numbers that cannot be reached, or whose owner wants nothing of us."""


def number_of(recipient: str) -> str:
    """A recipient as ``+`` and digits (E.164). Raises ``NeverSent``."""
    plain = re.sub(r"[ ()./-]", "", recipient)
    if not _NUMBER.fullmatch(plain):
        raise NeverSent("the recipient is no telephone number with its country's code")
    return f"+{plain.lstrip('+')}"


def text_of(message: Outgoing) -> str:
    """The words, with the links that they lack. Raises ``NeverSent`` for more than fits."""
    text = " ".join([message.text, *(link for _, link in message.actions if link not in message.text)]).strip()
    if len(text) > LONGEST:
        raise NeverSent(f"it has {len(text)} characters; {LONGEST} fit")
    return text


def _msg91(message: Outgoing, settings: Settings) -> Asked:
    template = message.approved or settings.templates.get(message.template)
    if not template:
        raise NeverSent(f"no template of the gateway is set for {message.template} (plugins.settings.sms.templates)")
    variables = {name: value for name, value in message.fields.items() if name != "mobiles"}
    told = {"template_id": template, "short_url": "0", "recipients": [{"mobiles": number_of(message.recipient)[1:], **variables}]}
    return Asked(url=f"{settings.origin}/api/v5/flow", headers={**_JSON, "authkey": settings.key}, body=msgspec.json.encode(told))


def _twilio(message: Outgoing, settings: Settings) -> Asked:
    told = {"To": number_of(message.recipient), "Body": text_of(message)}
    told["MessagingServiceSid" if settings.sender.startswith("MG") else "From"] = settings.sender
    if callback := callback_url(settings):
        told["StatusCallback"] = callback
    login = base64.b64encode(f"{settings.account}:{settings.key}".encode()).decode()
    return Asked(
        url=f"{settings.origin}/2010-04-01/Accounts/{settings.account}/Messages.json",
        headers={"Content-Type": "application/x-www-form-urlencoded", "Authorization": f"Basic {login}"},
        body=urlencode(told).encode(),
    )


def _plain(message: Outgoing, settings: Settings) -> Asked:
    told = {
        "to": number_of(message.recipient),
        "text": text_of(message),
        "sender": settings.sender,
        "reference": message.reference,
        "template": message.template,
    }
    headers = {**_JSON, "Authorization": f"Bearer {settings.key}", "Idempotency-Key": message.reference}
    return Asked(url=settings.origin, headers=headers, body=msgspec.json.encode(told))


def callback_url(settings: Settings) -> str:
    """Where the gateway reaches our route for reports, ``""`` where it cannot."""
    return (
        f"{settings.public_url.rstrip('/')}/plugins/sms/reports/{settings.report_key}"
        if settings.public_url and settings.report_key
        else ""
    )


def _decoded(body: bytes) -> Mapping[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _taken_by_msg91(status: int, body: bytes) -> str:
    said = _decoded(body)
    if status < 300 and said.get("type") == "success":
        return str(said.get("message", ""))
    words = str(said.get("message", ""))[:200]
    raise (NeverSent if "mobile" in words.lower() else NotSent)(f"the gateway refused it: {words or status}")


def _taken_by_twilio(status: int, body: bytes) -> str:
    said = _decoded(body)
    if status < 300 and said.get("sid"):
        return str(said["sid"])
    code = said.get("code")
    raise (NeverSent if code in _NEVER_TWILIO else NotSent)(f"the gateway refused it: {code} {str(said.get('message', ''))[:200]}")


def _taken_plainly(status: int, body: bytes) -> str:
    if status < 300:
        return str(_decoded(body).get("id", ""))
    raise (NeverSent if status in (400, 404, 410, 422) else NotSent)(f"the gateway answered {status}")


def _reported_by_msg91(body: bytes) -> list[Report]:
    told = msgspec.json.decode(body)
    found = []
    for each in told if isinstance(told, list) else [told]:
        for one in each.get("report", ()):
            good = str(one.get("status")) == "1"
            found.append(
                Report(str(each["requestId"]), "delivered" if good else "failed", "" if good else str(one.get("desc", ""))[:200])
            )
    return found


_STATES = {"delivered": "delivered", "read": "read", "undelivered": "failed", "failed": "failed"}


def _reported_by_twilio(body: bytes) -> list[Report]:
    told = dict(parse_qsl(body.decode(), keep_blank_values=True))
    state = _STATES.get(told.get("MessageStatus", ""))
    return [Report(told["MessageSid"], state, told.get("ErrorCode", "") if state == "failed" else "")] if state else []


def _reported_plainly(body: bytes) -> list[Report]:
    told = msgspec.json.decode(body)
    state = _STATES.get(str(told.get("state", "")))
    return [Report(str(told["id"]), state, str(told.get("error", ""))[:200])] if state else []


@attrs.frozen(slots=True, kw_only=True)
class Gateway:
    """One shape of gateways: ``ask`` makes a request of a message, ``taken`` reads the answer to it (the gateway's id; raises ``NotSent`` or
    ``NeverSent``), ``reported`` reads a delivery report (raises ``ValueError``, ``KeyError``, ``TypeError`` or ``AttributeError`` for what is none)."""

    ask: Callable[[Outgoing, Settings], Asked]
    taken: Callable[[int, bytes], str]
    reported: Callable[[bytes], Sequence[Report]]


GATEWAYS: Mapping[str, Gateway] = {
    MSG91: Gateway(ask=_msg91, taken=_taken_by_msg91, reported=_reported_by_msg91),
    TWILIO: Gateway(ask=_twilio, taken=_taken_by_twilio, reported=_reported_by_twilio),
    PLAIN: Gateway(ask=_plain, taken=_taken_plainly, reported=_reported_plainly),
}

"""Messages as the Cloud API takes them, and webhooks as it sends them; no I/O."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from csms.hooks import Attachment, NeverSent, NotSent, Outgoing

from .model import LONGEST_HEARD, LONGEST_LABEL, LONGEST_TEXT, Settings, State, Template, WhatsAppHeard

SIGNATURE = "X-Hub-Signature-256"
_NUMBER = re.compile(r"\+?[1-9]\d{7,14}")
_STATES = {"delivered": "delivered", "read": "read", "failed": "failed"}
_AGAIN = frozenset({1, 2, 4, 80007, 130429, 131000, 131016, 131048, 131056, 133016})
"""Error codes of the moment: limits, outages."""
_LOGIN = frozenset({0, 3, 10, 190, 200})


def number_of(recipient: str) -> str:
    """A recipient as digits. Raises ``NeverSent``."""
    plain = re.sub(r"[ ()./-]", "", recipient)
    if not _NUMBER.fullmatch(plain):
        raise NeverSent("the recipient is no telephone number with its country's code")
    return plain.lstrip("+")


def bodies_of(message: Outgoing, settings: Settings, media: Sequence[tuple[Attachment, str]]) -> list[dict[str, Any]]:
    """What is posted: an approved template where there is one for it, else words (with a button for a link), and then each file, by the id
    that it was uploaded under. Raises ``NeverSent``."""
    to = {"messaging_product": "whatsapp", "recipient_type": "individual", "to": number_of(message.recipient)}
    template = settings.templates.get(message.template)
    if message.approved:
        template = Template(name=message.approved, parameters=tuple(message.fields))
    if template is not None:
        parameters = [{"type": "text", "text": message.fields.get(name) or "-"} for name in template.parameters]
        components = [{"type": "body", "parameters": parameters}] if parameters else []
        said = {"name": template.name, "language": {"code": message.language.replace("-", "_")}, "components": components}
        first = {**to, "type": "template", "template": said}
    else:
        first = {**to, **_words(message)}
    return [first, *({**to, **_file(each, media_id)} for each, media_id in media)]


def _words(message: Outgoing) -> dict[str, Any]:
    text = message.text
    if message.actions and len(text) <= 1024:
        label, link = message.actions[0]
        more = "".join(f"\n{label}: {link}" for label, link in message.actions[1:])
        action = {"name": "cta_url", "parameters": {"display_text": label[:LONGEST_LABEL], "url": link}}
        return {"type": "interactive", "interactive": {"type": "cta_url", "body": {"text": (text + more)[:1024]}, "action": action}}
    text += "".join(f"\n{label}: {link}" for label, link in message.actions)
    if not 0 < len(text) <= LONGEST_TEXT:
        raise NeverSent(f"it has {len(text)} characters; 1 to {LONGEST_TEXT} fit")
    return {"type": "text", "text": {"body": text}}


def _file(attachment: Attachment, media_id: str) -> dict[str, Any]:
    if attachment.content_type in ("image/png", "image/jpeg"):
        return {"type": "image", "image": {"id": media_id}}
    return {"type": "document", "document": {"id": media_id, "filename": attachment.name}}


def form_of(attachment: Attachment, boundary: str) -> bytes:
    """A file as the form that it is uploaded in (RFC 7578)."""
    name = re.sub(r'[\r\n"]', "_", attachment.name)
    parts = [
        ('name="messaging_product"', "", b"whatsapp"),
        ('name="type"', "", attachment.content_type.encode()),
        (f'name="file"; filename="{name}"', attachment.content_type, attachment.content),
    ]
    made = b""
    for disposition, kind, content in parts:
        made += f"--{boundary}\r\nContent-Disposition: form-data; {disposition}\r\n".encode()
        made += (f"Content-Type: {kind}\r\n\r\n" if kind else "\r\n").encode() + content + b"\r\n"
    return made + f"--{boundary}--\r\n".encode()


def decoded(body: bytes) -> Mapping[str, Any]:
    """An answer as an object; an empty one for anything else."""
    try:
        found = msgspec.json.decode(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def problem_of(status: int, body: bytes, settings: Settings) -> NotSent | NeverSent:
    """What an error answer means."""
    error = decoded(body).get("error", {})
    code = error.get("code") if isinstance(error, dict) else None
    words = str(error.get("message", "") if isinstance(error, dict) else "")[:200].replace(settings.token, "...")
    told = f"WhatsApp answered {status}" + (f", {code}: {words}" if code is not None else "")
    if status >= 500 or status == 429 or status in (401, 403) or code in _AGAIN or code in _LOGIN:
        return NotSent(told)
    return NeverSent(told)


def genuine(settings: Settings, body: bytes, signature: str) -> bool:
    """Whether WhatsApp signed this body with our app's secret."""
    wanted = hmac.new(settings.app_secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(f"sha256={wanted}".encode(), signature.encode("utf-8", "replace"))


def told(body: bytes, settings: Settings) -> tuple[list[State], list[WhatsAppHeard]]:
    """What a webhook says of messages of ours, and what people wrote to our number. Raises ``ValueError``, ``KeyError``, ``TypeError`` or
    ``AttributeError`` for what is none."""
    states: list[State] = []
    heard: list[WhatsAppHeard] = []
    for entry in msgspec.json.decode(body)["entry"]:
        for change in entry["changes"]:
            value = change["value"]
            if change.get("field") != "messages" or value["metadata"]["phone_number_id"] != settings.phone_number_id:
                continue
            states += [state for each in value.get("statuses", ()) if (state := _state(each)) is not None]
            heard += [_heard(each) for each in value.get("messages", ())]
    return states, heard


def _state(each: Mapping[str, Any]) -> State | None:
    state = _STATES.get(each["status"])
    if state is None:
        return None
    errors = each.get("errors") or [{}]
    return State(
        each["id"], state, f"{errors[0].get('code', '')} {errors[0].get('title', '')}".strip() if state == "failed" else ""
    )


def _heard(each: Mapping[str, Any]) -> WhatsAppHeard:
    kind = each["type"]
    text = ""
    if kind == "text":
        text = each["text"]["body"]
    elif kind == "button":
        text = each["button"]["text"]
    elif kind == "interactive":
        text = (each["interactive"].get("button_reply") or {}).get("title", "")
    return WhatsAppHeard(message_id=each["id"][:200], phone=f"+{each['from']}"[:20], text=str(text)[:LONGEST_HEARD])

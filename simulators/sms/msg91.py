"""The endpoints that are shaped like MSG91's: templates that are kept there, with variables for each recipient."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from simulators.web import Answer, Failed, Json, Request

if TYPE_CHECKING:
    from .server import SmsStub

DELIVERED, FAILED = ("1", "DELIVERED"), ("2", "FAILED")


def error(words: str, status: int = 400) -> Answer:
    """An error's body."""
    return Answer.json({"message": words, "type": "error", "hasError": True, "errors": [words]}, status)


def outage(status: int) -> Answer:
    """What is answered by a fault of this status."""
    return error({401: "Invalid authkey", 429: "Too many requests"}.get(status, "Something went wrong"), status)


def _authorized(stub: SmsStub, request: Request) -> None:
    if request.headers.get("authkey", request.query.get("authkey", "")) != stub.auth_key:
        raise Failed(error("Invalid authkey", 401))


def flow(stub: SmsStub, request: Request) -> Answer:
    """``POST /api/v5/flow``: one template to recipients, each with variables of its own."""
    _authorized(stub, request)
    body = request.json()
    template_id = str(body.get("template_id") or body.get("flow_id") or "")
    recipients = body.get("recipients")
    if not template_id:
        raise Failed(error("template_id is missing"))
    if stub.templates and template_id not in stub.templates:
        raise Failed(error("template id invalid"))
    if not isinstance(recipients, list) or not recipients:
        raise Failed(error("recipients are missing"))
    request_id = stub.new_id(24)
    for each in recipients:
        number = str(each.get("mobiles", "")) if isinstance(each, dict) else ""
        if not number.isdigit() or not 10 <= len(number) <= 15:
            raise Failed(error("mobiles must have a country code and digits only"))
        variables = {str(name): str(value) for name, value in each.items() if name != "mobiles"}
        stub.accept(request_id, number, "msg91", _words(stub, template_id, variables), {"template_id": template_id, **each}, "")
    return Answer.json({"message": request_id, "type": "success"})


def otp(stub: SmsStub, request: Request) -> Answer:
    """``POST /api/v5/otp``: a one-time code, in a template of its own."""
    _authorized(stub, request)
    said: Json = {**request.query, **request.json()}
    number, template_id = str(said.get("mobile", "")), str(said.get("template_id", ""))
    if not number.isdigit() or not template_id:
        raise Failed(error("mobile and template_id are required"))
    request_id = stub.new_id(24)
    variables = {name: str(value) for name, value in said.items() if name not in ("mobile", "template_id", "authkey")}
    kept = {name: value for name, value in said.items() if name != "authkey"}
    stub.accept(request_id, number, "msg91", _words(stub, template_id, variables), kept, "")
    return Answer.json({"request_id": request_id, "type": "success"})


def _words(stub: SmsStub, template_id: str, variables: dict[str, str]) -> str:
    words = stub.templates.get(template_id, "")
    if not words:
        return f"{template_id}: " + ", ".join(f"{name}={value}" for name, value in variables.items())
    for name, value in variables.items():
        words = words.replace(f"##{name}##", value)
    return words


def report(message_id: str, number: str, at: str, *, delivered: bool) -> bytes:
    """A delivery report, as it is posted."""
    status, words = DELIVERED if delivered else FAILED
    told = {"requestId": message_id, "userId": "1", "senderId": "STUBIN"}
    return json.dumps([{**told, "report": [{"date": at, "number": number, "status": status, "desc": words}]}]).encode()

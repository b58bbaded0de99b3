"""Errors as Meta's Graph API answers them, and as delivery states tell them."""

from __future__ import annotations

from simulators.web import Answer, Failed, Json

NOT_ALLOWED, PARAMETER, BAD_TOKEN, RATE, UNKNOWN_ERROR = 10, 100, 190, 130429, 131000
UNDELIVERABLE, RE_ENGAGE = 131026, 131047
TEMPLATE_PARAMETERS, TEMPLATE_MISSING, UNSUPPORTED = 132000, 132001, 131051

TITLES = {
    NOT_ALLOWED: "Application does not have permission for this action",
    PARAMETER: "Invalid parameter",
    BAD_TOKEN: "Invalid OAuth access token",
    RATE: "Rate limit hit",
    UNKNOWN_ERROR: "Something went wrong",
    UNDELIVERABLE: "Message undeliverable",
    RE_ENGAGE: "Re-engagement message",
    TEMPLATE_PARAMETERS: "Number of parameters does not match the expected number of params",
    TEMPLATE_MISSING: "Template name does not exist in the translation",
    UNSUPPORTED: "Unsupported message type",
}
STATUSES = {BAD_TOKEN: 401, RATE: 429, UNKNOWN_ERROR: 500, TEMPLATE_MISSING: 404, NOT_ALLOWED: 403}


def error(code: int, details: str, *, status: int | None = None) -> Answer:
    """An error's body."""
    body: Json = {
        "message": f"(#{code}) {TITLES[code]}",
        "type": "OAuthException",
        "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": details},
        "fbtrace_id": "AStubTraceId",
    }
    return Answer.json({"error": body}, status or STATUSES.get(code, 400))


def refused(code: int, details: str) -> Failed:
    """To be raised."""
    return Failed(error(code, details))


def outage(status: int) -> Answer:
    """What is answered by a fault of this status."""
    code = {401: BAD_TOKEN, 403: NOT_ALLOWED, 429: RATE}.get(status, PARAMETER if status < 500 else UNKNOWN_ERROR)
    return error(code, "A fault that was asked for.", status=status)


def in_state(code: int, details: str) -> Json:
    """An error in a delivery state."""
    return {"code": code, "title": TITLES[code], "message": TITLES[code], "error_data": {"details": details}}

"""Errors in the shape in which Razorpay answers them, and the checks of bodies that raise them."""

from __future__ import annotations

from typing import Any

from simulators.web import Answer, Failed, Json

MINIMA = {"INR": 100, "USD": 1, "EUR": 1, "GBP": 1, "SGD": 50, "AED": 10}
"""The least that may be asked for, in minor units, of the currencies that this account takes."""

MAX_AMOUNT = 50_000_000_00
MAX_NOTES = 15
MAX_NOTE = 256
SOON_S = 15 * 60
"""What expires by itself must do so at least so long from now."""


def error(
    description: str, *, code: str = "BAD_REQUEST_ERROR", field: str | None = None, status: int = 400, reason: str = ""
) -> Answer:
    """An error's body."""
    body: Json = {
        "code": code,
        "description": description,
        "source": "business" if status < 500 else "internal",
        "step": "payment_initiation",
        "reason": reason or ("input_validation_failed" if status < 500 else "server_error"),
        "metadata": {},
    }
    if field is not None:
        body["field"] = field
    return Answer.json({"error": body}, status)


def refused(description: str, *, field: str | None = None, status: int = 400, reason: str = "") -> Failed:
    """To be raised: the request was understood and is wrong."""
    return Failed(error(description, field=field, status=status, reason=reason))


def unknown() -> Failed:
    """To be raised: there is no such entity in this account."""
    return refused("The id provided does not exist")


def outage(status: int) -> Answer:
    """What is answered when Razorpay itself is at fault."""
    code = "GATEWAY_ERROR" if status in {502, 504} else "SERVER_ERROR"
    if status < 500:
        return error("Request failed" if status != 429 else "Too many requests", status=status)
    return error("We are facing some trouble completing your request at the moment.", code=code, status=status)


def amount_of(body: Json, currency: str, *, name: str = "amount") -> int:
    """A whole number of minor units, not too small and not too large."""
    amount = body.get(name)
    if amount is None:
        raise refused(f"The {name} field is required.", field=name)
    if isinstance(amount, str) and amount.isdigit():
        amount = int(amount)
    if isinstance(amount, bool) or not isinstance(amount, int):
        raise refused(f"The {name} must be an integer.", field=name)
    least = MINIMA[currency]
    if amount < least:
        raise refused(f"The {name} must be at least {currency} {least / 100:.2f}.", field=name)
    if amount > MAX_AMOUNT:
        raise refused(f"The {name} is above the maximum that is allowed.", field=name)
    return amount


def currency_of(body: Json, *, default: str | None = None) -> str:
    """A currency that the account takes."""
    currency = body.get("currency", default)
    if currency is None:
        raise refused("The currency field is required.", field="currency")
    if currency not in MINIMA:
        raise refused("The currency is not supported.", field="currency")
    return str(currency)


def notes_of(body: Json) -> Any:
    """Notes: an object of few short texts; none is an empty list, as Razorpay says it."""
    notes = body.get("notes") or {}
    if not isinstance(notes, dict):
        raise refused("The notes must be an object.", field="notes")
    if len(notes) > MAX_NOTES:
        raise refused(f"Number of fields in notes should be less than or equal to {MAX_NOTES}", field="notes")
    if any(isinstance(value, (dict, list)) or len(str(value)) > MAX_NOTE for value in notes.values()):
        raise refused(f"Each note must be a text of at most {MAX_NOTE} characters.", field="notes")
    return {str(name): str(value) for name, value in notes.items()} or []


def text_of(body: Json, name: str, *, most: int, required: bool = False) -> str | None:
    """A text of limited length."""
    text = body.get(name)
    if text is None or text == "":
        if required:
            raise refused(f"The {name} field is required.", field=name)
        return None
    if not isinstance(text, str):
        raise refused(f"The {name} must be a string.", field=name)
    if len(text) > most:
        raise refused(f"The {name} may not be greater than {most} characters.", field=name)
    return text


def moment_of(body: Json, name: str, now: int, *, least_s: int = SOON_S) -> int | None:
    """An instant in the future, in seconds since 1970."""
    moment = body.get(name)
    if moment in (None, 0):
        return None
    if isinstance(moment, bool) or not isinstance(moment, int):
        raise refused(f"The {name} must be a timestamp.", field=name)
    if moment < now + least_s:
        raise refused(f"{name} should be at least {least_s // 60} minutes after current time", field=name)
    return moment


def choice_of(body: Json, name: str, allowed: tuple[str, ...], *, default: str | None = None) -> str:
    """One of some words."""
    word = body.get(name, default)
    if word not in allowed:
        raise refused(f"The selected {name} is invalid.", field=name)
    return str(word)


def true(value: Any) -> bool:
    """Whether a flag is set, in any of the ways in which Razorpay takes one."""
    return value in (True, 1, "1", "true")

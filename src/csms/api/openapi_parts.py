"""What every operation shares on the OpenAPI page: the introduction, errors, headers, parameters, ways to log in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .auth import ACCESS_COOKIE, CSRF_COOKIE, CSRF_HEADER, TENANT_HEADER
from .routes import LONGEST_KEY, STRANGERS_KEY

PROBLEM_TYPE = "application/problem+json"

ABOUT = f"""\
**First steps.** `POST /auth/login` with the name and the password that `csms init` printed, and take the `access_token` (here: *Authorize*).
`POST /stations`, then `POST /chargers` with its `station_id`: the answer has the charger's `key`, shown this once, and the `url` that it
connects to. `GET /live` shows it come. `POST /tokens`, then `POST /chargers/ID/commands/StartCharging`; the `transaction_id` of the answer
is that of `GET /transactions/ID`, its `/series` and its `/stop`. `GET /frames?charger_id=ID` has what was said word for word, and
`GET /chargers/ID/connectors/1/qr.svg` the code that leads drivers to a connector. `POST /tokens/ID/block` blocks a token, `POST /api-keys`
makes a key for a script, `POST /webhooks` has events posted to a URL of yours. For a second tenant: `POST /tenants`, then, with its slug in
`{TENANT_HEADER}`, `POST /users/invitations`; the invitation comes by e-mail or, while no plugin sends any, stands in `csms-messages.txt` on
the server, and is good for `POST /auth/invitations/accept`.

**Log in** with `Authorization: Bearer TOKEN`, where the token is an access token or an API key; an API key may come as `X-API-Key`, too.
Browsers may keep the access token in the cookie `{ACCESS_COOKIE}`; what changes something then needs the value of the cookie
`{CSRF_COOKIE}` in the header `{CSRF_HEADER}`. A system administrator chooses the tenant with the header `{TENANT_HEADER}`.

**Bodies** are JSON (`Content-Type: application/json`). Unknown members are refused. With PATCH, what is not given (or null) stays as it is.

**Instants** are called `at` or end in `_at`, and are ISO 8601 in UTC, such as `2026-01-31T12:00:00.000Z`; what is sent needs its zone. **Energy** ends in
`_wh`, a whole number of Wh; answers show it in kWh as well, as a decimal in a text. **Money** is `amount_minor`, a whole number of the
smallest unit, beside its `currency`. Decimals are texts, to lose nothing.

**Lists** are read by pages (`page`, `limit`; the answer has the `total`), large ones from a cursor on (`after` is the `next` of the answer
before). `sort=-name` turns an order round, `search` looks for free text. A parameter that takes several values takes them with commas.

**Errors** are problem details (RFC 9457) with the id of the request, which is also in the header `X-Request-Id` and in the server's log.
What is another tenant's does not exist: 404.

**Changes.** A GET of one thing answers its `ETag`; a change with `If-Match` is refused with 412 when somebody else was faster. A POST with
an `Idempotency-Key` is done once, however often it is sent: repeats get the first answer, marked `Idempotent-Replayed`. Give one wherever
money is spent or a charger moves.

**Limits** are told by `RateLimit-Policy` and `RateLimit`; beyond them is 429 with `Retry-After`. What will go is told by `Deprecation` and
`Sunset`.
"""

ERRORS: Mapping[int, tuple[str, str]] = {
    400: ("BadRequest", "The body is no JSON."),
    401: ("Unauthorized", "Nobody is logged in, or the login is not valid (any more)."),
    403: ("Forbidden", "The caller does not have the permission."),
    404: ("NotFound", "There is no such thing for this tenant."),
    405: (
        "MethodNotAllowed",
        "The path is another operation's, without this method: what has no number in its place is part of a charger's id.",
    ),
    409: ("Conflict", "Not in the present state, or it exists already; nothing was changed."),
    412: ("PreconditionFailed", "It changed since it was read: If-Match names another state."),
    413: ("TooLarge", "The body is larger than the server takes."),
    415: ("UnsupportedMediaType", "The body is of another type than this takes."),
    416: ("RangeNotSatisfiable", "There is no such part of the file."),
    422: ("Invalid", "Something in the path, the query or the body is wrong; `errors` says what, each with its path."),
    429: ("TooManyRequests", "Too many requests; come again after `Retry-After`."),
    503: ("Unavailable", "The store is away, or the server has too much to do; nothing was changed."),
    504: ("Timeout", "Not done in time; it may have been done in part."),
}
"""The errors that operations share, by status: the name of the component and what it means."""

RETRIED = frozenset({429, 503})
"""Errors that say when to come again."""

PROBLEM_SCHEMAS: dict[str, Any] = {
    "Problem": {
        "type": "object",
        "description": "What went wrong, as RFC 9457 has it.",
        "properties": {
            "type": {"type": "string", "format": "uri-reference", "description": "always about:blank: the title says it"},
            "title": {"type": "string"},
            "status": {"type": "integer", "description": "the HTTP status"},
            "detail": {"type": "string", "description": "what a person should know"},
            "request_id": {"type": "string", "description": "the id under which the server's log tells of it"},
            "errors": {"type": "array", "items": {"$ref": "#/components/schemas/ProblemField"}},
        },
        "required": ["type", "title", "status", "request_id"],
        "example": {
            "type": "about:blank",
            "title": "Invalid Input",
            "status": 422,
            "detail": "not a valid NewThing",
            "request_id": "b57tKrw-kTnw",
            "errors": [{"field": "place.evse", "message": "expected int, got 'two'"}],
        },
    },
    "ProblemField": {
        "type": "object",
        "description": "A wrong field of a body or a query.",
        "properties": {
            "field": {"type": "string", "description": "its path, such as place.evse"},
            "message": {"type": "string", "description": "what is wrong, and what is allowed"},
        },
        "required": ["field", "message"],
    },
}

_TEXT, _NUMBER = {"type": "string"}, {"type": "integer", "minimum": 0}

HEADERS: dict[str, Any] = {
    "RequestId": {"description": "The id of the request; given by the caller in the same header, or made.", "schema": _TEXT},
    "ETag": {"description": "The state of what is answered, for If-Match and If-None-Match.", "schema": _TEXT},
    "Location": {"description": "Where what was made can be read.", "schema": {"type": "string", "format": "uri-reference"}},
    "IdempotentReplayed": {
        "description": "`true` where this is the answer to an earlier request with the same key.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "RateLimitPolicy": {
        "description": 'The limits that count this request: `"caller";q=200;w=10` is 200 requests in 10 seconds.',
        "schema": _TEXT,
    },
    "RateLimit": {
        "description": 'What is left of each: `"caller";r=150;t=3`, and seconds until it is whole again.',
        "schema": _TEXT,
    },
    "RetryAfter": {"description": "Seconds until it makes sense to come again.", "schema": _NUMBER},
    "Deprecation": {"description": "Since when callers should use something else (RFC 9745).", "schema": _TEXT},
    "Sunset": {"description": "From when on it is no more (RFC 8594).", "schema": _TEXT},
}

PARAMETERS: dict[str, Any] = {
    "Tenant": {
        "name": TENANT_HEADER,
        "in": "header",
        "description": "The tenant (its slug) on whose data a system administrator acts; not given, the usual one.",
        "schema": _TEXT,
    },
    "IfMatch": {"name": "If-Match", "in": "header", "description": "Change it only in this state (an ETag).", "schema": _TEXT},
    "IfNoneMatch": {"name": "If-None-Match", "in": "header", "description": "Answer 304 in this state (an ETag).", "schema": _TEXT},
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "A text of the caller's, new for each thing to do: repeats with it get the first answer.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 200},
    },
    "IdempotencyKeyWanted": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Give one: this costs money or moves a charger. A text of the caller's, new for each thing to do; repeats with it"
        " get the first answer.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 200},
    },
    "IdempotencyKeyOfStrangers": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Give one: this costs money or moves a charger. A text that nobody else thinks of, such as a UUID, new for each thing"
        " to do; repeats with it get the first answer.",
        "schema": {"type": "string", "minLength": STRANGERS_KEY, "maxLength": LONGEST_KEY},
    },
}

SECURITY: dict[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An access token, an API key or the operator key."},
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An API key."},
    "cookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": ACCESS_COOKIE,
        "description": f"For browsers; changes need the value of {CSRF_COOKIE} in {CSRF_HEADER}.",
    },
}


def reference(kind: str, name: str) -> dict[str, str]:
    """A reference to a shared component."""
    return {"$ref": f"#/components/{kind}/{name}"}


def problem_answer(status: int, about: str) -> dict[str, Any]:
    """An answer that is a problem."""
    headers = {"X-Request-Id": reference("headers", "RequestId")}
    if status in RETRIED:
        headers["Retry-After"] = reference("headers", "RetryAfter")
    return {"description": about, "headers": headers, "content": {PROBLEM_TYPE: {"schema": reference("schemas", "Problem")}}}

"""Errors as RFC 9457 problem details: one shape for everything that goes wrong over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import structlog
from quart import Quart, Response, g, has_request_context, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from csms.core.errors import Conflict, CsmsError, Invalid, NotFound, Refused, StoreUnavailable, Undecided

PROBLEM_JSON = "application/problem+json"
CHALLENGE = 'Bearer realm="csms"'
RETRY_S = 5
"""When to come again where the store is away or there is too much to do."""

log = structlog.get_logger("csms.api")

STATUS_OF: dict[type[CsmsError], tuple[int, str]] = {
    NotFound: (404, "Not Found"),
    Conflict: (409, "Conflict"),
    Refused: (409, "Refused"),
    Invalid: (422, "Invalid Input"),
    StoreUnavailable: (503, "Store Unavailable"),
    Undecided: (503, "Undecided"),
}


_DETAILS = {
    404: "there is nothing under this address; /api/docs tells what there is",
    408: "the body did not come in time",
}
"""What we say instead of werkzeug's words, which are for people with a browser."""


UNTOUCHED = frozenset({400, 401, 403, 404, 409, 412, 413, 415, 422, 429})
"""What is only answered where nothing was done."""


class Problem(Exception):
    """Raised by a route to answer with a problem: HTTP status, title, what a person should know, and headers such as Retry-After.

    ``nothing_done`` says so of a status that does not.
    """

    def __init__(
        self,
        status: int,
        title: str,
        detail: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        nothing_done: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(detail or title)
        self.status, self.title, self.detail, self.more = status, title, detail, more
        self.headers = dict(headers or {})
        self.nothing_done = nothing_done or status in UNTOUCHED


def says_nothing_was_done(error: Exception) -> bool:
    """Whether an error says that nothing was done: not where the store or a gateway was away on the way, and it may have been.

    Questions are asked before anything is done, so that one without an answer is no more than that.
    """
    if isinstance(error, Problem):
        return error.nothing_done
    if isinstance(error, Undecided):
        return True
    return next((status in UNTOUCHED for kind, (status, _) in STATUS_OF.items() if isinstance(error, kind)), False)


def encoded(status: int, title: str, detail: str = "", more: Mapping[str, Any] | None = None, *, request_id: str = "") -> bytes:
    """The text of a problem."""
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status}
    if detail:
        body["detail"] = detail
    if request_id:
        body["request_id"] = request_id
    body.update(more or {})
    return msgspec.json.encode(body)


Told = tuple[int, str, str, Mapping[str, Any], Mapping[str, str]]
"""Status, title, detail, further members and headers of a problem."""


def told(error: Exception) -> Told:
    """What is said of an error; an unforeseen one is logged whole and told without its insides."""
    if isinstance(error, Problem):
        return error.status, error.title, error.detail, error.more, with_usual(error.status, error.headers)
    for kind, (status, title) in STATUS_OF.items():
        if isinstance(error, kind):
            field = getattr(error, "field", "")
            more = {"errors": [{"field": field, "message": str(error)}]} if field else {}
            return status, title, str(error), more, with_usual(status, {})
    log.error("request failed", exc_info=error)
    detail = "" if isinstance(error, CsmsError) else "The error was logged under this request's id."
    return 500, "Internal Server Error", detail, {}, {}


def alone(error: Exception) -> Exception:
    """Of errors that came together the first that says what a caller should know; the error itself where none does."""
    if isinstance(error, ExceptionGroup):
        for each in error.exceptions:
            if isinstance(found := alone(each), (Problem, CsmsError)):
                return found
    return error


def with_usual(status: int, headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a problem, with those that its status asks for."""
    made = dict(headers)
    if status == 503:
        made.setdefault("Retry-After", str(RETRY_S))
    if status == 401:
        made.setdefault("WWW-Authenticate", CHALLENGE)
    return made


def problem(
    status: int, title: str, detail: str = "", more: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """A response of type ``application/problem+json``, with the id of the request under way."""
    request_id = str(getattr(g, "request_id", "")) if has_request_context() else ""
    text = encoded(status, title, detail, more, request_id=request_id)
    return Response(text, status=status, headers=with_usual(status, headers or {}), content_type=PROBLEM_JSON)


def install(app: Quart) -> None:
    """Turn every error of what Quart serves into a problem."""

    @app.errorhandler(HTTPException)
    async def on_http_exception(error: HTTPException) -> Response:
        status = error.code or 500
        allow = ", ".join(sorted(error.valid_methods or ())) if isinstance(error, MethodNotAllowed) else ""
        detail = f"here are only {allow}" if allow else _DETAILS.get(status, error.description or "")
        if status == 413 and has_request_context() and request.max_content_length:
            detail = f"the body is larger than the {request.max_content_length} bytes that this takes"
        return problem(status, error.name, detail, headers={"Allow": allow} if allow else None)

    @app.errorhandler(Exception)
    async def on_exception(error: Exception) -> Response:
        return problem(*told(error))

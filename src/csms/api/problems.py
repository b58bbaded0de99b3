"""Errors as RFC 9457 problem details: one shape for everything that goes wrong over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import structlog
from quart import Quart, Response
from werkzeug.exceptions import HTTPException

from csms.core.errors import Conflict, CsmsError, Invalid, NotFound, Refused, StoreUnavailable

log = structlog.get_logger("csms.api")

STATUS_OF: dict[type[CsmsError], tuple[int, str]] = {
    NotFound: (404, "Not Found"),
    Conflict: (409, "Conflict"),
    Refused: (409, "Refused"),
    Invalid: (422, "Invalid Input"),
    StoreUnavailable: (503, "Store Unavailable"),
}


class Problem(Exception):
    """Raised by a route to answer with a problem: HTTP status, title, and what a person should know."""

    def __init__(self, status: int, title: str, detail: str = "", **more: Any) -> None:
        super().__init__(detail or title)
        self.status, self.title, self.detail, self.more = status, title, detail, more


def problem(status: int, title: str, detail: str = "", more: Mapping[str, Any] | None = None) -> Response:
    """A response of type ``application/problem+json``."""
    body: dict[str, Any] = {"type": "about:blank", "title": title, "status": status}
    if detail:
        body["detail"] = detail
    body.update(more or {})
    return Response(msgspec.json.encode(body), status=status, content_type="application/problem+json")


def install(app: Quart) -> None:
    """Turn every error of a route into a problem; an unforeseen one is logged whole and told without its insides."""

    @app.errorhandler(Problem)
    async def on_problem(error: Problem) -> Response:
        return problem(error.status, error.title, error.detail, error.more)

    @app.errorhandler(CsmsError)
    async def on_csms_error(error: CsmsError) -> Response:
        for kind, (status, title) in STATUS_OF.items():
            if isinstance(error, kind):
                field = getattr(error, "field", "")
                return problem(status, title, str(error), {"errors": [{"field": field, "message": str(error)}]} if field else None)
        log.error("request failed", exc_info=error)
        return problem(500, "Internal Server Error")

    @app.errorhandler(HTTPException)
    async def on_http_exception(error: HTTPException) -> Response:
        return problem(error.code or 500, error.name, error.description or "")

    @app.errorhandler(Exception)
    async def on_exception(error: Exception) -> Response:
        log.error("request failed", exc_info=error)
        return problem(500, "Internal Server Error", "The error was logged under this request's id.")

"""Which request to the API a task works for: what is done for it elsewhere, such as at a charger, is told under the same id."""

from __future__ import annotations

from contextvars import ContextVar

_REQUEST_ID: ContextVar[str] = ContextVar("csms_request_id", default="")


def work_for(request_id: str) -> None:
    """From here on this task, and every one that it starts, works for a request."""
    _REQUEST_ID.set(request_id)


def request_id() -> str:
    """The request that this task works for; ``""`` for none."""
    return _REQUEST_ID.get()

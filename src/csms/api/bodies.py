"""JSON bodies of a request."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from .exchange import Request
from .problems import Problem
from .shapes import structure

T = TypeVar("T")

JSON = "application/json"


async def body(request: Request, into: type[T]) -> T:
    """The request's JSON body as an instance of an attrs class.

    Raises ``Problem``: 415 for another content type (none is taken for JSON), 400 for what is no JSON, 422 for what does not fit.
    """
    kind = request.content_type
    if kind and kind != JSON and not (kind.startswith("application/") and kind.endswith("+json")):
        raise Problem(
            415, "Unsupported Media Type", f"expected a body of Content-Type {JSON}, got {kind[:100]}", headers={"Accept": JSON}
        )
    text = await request.body()
    try:
        data = msgspec.json.decode(text or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(400, "Bad Request", f"the body is not JSON, or nests too deeply: {error}") from None
    return structure(data, into)

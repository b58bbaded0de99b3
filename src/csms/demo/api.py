"""The demo's way to the management API: as everybody else's, over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import msgspec

from csms.core.errors import Refused
from csms.core.ports import Http

ANSWER_S = 10.0


@attrs.frozen(slots=True)
class Api:
    """A server that is asked in JSON; ``key`` is the operator key, ``""`` for none."""

    http: Http
    url: str
    key: str = attrs.field(repr=False)

    async def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """What it answers. Raises ``OSError`` when there is no answer, ``Refused`` for any but a success."""
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
        content = b"" if body is None else msgspec.json.encode(body)
        answer = await self.http.request(method, f"{self.url}{path}", headers=headers, body=content, timeout_s=ANSWER_S)
        if not 200 <= answer.status < 300:
            raise Refused(f"{method} {path} was answered {answer.status}: {answer.body[:500].decode(errors='replace')}")
        is_json = answer.headers.get("content-type", "").startswith(("application/json", "application/problem+json"))
        return msgspec.json.decode(answer.body) if is_json and answer.body else None

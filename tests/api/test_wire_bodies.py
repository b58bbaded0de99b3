"""Bodies that are meant to hurt."""

from __future__ import annotations

import httpx

from csms.testing.server import TestServer


async def test_a_body_nested_without_end_is_a_bad_request(server: TestServer) -> None:
    headers = {"Authorization": f"Bearer {server.operator_key}"}
    async with httpx.AsyncClient(base_url=server.api_url, headers=headers) as client:
        answer = await client.post("/api/v1/chargers/C1/commands/ClearCache", content=b"[" * 100_000)
    assert answer.status_code == 400
    assert "nests too deeply" in answer.json()["detail"]

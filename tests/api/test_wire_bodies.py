"""Bodies that are meant to hurt."""

from __future__ import annotations

import httpx
import pytest

from csms.testing.server import TestServer


async def test_a_body_nested_without_end_is_a_bad_request(server: TestServer) -> None:
    headers = {"Authorization": f"Bearer {server.operator_key}"}
    async with httpx.AsyncClient(base_url=server.api_url, headers=headers) as client:
        answer = await client.post("/api/v1/chargers/C1/commands/ClearCache", content=b"[" * 100_000)
    assert answer.status_code == 400
    assert "nests too deeply" in answer.json()["detail"]


@pytest.mark.parametrize("number", [2**63, -(2**200)])
async def test_a_number_that_no_database_has_is_invalid_input(server: TestServer, number: int) -> None:
    await server.add_charger("C1")
    fields = {"location": "http://files.example/", "retries": number}
    answer = await server.request("POST", "/api/v1/chargers/C1/commands/GetDiagnostics", fields)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "retries")


async def test_an_id_that_no_database_has_is_not_found(server: TestServer) -> None:
    assert (await server.request("POST", f"/api/v1/certificates/{2**63}/revoke", {})).status_code == 404

"""Declared routes: permission, queries, conditions, idempotency and the audit log, over HTTP."""

from __future__ import annotations

import pytest

from csms.api.calls import Call
from csms.api.routes import Routes, route_of
from csms.testing.server import TestServer


async def test_a_list_refuses_what_it_does_not_know(server: TestServer) -> None:
    answer = await server.request("GET", "/api/v1/audit?limit=0&acton=x&from_at=yesterday")
    assert answer.status_code == 422
    wrong = {each["field"]: each["message"] for each in answer.json()["errors"]}
    assert set(wrong) == {"limit", "acton", "from_at"}
    assert "action" in wrong["acton"], "it says what there is"


async def test_what_is_not_there(server: TestServer) -> None:
    answer = await server.request("GET", "/api/v1/audit/7")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert (await server.request("GET", "/api/v1/audit", authorized=False)).status_code == 401


async def test_an_unchanged_answer_is_not_sent_again(server: TestServer) -> None:
    first = await server.request("GET", "/api/v1/audit")
    assert first.json() == {"items": [], "limit": 20, "next": None}
    again = await server.request("GET", "/api/v1/audit", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("rule", "needs", "more", "wrong"),
    [
        ("/x", "x:read", {}, "no permission"),
        ("/x/<int:x_id>", "audit:read", {}, "x_id"),
        ("/x", "audit:read", {"reach": "charger"}, "charger_id"),
        ("/x", "audit:read", {"reach": "everywhere"}, "reach"),
    ],
)
def test_a_declaration_that_cannot_work_is_refused(rule: str, needs: str, more: dict[str, str], wrong: str) -> None:
    async def handler(call: Call) -> None:
        """Nothing."""

    with pytest.raises(TypeError, match=wrong):
        route_of(Routes("x", ""), "GET", rule, needs, handler, **more)


def test_handlers_that_are_alike_keep_their_own_types() -> None:
    def told(answer: str) -> object:
        async def handler(call: Call) -> None:
            """Nothing."""

        handler.__annotations__["return"] = answer
        return route_of(Routes("x", ""), "GET", "/x", "audit:read", handler).tells

    assert [told("int"), told("str"), told("int")] == [int, str, int]

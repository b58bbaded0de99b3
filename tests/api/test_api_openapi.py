"""The OpenAPI document: valid, whole, and what the server does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import attrs
import jsonschema
import pytest
import trio
from click.testing import CliRunner
from openapi_spec_validator import OpenAPIV31SpecValidator

from csms.api.docs import Described
from csms.api.openapi import Document, examples, is_unsaid
from csms.api.routes import PUBLIC, Routes
from csms.api.shapes import structure
from csms.api_pages import described, permissions_page
from csms.cli import main
from csms.config import Config
from csms.core.access import PERMISSIONS
from csms.core.paging import Following, Onward, Paged
from csms.outside import Threads
from csms.testing.described import Promise, usual_document
from csms.testing.server import TestServer


@pytest.fixture(scope="module")
def api() -> Described:
    return described(Config())


@pytest.fixture(scope="module")
def document(api: Described) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(api.document()))
    return made


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{method.upper()} {path}", each) for path, item in document["paths"].items() for method, each in item.items()]


def resolved(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        found: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def test_it_is_valid_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"] == "3.1.0"
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_every_reference_leads_somewhere_and_every_component_is_used(document: dict[str, Any]) -> None:
    used = set(re.findall(r'"\$ref": "#/components/([^"]+)"', json.dumps(document)))
    there = {f"{kind}/{name}" for kind, each in document["components"].items() if kind != "securitySchemes" for name in each}
    assert used <= there
    unused = {each for each in there - used if each.startswith("schemas/")}
    assert unused == set()


def test_every_schema_is_a_schema(document: dict[str, Any]) -> None:
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_route_says_what_it_answers_and_takes(api: Described) -> None:
    assert [route.name for route, _ in api.operations() if is_unsaid(route)] == []


def test_every_list_can_be_narrowed_and_sorted(api: Described) -> None:
    lists = {
        route.name: {field.name for field in attrs.fields(route.query)}
        for route, _ in api.operations()
        if route.query is not None and issubclass(route.query, Paged | Onward)
    }
    asks = {field.name for kind in (Paged, Following) for field in attrs.fields(kind)} | {"sort"}
    assert [name for name, fields in lists.items() if not fields - asks] == []
    assert [name for name, fields in lists.items() if "sort" not in fields] == []


def test_every_operation_says_its_permission_and_every_error(document: dict[str, Any]) -> None:
    for name, each in operations(document):
        statuses = set(each["responses"])
        assert {"429", "503"} <= statuses, name
        assert each["summary"], name
        if each.get("security") == []:
            assert "x-permission" not in each
        else:
            assert each["x-permission"] in PERMISSIONS, name
            assert f"`{each['x-permission']}`" in each["description"]
            assert {"401", "403", "404"} <= statuses, name
        if "application/json" in each.get("requestBody", {}).get("content", {}):
            assert {"400", "413", "415", "422"} <= statuses, name
        for status in statuses:
            if status >= "400":
                answer = resolved(document, each["responses"][status])
                assert set(answer["content"]) == {"application/problem+json"}, (name, status)


def test_tags_say_what_they_are_about(document: dict[str, Any]) -> None:
    told = {tag["name"]: tag["description"] for tag in document["tags"]}
    assert all(told.values())
    assert {tag for _, each in operations(document) for tag in each["tags"]} == set(told)


def test_every_body_of_json_has_an_example(api: Described) -> None:
    lacking = [route.name for route, _ in api.operations() if route.body is not None and examples(route)[0] is None]
    assert not lacking, f"give these routes example=...: {', '.join(lacking)}"


def test_examples_are_what_the_server_takes_and_gives(api: Described, document: dict[str, Any]) -> None:
    for route, path in api.operations():
        asked, answered = examples(route)
        if asked is not None and route.body is not None:
            structure(asked, route.body)
        if answered is not None:
            content = document["paths"][path][route.method.lower()]["responses"][str(route.status)]["content"]
            schema = content["application/json"].get("schema", {})
            jsonschema.Draft202012Validator({**schema, "components": document["components"]}).validate(answered)


@attrs.frozen(slots=True, kw_only=True)
class Order:
    """An order."""

    what: str
    paid_at: int | None = None


def test_a_declaration_makes_an_operation() -> None:
    made = Routes("orders", "What was ordered.", tag="Orders")

    @made.post(
        "/orders/<int:order_id>/copies",
        needs="commands:send",
        status=201,
        moves=True,
        deprecated="2026-01-01",
        sunset="2027-01-31",
        errors={409: "it was sent already"},
        example=(Order(what="tea"), {"what": "tea", "paid_at": None}),
    )
    async def copy(call: Any, order_id: int, body: Order) -> Order:
        """Order it again.

        At the price of today.
        """
        return body

    document = Document()
    document.add(made.routes[0], made, "/api/v1")
    whole = document.finish()
    told = whole["paths"]["/api/v1/orders/{order_id}/copies"]["post"]
    assert (told["operationId"], told["summary"]) == ("orders.copy", "Order it again")
    assert told["description"].startswith("At the price of today.\n\nNeeds the permission `commands:send`")
    assert told["deprecated"]
    assert told["parameters"][0]["schema"]["type"] == "integer"
    assert {"$ref": "#/components/parameters/IdempotencyKeyWanted"} in told["parameters"]
    assert told["responses"]["409"]["description"] == "it was sent already"
    assert {"Location", "Sunset", "Deprecation", "RateLimit"} <= set(told["responses"]["201"]["headers"])
    assert told["requestBody"]["content"]["application/json"]["example"] == {"what": "tea", "paid_at": None}
    assert set(whole["components"]["schemas"]) >= {"Order", "OrderInput", "Problem"}


def test_the_command_writes_it_without_a_server(tmp_path: Path, document: dict[str, Any]) -> None:
    config, out = tmp_path / "csms.toml", tmp_path / "openapi.json"
    config.write_text("")
    result = CliRunner().invoke(main, ["openapi", "--config", str(config), "--output", str(out)])
    assert result.exit_code == 0, result.output
    assert json.loads(out.read_text()) == document
    assert sorted(each.name for each in tmp_path.iterdir()) == ["csms.toml", "openapi.json"], "no database was made"


def test_the_table_of_permissions_names_every_operation(api: Described) -> None:
    page = permissions_page()
    for route, path in api.operations():
        assert f"| `{route.name}` | `{route.method} {path}` |" in page
        assert route.needs == PUBLIC or f"| `{route.needs}` |" in page


async def test_the_document_is_made_once_and_pauses_for_others(api: Described) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    made = Described(Threads())
    made.tell([routes for routes, _ in api._told])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(others)
        first, headers = await made.form("")
        nursery.cancel_scope.cancel()
    assert turns > len(made.operations())
    again, _ = await made.form("identity")
    assert again is first
    assert (await made.form("gzip"))[1]["ETag"] != headers["ETag"]


async def test_a_server_tells_it_and_shows_it_to_anybody(server: TestServer, document: dict[str, Any]) -> None:
    answer = await server.request("GET", "/api/v1/openapi.json", authorized=False)
    assert set(answer.json()["paths"]) == set(document["paths"])
    known = {"If-None-Match": answer.headers["ETag"]}
    assert (await server.request("GET", "/api/v1/openapi.json", authorized=False, headers=known)).status_code == 304
    page = await server.request("GET", "/api/docs", authorized=False)
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert "//" not in page.text.replace("<!DOCTYPE", ""), "nothing comes from elsewhere"
    linked = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(linked) == 5
    for each in linked:
        asset = await server.request("GET", f"/api/{each}", authorized=False)
        assert asset.status_code == 200, each
        again = await server.request("GET", f"/api/{each}", authorized=False, headers={"If-None-Match": asset.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
    assert (await server.request("GET", "/api/docs/../../pyproject.toml", authorized=False)).status_code == 404
    moved = await server.request("GET", "/api/docs/", authorized=False)
    assert (moved.status_code, moved.headers["Location"]) == (308, "../docs")


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (("GET", "/api/v1/audit", 200, "application/json", b'{"items": [], "limit": 20, "next": null}'), ""),
        (("GET", "/api/v1/audit", 200, "application/json", b'{"items": [], "limit": "20", "next": null}'), "limit"),
        (("GET", "/api/v1/audit", 200, "application/json", b'{"items": [], "limit": 20}'), "next"),
        (("GET", "/api/v1/audit", 200, "text/html", b"<p>"), "as text/html"),
        (("GET", "/api/v1/audit", 418, "application/problem+json", b"{}"), "418, which is not described"),
        (("GET", "/api/v1/audit/7", 404, "application/problem+json", b"{}"), "type"),
        (("GET", "/elsewhere", 200, "text/html", b"<p>"), ""),
    ],
)
def test_an_answer_outside_its_description_is_noticed(answer: tuple[str, str, int, str, bytes], wrong: str) -> None:
    """So that the check that all tests of the API make is one."""
    told = Promise(usual_document()).broken(*answer)
    assert wrong in told
    assert bool(told) is bool(wrong)

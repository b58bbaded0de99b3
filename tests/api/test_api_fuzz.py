"""What a fuzzer says to every operation, good and bad: no error of ours, and no answer that the OpenAPI document does not promise."""

from __future__ import annotations

import copy
import itertools
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
import trio
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation.case import Case
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi import checks
from schemathesis.specs.openapi.coverage._operation import iter_coverage_cases

from csms.config import Config, DatabaseConfig
from csms.config.limits import LimitsConfig
from csms.testing.described import usual_document
from csms.testing.everything import bodies, one_of_everything
from csms.testing.fixtures import ConnectCharger
from csms.testing.server import TestServer, config_for

NO_LIMIT: dict[str, Any] = dict.fromkeys(("address_per_min", "caller_per_min", "tenant_per_min", "auth_per_min"), 0)
GOOD, BAD = 3, 4
"""Cases per operation."""
SPREAD = 5
"""Of so many bad cases, which resemble each other, one is tried."""
LEFT_OUT = ("/api/v1/live", "/api/v1/me/live", "/api/v1/chargers/{charger_id}/commands/{command}")
"""Streams, which do not end, and the operation for commands that there are not."""
OWN_HEADERS = {"X-Tenant", "If-Match", "If-None-Match", "Idempotency-Key"}
"""Tried in other tests: made up, they would end most requests before their handlers."""
CHECKS = (
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
    checks.negative_data_rejection,
)
ORDER = ("get", "post", "put", "patch", "delete")
"""What is deleted is deleted last."""
PATIENCE_S = 20


@pytest.fixture
def server_config(store_config: DatabaseConfig, tmp_path: Path) -> Config:
    return config_for(tmp_path, database=store_config, limits=LimitsConfig(**NO_LIMIT))


@pytest.fixture
async def ids(server: TestServer, charger: ConnectCharger, an_hour_ago: int) -> Mapping[str, Any]:
    """One of everything, and a second tenant, which may be closed. C1 is away: nobody waits for its answers."""
    known = await one_of_everything(server, charger, an_hour_ago)
    other = await server.request("POST", "/api/v1/tenants", bodies()["/api/v1/tenants"])
    assert (await server.request("DELETE", "/api/v1/connections/C1")).status_code == 204
    return {**known, "tenant_id": other.json()["id"]}


def document_about(ids: Mapping[str, Any]) -> dict[str, Any]:
    """The OpenAPI document, with the ids of what there is in its paths."""
    document: dict[str, Any] = copy.deepcopy(dict(usual_document()))
    del document["security"], document["components"]["securitySchemes"]
    for path in LEFT_OUT:
        del document["paths"][path]
    for operations in document["paths"].values():
        for operation in operations.values():
            operation.pop("security", None)
            named = [_resolved(document, each) for each in operation.get("parameters", ())]
            operation["parameters"] = [_about(each, ids) for each in named if each["name"] not in OWN_HEADERS]
    return document


def _resolved(document: Any, node: Any) -> Any:
    return document["components"]["parameters"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node


def _about(parameter: dict[str, Any], ids: Mapping[str, Any]) -> dict[str, Any]:
    known = ids.get(parameter["name"]) if parameter["in"] == "path" else None
    return parameter if known is None else {**parameter, "schema": {**parameter["schema"], "enum": [known]}}


def cases(schema: Any) -> Iterator[Case[Any]]:
    """Good and bad cases of every operation, always the same ones."""
    operations = [each.ok() for each in schema.get_all_operations()]
    for operation in sorted(operations, key=lambda each: ORDER.index(each.method)):
        for mode, spread, most in ((GenerationMode.POSITIVE, 1, GOOD), (GenerationMode.NEGATIVE, SPREAD, BAD)):
            made = iter_coverage_cases(
                operation=operation,
                generation_modes=[mode],
                generate_duplicate_query_parameters=False,
                unexpected_methods=set(),
                generation_config=schema.config.generation,
            )
            yield from itertools.islice(made, 0, spread * most, spread)


def fuzz(document: Mapping[str, Any], url: str, key: str) -> tuple[int, list[str]]:
    """Say it all; how much, and what was wrong."""
    load_all_checks()
    schema = schemathesis.openapi.from_dict(dict(document))
    wrong: list[str] = []
    said = 0
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {key}"
        session.trust_env = False
        for case in cases(schema):
            answer = case.call(base_url=url, session=session, timeout=PATIENCE_S)
            said += 1
            try:
                case.validate_response(answer, checks=list(CHECKS))
            except FailureGroup as failures:
                wrong.append(
                    f"{case.operation.label}: {[failure.title for failure in failures.exceptions]}\n  {case.as_curl_command()[:1000]}\n  {answer.text[:300]}"
                )
    return said, wrong


async def test_every_operation_answers_as_it_is_described(server: TestServer, ids: Mapping[str, Any]) -> None:
    document = document_about(ids)
    said, wrong = await trio.to_thread.run_sync(fuzz, document, server.api_url, server.operator_key)
    assert said > 1000
    assert not wrong, "\n".join(wrong)


@pytest.mark.campaign
@pytest.mark.parametrize("phases", ["examples,coverage", "fuzzing"])
async def test_a_long_campaign(
    server: TestServer, ids: Mapping[str, Any], tmp_path: Path, phases: str, request: pytest.FixtureRequest
) -> None:
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(document_about(ids)))
    # a fuzzer meets ids of other things that there are, which the document about these does not name: they are rightly taken
    names = [check.__name__ for check in CHECKS if phases != "fuzzing" or check is not checks.negative_data_rejection]
    arguments = [
        "--phases",
        phases,
        "--checks",
        ",".join(names),
        "--max-examples",
        "25",
        "--seed",
        "1",
        "--generation-database",
        "none",
    ]
    arguments += ["--header", f"Authorization: Bearer {server.operator_key}", "--request-timeout", str(PATIENCE_S), "--no-color"]
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(file), "--url", server.api_url, *arguments]
    done = await trio.run_process(
        command, capture_stdout=True, capture_stderr=True, check=False, cwd=tmp_path, env=dict(os.environ)
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode()[-20_000:]

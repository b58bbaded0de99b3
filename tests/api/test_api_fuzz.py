"""What a fuzzer says to every operation, good and bad: no error of ours, and no answer that the OpenAPI document does not promise."""

from __future__ import annotations

import copy
import itertools
import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
import structlog
import trio
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.config import GenerationConfig
from schemathesis.core.failures import FailureGroup
from schemathesis.generation.modes import GenerationMode
from schemathesis.specs.openapi import checks
from schemathesis.specs.openapi.coverage import iter_coverage_cases

from csms.config import Config, DatabaseConfig
from csms.config.limits import LimitsConfig
from csms.core.access import TENANT_OWNER
from csms.core.ids import TenantId
from csms.testing.described import usual_document
from csms.testing.fixtures import ConnectCharger
from csms.testing.script import Script16, script
from csms.testing.server import TestServer, config_for

NO_LIMIT = dict.fromkeys(("address_per_min", "caller_per_min", "tenant_per_min", "auth_per_min"), 0)
EXAMPLES = {
    path: operation["post"]["requestBody"]["content"]["application/json"].get("example")
    for path, operation in usual_document()["paths"].items()
    if "application/json" in operation.get("post", {}).get("requestBody", {}).get("content", {})
}
GOOD, BAD = 3, 4
"""Cases per operation."""
SPREAD = 5
"""Of so many bad cases, which resemble each other, one is tried."""
CAMPAIGN_EXAMPLES = 25
LEFT_OUT = ("/api/v1/live", "/api/v1/me/live", "/api/v1/chargers/{charger_id}/commands/{command}")
"""Streams, which do not end, and the operation for commands that there are not."""
OWN_HEADERS = {"X-Tenant", "If-Match", "If-None-Match", "Idempotency-Key"}
"""Tried in other tests: made up, they would end most requests before their handlers."""
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
    checks.response_headers_conformance,
]
ORDER = ("get", "post", "put", "patch", "delete")
"""What is deleted is deleted last."""

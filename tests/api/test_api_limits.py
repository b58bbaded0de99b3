"""How many requests somebody may make: buckets, whom they count, and what is told of them."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from csms.api.limits import AUTH, Buckets, Limits, headers_of, network_of
from csms.api.problems import Problem
from csms.config import Config, DatabaseConfig, LimitsConfig
from csms.core.access import API_KEY, OPERATOR_KEY, Principal
from csms.core.ids import TenantId
from csms.testing.server import TestServer, config_for


class Watch:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def principal(key_id: int, *, kind: str = API_KEY, tenant: int = 1) -> Principal:
    return Principal(
        tenant=TenantId(tenant),
        kind=kind,
        name="x",
        role="support",
        permissions=frozenset(),
        api_key_id=key_id if kind == API_KEY else None,
    )


def limits_of(watch: Watch, **keys: int) -> Limits:
    none = {"address_per_min": 0, "caller_per_min": 0, "tenant_per_min": 0, "auth_per_min": 0}
    return Limits(LimitsConfig(**{**none, **keys}), operator_key="operator", now=watch)  # type: ignore[arg-type]  # only numbers here


def refusal(limits: Limits, kind: str = "requests", remote: str = "192.0.2.1", *, who: Principal | None = None) -> Problem | None:
    try:
        counted = limits.before_login(kind, remote)
        if who is not None:
            limits.count(who, counted)
    except Problem as problem:
        return problem
    return None


def test_a_bucket_empties_and_fills_evenly() -> None:
    watch = Watch()
    buckets = Buckets("caller", 60, 10.0, now=watch)
    assert [buckets.take("a") for _ in range(11)] == [True] * 10 + [False]
    assert buckets.take("b"), "everybody has their own"
    assert (buckets.left("a"), buckets.wait_s("a")) == ('"caller";r=0;t=10', 1)
    watch.now = 3.5
    assert buckets.left("a") == '"caller";r=3;t=7'
    assert [buckets.take("a") for _ in range(4)] == [True] * 3 + [False]
    watch.now = 3600
    assert buckets.left("a") == '"caller";r=10;t=0'
    assert buckets.policy == '"caller";q=10;w=10'


def test_a_refused_request_does_not_make_the_wait_longer() -> None:
    watch = Watch()
    buckets = Buckets("caller", 60, 10.0, now=watch)
    for _ in range(100):
        buckets.take("a")
    watch.now = 1.0
    assert buckets.take("a")


def test_whoever_asks_under_many_names_takes_no_more_memory() -> None:
    buckets = Buckets("address", 60, 10.0, now=Watch(), most=100)
    for number in range(1000):
        assert buckets.take(number)
    assert len(buckets) == 100
    for _ in range(9):
        assert buckets.take(999)
    assert not buckets.take(999), "the latest are remembered"


def test_addresses_callers_and_tenants_each_have_their_limit() -> None:
    watch = Watch()
    one, other, foreign = principal(1), principal(2), principal(3, tenant=2)
    by_caller = limits_of(watch, caller_per_min=6)
    assert [refusal(by_caller, who=one) is None for _ in range(2)] == [True, False]
    assert refusal(by_caller, who=other) is None
    by_tenant = limits_of(watch, tenant_per_min=6)
    assert [refusal(by_tenant, who=each) is None for each in (one, other, foreign)] == [True, False, True]
    by_address = limits_of(watch, address_per_min=6)
    assert [refusal(by_address, "requests", each) is None for each in ("192.0.2.1", "192.0.2.1", "192.0.2.2")] == [
        True,
        False,
        True,
    ]


def test_what_can_be_guessed_is_counted_apart() -> None:
    watch = Watch()
    limits = limits_of(watch, auth_per_min=2)
    assert refusal(limits, "requests", "192.0.2.1") is None
    assert [refusal(limits, AUTH, "192.0.2.1") is None for _ in range(3)] == [True, True, False]
    told = refusal(limits, AUTH, "192.0.2.1")
    assert told is not None
    assert told.status == 429
    assert told.headers["Retry-After"] == "30"
    assert told.headers["RateLimit"] == '"auth";r=0;t=60'
    assert refusal(limits, "requests", "192.0.2.1") is None, "the rest goes on"
    watch.now = 30
    assert refusal(limits, AUTH, "192.0.2.1") is None


def test_the_operator_key_is_free_even_where_others_emptied_its_address() -> None:
    limits = limits_of(Watch(), address_per_min=12, caller_per_min=6)
    operator = principal(0, kind=OPERATOR_KEY)
    for _ in range(20):
        assert limits.count(operator, limits.before_login("requests", "192.0.2.1", lambda: "operator")) == []
    assert [refusal(limits) is None for _ in range(3)] == [True, True, False], "nor did it take anything from them"
    assert limits.count(operator, limits.before_login("requests", "192.0.2.1", lambda: "operator")) == []
    with pytest.raises(Problem):
        limits.before_login("requests", "192.0.2.1", lambda: "operato")


def test_the_operator_key_may_be_limited_too() -> None:
    config = LimitsConfig(address_per_min=0, caller_per_min=6, operator_key_exempt=False)
    limits = Limits(config, operator_key="operator", now=Watch())
    operator = principal(0, kind=OPERATOR_KEY)
    limits.count(operator, [])
    with pytest.raises(Problem):
        limits.count(operator, [])


def test_what_counts_is_told() -> None:
    limits = limits_of(Watch(), address_per_min=60, caller_per_min=30)
    counted = limits.count(principal(1), limits.before_login("requests", "192.0.2.1"))
    assert headers_of(counted) == {
        "RateLimit-Policy": '"address";q=10;w=10, "caller";q=5;w=10',
        "RateLimit": '"address";r=9;t=1, "caller";r=4;t=2',
    }
    assert headers_of([]) == {}


@pytest.mark.parametrize(
    ("remote", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::9", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("<local>", "<local>"),
    ],
)
def test_what_counts_as_one_address(remote: str, network: str) -> None:
    assert network_of(remote) == network


@pytest.fixture
def server_config(store_config: DatabaseConfig, tmp_path: Path) -> Config:
    config = config_for(tmp_path, database=store_config, limits=LimitsConfig(address_per_min=18, window_s=10))
    return attrs.evolve(config, api=attrs.evolve(config.api, trusted_proxies=("127.0.0.0/8",)))


async def test_a_server_refuses_who_asks_too_often_and_nobody_else(server: TestServer) -> None:
    behind = {"X-Forwarded-For": "203.0.113.9"}
    statuses = []
    for _ in range(4):
        answer = await server.request("GET", "/api/v1/openapi.json", authorized=False, headers=behind)
        statuses.append(answer.status_code)
    assert statuses == [200, 200, 200, 429]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.headers["RateLimit-Policy"] == '"address";q=3;w=10'
    assert answer.headers["RateLimit"].startswith('"address";r=0;')
    assert answer.json()["request_id"] == answer.headers["X-Request-Id"]
    assert (await server.request("GET", "/api/v1/audit", authorized=False, headers=behind)).status_code == 429, "before any login"
    assert (await server.request("GET", "/api/v1/audit", headers=behind)).status_code == 200, "the operator comes through"
    other = await server.request("GET", "/api/v1/audit", authorized=False, headers={"X-Forwarded-For": "203.0.113.10"})
    assert other.status_code == 401
    assert other.headers["RateLimit"] == '"address";r=2;t=4'

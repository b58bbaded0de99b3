"""What the API is asked in its benchmark: lists, details, figures and changes, over the data of ``benchmarks.year``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import attrs

from .http_client import Asked, asked


@attrs.frozen
class Measured:
    """A route as it is used. ``ask(n)`` is the n-th request; ``share`` is its part of the mix, 0 for none."""

    name: str
    kind: str
    ask: Callable[[int], Asked]
    share: int = 0


@attrs.frozen
class Data:
    """What there is to be asked for: of the year's chargers and of those that are connected."""

    chargers: int
    connected: int
    transactions: int
    drivers: int
    stations: int


def charger(number: int) -> str:
    """The id of a charger."""
    return f"BENCH-{number:05d}"


def routes(data: Data, now: datetime | None = None) -> list[Measured]:
    """Every route that is measured, floors first."""
    until = (now or datetime.now(UTC)).date()
    year = f"from_day={until - timedelta(days=363)}&until_day={until}"
    month = f"from_day={until - timedelta(days=30)}&until_day={until}"
    recent = f"from_at={until - timedelta(days=2)}T00:00:00Z&to_at={until - timedelta(days=1)}T00:00:00Z"
    made: list[Measured] = []

    def get(name: str, kind: str, path: Callable[[int], str], share: int = 0) -> None:
        made.append(Measured(f"GET {name}", kind, lambda n: asked("GET", path(n)), share))

    def a(count: int, n: int) -> int:
        """The n-th of ``count`` things, in an order that is no order of theirs."""
        return n * 7919 % count

    get("/health", "floor", lambda _: "//health")
    get("/chargers", "list", lambda _: "/chargers", 6)
    get("/chargers?station_id", "list", lambda n: f"/chargers?station_id={a(data.stations, n) + 1}", 4)
    get("/chargers?search", "list", lambda n: f"/chargers?search={charger(a(data.chargers, n))}", 2)
    get("/stations", "list", lambda n: f"/stations?page={1 + n % 3}", 4)
    get("/stations (near)", "list", lambda n: f"/stations?near={10 + n % 15},78&radius_m=300000", 1)
    get("/connectors", "list", lambda _: "/connectors", 3)
    get("/connections", "list", lambda _: "/connections", 3)
    get("/drivers", "list", lambda _: "/drivers", 3)
    get("/drivers?search", "list", lambda n: f"/drivers?search=d{a(data.drivers, n) + 1}@example", 2)
    get("/tokens", "list", lambda _: "/tokens", 3)
    get("/transactions", "list", lambda _: "/transactions", 6)
    get("/transactions?charger_id", "list", lambda n: f"/transactions?charger_id={charger(a(data.chargers, n))}", 6)
    get(
        "/transactions?station_id&state", "list", lambda n: f"/transactions?station_id={a(data.stations, n) + 1}&state=completed", 3
    )
    get("/transactions?driver_id", "list", lambda n: f"/transactions?driver_id={a(data.drivers, n) + 1}", 3)
    get("/transactions?open", "list", lambda _: "/transactions?open=true", 3)
    get("/transactions?from_at&to_at", "list", lambda _: f"/transactions?{recent}", 2)
    get("/transactions?search", "list", lambda n: f"/transactions?search=TOKEN-{a(data.drivers, n) + 1:05d}", 1)
    get("/frames?charger_id", "list", lambda n: f"/frames?charger_id={charger(a(data.connected, n))}", 1)
    get("/events", "list", lambda _: "/events", 2)
    get("/alerts", "list", lambda _: "/alerts", 3)
    get("/reservations", "list", lambda _: "/reservations", 1)
    get("/audit", "list", lambda _: "/audit", 1)
    get("/bills", "list", lambda _: "/bills", 3)
    get("/bills?driver_id", "list", lambda n: f"/bills?driver_id={a(data.drivers, n) + 1}", 1)
    get("/wallets", "list", lambda n: f"/wallets?page={1 + n % 50}", 1)
    get("/chargers/ID", "detail", lambda n: f"/chargers/{charger(a(data.chargers, n))}", 10)
    get("/chargers/ID/connectors", "detail", lambda n: f"/chargers/{charger(a(data.chargers, n))}/connectors", 4)
    get("/connections/ID", "detail", lambda n: f"/connections/{charger(a(data.connected, n))}", 4)
    get("/stations/ID", "detail", lambda n: f"/stations/{a(data.stations, n) + 1}", 6)
    get("/drivers/ID", "detail", lambda n: f"/drivers/{a(data.drivers, n) + 1}", 4)
    get("/drivers/ID/summary", "detail", lambda n: f"/drivers/{a(data.drivers, n) + 1}/summary", 1)
    get("/tokens/ID", "detail", lambda n: f"/tokens/{a(data.drivers, n) + 1}", 4)
    get("/transactions/ID", "detail", lambda n: f"/transactions/{a(data.transactions, n) + 1}", 10)
    get("/transactions/ID/readings", "detail", lambda n: f"/transactions/{data.transactions - n % 500}/readings", 2)
    get("/transactions/ID/series", "detail", lambda n: f"/transactions/{data.transactions - n % 500}/series", 2)
    get("/transactions/ID/bill", "detail", lambda n: f"/transactions/{data.transactions - n % 500}/bill", 2)
    get("/drivers/ID/wallet", "detail", lambda n: f"/drivers/{a(data.drivers, n) + 1}/wallet", 2)
    get("/analytics/figures (30 days)", "figures", lambda _: f"/analytics/figures?{month}", 1)
    get("/analytics/figures (a year)", "figures", lambda _: f"/analytics/figures?{year}")
    get("/analytics/heat-map (a year)", "figures", lambda _: f"/analytics/heat-map?{year}")
    get("/chargers/ID/figures", "figures", lambda n: f"/chargers/{charger(a(data.chargers, n))}/figures?{month}", 1)
    get("/transactions/summary?charger_id", "figures", lambda n: f"/transactions/summary?charger_id={charger(a(data.chargers, n))}")
    get("/transactions/summary", "figures", lambda _: "/transactions/summary")
    made.append(
        Measured(
            "PATCH /stations/ID",
            "change",
            lambda n: asked("PATCH", f"/stations/{a(data.stations, n) + 1}", {"name": f"Station {n}"}),
            2,
        )
    )
    made.append(
        Measured(
            "POST /tokens/validate",
            "change",
            lambda n: asked(
                "POST",
                "/tokens/validate",
                {"token": f"TOKEN-{a(data.drivers, n) + 1:05d}", "charger_id": charger(a(data.chargers, n))},
            ),
            2,
        )
    )
    made.append(
        Measured(
            "POST /chargers/ID/commands/GetVariables",
            "command",
            lambda n: asked(
                "POST",
                f"/chargers/{charger(a(data.connected, n))}/commands/GetVariables",
                {"variables": [{"name": "HeartbeatInterval"}]},
            ),
            3,
        )
    )
    return made


def mix(measured: list[Measured]) -> list[Measured]:
    """The routes of a mixed load, each as often as its share says, spread evenly."""
    spread = [(turn / each.share, number, each) for number, each in enumerate(measured) for turn in range(each.share)]
    return [each for _, _, each in sorted(spread, key=lambda entry: entry[:2])]

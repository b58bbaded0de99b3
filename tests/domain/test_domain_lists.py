"""Every list of what is at chargers: each filter, each order, and those who may see some stations only, on both engines.

And every large list, which is read from either end: what comes the oldest first is what comes the newest first, turned round.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import attrs
import pytest

from csms import event_log
from csms.core.ids import DEFAULT_TENANT
from csms.core.paging import Onward, Page, Paged, Stretch
from csms.core.ports import ReadTx, Row, Tx
from csms.db import StoreDatabase
from csms.domain import timeline
from csms.domain.alerts import store as alerts
from csms.domain.alerts.model import AlertsQuery
from csms.domain.audit import store as audit
from csms.domain.audit.model import AuditQuery
from csms.domain.billing.model import BillsQuery, MyBillsQuery
from csms.domain.billing.service import views as bills
from csms.domain.billing.store import lists as bill_lists
from csms.domain.commands import store as commands
from csms.domain.commands.model import CommandsQuery
from csms.domain.drivers.model import ActivityQuery
from csms.domain.drivers.service import timeline as activity
from csms.domain.invoices.model import InvoicesQuery, MyInvoicesQuery, WaitingQuery
from csms.domain.invoices.service import views as invoices
from csms.domain.invoices.store import invoices as invoice_store
from csms.domain.local_lists import store as local_lists
from csms.domain.local_lists.model import EntriesQuery, LocalListsQuery
from csms.domain.messages.model import MessagesQuery, MyMessagesQuery
from csms.domain.messages.store import messages
from csms.domain.payments.model import MandatesQuery, NoticesQuery, OwnPaymentsQuery, PaymentsQuery, RefundsQuery
from csms.domain.payments.store import mandates, notices, payments, refunds
from csms.domain.profiles import store as profiles
from csms.domain.profiles.shown import AssignmentsQuery, HeldAnywhereQuery, ProfilesQuery
from csms.domain.reservations import store as reservations
from csms.domain.reservations.model import ReservationsQuery
from csms.domain.security.shown import (
    CertificatesQuery,
    RequestsQuery,
    RootsQuery,
    RotationsQuery,
    SecurityEventsQuery,
    UpgradesQuery,
)
from csms.domain.security.store import certificates, events, keys, requests, roots
from csms.domain.stations.model.connectors import StatusHistoryQuery
from csms.domain.stations.model.frames import FramesQuery
from csms.domain.stations.store import connector_details, frame_log
from csms.domain.transactions.model import QuarantineQuery, ReadingsQuery, TransactionsQuery
from csms.domain.transactions.store import audit as quarantine
from csms.domain.transactions.store import lists as transactions
from csms.domain.transactions.store import series
from csms.domain.upkeep.model.availability import AvailabilityQuery, WindowsQuery
from csms.domain.upkeep.model.campaigns import CampaignsQuery, MembersQuery
from csms.domain.upkeep.model.configured import DriftQuery, TemplatesQuery
from csms.domain.upkeep.model.firmware import ImagesQuery, UpdatesQuery
from csms.domain.upkeep.model.resets import ResetsQuery
from csms.domain.upkeep.model.uploads import UploadsQuery
from csms.domain.upkeep.store import availability, campaigns, configuration, firmware, resets, templates, uploads
from csms.domain.wallets.model.shown import LinesQuery, MovementsQuery
from csms.domain.wallets.store import lists as wallets
from csms.domain.webhooks import deliveries
from csms.domain.webhooks.model import DeliveryQuery

List = Callable[..., Page[Any] | Stretch[Any]]

AT_CHARGERS: tuple[tuple[List, type], ...] = (
    (alerts.page_of_alerts, AlertsQuery),
    (reservations.page_of_reservations, ReservationsQuery),
    (local_lists.page_of_lists, LocalListsQuery),
    (profiles.page_of_held, HeldAnywhereQuery),
    (certificates.page_of_certificates, CertificatesQuery),
    (requests.page_of_requests, RequestsQuery),
    (keys.page_of_rotations, RotationsQuery),
    (keys.page_of_upgrades, UpgradesQuery),
    (events.stretch_of_events, SecurityEventsQuery),
    (availability.page_of_places, AvailabilityQuery),
    (availability.page_of_windows, WindowsQuery),
    (configuration.page_of_drift, DriftQuery),
    (firmware.page_of_updates, UpdatesQuery),
    (resets.page_of_resets, ResetsQuery),
    (uploads.page_of_uploads, UploadsQuery),
)
OF_TENANT: tuple[tuple[List, type], ...] = (
    (profiles.page_of_templates, ProfilesQuery),
    (profiles.page_of_assignments, AssignmentsQuery),
    (roots.page_of_roots, RootsQuery),
    (firmware.page_of_images, ImagesQuery),
    (campaigns.page_of_campaigns, CampaignsQuery),
    (partial(campaigns.page_of_members, campaign_id=1), MembersQuery),
    (templates.page_of_templates, TemplatesQuery),
    (partial(local_lists.page_of_entries, charger_id="C1"), EntriesQuery),
)


def options(field: attrs.Attribute[Any]) -> tuple[Any, ...]:
    """What a field's validator lets through, where it names that."""
    inner = getattr(field.validator, "validator", field.validator)
    return tuple(getattr(inner, "options", None) or ())


def values(field: attrs.Attribute[Any], hint: Any) -> Iterator[Any]:
    """Something of everything that may be asked for by a field."""
    if found := options(field):
        yield from found
        return
    kinds = [each for each in typing.get_args(hint) if each is not type(None)] if isinstance(hint, types.UnionType) else [hint]
    yield from {bool: (True, False), int: (1,), str: ("x", "100%_!'")}[kinds[0]]


def queries(kind: type) -> Iterator[Any]:
    """A query for each value of each field, one that asks for nothing, and one for everything at once."""
    hints = typing.get_type_hints(kind)
    yield kind()
    everything = {}
    for field in attrs.fields(kind):
        for value in values(field, hints[field.name]):
            if field.name == "after" and not str(value).isdigit():
                value = "5"
            yield kind(**{field.name: value})
            everything[field.name] = value
    yield kind(**everything)


@pytest.mark.parametrize("stations", [None, frozenset[int](), frozenset({1, 2, 3})], ids=["everywhere", "nowhere", "there"])
async def test_every_filter_and_order(database: StoreDatabase, stations: frozenset[int] | None) -> None:
    def read(tx: ReadTx) -> int:
        asked = 0
        for listed, kind in AT_CHARGERS:
            for query in queries(kind):
                assert not listed(tx, query, stations=stations).items
                asked += 1
        for listed, kind in OF_TENANT if stations is None else ():
            for query in queries(kind):
                assert not listed(tx, query=query).items
                asked += 1
        return asked

    assert await database.read(read, tenant=DEFAULT_TENANT) > 150


def test_every_page_can_be_searched_and_turned_round() -> None:
    for _, kind in (*AT_CHARGERS, *OF_TENANT):
        if issubclass(kind, Paged):
            sort = attrs.fields_dict(kind)["sort"]
            assert sort.default in options(sort), kind
            assert {each.removeprefix("-") for each in options(sort)} == {each for each in options(sort) if each[0] != "-"}


# --- large lists, from either end -----------------------------------------------------------------------------------------------

MANY = 9
SOURCES = {"charge": bills.charges, "wallet": wallets.activity}
AT_STATION_1 = frozenset({1})

EITHER_WAY: dict[str, tuple[Callable[..., Stretch[Any]], Any]] = {
    "events": (partial(event_log.events, stations=None), event_log.EventsQuery()),
    "events of some chargers": (partial(event_log.events, stations=AT_STATION_1), event_log.EventsQuery()),
    "events of a type": (partial(event_log.events, stations=None), event_log.EventsQuery(type="even")),
    "events found": (partial(event_log.events, stations=None), event_log.EventsQuery(search="odd")),
    "events of a time": (partial(event_log.events, stations=None), event_log.EventsQuery(from_at=1, to_at=4)),
    "commands": (partial(commands.commands, stations=None), CommandsQuery()),
    "commands to a charger": (partial(commands.commands, stations=None), CommandsQuery(charger_id="C1")),
    "commands that failed": (partial(commands.commands, stations=None), CommandsQuery(progress="failed")),
    "frames": (partial(frame_log.frames, stations=None), FramesQuery()),
    "frames of one direction": (partial(frame_log.frames, stations=None), FramesQuery(direction="out")),
    "frames of a charger": (partial(frame_log.frames, stations=None), FramesQuery(charger_id="C1")),
    "frames of a charger, of one direction": (
        partial(frame_log.frames, stations=None),
        FramesQuery(charger_id="C1", direction="out", from_at=1),
    ),
    "transactions": (transactions.stretch, TransactionsQuery()),
    "transactions of a time": (transactions.stretch, TransactionsQuery(from_at=1, to_at=4)),
    "transactions of a driver": (transactions.stretch, TransactionsQuery(driver_id=1)),
    "transactions at stations": (partial(transactions.stretch, stations=[1, 2, 3]), TransactionsQuery()),
    "transactions found": (transactions.stretch, TransactionsQuery(search="odd")),
    "readings": (lambda tx, query: series.stretch(tx, 1, query), ReadingsQuery()),
    "readings of a time": (lambda tx, query: series.stretch(tx, 1, query), ReadingsQuery(from_at=1, to_at=4)),
    "activity": (lambda tx, query: activity(tx, 1, SOURCES, query), ActivityQuery()),
    "activity of a time": (lambda tx, query: activity(tx, 1, SOURCES, query), ActivityQuery(from_at=1, to_at=4)),
    "activity of a kind": (lambda tx, query: activity(tx, 1, SOURCES, query), ActivityQuery(kind="wallet")),
    "audit": (audit.records, AuditQuery()),
    "bills": (bill_lists.bills, BillsQuery()),
    "bills at stations": (partial(bill_lists.bills, stations=[1, 2]), BillsQuery()),
    "bills of one's own": (lambda tx, query: bills.my_bills(tx, 1, query), MyBillsQuery()),
    "invoices": (invoice_store.invoices, InvoicesQuery()),
    "invoices of one's own": (lambda tx, query: invoices.mine(tx, 1, query), MyInvoicesQuery()),
    "bills without an invoice": (invoices.waiting, WaitingQuery()),
    "messages": (partial(messages.messages, all_of_them=True), MessagesQuery()),
    "messages of one's own": (partial(messages.mine, driver_id=1, user_id=None), MyMessagesQuery()),
    "payments": (payments.payments, PaymentsQuery()),
    "payments of one's own": (partial(payments.payments, driver_id=1), OwnPaymentsQuery()),
    "refunds": (refunds.refunds, RefundsQuery()),
    "mandates": (mandates.mandates, MandatesQuery()),
    "notices of gateways": (notices.notices, NoticesQuery()),
    "quarantine": (quarantine.listed, QuarantineQuery()),
    "security events": (events.stretch_of_events, SecurityEventsQuery()),
    "status history": (partial(connector_details.status_history, charger_id="C1"), StatusHistoryQuery()),
    "deliveries": (lambda tx, query: deliveries.deliveries(tx, 1, query), DeliveryQuery()),
    "wallet lines": (partial(wallets.lines, wallet_id=1), LinesQuery()),
    "ledger movements": (wallets.movements_stretch, MovementsQuery()),
}

TABLES: dict[str, Callable[[int], dict[str, Any]]] = {
    "stations": lambda n: {"name": f"Station {n}"},
    "chargers": lambda n: {"id": f"C{n}", "station_id": n, "approval": "accepted"},
    "drivers": lambda n: {},
    "events": lambda n: {"sequence": n, "key": f"charger:C{n % 2 + 1}", "type": "even" if n % 2 else "odd", "payload": "{}"},
    "commands": lambda n: {"asked_at": n, "progress": "ended" if n % 4 else "failed"},
    "frames": lambda n: {"direction": "in" if n % 4 else "out", "kind": "call"},
    "transactions": lambda n: {
        "state": "running",
        "driver_id": 1,
        "station_id": n % 3 + 1,
        "energy_basis": "",
        "stop_source": "",
        "started_at": None if n == 5 else n // 2,
        "created_at": n // 2,
        "token_folded": "odd" if n % 2 else "even",
        "closed_at": None,
        "stopped_at": None,
    },
    "meter_readings": lambda n: {"transaction_id": 1, "sampled_at": n // 2, "evse": n, "samples": "[]"},
    "audit_log": lambda n: {},
    "bills": lambda n: {"transaction_id": n, "kind": "charge", "state": "SETTLED", "driver_id": 1, "station_id": n % 3 + 1},
    "invoices": lambda n: {
        "kind": "invoice",
        "number": str(n),
        "sequence": n,
        "currency": "INR",
        "status": "issued",
        "content": "{}",
        "driver_id": 1,
        "net_minor": n,
        "tax_minor": 0,
        "total_minor": n,
    },
    "invoice_waiting": lambda n: {"bill_id": n, "transaction_id": n},
    "messages": lambda n: {"state": "sent", "plan": "[]", "driver_id": 1, "sent_at": n},
    "payments": lambda n: {"way": "order", "purpose": "top_up", "state": "paid", "driver_id": 1, "customer": "{}"},
    "refunds": lambda n: {"state": "wanted", "legs": "[]"},
    "mandates": lambda n: {"wanted": "{}"},
    "payment_notices": lambda n: {},
    "quarantine": lambda n: {"report": "{}"},
    "security_events": lambda n: {"source": "csms", "critical": 0},
    "connector_status_history": lambda n: {"charger_id": "C1", "applied": 1},
    "webhook_deliveries": lambda n: {"webhook_id": 1, "state": "delivered"},
    "wallets": lambda n: {"currency": "INR", "driver_id": n},
    "ledger_movements": lambda n: {"kind": "ADJUSTMENT", "key": str(n), "legs": 2},
    "wallet_lines": lambda n: {"wallet_id": 1, "number": n, "driver_id": 1, "movement_id": n, "at": n // 2, "amount_minor": 5},
}
"""Tables that lists are made of, and what of a row is not just anything."""

_COLUMNS = {
    "sqlite": "SELECT name, type FROM pragma_table_info('{table}') WHERE \"notnull\" = 1 AND dflt_value IS NULL",
    "postgresql": "SELECT column_name AS name, data_type AS type FROM information_schema.columns"
    " WHERE table_name = '{table}' AND is_nullable = 'NO' AND column_default IS NULL",
}
_UNTIED = {
    "sqlite": ("PRAGMA defer_foreign_keys = ON",),
    "postgresql": (
        "SET LOCAL session_replication_role = replica",
        "SET LOCAL enable_seqscan = off",
        "SET LOCAL enable_bitmapscan = off",
    ),
}
_EXPLAIN = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN (COSTS OFF)"}


class Enough(Exception):
    """Everything was seen: let nothing of it be kept."""


def fill(tx: Any, engine: str) -> None:
    """Some rows in every table, with no regard for what they refer to."""
    for sql in _UNTIED[engine]:
        tx.run(sql)
    for table, known in TABLES.items():
        needed = {row["name"]: str(row["type"]).lower() for row in tx.all(_COLUMNS[engine].format(table=table))}
        has_id = table not in ("events", "invoice_waiting", "wallet_lines")
        for n in range(1, MANY + 1):
            anything = {name: f"{name} {n}" if kind == "text" else n // 2 if name == "at" else n for name, kind in needed.items()}
            ids: dict[str, Any] = {"id": n} if has_id else {}
            row = anything | ids | {"tenant": 1} | ({"charger_id": "C1"} if "charger_id" in needed else {}) | known(n)
            tx.run(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(f':{name}' for name in row)})", **row)


class Watched:
    """A transaction that remembers what it was asked for."""

    def __init__(self, tx: Any) -> None:
        self.tx = tx
        self.tenant, self.now = tx.tenant, tx.now
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def all(self, sql: str, **parameters: Any) -> Any:
        self.asked.append((sql, parameters))
        return self.tx.all(sql, **parameters)

    def one(self, sql: str, **parameters: Any) -> Row | None:
        self.asked.append((sql, parameters))
        return typing.cast("Row | None", self.tx.one(sql, **parameters))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tx, name)

    def plans(self, engine: str) -> list[str]:
        """How an engine does what was asked for, whichever way it walks and whether up to a bound or to the end."""
        system = self.tx.system("plans")
        found = []
        for sql, parameters in self.asked:
            bound = {"tenant": 1} | parameters
            named = {name: bound[name] for name in re.findall(r"(?<!:):([a-z_]\w*)", sql)}
            rows = system.all(f"{_EXPLAIN[engine]} {sql}", **named)
            if engine == "sqlite":
                steps = [re.sub("[<>]", "~", str(row["detail"])) for row in rows]
                found += [re.sub(r"( AND \w+~\?)\1", r"\1", step) for step in steps]
            else:
                steps = [str(row["QUERY PLAN"]) for row in rows]
                found += [step.replace(" Backward", "") for step in steps if re.search(r"Scan|Sort$", step)]
        return found


def walk(read: Callable[..., Stretch[Any]], query: Any, after: str | None = None) -> tuple[list[Any], str | None]:
    """Everything of a list, a stretch at a time, and the cursor after the first stretch."""
    found: list[Any] = []
    cursors = []
    for _ in range(3 * MANY):
        stretch = read(query=attrs.evolve(query, limit=2, after=after))
        found += stretch.items
        cursors.append(stretch.next)
        after = stretch.next
        if after is None:
            return found, cursors[0]
    raise AssertionError("it goes on for ever")


async def test_large_lists_are_read_from_either_end(database: StoreDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "LOOKED", 3)
    monkeypatch.setattr(frame_log, "LOOKED", 3)
    monkeypatch.setattr(timeline, "SLACK_MS", 0)

    def both_ways(tx: Tx, listed: Callable[..., Stretch[Any]], query: Any) -> None:
        newest, cursor = walk(partial(listed, tx), query)
        oldest, upwards = walk(partial(listed, tx), attrs.evolve(query, sort="at"))
        assert newest == walk(partial(listed, tx), attrs.evolve(query, sort="-at"))[0], "that is how it is unless asked otherwise"
        assert len(newest) > 1
        assert oldest == newest[::-1]
        assert cursor is not None
        shown = list(listed(tx, query=attrs.evolve(query, limit=2)).items)[::-1]
        back, _ = walk(partial(listed, tx), attrs.evolve(query, sort="at"), cursor)
        assert back in (shown[1:], shown), "a cursor goes on from its place, be that what was shown or what was looked at last"
        for after in ({"-at": None, "at": None}, {"-at": cursor, "at": upwards}):
            down, up = Watched(tx), Watched(tx)
            for watched, sort in ((down, "-at"), (up, "at")):
                listed(watched, query=attrs.evolve(query, sort=sort, after=after[sort], limit=2))
            assert len(down.asked) == len(up.asked) > 0
            assert down.plans(database.engine) == up.plans(database.engine)

    def everything(tx: Tx) -> None:
        fill(tx.system("a test fills tables"), database.engine)
        for name, (listed, query) in EITHER_WAY.items():
            try:
                both_ways(tx, listed, query)
            except AssertionError as error:
                raise AssertionError(name) from error
        raise Enough

    with pytest.raises(Enough):
        await database.write(everything, tenant=DEFAULT_TENANT)


def test_every_large_list_is_tried() -> None:
    def kinds(of: type[Any]) -> Iterator[type[Any]]:
        for each in of.__subclasses__():
            yield each
            yield from kinds(each)

    asked = {type(query).__name__ for _, query in EITHER_WAY.values()}
    there = {each.__name__ for each in kinds(Onward) if each.__module__.startswith("csms.")}
    assert there - asked == {"Following", "MineQuery"}, "which is none, and whose fields are TransactionsQuery's"

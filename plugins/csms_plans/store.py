"""SQL that reads plans and subscriptions. Each a fixed number of statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import attrs
import msgspec

from csms.api.lists import Page, Stretch, cursor, direction
from csms.hooks import Fee, NotFound, ReadTx, Row

from .bodies import PlanQuery, SubscriptionQuery
from .model import COMING, ENDED, Known, PeriodRow, Plan, SubscriptionRow, Version
from .terms import Terms

_FLAGS = ("renews", "credits")
_COLUMNS = ", ".join(each.name for each in attrs.fields(SubscriptionRow))
_PERIOD_COLUMNS = (
    "subscription_id, number, plan_id, version, kind, state, starts_at, ends_at, anchor_at, amount_minor, net_minor, taxes, tax_code, less,"
    " collecting, carried_wh, carried_transactions, energy_account, transactions_account, left_wh, left_transactions, credit,"
    " asks, asked_minor, payment_id, pay_url, paid_at"
)


@lru_cache(maxsize=1000)
def terms_of(text: str) -> Terms:
    """Terms as they are stored."""
    return msgspec.json.decode(text, type=Terms)


def fee_of(amount_minor: int, net_minor: int, taxes: str, tax_code: str) -> Fee:
    """A fee as it is stored in columns."""
    named = tuple((name, tax) for name, tax in msgspec.json.decode(taxes))
    return Fee(amount_minor=amount_minor, net_minor=net_minor, taxes=named, tax_code=tax_code)


def fee_in(text: str) -> Fee | None:
    """A fee as it is stored in one column; ``""`` is none."""
    if not text:
        return None
    amount_minor, net_minor, taxes, *code = msgspec.json.decode(text)
    named = tuple((name, tax) for name, tax in taxes)
    return Fee(amount_minor=amount_minor, net_minor=net_minor, taxes=named, tax_code=code[0] if code else "")


# --- plans ----------------------------------------------------------------------------------------------------------------------

_PLAN = (
    "SELECT p.id, p.name, p.description, p.currency, p.version, p.created_at, p.changed_at, p.archived_at, v.terms,"
    " (SELECT count(*) FROM plugin_plans_subscriptions s WHERE s.tenant = :tenant AND s.plan_id = p.id AND s.ended_at IS NULL)"
    " AS subscriptions FROM plugin_plans_plans p JOIN plugin_plans_versions v ON v.plan_id = p.id AND v.number = p.version"
    " AND v.tenant = :tenant WHERE p.tenant = :tenant"
)


def _plan(row: Row) -> Plan:
    terms = terms_of(row["terms"])
    return Plan(
        **{name: value for name, value in row.items() if name != "terms"},
        terms=terms,
        price=terms.fee(row["currency"]),
        state="active" if row["archived_at"] is None else "archived",
    )


def plans(tx: ReadTx, query: PlanQuery) -> Page[Plan]:
    """A page of the tenant's plans. Two statements."""
    where, values = _PLAN, dict[str, Any]()
    if query.state is not None:
        where += f" AND p.archived_at IS {'NULL' if query.state == 'active' else 'NOT NULL'}"
    if query.search:
        where += " AND lower(p.name) LIKE :search ESCAPE '!'"
        values["search"] = _pattern(query.search)
    return _page(tx, where, values, query.sort, "p", query.page, query.limit, _plan)


def active_plans(tx: ReadTx) -> list[Plan]:
    """The plans that are sold."""
    return [_plan(row) for row in tx.all(f"{_PLAN} AND p.archived_at IS NULL ORDER BY lower(p.name), p.id")]


def need_plan(tx: ReadTx, plan_id: int) -> Plan:
    """One plan. Raises ``NotFound``."""
    row = tx.one(f"{_PLAN} AND p.id = :plan_id", plan_id=plan_id)
    if row is None:
        raise NotFound(f"there is no plan {plan_id}")
    return _plan(row)


def versions(tx: ReadTx, plan_id: int) -> list[Version]:
    """The versions of a plan, the newest first. Raises ``NotFound``."""
    need_plan(tx, plan_id)
    rows = tx.all(
        "SELECT plan_id, number, terms, note, created_by, created_at FROM plugin_plans_versions"
        " WHERE tenant = :tenant AND plan_id = :plan_id ORDER BY number DESC",
        plan_id=plan_id,
    )
    return [Version(**{**row, "terms": terms_of(row["terms"])}) for row in rows]


def _terms(tx: ReadTx, plan_id: int, version: int) -> tuple[str, Terms]:
    row = tx.one(
        "SELECT p.name, v.terms FROM plugin_plans_plans p JOIN plugin_plans_versions v ON v.plan_id = p.id AND v.tenant = :tenant"
        " WHERE p.tenant = :tenant AND p.id = :plan_id AND v.number = :version",
        plan_id=plan_id,
        version=version,
    )
    if row is None:
        raise NotFound(f"there is no version {version} of plan {plan_id}")
    return row["name"], terms_of(row["terms"])


# --- subscriptions --------------------------------------------------------------------------------------------------------------


def _row(row: Row) -> SubscriptionRow:
    return SubscriptionRow(**{**row, **{name: bool(row[name]) for name in _FLAGS}})


def _period(row: Row) -> PeriodRow:
    said = dict(row)
    fee = fee_of(said.pop("amount_minor"), said.pop("net_minor"), said.pop("taxes"), said.pop("tax_code"))
    said["collecting"] = bool(said["collecting"])
    for name in ("less", "credit"):
        said[name] = fee_in(said[name])
    return PeriodRow(**said, fee=fee)


def subscription(tx: ReadTx, subscription_id: int) -> SubscriptionRow:
    """One subscription. Raises ``NotFound``."""
    row = tx.one(
        f"SELECT {_COLUMNS} FROM plugin_plans_subscriptions WHERE tenant = :tenant AND id = :id",  # noqa: S608 (our own names)
        id=subscription_id,
    )
    if row is None:
        raise NotFound(f"there is no subscription {subscription_id}")
    return _row(row)


def periods(tx: ReadTx, subscription_id: int, limit: int) -> list[PeriodRow]:
    """The latest periods of a subscription, the newest first."""
    rows = tx.all(
        f"SELECT {_PERIOD_COLUMNS} FROM plugin_plans_periods WHERE tenant = :tenant AND subscription_id = :id"  # noqa: S608
        " ORDER BY number DESC LIMIT :limit",
        id=subscription_id,
        limit=limit,
    )
    return [_period(row) for row in rows]


def known(tx: ReadTx, subscription_id: int) -> Known:
    """A subscription with all that its next step goes by. Raises ``NotFound``."""
    row = subscription(tx, subscription_id)
    latest = periods(tx, subscription_id, 2)
    current = next((each for each in latest if each.number == row.period), None)
    coming = next((each for each in latest if each.number > row.period and each.state in COMING), None)
    name, terms = _terms(tx, row.plan_id, row.version)
    coming_name, coming_terms = (name, None) if coming is None else _terms(tx, coming.plan_id, coming.version)
    return Known(
        row=row, plan_name=name, terms=terms, current=current, coming=coming, coming_terms=coming_terms, coming_name=coming_name
    )


def subscriptions(tx: ReadTx, query: SubscriptionQuery, driver_id: int | None = None) -> Stretch[int]:
    """The ids of a stretch of subscriptions, in the query's direction."""
    where, values, way = "", dict[str, Any](), direction(query)
    wanted: Mapping[str, Any] = {
        "driver_id": driver_id if driver_id is not None else query.driver_id,
        "plan_id": query.plan_id,
        "state": query.state,
    }
    for name, value in wanted.items():
        if value is not None:
            where += f" AND {name} = :{name}"
            values[name] = value
    if query.live is not None:
        where += f" AND ended_at IS {'NULL' if query.live else 'NOT NULL'}"
    if query.search:
        where += (
            " AND (driver_id IN (SELECT d.id FROM drivers d WHERE d.tenant = :tenant AND lower(d.name) LIKE :search ESCAPE '!') OR"
            " plan_id IN (SELECT p.id FROM plugin_plans_plans p WHERE p.tenant = :tenant AND lower(p.name) LIKE :search ESCAPE '!'))"
        )
        values["search"] = _pattern(query.search)
    if query.after is not None:
        where += f" AND id {way.beyond} :after"
        (values["after"],) = cursor(query.after)
    rows = tx.all(
        f"SELECT id FROM plugin_plans_subscriptions WHERE tenant = :tenant{where} ORDER BY id {way.order} LIMIT :limit",  # noqa: S608
        limit=query.limit + 1,
        **values,
    )
    found = [row["id"] for row in rows[: query.limit]]
    return Stretch(items=found, limit=query.limit, next=str(found[-1]) if len(rows) > query.limit else None)


def some(tx: ReadTx, ids: Sequence[int]) -> list[tuple[SubscriptionRow, str, PeriodRow | None, PeriodRow | None]]:
    """Subscriptions with their plans' names, the period that holds and the one that comes, in order of ``ids``. Two statements."""
    if not ids:
        return []
    names = {f"id_{number}": each for number, each in enumerate(ids)}
    among = ", ".join(f":{name}" for name in names)
    columns = ", ".join(f"s.{each.name}" for each in attrs.fields(SubscriptionRow))
    rows = tx.all(
        f"SELECT {columns}, p.name AS plan_name FROM plugin_plans_subscriptions s JOIN plugin_plans_plans p ON p.id = s.plan_id"  # noqa: S608
        f" AND p.tenant = :tenant WHERE s.tenant = :tenant AND s.id IN ({among})",
        **names,
    )
    columns = ", ".join(f"p.{each.strip()}" for each in _PERIOD_COLUMNS.split(","))
    near = tx.all(
        f"SELECT {columns} FROM plugin_plans_periods p JOIN plugin_plans_subscriptions s ON s.id = p.subscription_id"  # noqa: S608
        " AND s.tenant = :tenant WHERE p.tenant = :tenant AND p.number IN (CASE WHEN s.period = 0 THEN 1 ELSE s.period END, s.period + 1)"
        f" AND p.subscription_id IN ({among})",
        **names,
    )
    by_id: dict[int, dict[int, PeriodRow]] = {}
    for each in map(_period, near):
        by_id.setdefault(each.subscription_id, {})[each.number] = each
    found = {}
    for row in rows:
        made = _row({name: value for name, value in row.items() if name != "plan_name"})
        mine = by_id.get(made.id, {})
        coming = mine.get(made.period + 1)
        coming = coming if coming is not None and coming.state in COMING else None
        found[made.id] = (made, row["plan_name"], mine.get(made.period), coming)
    return [found[each] for each in ids if each in found]


def held(tx: ReadTx, driver_id: int, plan_id: int, *, but: int = 0) -> tuple[bool, bool]:
    """Whether a driver has a plan or is about to, by another subscription than ``but``, and whether they ever had it."""
    rows = tx.all(
        "SELECT plan_id, ended_at, period FROM plugin_plans_subscriptions s WHERE tenant = :tenant AND driver_id = :driver_id"
        " AND (plan_id = :plan_id OR (ended_at IS NULL AND (next_plan_id = :plan_id OR EXISTS (SELECT 1 FROM plugin_plans_periods p"
        " WHERE p.tenant = :tenant AND p.subscription_id = s.id AND p.number > s.period AND p.plan_id = :plan_id"
        " AND p.state <> 'void')))) AND id <> :but",
        driver_id=driver_id,
        but=but,
        plan_id=plan_id,
    )
    had = any(row["plan_id"] == plan_id and (row["ended_at"] is None or row["period"]) for row in rows)
    return any(row["ended_at"] is None for row in rows), had


def taken_elsewhere(tx: ReadTx, row: SubscriptionRow) -> bool:
    """Whether the driver has the plan that is to follow by another subscription."""
    sql = (
        "SELECT 1 FROM plugin_plans_subscriptions WHERE tenant = :tenant AND driver_id = :driver_id AND plan_id = :plan_id"
        " AND id <> :id AND ended_at IS NULL"
    )
    return tx.value(sql, driver_id=row.driver_id, plan_id=row.next_plan_id, id=row.id) is not None


def plans_of(tx: ReadTx, driver_id: int) -> dict[int, bool]:
    """The plans that a driver has or had, and whether they have them now."""
    rows = tx.all(
        "SELECT plan_id, max(CASE WHEN ended_at IS NULL THEN 1 ELSE 0 END) AS held FROM plugin_plans_subscriptions"
        " WHERE tenant = :tenant AND driver_id = :driver_id AND (ended_at IS NULL OR period > 0) GROUP BY plan_id",
        driver_id=driver_id,
    )
    return {row["plan_id"]: bool(row["held"]) for row in rows}


def live_of(tx: ReadTx, driver_id: int, states: Sequence[str] = ()) -> list[int]:
    """A driver's subscriptions that are not ended, in some states or all."""
    rows = tx.all(
        "SELECT id, state FROM plugin_plans_subscriptions WHERE tenant = :tenant AND driver_id = :driver_id AND state <> :ended"
        " ORDER BY id",
        driver_id=driver_id,
        ended=ENDED,
    )
    return [row["id"] for row in rows if not states or row["state"] in states]


def due(tx: ReadTx, now: int, limit: int) -> list[tuple[int, int]]:
    """Tenant and id of subscriptions that the job is to look at."""
    rows = tx.system("every tenant's subscriptions are looked after").all(
        "SELECT tenant, id FROM plugin_plans_subscriptions WHERE due_at <= :at ORDER BY due_at, id LIMIT :limit",
        at=now,
        limit=limit,
    )
    return [(row["tenant"], row["id"]) for row in rows]


def _pattern(text: str) -> str:
    return f"%{text.strip().lower().replace('!', '!!').replace('%', '!%').replace('_', '!_')}%"


def _page(tx: ReadTx, select: str, values: Mapping[str, Any], sort: str, table: str, page: int, limit: int, make: Any) -> Page[Any]:
    total = tx.value(f"SELECT count(*) FROM ({select}) found", **values)  # noqa: S608 (our own text)
    name = sort.removeprefix("-")
    way = "DESC" if sort.startswith("-") else "ASC"
    by = f"lower({table}.name)" if name == "name" else f"{table}.{name}"
    rows = tx.all(
        f"{select} ORDER BY {by} {way}, {table}.id {way} LIMIT :limit OFFSET :skipped",
        **values,
        limit=limit,
        skipped=(page - 1) * limit,
    )
    return Page(items=[make(row) for row in rows], page=page, limit=limit, total=int(total))

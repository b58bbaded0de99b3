"""What must hold of the money after every run, to the minor unit, in each tenant."""

from __future__ import annotations

import re
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import attrs
import msgspec

from csms.core.ids import TenantId
from csms.core.payments import PAID, REFUND_FAILED
from csms.core.pricing import Charge, Covered
from csms.db.statements import Statements
from csms.db.tx import ReadScope, Run
from csms.domain.transactions.service.consumption import charge_of

from .tariffs import reckon

if TYPE_CHECKING:
    from collections.abc import Callable

    from csms.testing.world.world import World

    from .town import Town

Store = sqlite3.Connection
COUNTED = {
    "payments": "SELECT count(*) FROM payments WHERE state = 'paid'",
    "refunds": "SELECT count(*) FROM refunds WHERE state = 'refunded'",
    "settled bills": "SELECT count(*) FROM bills WHERE state = 'SETTLED'",
    "prepaid charges": "SELECT count(*) FROM prepaid_charges WHERE state = 'finished'",
    "prepayments given back": "SELECT count(*) FROM prepaid_charges WHERE state = 'given_back'",
    "corrections": "SELECT count(*) FROM bills WHERE number > 0",
    "debts": "SELECT count(*) FROM bills WHERE owed_minor > 0",
    "movements": "SELECT count(*) FROM ledger_movements",
    "invoices": "SELECT count(*) FROM invoices",
    "notices": "SELECT count(*) FROM payment_notices",
}
"""How much money moved, for people."""

LEAST_REFUND_MINOR = 100
"""Less is not given back by the gateways of the world."""
_REFERENCE = re.compile(r".*-r\d+")
"""Our reference of a refund at its gateway, without the number of a round."""
_ACCOUNTS = """SELECT a.*, COALESCE((SELECT sum(e.amount) FROM ledger_entries e WHERE e.account_id = a.id), 0) AS summed
    FROM ledger_accounts a"""


def _town(world: World) -> Town:
    assert world.town is not None
    return world.town


def _summed(store: Store, tenant: int, unit: str, kind: str, name: str = "") -> int:
    sql = f"SELECT COALESCE(sum(summed), 0) FROM ({_ACCOUNTS} WHERE a.tenant = ? AND a.unit = ? AND a.kind = ?"  # noqa: S608
    found: int = store.execute(f"{sql} AND (? = '' OR a.name = ?))", (tenant, unit, kind, name, name)).fetchone()[0]
    return found


def gateways_agree(world: World, store: Store) -> Iterator[str]:
    """Money in = money out + balances: what the ledger says is at a gateway is what the gateway's own book says."""
    for tenant, gateway in _town(world).gateways.items():
        units = {each.currency for each in gateway.attempts.values()} | {"INR", "EUR", "USD"}
        for unit in sorted(units):
            ours, theirs = -_summed(store, tenant, unit, "gateway", gateway.name), gateway.owes(unit)
            if ours != theirs:
                yield f"tenant {tenant}: {gateway.name} has {theirs} {unit}, the ledger says {ours}"
    sql = f"SELECT tenant, unit, sum(summed) AS rest FROM ({_ACCOUNTS}) GROUP BY tenant, unit HAVING sum(summed) <> 0"  # noqa: S608
    for row in store.execute(sql):
        yield f"tenant {row['tenant']}: all accounts in {row['unit']} come to {row['rest']}, not to nothing"


def movements_balance(world: World, store: Store) -> Iterator[str]:
    """Every movement sums to nothing in each unit, and has all its entries."""
    sql = """SELECT m.id, m.kind, m.key, m.legs, count(e.line) AS entries FROM ledger_movements m
        LEFT JOIN ledger_entries e ON e.movement_id = m.id GROUP BY m.id HAVING count(e.line) <> m.legs"""
    for row in store.execute(sql):
        yield f"movement {row['id']} ({row['kind']} {row['key']}) has {row['entries']} entries of {row['legs']}"
    sql = """SELECT e.movement_id, a.unit, sum(e.amount) AS rest FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id
        GROUP BY e.movement_id, a.unit HAVING sum(e.amount) <> 0"""
    for row in store.execute(sql):
        yield f"movement {row['movement_id']} leaves {row['rest']} {row['unit']}"


def balances_run(world: World, store: Store) -> Iterator[str]:
    """Running balances are the sums of their entries, entry by entry, and wallets are what their accounts make up."""
    for account in store.execute(f"{_ACCOUNTS} WHERE a.through IS NULL").fetchall():
        if account["balance"] != account["summed"]:
            yield f"account {account['id']} ({account['kind']}) says {account['balance']}, its entries {account['summed']}"
        so_far = 0
        entries = store.execute("SELECT * FROM ledger_entries WHERE account_id = ? ORDER BY number", (account["id"],)).fetchall()
        for number, entry in enumerate(entries, 1):
            so_far += entry["amount"]
            if (entry["number"], entry["balance_after"]) != (number, so_far):
                yield f"account {account['id']}: entry {number} says {entry['balance_after']}, not {so_far}"
    for wallet in store.execute("SELECT * FROM wallets").fetchall():
        of = (wallet["driver_id"], wallet["currency"])
        sums = {
            row["kind"]: row["summed"]
            for row in store.execute(
                f"SELECT kind, sum(summed) AS summed FROM ({_ACCOUNTS} WHERE a.driver_id = ? AND a.unit = ?) GROUP BY kind",  # noqa: S608
                of,
            )
        }
        stored = (wallet["balance_minor"], wallet["held_minor"], wallet["owed_minor"])
        made_up = (sums.get("wallet", 0) + sums.get("held", 0), sums.get("held", 0), -sums.get("receivable", 0))
        if stored != made_up:
            yield f"the wallet of driver {wallet['driver_id']} says {stored}, its accounts make up {made_up}"


def floors_kept(world: World, store: Store) -> Iterator[str]:
    """No wallet fell below its credit limit by anything that could be refused; nothing else of drivers ever below nothing."""
    sql = """SELECT e.amount, e.balance_after, e.movement_id, m.kind AS movement, m.key, a.kind, a.driver_id, a.name,
        COALESCE(w.credit_limit_minor, 0) AS credit FROM ledger_entries e JOIN ledger_accounts a ON a.id = e.account_id
        JOIN ledger_movements m ON m.id = e.movement_id LEFT JOIN wallets w ON w.driver_id = a.driver_id AND w.currency = a.unit
        WHERE a.kind IN ('wallet', 'held', 'prepayment', 'allowance') AND e.amount < 0"""
    made_there = {f"refund:{row['id']}" for row in store.execute("SELECT id FROM refunds WHERE key LIKE 'gateway:%' OR round > 0")}
    for row in store.execute(sql):
        floor = -row["credit"] if row["kind"] == "wallet" else 0
        if row["balance_after"] < floor and row["key"].partition("#")[0] not in made_there:
            yield f"{row['movement']} {row['key']} left {row['kind']} {row['driver_id'] or row['name']} at {row['balance_after']}"
    held = store.execute("SELECT a.name, a.balance FROM ledger_accounts a WHERE a.kind = 'held' AND a.balance <> 0").fetchall()
    for row in held:
        yield f"{row['balance']} are still held for {row['name']} although everything is over"


def billed_once(world: World, store: Store) -> Iterator[str]:
    """Every charge with energy is billed, or it is said why not; what was billed for it is what it costs, reckoned by other means."""
    for row in store.execute("SELECT * FROM transactions WHERE state = 'completed' AND started_at IS NOT NULL").fetchall():
        bills = store.execute("SELECT * FROM bills WHERE transaction_id = ? ORDER BY number", (row["id"],)).fetchall()
        name = f"transaction {row['id']} ({row['energy_wh']} Wh)"
        states = [bill["state"] for bill in bills]
        if [bill["number"] for bill in bills] != list(range(len(bills))) or not bills:
            yield f"{name} has the bills {[bill['number'] for bill in bills]}"
            continue
        settled = [bill for bill in bills if bill["state"] == "SETTLED"]
        if not row["energy_wh"] and not settled:
            if states != ["NOT_BILLABLE"]:
                yield f"{name} has no energy, and bills that are {states}"
            continue
        if any(bill["state"] not in ("SETTLED", "PRICED") and not bill["closed_by"] for bill in bills):
            yield f"{name} has bills that are {states}: {[bill['error'] or bill['note'] for bill in bills]}"
            continue
        if any(bill["closed_by"] and bill["state"] != "SETTLED" for bill in bills):
            continue
        yield from _rightly_priced(store, name, row, bills)


def _rightly_priced(store: Store, name: str, row: sqlite3.Row, bills: Sequence[sqlite3.Row]) -> Iterator[str]:
    others = sum(bill["total_minor"] for bill in bills if bill["driver_id"] != row["driver_id"])
    if others:
        yield f"{name}: {others} are billed to somebody else"
    mine = [bill for bill in bills if bill["driver_id"] == row["driver_id"]]
    taxes: dict[str, int] = {}
    for bill in mine:
        for tax in msgspec.json.decode(bill["taxes"]):
            taxes[tax["name"]] = taxes.get(tax["name"], 0) + tax["amount_minor"]
    net = sum(bill["net_minor"] for bill in mine)
    if not row["energy_wh"]:
        if net or any(taxes.values()):
            yield f"{name} is billed {net} and {taxes}"
    elif (net, taxes) != ((costs := reckon(_charge(store, row, mine))).net_minor, dict(costs.taxes)):
        yield f"{name} is billed {net} and {taxes}, and costs {costs}"
    if any(bill["energy_wh"] is None for bill in mine) or sum(bill["energy_wh"] for bill in mine) != row["energy_wh"]:
        yield f"{name} is billed for {sum(bill['energy_wh'] for bill in mine)} Wh"


def _charge(store: Store, row: sqlite3.Row, mine: Sequence[sqlite3.Row]) -> Charge:
    """The charge by all that is known of it in the end; allowances pay of it what its bills took."""
    tx = ReadScope(Run(store.cursor()), Statements((), percent=False), TenantId(row["tenant"]), 0)
    covered = mine[-1]["covered"] if mine else ""
    return attrs.evolve(charge_of(tx, row["id"]), covered=msgspec.json.decode(covered, type=Covered) if covered else Covered())


def bills_are_booked(world: World, store: Store) -> Iterator[str]:
    """Revenue, taxes, shares and debts of the ledger are those of the bills; each bill is booked once."""
    for tenant, unit in (row[:2] for row in store.execute("SELECT id, currency FROM tenants").fetchall()):
        bills = store.execute("SELECT * FROM bills WHERE tenant = ? AND state = 'SETTLED'", (tenant,)).fetchall()
        sums: dict[tuple[str, str], int] = defaultdict(int)
        for bill in bills:
            shares = msgspec.json.decode(bill["shares"])
            sums["revenue", ""] += bill["net_minor"] - sum(each["amount_minor"] for each in shares)
            for each in shares:
                sums["partner", each["party"]] += each["amount_minor"]
            for each in msgspec.json.decode(bill["taxes"]):
                sums["tax", each["name"]] += each["amount_minor"]
            sums["receivable", ""] -= bill["open_minor"]
        for (kind, name), wanted in sorted(sums.items()):
            if (found := _summed(store, tenant, unit, kind, name)) != wanted:
                yield f"tenant {tenant}: the bills make {kind} {name} {wanted} {unit}, the ledger has {found}"
    sql = """SELECT b.id, b.total_minor, (SELECT count(*) FROM ledger_movements m WHERE m.tenant = b.tenant AND m.key = 'bill:' || b.id)
        AS movements FROM bills b WHERE b.state = 'SETTLED' AND b.total_minor <> 0 AND movements <> 1"""
    for row in store.execute(sql):
        yield f"bill {row['id']} over {row['total_minor']} is booked {row['movements']} times"


def credited_once(world: World, store: Store) -> Iterator[str]:
    """Each payment at a gateway is credited once, whole, where it belongs; nothing is credited that was not paid."""
    for tenant, gateway in _town(world).gateways.items():
        credited: dict[str, list[int]] = defaultdict(list)
        sql = """SELECT m.key, sum(e.amount) AS amount FROM ledger_movements m JOIN ledger_entries e ON e.movement_id = m.id
            JOIN ledger_accounts a ON a.id = e.account_id AND a.kind = 'gateway' WHERE m.tenant = ? AND m.kind IN ('TOP_UP', 'PAYMENT')
            GROUP BY m.id"""
        for row in store.execute(sql, (tenant,)):
            credited[row["key"].split(":")[-1]].append(-row["amount"])
        for each in gateway.attempts.values():
            wanted = [each.amount_minor] if each.state == PAID else []
            found = credited.pop(each.payment_id, [])
            if found != wanted:
                yield f"{each.payment_id} ({each.state}, {each.amount_minor} {each.currency}) was credited as {found}"
        for payment_id, amounts in credited.items():
            yield f"{payment_id} was credited as {amounts}, and {gateway.name} knows nothing of it"
        for payment in gateway.attempts.values():
            back = [each for each in gateway.given_back.values() if each.payment_id == payment.payment_id]
            if sum(each.amount_minor for each in back if each.state != REFUND_FAILED) > payment.amount_minor:
                yield f"more than {payment.payment_id} was given back"


def refunds_agree(world: World, store: Store) -> Iterator[str]:
    """Every refund that was made is one at the gateway, and the other way round; none that we wanted was made twice."""
    for tenant, gateway in _town(world).gateways.items():
        ours = {
            row["refund_ref"]: row["amount_minor"]
            for row in store.execute("SELECT * FROM refunds WHERE tenant = ? AND state = 'refunded'", (tenant,))
        }
        theirs = {each.refund_id: each.amount_minor for each in gateway.given_back.values() if each.state != REFUND_FAILED}
        wanted = Counter(
            _REFERENCE.match(each.reference)[0]  # type: ignore[index]  # ours always match
            for each in gateway.given_back.values()
            if each.reference and each.state != REFUND_FAILED
        )
        yield from (f"{reference} was given back {times} times" for reference, times in wanted.items() if times > 1)
        for refund_id in sorted(ours.keys() ^ theirs.keys()):
            yield f"{refund_id} is known {'here' if refund_id in ours else 'at the gateway'} only"
        for refund_id in sorted(ours.keys() & theirs.keys()):
            if ours[refund_id] != theirs[refund_id]:
                yield f"{refund_id} gave back {theirs[refund_id]}, and is {ours[refund_id]} here"


def prepayments_used(world: World, store: Store) -> Iterator[str]:
    """What was paid for a charge is its bill, what went back, and what is kept of it."""
    sql = """SELECT p.id, p.driver_id, p.paid_minor, p.refunded_minor,
        (SELECT COALESCE(sum(b.prepaid_minor), 0) FROM bills b WHERE b.payment_id = p.id AND b.state = 'SETTLED') AS billed,
        (SELECT COALESCE(sum(a.balance), 0) FROM ledger_accounts a WHERE a.kind = 'prepayment' AND a.tenant = p.tenant
            AND a.unit = p.currency AND (a.name = CAST(p.id AS TEXT) OR a.name LIKE p.id || '/%')) AS kept,
        (SELECT COALESCE(sum(a.balance), 0) FROM ledger_accounts a WHERE a.kind = 'prepayment' AND a.tenant = p.tenant
            AND a.unit <> p.currency AND a.name LIKE p.id || '/%') AS kept_abroad,
        (SELECT COALESCE(sum(e.amount), 0) FROM ledger_entries e JOIN ledger_movements m ON m.id = e.movement_id
            JOIN ledger_accounts a ON a.id = e.account_id AND a.kind = 'wallet' AND m.key LIKE 'payment:' || p.id || ':rest:%') AS to_wallet
        , (SELECT COALESCE(sum(e.amount), 0) FROM ledger_entries e JOIN ledger_movements m ON m.id = e.movement_id
            JOIN ledger_accounts a ON a.id = e.account_id AND a.kind = 'adjustments' AND a.name = 'refunds' WHERE m.tenant = p.tenant
            AND m.reference_kind = 'payment' AND m.reference_id = CAST(p.id AS TEXT)) AS lost
        FROM payments p WHERE p.purpose = 'prepaid'"""
    for row in store.execute(sql).fetchall():
        went = row["billed"] + row["refunded_minor"] + row["kept"] + row["to_wallet"]
        if row["paid_minor"] != went + row["lost"]:  # lost: somebody gave back by hand what the charge had used
            yield f"payment {row['id']}: {dict(row)}"
        failed = store.execute("SELECT count(*) FROM refunds WHERE payment_id = ? AND state = 'failed'", (row["id"],)).fetchone()[0]
        few = (
            row["driver_id"] is None and not row["kept_abroad"] and row["kept"] < LEAST_REFUND_MINOR
        )  # a guest has no wallet for it
        if (row["kept"] or row["kept_abroad"]) and not failed and not few:  # in another currency, it is not in paid_minor
            yield f"{row['kept']} and {row['kept_abroad']} of payment {row['id']} are kept for nothing"


def allowances_used(world: World, store: Store) -> Iterator[str]:
    """What was granted is used by bills, or left."""
    sql = f"SELECT * FROM ({_ACCOUNTS} WHERE a.kind = 'allowance')"  # noqa: S608
    used: dict[int, int] = defaultdict(int)
    for row in store.execute("SELECT uses FROM bills WHERE state = 'SETTLED'"):
        for each in msgspec.json.decode(row["uses"]):
            used[each["account_id"]] += each["amount"]
    for account in store.execute(sql).fetchall():
        granted = """SELECT COALESCE(sum(e.amount), 0) FROM ledger_entries e JOIN ledger_movements m ON m.id = e.movement_id
            WHERE e.account_id = ? AND m.kind = 'GRANT'"""
        (given,) = store.execute(granted, (account["id"],)).fetchone()
        if account["summed"] != given - used[account["id"]]:
            yield f"allowance {account['id']}: {given} granted, {used[account['id']]} used, {account['summed']} left"


def invoices_complete(world: World, store: Store) -> Iterator[str]:
    """Numbers have no gaps; every settled bill that comes to something is on one invoice, and each says what its bills come to."""
    series: dict[Any, list[int]] = defaultdict(list)
    for row in store.execute("SELECT * FROM invoices ORDER BY sequence").fetchall():
        series[row["tenant"], row["kind"], row["year"]].append(row["sequence"])
        if row["kind"] == "receipt" or row["movement_id"] is not None:
            continue
        (total,) = store.execute(
            "SELECT COALESCE(sum(b.total_minor), 0) FROM invoice_bills i JOIN bills b ON b.id = i.bill_id WHERE i.invoice_id = ?",
            (row["id"],),
        ).fetchone()
        if abs(total) != row["total_minor"]:
            yield f"{row['number']} is over {row['total_minor']}, its bills come to {total}"
    for name, numbers in series.items():
        if numbers[:1] != [1] or any(after != before + 1 for before, after in pairwise(numbers)):
            yield f"the series {name} has gaps: {numbers}"
    sql = """SELECT b.id, b.number, b.total_minor FROM bills b WHERE b.state = 'SETTLED' AND b.total_minor <> 0
        AND NOT EXISTS (SELECT 1 FROM invoice_bills i WHERE i.bill_id = b.id)"""
    for row in store.execute(sql):
        yield f"bill {row['id']} ({row['number']}) over {row['total_minor']} is on no invoice"


def all_over(world: World, store: Store) -> Iterator[str]:
    """Nothing is left that should have come to its end: no payment, refund, bill or notice waits for ever."""
    for sql, what in (
        ("SELECT id, state FROM payments WHERE state IN ('created', 'open')", "payment"),
        ("SELECT id, state FROM refunds WHERE state IN ('wanted', 'asked')", "refund"),
        ("SELECT id, state FROM prepaid_charges WHERE state IN ('waiting', 'paid', 'starting', 'charging')", "prepaid charge"),
        ("SELECT id, state FROM bills WHERE state = 'BILLING_FAILED' OR (state = 'UNBILLED')", "bill"),
    ):
        for row in store.execute(sql):
            yield f"{what} {row['id']} is {row['state']}"


MONEY_CHECKS: dict[str, Callable[[World, Store], Iterator[str]]] = {
    "money in = money out + balances": gateways_agree,
    "every movement balances": movements_balance,
    "running balances equal entries": balances_run,
    "no account below its floor": floors_kept,
    "every charge billed once, at its price": billed_once,
    "bills are booked": bills_are_booked,
    "nothing credited twice": credited_once,
    "refunds are the gateway's": refunds_agree,
    "prepayments used or given back": prepayments_used,
    "allowances used or left": allowances_used,
    "invoices without gaps": invoices_complete,
    "everything came to its end": all_over,
}

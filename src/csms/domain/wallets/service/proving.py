"""Proves that the ledger adds up, a stretch at a time.

Every movement sums to zero and has all its entries; every running balance is the sum of its entries, one after the other; every wallet is
what its accounts and its lines make up; every checkpoint is the sum that it says; and all accounts of a unit sum to zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import attrs

from csms.core.ports import ReadTx, Tx
from csms.domain.wallets.model import Finding, LedgerUnbalanced, TrialBalance, TrialRow, UnitTotal
from csms.domain.wallets.store import checkpoints, proofs

MOVEMENTS_AT_A_TIME = 2000
ACCOUNTS_AT_A_TIME = 500
WALLETS_AT_A_TIME = 500
CHECKPOINTS_AT_A_TIME = 20


@attrs.frozen(slots=True, kw_only=True)
class Stretch:
    """What a look at a stretch came to. ``last`` is where the next one begins; None at the end."""

    last: tuple[int, int] | None
    looked: int
    findings: Sequence[Finding] = ()


Look = Callable[[ReadTx, tuple[int, int]], Stretch]


def movements(tx: ReadTx, after: tuple[int, int]) -> Stretch:
    """Whether movements balance and are complete."""
    begin = after[0]
    ends = proofs.last_of(tx, "ledger_movements", begin, MOVEMENTS_AT_A_TIME)
    if ends is None:
        return Stretch(last=None, looked=0)
    last, looked = ends
    findings = [
        Finding(
            what="movement",
            name=str(row["id"]),
            expected=row["expected"],
            found=row["found"],
            detail="entries are missing or added",
        )
        for row in proofs.incomplete_movements(tx, begin, last)
    ]
    findings += [
        Finding(
            what="movement", name=str(row["id"]), expected=0, found=int(row["found"]), detail=f"its {row['unit']} is not balanced"
        )
        for row in proofs.unbalanced_movements(tx, begin, last)
    ]
    return Stretch(last=(last, 0), looked=looked, findings=findings)


def accounts(tx: ReadTx, after: tuple[int, int]) -> Stretch:
    """Whether running balances are what entries make them."""
    begin = after[0]
    ends = proofs.last_of(tx, "ledger_accounts", begin, ACCOUNTS_AT_A_TIME)
    if ends is None:
        return Stretch(last=None, looked=0)
    last, looked = ends
    findings = [
        Finding(
            what="account",
            name=str(row["id"]),
            expected=int(row["expected"]),
            found=row["found"],
            detail=f"{row['kind']} {row['name']} ({row['unit']}): {row['counted']} of {row['entries']} entries",
        )
        for row in proofs.wrong_accounts(tx, begin, last)
    ]
    findings += [
        Finding(
            what="account",
            name=str(row["id"]),
            expected=int(row["expected"]),
            found=row["found"],
            detail=f"its balance after movement {row['movement_id']}",
        )
        for row in proofs.broken_runs(tx, begin, last)
    ]
    return Stretch(last=(last, 0), looked=looked, findings=findings)


def wallets(tx: ReadTx, after: tuple[int, int]) -> Stretch:
    """Whether wallets are what their accounts and lines make up."""
    begin = after[0]
    ends = proofs.last_of(tx, "wallets", begin, WALLETS_AT_A_TIME)
    if ends is None:
        return Stretch(last=None, looked=0)
    last, looked = ends
    findings = []
    for row in proofs.wrong_wallets(tx, begin, last):
        pairs = {
            "balance": (row["balance"], row["balance_minor"]),
            "held": (row["held"], row["held_minor"]),
            "owed": (-row["receivable"], row["owed_minor"]),
            "balance of its lines": (row["line_amounts"], row["balance_minor"]),
            "held of its lines": (row["line_held"], row["held_minor"]),
            "owed of its lines": (row["line_owed"], row["owed_minor"]),
            "lines": (row["counted"], row["lines"]),
        }
        findings += [
            Finding(
                what="wallet",
                name=str(row["id"]),
                expected=int(expected),
                found=int(found),
                detail=f"driver {row['driver_id']}, {row['currency']}: {name}",
            )
            for name, (expected, found) in pairs.items()
            if int(expected) != int(found)
        ]
    return Stretch(last=(last, 0), looked=looked, findings=findings)


def sums(tx: ReadTx, after: tuple[int, int]) -> Stretch:
    """Whether checkpoints are the sums that they say; ``after`` is an account and a movement."""
    account_id, through = after
    rows = proofs.checkpoints_after(tx, account_id, through, CHECKPOINTS_AT_A_TIME) if account_id else ()
    findings = []
    if rows:
        before = checkpoints.balance_at(tx, account_id, through)
        for row in rows:
            total, entries = checkpoints.between(tx, account_id, through, row["movement_id"])
            if (before + total, entries) != (row["balance"], row["entries"]):
                detail = f"the checkpoint at movement {row['movement_id']}: {entries} of {row['entries']} entries"
                findings.append(
                    Finding(what="checkpoint", name=str(account_id), expected=before + total, found=row["balance"], detail=detail)
                )
            before, through = row["balance"], row["movement_id"]
        return Stretch(last=(account_id, through), looked=len(rows), findings=findings)
    account = proofs.summed_accounts(tx, account_id)
    if account is None:
        return Stretch(last=None, looked=0)
    if account["noted"] != account["balance"]:
        detail = f"{account['kind']} {account['name']} ({account['unit']}): not what its last checkpoint says"
        findings.append(
            Finding(what="account", name=str(account["id"]), expected=account["noted"], found=account["balance"], detail=detail)
        )
    return Stretch(last=(account["id"], 0), looked=0, findings=findings)


def units(tx: ReadTx, after: tuple[int, int]) -> Stretch:
    """Whether all accounts of a unit sum to zero."""
    totals = trial_balance(tx).totals
    findings = [
        Finding(
            what="unit", name=each.unit, expected=0, found=each.credit - each.debit, detail="all accounts together are not balanced"
        )
        for each in totals
        if each.credit != each.debit
    ]
    return Stretch(last=None, looked=len(totals), findings=findings)


LOOKS: Mapping[str, Look] = {
    "movements": movements,
    "accounts": accounts,
    "wallets": wallets,
    "checkpoints": sums,
    "units": units,
}
"""All there is to prove, in order."""


def trial_balance(tx: ReadTx) -> TrialBalance:
    """Every account of the tenant, by kind and unit. Two statements."""
    rows = [
        TrialRow(
            kind=row["kind"], unit=row["unit"], accounts=int(row["accounts"]), debit=int(row["debit"]), credit=int(row["credit"])
        )
        for row in proofs.balances(tx)
    ]
    names = sorted({row.unit for row in rows})
    totals = [
        UnitTotal(
            unit=unit,
            debit=sum(row.debit for row in rows if row.unit == unit),
            credit=sum(row.credit for row in rows if row.unit == unit),
        )
        for unit in names
    ]
    return TrialBalance(at=tx.now, rows=rows, totals=totals, balanced=all(each.debit == each.credit for each in totals))


def tell_unbalanced(tx: Tx, findings: Sequence[Finding]) -> None:
    """Tell everybody who listens of what does not add up."""
    for each in findings:
        tx.emit(LedgerUnbalanced(what=each.what, name=each.name, expected=each.expected, found=each.found, detail=each.detail))

"""``csms wallet``: what drivers have, and whether the ledger adds up."""

from __future__ import annotations

import getpass
import secrets
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

import attrs
import click

from csms.core.errors import Invalid
from csms.core.ledger import MOVEMENT_KINDS, wallet_key
from csms.core.money import digits_of, minor, written
from csms.core.paging import LARGEST_LIMIT
from csms.core.ports import ReadTx, Tx
from csms.domain.wallets import flows, service
from csms.domain.wallets.model import ACTIVE, FROZEN, STATUSES, Movement, Wallet, WalletItem, WalletLine
from csms.domain.wallets.model.shown import Adjustment, LinesQuery, WalletChanges, WalletsQuery
from csms.domain.wallets.service import listing, proving

from . import show
from .exits import Failure
from .options import Invocation, common, examples
from .store import TENANT, in_database, read, write
from .when import INSTANT

COLUMNS = ["driver_id", "driver_name", "balance", "held", "owed", "credit", "available", "status"]
LINES = ["id", "moved_at", "kind", "description", "amount", "balance", "held"]
FINDINGS = ["what", "name", "expected", "found", "detail"]


def _me() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name, in a container
        return "operator"


def amount_of(text: str, currency: str) -> int:
    """An amount as people write it, in minor units. Raises ``Invalid`` for more digits than the currency has."""
    try:
        amount = Decimal(text.replace(",", ""))
        exact = amount.is_finite() and amount.as_tuple().exponent >= -digits_of(currency)  # type: ignore[operator]  # a number if finite
    except InvalidOperation:
        exact = False
    if not exact:
        raise Invalid(f"{text!r} is no amount of {currency}: write it with at most {digits_of(currency)} digits after the point")
    return minor(amount, currency)


def facts(wallet: Wallet | WalletItem) -> dict[str, Any]:
    """A wallet with its amounts as people write them."""
    known = attrs.asdict(wallet)
    for name in ("balance", "held", "owed", "credit", "available"):
        known[name] = written(known[f"{name}_minor"], wallet.currency)
    return known


def line_facts(line: WalletLine) -> dict[str, Any]:
    """A line with its amounts as people write them."""
    return attrs.asdict(line) | {
        "moved_at": line.at,
        "amount": written(line.amount_minor, line.currency),
        "balance": written(line.balance_after_minor, line.currency),
        "held": written(line.held_after_minor, line.currency),
    }


@click.group()
def wallet() -> None:
    """What drivers have, and whether the ledger adds up."""


@examples("csms wallet list", "csms wallet list --owing", "csms wallet list --search asha --sort -balance --json")
@wallet.command("list")
@click.option("--search", help="Part of a driver's name, e-mail address, phone or reference.")
@click.option("--status", type=click.Choice(STATUSES), help="Only those of this status.")
@click.option("--owing", is_flag=True, help="Only those with an open debt.")
@click.option("--sort", default="name", show_default=True, help="name, balance, owed, opened_at or changed_at; - turns it round.")
@click.option("--limit", type=click.IntRange(1, LARGEST_LIMIT), default=50, show_default=True, help="At most so many.")
@common
def list_some(call: Invocation, search: str | None, status: str | None, owing: bool, sort: str, limit: int) -> None:
    """List wallets with what is in them."""
    try:
        query = WalletsQuery(search=search, status=status, owing=owing or None, sort=sort, limit=limit)
    except ValueError as error:
        raise Invalid(f"--sort {sort}: use name, balance, owed, opened_at or changed_at") from error
    found = read(call.config, partial(listing.wallets_page, query=query))
    show.rows(call.json, [facts(each) for each in found.items], COLUMNS, empty="There are no such wallets")
    if found.total > len(found.items):
        show.remark(f"{len(found.items)} of {found.total}; --limit shows more")


@examples("csms wallet show 7", "csms wallet show 7 --json")
@wallet.command("show")
@click.argument("driver_id", type=int)
@common
def show_one(call: Invocation, driver_id: int) -> None:
    """Show a driver's wallet and what their plans include."""

    def query(tx: ReadTx) -> dict[str, Any]:
        included = [attrs.asdict(each) for each in service.allowances(tx, driver_id)]
        return facts(service.need_wallet(tx, driver_id)) | {"allowances": included}

    known = read(call.config, query)
    if not call.json:
        known = {name: value for name, value in known.items() if not name.endswith("_minor")}
    show.record(call.json, known)


@examples("csms wallet movements 7", "csms wallet movements 7 --kind TOP_UP --since 30d", "csms wallet movements 7 --json")
@wallet.command()
@click.argument("driver_id", type=int)
@click.option("--kind", type=click.Choice(MOVEMENT_KINDS), help="Only movements of this kind.")
@click.option("--since", type=INSTANT, help="Then or later.")
@click.option("--limit", type=click.IntRange(1, LARGEST_LIMIT), default=50, show_default=True, help="At most so many.")
@common
def movements(call: Invocation, driver_id: int, kind: str | None, since: int | None, limit: int) -> None:
    """Show what moved a driver's wallet, the newest first."""
    query = LinesQuery(kind=kind, from_at=since, limit=limit)
    found = read(call.config, partial(listing.lines, driver_id=driver_id, query=query))
    show.rows(call.json, [line_facts(each) for each in found.items], LINES, empty=f"Nothing moved the wallet of driver {driver_id}")
    if found.next:
        show.remark(f"the newest {limit}; --limit shows more")


@examples(
    "csms wallet adjust 7 250 --reason 'Goodwill for the outage'",
    "csms wallet adjust 7 -99.50 --reason 'Charged twice' --key ticket-41",
)
@wallet.command(context_settings={"ignore_unknown_options": True})
@click.argument("driver_id", type=int)
@click.argument("amount")
@click.option("--reason", required=True, help="Why; the driver sees it on their statement.")
@click.option("--key", help="Moves once, however often it is said [default: a new one].")
@click.option("--overdraw", is_flag=True, help="Take it even where that exceeds the credit limit.")
@click.option("--by", metavar="NAME", default=_me, show_default="your user name", help="Who says so.")
@common
def adjust(call: Invocation, driver_id: int, amount: str, reason: str, key: str | None, overdraw: bool, by: str) -> None:
    """Put a driver's wallet right by AMOUNT, in whole currency units: above zero gives, below takes."""
    key = f"adjustment:cli:{key or secrets.token_hex(12)}"

    def verb(tx: Tx) -> tuple[Movement, Wallet]:
        amount_minor = amount_of(amount, service.funds(tx, driver_id).currency)
        try:
            wanted = Adjustment(amount_minor=amount_minor, reason=reason, overdraw=overdraw)
        except ValueError as error:
            raise Invalid(str(error.args[0])) from error
        made = service.adjust(tx, driver_id, wanted, key=key, by=by)
        return made, service.open_wallet(tx, driver_id)

    made, after = write(call.config, verb, keys=(wallet_key(TENANT, driver_id),))
    now = f"the wallet of driver {driver_id} has {written(after.balance_minor, after.currency)}"
    words = f"That was done before: {now}" if made.again else f"Adjusted: {now}"
    show.done(call.json, words, movement_id=made.id, again=made.again, **attrs.asdict(after))


@examples(
    "csms wallet credit 7 500", "csms wallet credit 7 --usual", "csms wallet credit 7 --freeze", "csms wallet credit 7 --unfreeze"
)
@wallet.command()
@click.argument("driver_id", type=int)
@click.argument("amount", required=False)
@click.option("--usual", is_flag=True, help="The tenant's limit again.")
@click.option("--freeze/--unfreeze", "frozen", default=None, help="Whether it pays nothing new.")
@common
def credit(call: Invocation, driver_id: int, amount: str | None, usual: bool, frozen: bool | None) -> None:
    """Let a driver's wallet go AMOUNT below zero, in whole currency units; or freeze it."""
    if amount is None and not usual and frozen is None:
        raise click.UsageError("say a limit, --usual, --freeze or --unfreeze")

    def verb(tx: Tx) -> Wallet:
        limit = None if amount is None else amount_of(amount, service.funds(tx, driver_id).currency)
        status = None if frozen is None else FROZEN if frozen else ACTIVE
        try:
            changes = WalletChanges(credit_limit_minor=limit, status=status, clear=("credit_limit_minor",) if usual else ())
        except ValueError as error:
            raise Invalid(str(error.args[0])) from error
        return service.change_wallet(tx, driver_id, changes)

    after = write(call.config, verb, keys=(wallet_key(TENANT, driver_id),))
    words = f"The wallet of driver {driver_id} has {written(after.credit_minor, after.currency)} of credit"
    show.done(call.json, f"{words}, and is frozen" if after.status == FROZEN else words, **attrs.asdict(after))


@examples("csms wallet check", "csms wallet check --json")
@wallet.command()
@common
def check(call: Invocation) -> None:
    """Prove that the whole ledger adds up; ends with 1 where it does not."""
    found = in_database(call.config, lambda database: flows.check(database, TENANT))
    if call.json:
        show.as_json(attrs.asdict(found))
    elif found.balanced:
        looked = f"{found.movements} movements, {found.accounts} accounts, {found.wallets} wallets"
        click.echo(f"The ledger adds up: {looked}, {found.checkpoints} checkpoints")
    else:
        show.rows(False, [attrs.asdict(each) for each in found.findings], FINDINGS, empty="")
    if not found.balanced:
        raise Failure(f"the ledger does not add up, in {len(found.findings)} places")


@examples("csms wallet trial-balance", "csms wallet trial-balance --json")
@wallet.command("trial-balance")
@common
def trial_balance(call: Invocation) -> None:
    """Show debits and credits of the ledger, by kind of account and unit."""
    found = read(call.config, proving.trial_balance)
    if call.json:
        show.as_json(attrs.asdict(found))
        return

    def row(kind: str, unit: str, debit: int, credit: int) -> dict[str, str]:
        said = [f"{each} {unit}" if unit in ("WH", "TX") else written(each, unit) for each in (debit, credit)]
        return {"kind": kind, "unit": unit, "debit": said[0], "credit": said[1]}

    rows = [row(each.kind, each.unit, each.debit, each.credit) for each in found.rows]
    rows += [row("all", each.unit, each.debit, each.credit) for each in found.totals]
    show.rows(False, rows, ["kind", "unit", "debit", "credit"], empty="Nothing has moved yet")

"""``csms user``: the people who run the installation and its tenants, and the accounts of drivers."""

from __future__ import annotations

from functools import partial
from typing import Any

import attrs
import click

from csms import identity
from csms.config import Config
from csms.core.access import OPERATOR_KEY, PERMISSIONS, ROLES, SYSTEM_ADMIN, Principal
from csms.core.errors import NotFound
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.paging import LARGEST_LIMIT
from csms.core.ports import ReadTx, Tx
from csms.db import StoreDatabase
from csms.domain.tenants import store as tenants
from csms.domain.users import passwords
from csms.domain.users.flows.second_factor import take_away
from csms.domain.users.model import Member, MembersQuery, User
from csms.domain.users.passwords import Passwords
from csms.domain.users.service import logins, members
from csms.domain.users.service import people as service
from csms.domain.users.store import memberships
from csms.domain.users.store import people as store
from csms.outside import SystemClock, SystemEntropy, Threads

from . import show
from .options import Invocation, common, examples
from .store import in_database

COLUMNS = ["id", "name", "email", "phone", "role", "stations", "driver_id", "second_factor", "joined_at", "disabled_at"]
HOUR_MS = 3_600_000


def tenant_option(function: Any) -> Any:
    """Add ``--tenant``."""
    return click.option("--tenant", "slug", default="default", show_default=True, help="The tenant, by its slug.")(function)


async def tenant_of(database: StoreDatabase, slug: str) -> TenantId:
    """The tenant of a slug. Raises ``NotFound``."""
    found = await database.read(tenants.by_slug, slug, tenant=DEFAULT_TENANT)
    if found is None:
        raise NotFound(f"there is no tenant {slug!r}")
    return found.id


async def user_of(database: StoreDatabase, login: str) -> User:
    """The user of an e-mail address, a telephone number or an id. Raises ``NotFound``."""

    def query(tx: ReadTx) -> User | None:
        if login.isascii() and login.isdigit() and len(login) < 19:
            return store.user(tx, int(login))
        return store.by_email(tx, login) if "@" in login else store.by_phone(tx, login)

    found = await database.read(query, tenant=DEFAULT_TENANT)
    if found is None:
        raise NotFound(f"there is no user {login}")
    return found


def operator(tenant: TenantId) -> Principal:
    """Who sits at this machine: whoever can open the database may do everything."""
    return Principal(tenant=tenant, kind=OPERATOR_KEY, name="command line", role=SYSTEM_ADMIN, permissions=frozenset(PERMISSIONS))


def chosen_password(config: Config, *, ask: bool) -> tuple[str, bool]:
    """A password, and whether it is one that we made, to be changed. Raises ``Invalid``."""
    if not ask:
        return SystemEntropy().token(12), True
    given = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    passwords.check(given, least=config.identity.password_min)
    return given, False


async def hashed(config: Config, password: str) -> str:
    """The hash of a password."""
    kept = Passwords(Threads(), memory_kib=config.identity.password_memory_kib, passes=config.identity.password_passes)
    return await kept.hash(password)


def add_user(config: Config, *, password: str, temporary: bool, slug: str, role: str, **account: Any) -> User:
    """Make an account and a member of a tenant. Raises as the verbs do."""

    async def work(database: StoreDatabase) -> User:
        hours = identity.rules_of(config.identity).temporary_password_hours
        expires_at = SystemClock().now() + hours * HOUR_MS if temporary else None
        return await identity.add_user(
            database,
            tenant=await tenant_of(database, slug),
            role=role,
            password_hash=await hashed(config, password),
            password_expires_at=expires_at,
            **account,
        )

    return in_database(config, work)


@click.group()
def user() -> None:
    """People with accounts: administrators, owners, operators, support, drivers."""


@examples("csms user list", "csms user list --role tenant_owner", "csms user list --tenant north --json")
@user.command("list")
@tenant_option
@click.option("--role", type=click.Choice(list(ROLES)), help="Only those of one role.")
@common
def list_all(call: Invocation, slug: str, role: str | None) -> None:
    """List the people of a tenant."""

    async def work(database: StoreDatabase) -> list[Member]:
        tenant = await tenant_of(database, slug)

        def query(tx: ReadTx) -> list[Member]:
            found: list[Member] = []
            while True:
                asked = MembersQuery(page=len(found) // LARGEST_LIMIT + 1, limit=LARGEST_LIMIT, role=role)
                page = memberships.members(tx, asked)
                found += page.items
                if len(found) >= page.total or not page.items:
                    return found

        return await database.read(query, tenant=tenant)

    found = [attrs.asdict(each) for each in in_database(call.config, work)]
    show.rows(call.json, found, COLUMNS, empty="There are no users yet: csms user add EMAIL --role system_admin")


@examples(
    "csms user add asha@example.org --role system_admin",
    "csms user add ravi@example.org --role tenant_operator --station 3 --station 5 --tenant north",
    "csms user add +912055501234 --role driver --name 'Asha Rao'",
)
@user.command()
@click.argument("login", metavar="EMAIL_OR_PHONE")
@click.option("--role", type=click.Choice(list(ROLES)), required=True, help="What they are in the tenant.")
@tenant_option
@click.option("--name", default="", help="What they are called.")
@click.option("--station", "stations", type=int, multiple=True, metavar="ID", help="Keep an operator to stations; may be repeated.")
@click.option("--ask", is_flag=True, help="Ask for the password instead of making one.")
@common
def add(call: Invocation, login: str, role: str, slug: str, name: str, stations: tuple[int, ...], ask: bool) -> None:
    """Make an account; prints a password once, which is good for three days and to be changed."""
    password, temporary = chosen_password(call.config, ask=ask)
    account = {"email": login} if "@" in login else {"phone": login}
    made = add_user(
        call.config,
        password=password,
        temporary=temporary,
        slug=slug,
        role=role,
        stations=stations or None,
        name=name,
        **account,
    )
    words = f"Added user {made.id}: {made.called}, {role} of {slug}"
    shown = {"password": password} if temporary else {}
    if temporary:
        words += f"\nPassword, shown this once and to be changed within three days: {password}"
    show.done(call.json, words, **attrs.asdict(made), role=role, tenant=slug, **shown)


@examples("csms user password asha@example.org", "csms user password asha@example.org --ask")
@user.command("password")
@click.argument("login", metavar="USER")
@click.option("--ask", is_flag=True, help="Ask for the password instead of making one.")
@common
def set_password(call: Invocation, login: str, ask: bool) -> None:
    """Give USER (e-mail address, telephone number or id) another password, which ends every login of theirs."""
    password, temporary = chosen_password(call.config, ask=ask)

    async def work(database: StoreDatabase) -> User:
        known = await user_of(database, login)
        hours = identity.rules_of(call.config.identity).temporary_password_hours
        expires_at = SystemClock().now() + hours * HOUR_MS if temporary else None
        made = await hashed(call.config, password)
        verb = partial(service.set_password, user_id=known.id, password_hash=made, expires_at=expires_at)
        await database.write(verb, tenant=DEFAULT_TENANT)
        return known

    known = in_database(call.config, work)
    words = f"Changed the password of {known.called}"
    if temporary:
        words += f"\nPassword, shown this once and to be changed within three days: {password}"
    show.done(call.json, words, id=known.id, **({"password": password} if temporary else {}))


@examples("csms user role ravi@example.org tenant_owner", "csms user role ravi@example.org tenant_operator --station 3")
@user.command()
@click.argument("login", metavar="USER")
@click.argument("role", type=click.Choice(list(ROLES)))
@tenant_option
@click.option("--station", "stations", type=int, multiple=True, metavar="ID", help="Keep an operator to stations; may be repeated.")
@common
def role(call: Invocation, login: str, role: str, slug: str, stations: tuple[int, ...]) -> None:
    """Give USER another role in a tenant, or one to start with."""

    async def work(database: StoreDatabase) -> Member:
        tenant, known = await tenant_of(database, slug), await user_of(database, login)

        def verb(tx: Tx) -> Member:
            if memberships.member(tx, known.id) is None:
                return members.join(tx, identity.NEIGHBOURS, known, role=role, station_ids=stations or None)
            return members.change(
                tx,
                identity.NEIGHBOURS,
                operator(tenant),
                known.id,
                role=role,
                station_ids=stations or None,
                every_station=not stations,
            )

        return await database.write(verb, tenant=tenant)

    changed = in_database(call.config, work)
    show.done(call.json, f"{changed.email or changed.phone} is {changed.role} of {slug}", **attrs.asdict(changed))


def _disable(call: Invocation, login: str, *, disabled: bool) -> None:
    async def work(database: StoreDatabase) -> User:
        known = await user_of(database, login)
        return await database.write(partial(service.set_disabled, user_id=known.id, disabled=disabled), tenant=DEFAULT_TENANT)

    changed = in_database(call.config, work)
    show.done(call.json, f"{'Disabled' if disabled else 'Enabled'} {changed.called}", **attrs.asdict(changed))


@examples("csms user disable ravi@example.org")
@user.command()
@click.argument("login", metavar="USER")
@common
def disable(call: Invocation, login: str) -> None:
    """Disable an account everywhere and end its logins; a running server heeds it within half a minute."""
    _disable(call, login, disabled=True)


@examples("csms user enable ravi@example.org")
@user.command()
@click.argument("login", metavar="USER")
@common
def enable(call: Invocation, login: str) -> None:
    """Undo disable."""
    _disable(call, login, disabled=False)


@examples("csms user logout ravi@example.org")
@user.command()
@click.argument("login", metavar="USER")
@common
def logout(call: Invocation, login: str) -> None:
    """End every login of an account; a running server heeds it within half a minute."""

    async def work(database: StoreDatabase) -> int:
        known = await user_of(database, login)
        return await database.write(partial(logins.end_all, user_id=known.id, why="ended"), tenant=DEFAULT_TENANT)

    ended = in_database(call.config, work)
    show.done(call.json, f"Ended {ended} logins of {login}", ended=ended)


@examples("csms user second-factor-off asha@example.org")
@user.command("second-factor-off")
@click.argument("login", metavar="USER")
@common
def second_factor_off(call: Invocation, login: str) -> None:
    """Take away a second factor that was lost with all its recovery codes."""

    async def work(database: StoreDatabase) -> User:
        known = await user_of(database, login)
        await database.write(partial(take_away, user_id=known.id), tenant=DEFAULT_TENANT)
        return known

    known = in_database(call.config, work)
    show.done(call.json, f"{known.called} has no second factor any more", id=known.id)

"""``csms init``: a configuration, a database and an operator key, so that there is something to start from."""

from __future__ import annotations

import os
from pathlib import Path

import click

from csms.config import Config, hidden_url, make_operator_key
from csms.config.loading import checked
from csms.config.reference import literal
from csms.config.sections import PROFILES
from csms.core.access import SYSTEM_ADMIN
from csms.core.ids import DEFAULT_TENANT
from csms.db.location import locate
from csms.domain.users.store import people
from csms.outside import SystemEntropy
from csms.vault import open_vault

from . import show
from .migrate import bring_up_to_date
from .options import DEFAULT_FILE, Invocation, common, config_file, examples
from .store import in_database
from .user import add_user, chosen_password

FIRST_ADMIN = "admin@localhost"

TEMPLATE = """\
# Configuration of csms. What can be set, and what it is by default: csms check --reference
# What is in force: csms check

profile = {profile}

[database]
url = {url}
"""


def _write(file: Path, profile: str, url: str) -> None:
    """Write the configuration; for its owner only when it has a password in it."""
    mode = 0o600 if hidden_url(url) != url else 0o644
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(TEMPLATE.format(profile=literal(profile), url=literal(url)))


@examples(
    "csms init",
    "csms init --profile production --database postgresql://csms:PASSWORD@db.example.org/csms",
    "csms init --config /etc/csms/csms.toml --admin asha@example.org",
)
@click.command()
@click.option("--profile", type=click.Choice(PROFILES), help="What the server is for [default: development].")
@click.option("--database", metavar="URL", help="Where facts are kept [default: sqlite:///csms.db].")
@click.option(
    "--admin", metavar="EMAIL", default=FIRST_ADMIN, show_default=True, help="The first administrator, while there are no users."
)
@common
def init(call: Invocation, profile: str | None, database: str | None, admin: str) -> None:
    """Make a configuration, a database, an operator key and an administrator, whose password is printed once.

    Writes csms.toml (or the file that --config names). What is there already is kept, so it may be run again.
    """
    file = call.config_file or Path(DEFAULT_FILE)
    written = not file.exists()
    if written:
        if database is not None:
            _check_url(database)
        file.parent.mkdir(parents=True, exist_ok=True)
        _write(file, profile or "development", database or "sqlite:///csms.db")
    elif profile is not None or database is not None:
        raise click.UsageError(f"{file} is there already: change it there")
    call = Invocation(config_file(str(file)), call.json)
    config = call.config
    applied = bring_up_to_date(config)
    make_operator_key(config, SystemEntropy().token(32))
    open_vault(config, SystemEntropy())
    password = _first_admin(config, admin)
    place = locate(config.database, config.folder)
    show.done(
        call.json,
        f"{'Wrote' if written else 'Kept'} {file}\n"
        f"{'Made' if applied else 'Kept'} the database {place}\n"
        f"The operator key is in {'the configuration' if config.api.key else config.api.key_file}\n"
        f"{_admin_words(admin, password)}\n"
        "Next: csms serve, then csms charger add CHARGER_ID; the API is described at /api/docs",
        config=str(file),
        written=written,
        database=str(place),
        migrations=len(applied),
        key_file="" if config.api.key else config.api.key_file,
        admin=admin if password else "",
        password=password,
    )


def _first_admin(config: Config, email: str) -> str:
    """Make the first system administrator; the password, ``""`` where there are users already."""
    if in_database(config, lambda database: database.read(people.anybody, tenant=DEFAULT_TENANT)):
        return ""
    password, temporary = chosen_password(config, ask=False)
    add_user(config, password=password, temporary=temporary, slug="default", role=SYSTEM_ADMIN, email=email, name="Administrator")
    return password


def _admin_words(email: str, password: str) -> str:
    if not password:
        return ""
    return f"The administrator is {email}, password {password} (shown this once, to be changed within three days)\n"


def _check_url(url: str) -> None:
    try:
        checked(("database", "url"), url)
    except ValueError as error:
        raise click.UsageError(f"--database {hidden_url(url)}: {error}") from None

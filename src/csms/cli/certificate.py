"""``csms certificate``: chargers' certificates, the root certificates that they are given, and the authority that signs."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import attrs
import click
import trio

from csms.authorities import built_in
from csms.core.certificates import CSMS_ROOT, MANUFACTURER_ROOT
from csms.core.errors import Invalid
from csms.core.ports import ReadTx
from csms.domain.security import service
from csms.domain.security.model import BUILT_IN, RootCertificate
from csms.domain.security.shown import CERTIFICATE_STATES, CertificateItem, CertificatesQuery, RequestsQuery
from csms.domain.security.store import certificates as store
from csms.domain.security.store import requests as requests_store
from csms.domain.security.store import roots as roots_store
from csms.outside import SystemClock, Threads

from . import show
from .options import Invocation, common, examples
from .pages import EVERY
from .send import ask, told
from .server import Server, Unreachable, segment, server_option
from .store import TENANT, read, write

PURPOSES = {"csms": CSMS_ROOT, "manufacturer": MANUFACTURER_ROOT}
COLUMNS = ["id", "charger_id", "state", "serial", "subject", "not_after_at", "seen_at", "reason"]
ROOT_COLUMNS = ["id", "purpose", "name", "subject", "serial", "not_after_at"]
DAY_MS = 86_400_000
MOST_REQUESTS = 50

_purpose = click.option(
    "--purpose", type=click.Choice(list(PURPOSES)), default="csms", show_default=True, help="What the root vouches for."
)


@click.group()
def certificate() -> None:
    """Chargers' certificates, and the root certificates that they are given."""


@examples(
    "csms certificate list",
    "csms certificate list --charger C1",
    "csms certificate list --expiring 30",
)
@certificate.command("list")
@click.option("--charger", "charger_id", metavar="CHARGER_ID", help="Only those of one charger.")
@click.option("--state", type=click.Choice(CERTIFICATE_STATES), help="Only those in this state.")
@click.option("--expiring", type=click.IntRange(1), metavar="DAYS", help="Only those in use that end within so many days.")
@common
def list_all(call: Invocation, charger_id: str | None, state: str | None, expiring: int | None) -> None:
    """List chargers' certificates."""

    def query(tx: ReadTx) -> list[CertificateItem]:
        which = CertificatesQuery(
            charger_id=charger_id,
            state=state,
            ends_before_at=None if expiring is None else tx.now + expiring * DAY_MS,
            sort="id" if charger_id is None else "-id",
        )
        return store.listed(tx, which, EVERY)

    found = [attrs.asdict(each) for each in read(call.config, query)]
    show.rows(call.json, found, COLUMNS, empty="There are no such certificates: csms certificate renew CHARGER_ID")


@examples("csms certificate show 7", "csms certificate show 7 --json | jq -r .chain")
@certificate.command("show")
@click.argument("certificate_id", type=int)
@common
def show_one(call: Invocation, certificate_id: int) -> None:
    """Show one certificate, with its PEM."""
    show.record(call.json, attrs.asdict(read(call.config, partial(service.need_certificate, certificate_id=certificate_id))))


@examples("csms certificate requests C1")
@certificate.command()
@click.argument("charger_id")
@common
def requests(call: Invocation, charger_id: str) -> None:
    """List what a charger asked to have signed, and why it was not."""
    found = read(call.config, partial(requests_store.listed, query=RequestsQuery(charger_id=charger_id), limit=MOST_REQUESTS))
    rows = [attrs.asdict(each) for each in found]
    show.rows(call.json, rows, ["id", "state", "key_kind", "organization", "requested_at", "reason"], empty="It asked for nothing.")


@examples("csms certificate renew C1")
@certificate.command()
@click.argument("charger_id")
@server_option
@common
def renew(call: Invocation, charger_id: str, server: str | None) -> None:
    """Have a connected charger ask for a certificate now.

    It answers at once; the certificate follows within seconds: `csms certificate list --charger C1`.
    """
    told(call, charger_id, "TriggerMessage", ask(call, server, "POST", f"chargers/{segment(charger_id)}/certificate/renew", {}))


@examples("csms certificate revoke 7 --reason 'stolen'")
@certificate.command()
@click.argument("certificate_id", type=int)
@click.option("--reason", default="", help="Why; it is shown where the certificate is refused.")
@server_option
@common
def revoke(call: Invocation, certificate_id: int, reason: str, server: str | None) -> None:
    """Revoke a charger's certificate.

    It opens no connection from now on, and a running server ends the one that its charger has.
    """
    try:
        Server(call.config, server).call("POST", f"/api/v1/certificates/{certificate_id}/revoke", {"reason": reason})
    except Unreachable:
        if server is not None:
            raise
        write(call.config, partial(service.revoke, certificate_id=certificate_id, reason=reason))
        show.remark("note: no server answered, so a connection that stands was not ended")
    show.done(call.json, f"Revoked certificate {certificate_id}", id=certificate_id, state="revoked")


# --- root certificates ----------------------------------------------------------------------------------------------------------


@examples(
    "csms certificate add-root root.pem",
    "csms certificate add-root acme.pem --purpose manufacturer --name 'Acme firmware'",
    "csms certificate authority | csms certificate add-root -",
)
@certificate.command("add-root")
@click.argument("file", type=click.File("r"))
@_purpose
@click.option("--name", default="", help="What people call it [default: its CN].")
@common
def add_root(call: Invocation, file: Any, purpose: str, name: str) -> None:
    """Add a root certificate (PEM) to the library.

    From there it can be installed at chargers; manufacturers' roots also vouch for signed firmware.
    """
    pem = file.read(200_000)
    verb = partial(service.add_root, pem=pem, purpose=PURPOSES[purpose], name=name)
    added = write(call.config, verb, keys=(f"roots:{TENANT}",))
    show.done(call.json, f"Added root certificate {added.id}: {added.subject}", **_root(added))


@examples("csms certificate roots")
@certificate.command()
@common
def roots(call: Invocation) -> None:
    """List the root certificates of the library."""
    found = read(call.config, roots_store.listed)
    show.rows(call.json, [_root(each) for each in found], ROOT_COLUMNS, empty="There are none: csms certificate add-root FILE")


@examples("csms certificate remove-root 3")
@certificate.command("remove-root")
@click.argument("root_id", type=int)
@common
def remove_root(call: Invocation, root_id: int) -> None:
    """Take a root certificate off the library. At chargers it stays installed."""
    write(call.config, partial(service.remove_root, root_id=root_id), keys=(f"roots:{TENANT}",))
    show.done(call.json, f"Removed root certificate {root_id}", id=root_id)


def _root(known: RootCertificate) -> dict[str, Any]:
    record = {name: value for name, value in attrs.asdict(known).items() if name != "issuer"}
    return record | {"hash": attrs.asdict(service.name_of(known))}


@examples("csms certificate install C1 3")
@certificate.command()
@click.argument("charger_id")
@click.argument("root_id", type=int)
@server_option
@common
def install(call: Invocation, charger_id: str, root_id: int, server: str | None) -> None:
    """Install a root certificate of the library at a connected charger."""
    path = f"chargers/{segment(charger_id)}/root-certificates/{root_id}/install"
    told(call, charger_id, "InstallCertificate", ask(call, server, "POST", path, {}))


@examples("csms certificate installed C1", "csms certificate installed C1 --purpose manufacturer --stored")
@certificate.command()
@click.argument("charger_id")
@_purpose
@click.option("--stored", is_flag=True, help="Show what it said last, without asking it.")
@server_option
@common
def installed(call: Invocation, charger_id: str, purpose: str, stored: bool, server: str | None) -> None:
    """Ask a connected charger which root certificates it has."""
    kind = PURPOSES[purpose]
    if not stored:
        answer = ask(call, server, "POST", f"chargers/{segment(charger_id)}/root-certificates/read", {"purpose": kind})
        if answer.get("outcome") != "Answered":
            told(call, charger_id, "GetInstalledCertificates", answer)
    found = read(call.config, partial(service.installed, charger_id=charger_id, purpose=kind))
    rows = [
        {"root_id": each.root_id, "name": each.name, "read_at": each.read_at, **attrs.asdict(each.certificate)} for each in found
    ]
    show.rows(call.json, rows, ["root_id", "name", "serial", "algorithm", "read_at"], empty="It said that it has none.")


@examples("csms certificate delete C1 3", "csms certificate delete C1 3 --force")
@certificate.command()
@click.argument("charger_id")
@click.argument("root_id", type=int)
@click.option("--force", is_flag=True, help="Also its last root for this server, without which it cannot connect again.")
@server_option
@common
def delete(call: Invocation, charger_id: str, root_id: int, force: bool, server: str | None) -> None:
    """Have a connected charger delete a root certificate."""
    path = f"chargers/{segment(charger_id)}/root-certificates/{root_id}/delete"
    told(call, charger_id, "DeleteCertificate", ask(call, server, "POST", path, {"force": force}))


# --- the authority --------------------------------------------------------------------------------------------------------------


@examples("csms certificate authority > root.pem", "csms certificate authority --out root.pem")
@certificate.command()
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write it there.")
@common
def authority(call: Invocation, out: Path | None) -> None:
    """Print the root (PEM) of the built-in authority; it is made if there is none yet."""
    if call.config.security.authority != BUILT_IN:
        raise Invalid(
            f"security.authority is {call.config.security.authority!r}: ask that for its root", field="security.authority"
        )
    pem = trio.run(built_in(call.config, SystemClock(), Threads()).make)
    if out is not None:
        out.write_text(pem, encoding="ascii")
        show.done(call.json, f"Wrote {out}", file=str(out))
    elif call.json:
        show.as_json({"pem": pem})
    else:
        click.echo(pem, nl=False)

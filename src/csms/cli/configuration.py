"""``csms configuration``: what chargers' configuration is, what it should be, and how far apart those are."""

from __future__ import annotations

import sys
from typing import Any

import attrs
import click

from csms.core.ids import charger_key
from csms.core.ports import ReadTx, Tx
from csms.domain.stations import service as stations
from csms.domain.upkeep.model.configuration import IN_STEP, KEY_STATES, PROBLEMS, REBOOT_REQUIRED, is_secret
from csms.domain.upkeep.model.configured import DriftQuery, standing_of
from csms.domain.upkeep.service import configured, templates
from csms.domain.upkeep.store import configuration as store

from . import show
from .configuration_template import settings_of, template
from .exits import Exit
from .options import Invocation, common, examples
from .pages import EVERY
from .send import ask, exit_code, words
from .server import segment, server_option
from .store import read as look
from .store import write

COLUMNS = ["variable", "value", "wanted", "source", "state", "answer", "readonly", "read_at"]
DRIFT_COLUMNS = ["charger_id", "variable", "wanted", "heard", "source", "state", "answer", "since_at", "reboot_since_at"]


@click.group()
def configuration() -> None:
    """The configuration of chargers: read, wanted, and kept.

    What is wanted of a charger is its own settings (`want`), else those of the templates for it (`template`): for named chargers before
    its station's, before its model's, its vendor's, and everybody's. The running server tells chargers what differs, after each boot
    and as soon as something else is wanted. Chargers of which nothing is wanted are left alone. Secrets are never stored:
    `csms security rotate-keys`.
    """


configuration.add_command(template)


def _reading(variable: str, value: str | None, known: bool) -> str:
    if is_secret(variable):
        return "(secret)"
    return (value or "") if known else "(unknown to it)"


@examples("csms configuration read C1", "csms configuration read C1 HeartbeatInterval MeterValueSampleInterval")
@configuration.command()
@click.argument("charger_id")
@click.argument("variables", nargs=-1, metavar="[VARIABLE]...")
@server_option
@common
def read(call: Invocation, charger_id: str, variables: tuple[str, ...], server: str | None) -> None:
    """Read a connected charger's configuration now, all of it or some, through the running server."""
    answer = ask(call, server, "POST", f"chargers/{segment(charger_id)}/configuration/read", {"variables": list(variables)})
    code = exit_code(answer) if answer.get("status") != "UnknownVariable" else Exit.DONE
    if call.json:
        show.as_json(answer)
    elif code is not Exit.DONE:
        click.echo(words(charger_id, "GetVariables", answer), err=True)
    else:
        asked = {each.casefold() for each in variables}
        rows = [
            {**each, "value": _reading(each["variable"], each["value"], each["known"])}
            for each in answer["readings"]
            if not asked or each["variable"].casefold() in asked
        ]
        show.rows(False, rows, ["variable", "value", "readonly", "read_at"], empty=f"{charger_id} tells nothing of that")
    sys.exit(code)


@examples("csms configuration show C1", "csms configuration show C1 --wanted --json")
@configuration.command("show")
@click.argument("charger_id")
@click.option("--wanted", "only_wanted", is_flag=True, help="Only what is wanted of it.")
@common
def show_one(call: Invocation, charger_id: str, only_wanted: bool) -> None:
    """Show what a charger last said of its configuration, what it should be, and by which source."""

    def query(tx: ReadTx) -> dict[str, Any]:
        rows = [
            {**attrs.asdict(each), "value": None if each.known is None else _reading(each.variable, each.value, each.known)}
            for each in configured.variables_of(tx, charger_id)
            if not only_wanted or each.wanted is not None
        ]
        for row in rows:
            del row["known"], row["secret"]
            row["instead_of"] = [[each["source"], each["value"]] for each in row["instead_of"]]
        standing = store.standing(tx, charger_id)
        return {"variables": rows, "standing": None if standing is None else attrs.asdict(standing_of(standing))}

    found = look(call.config, query)
    if call.json:
        show.as_json(found)
        return
    show.rows(False, found["variables"], COLUMNS, empty=f"Nothing is known: csms configuration read {charger_id}")
    standing = found["standing"] or {}
    if since_at := standing.get("reboot_since_at"):
        show.remark(f"{charger_id} needs a reboot to follow, since {show.instant(since_at)}: csms reset send {charger_id}")
    if standing.get("problem"):
        show.remark(f"it could not be told everything: {standing['problem']}; again at {show.instant(standing['due_at'])}")


@examples(
    "csms configuration want C1 HeartbeatInterval=300 MeterValueSampleInterval=60",
    "csms configuration want C1 --not HeartbeatInterval               leave that to the templates, or alone",
)
@configuration.command()
@click.argument("charger_id")
@click.argument("settings", nargs=-1, metavar="[VARIABLE=VALUE]...")
@click.option(
    "--not", "without", multiple=True, metavar="VARIABLE", help="Want nothing of this variable any more (repeat for more)."
)
@common
def want(call: Invocation, charger_id: str, settings: tuple[str, ...], without: tuple[str, ...]) -> None:
    """Want settings of one charger, before whatever templates want of it."""
    wanted = settings_of(settings)
    if not wanted and not without:
        raise click.UsageError("say what is wanted: VARIABLE=VALUE, or --not VARIABLE")

    def verb(tx: Tx) -> int:
        templates.change_own(tx, charger_id, wanted, without)
        standing = store.standing(tx, charger_id)
        return 0 if standing is None else standing.wanted

    count = write(call.config, verb, keys=(charger_key(charger_id),))
    show.done(call.json, f"Settings wanted of {charger_id}: {count}", charger_id=charger_id, wanted=count)


@examples("csms configuration drift", "csms configuration drift --charger C1", "csms configuration drift --state rejected --json")
@configuration.command()
@click.option("--charger", "charger_id", metavar="CHARGER_ID", help="Only where one charger has not.")
@click.option("--state", type=click.Choice([each for each in KEY_STATES if each != IN_STEP]), help="Only those in this state.")
@common
def drift(call: Invocation, charger_id: str | None, state: str | None) -> None:
    """Show where chargers are not known to have what they should."""

    def query(tx: ReadTx) -> list[dict[str, Any]]:
        if charger_id is not None:
            stations.need_charger(tx, charger_id)
        return [attrs.asdict(each) for each in store.list_drift(tx, DriftQuery(charger_id=charger_id, state=state), EVERY)]

    found = look(call.config, query)
    show.rows(call.json, found, DRIFT_COLUMNS, empty="Every charger has what it should, as far as we know")


@examples("csms configuration apply C1", "csms configuration apply C1 --again          also what it refused before")
@configuration.command()
@click.argument("charger_id")
@click.option("--again", is_flag=True, help="Try again what the charger refused.")
@server_option
@common
def apply(call: Invocation, charger_id: str, again: bool, server: str | None) -> None:
    """Bring a connected charger in line now, through the running server.

    Exit code 4 means that the charger refused something, 5 that it gave no answer: it is told again then.
    """
    answer = ask(call, server, "POST", f"chargers/{segment(charger_id)}/configuration/apply", {"again": again})
    keys, standing = answer["keys"], answer["standing"] or {}
    refused = any(each["state"] in PROBLEMS for each in keys)
    code = Exit.CHARGER_SILENT if standing.get("problem") else Exit.CHARGER_REFUSED if refused else Exit.DONE
    if call.json:
        show.as_json(answer)
        sys.exit(code)
    show.rows(False, keys, ["variable", "value", "source", "state", "answer"], empty=f"Nothing is wanted of {charger_id}")
    if standing.get("problem"):
        show.remark(f"not everything could be told: {standing['problem']}")
    if any(each["state"] == REBOOT_REQUIRED for each in keys):
        show.remark(f"{charger_id} needs a reboot to follow: csms reset send {charger_id}")
    sys.exit(code)

"""``csms profile send|clear|composite``: what goes through the running server to a charger."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import click

from csms.core.charging import PURPOSES, UNITS
from csms.domain.profiles.comparing import EDGE_S

from . import show
from .options import Invocation, common, examples
from .send import ask, close, outcome_of, words
from .server import segment, server_option

EVSE = click.option("--evse", type=click.IntRange(0, 999), help="Which EVSE; 0 is the whole charger.")


def _place(evse: int) -> dict[str, int]:
    return {"evse": evse, "connector": min(evse, 1)}


@examples("csms profile send C1 night", "csms profile send C1 night --evse 1")
@click.command()
@click.argument("charger_id")
@click.argument("name")
@EVSE
@server_option
@common
def send(call: Invocation, charger_id: str, name: str, evse: int | None, server: str | None) -> None:
    """Send a charging profile to a charger now, once."""
    answer = ask(call, server, "POST", f"chargers/{segment(charger_id)}/profiles", {"template": name, "evse": evse or 0})
    answer |= answer.pop("profile")
    more = f"{name} is its profile {answer['profile_id']}, {answer['state']}"
    close(call, answer, f"{words(charger_id, 'SetChargingProfile', answer)}; {more}")


@examples(
    "csms profile clear C1          all of them",
    "csms profile clear C1 --id 3",
    "csms profile clear C1 --evse 1 --purpose TxDefaultProfile --stack-level 0",
)
@click.command()
@click.argument("charger_id")
@click.option("--id", "profile_id", type=int, help="The profile of this number; nothing else counts then.")
@EVSE
@click.option("--purpose", type=click.Choice(PURPOSES, case_sensitive=False), help="Those of a purpose.")
@click.option("--stack-level", type=click.IntRange(min=0), help="Those of a stack level.")
@server_option
@common
def clear(
    call: Invocation,
    charger_id: str,
    profile_id: int | None,
    evse: int | None,
    purpose: str | None,
    stack_level: int | None,
    server: str | None,
) -> None:
    """Clear charging profiles at a charger: those that meet all that is said.

    What is assigned stays cleared until it is assigned again.
    """
    body = {
        "profile_id": profile_id,
        "place": None if evse is None else _place(evse),
        "purpose": purpose or "",
        "stack_level": stack_level,
    }
    answer = outcome_of(ask(call, server, "POST", f"chargers/{segment(charger_id)}/commands/ClearChargingProfile", body))
    gone = ", ".join(str(each) for each in answer.get("cleared", ()))
    more = f"gone are {gone}" if gone else "nothing that we know of is gone"
    close(call, answer, f"{words(charger_id, 'ClearChargingProfile', answer)}; {more}")


@examples("csms profile composite C1", "csms profile composite C1 --evse 1 --duration 86400 --unit A")
@click.command()
@click.argument("charger_id")
@EVSE
@click.option("--duration", "duration_s", type=click.IntRange(1), default=86_400, show_default=True, help="Seconds from now.")
@click.option(
    "--unit", type=click.Choice(UNITS, case_sensitive=False), help="A per phase, or W in total [default: as the profiles]."
)
@server_option
@common
def composite(call: Invocation, charger_id: str, evse: int | None, duration_s: int, unit: str | None, server: str | None) -> None:
    """Compare what a charger says it may draw with what follows from its profiles.

    ``computed`` is reckoned from what we believe is installed, ``reported`` is the charger's answer, which may know of limits of its own
    (wiring, temperature); an empty limit is none.
    """
    body = {"place": _place(evse or 0), "duration_s": duration_s, "unit": unit or ""}
    answer = ask(call, server, "POST", f"chargers/{segment(charger_id)}/commands/GetCompositeSchedule", body)
    sentence = words(charger_id, "GetCompositeSchedule", answer)
    if call.json:
        close(call, outcome_of(answer) | {"reported": answer["reported"]}, sentence)
    computed, reported = answer["computed"], answer["reported"]
    show.rows(False, side_by_side(answer), ["from_s", "at", "computed", "phases", "reported", "differs"], empty="")
    click.echo(f"in {'amperes per phase' if computed['unit'] == 'A' else 'watts'}, from {show.instant(computed['start_at'])}")
    if not computed["certain"]:
        show.remark("It is not certain which profiles the charger holds.")
    if reported is None:
        close(call, answer, sentence)
    elif answer["differences"]:
        show.remark("They differ where the arrow is; the charger may know of limits of its own.")


def side_by_side(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Our schedule and the charger's, a row for each second at which one of them changes."""
    computed, reported = answer["computed"], answer["reported"]
    starts = {each["start_s"] for each in (*computed["periods"], *(reported or ()))}
    found: list[dict[str, Any]] = []
    for start_s in sorted(start_s for start_s in starts if start_s < computed["duration_s"]):
        ours, theirs = _at(computed["periods"], start_s), _at(reported or (), start_s)
        if found and start_s - found[-1]["from_s"] <= EDGE_S and not found[-1]["differs"]:
            found.pop()  # both mean the same moment, and count it from another
        differs = any(each["start_s"] <= start_s < each["end_s"] for each in answer["differences"])
        found.append(
            {
                "from_s": start_s,
                "at": show.instant(computed["start_at"] + start_s * 1000),
                "computed": _short(ours.get("limit")),
                "phases": ours.get("phases"),
                "reported": _short(theirs.get("limit")),
                "differs": "<--" if differs else "",
            }
        )
    return found


def _short(limit: str | None) -> str | None:
    """A limit without zeros that say nothing."""
    return None if limit is None else f"{Decimal(limit):.1f}".removesuffix(".0")


def _at(periods: Any, second: int) -> dict[str, Any]:
    return max((each for each in periods if each["start_s"] <= second), key=lambda each: each["start_s"], default={})

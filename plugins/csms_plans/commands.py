"""``csms plan``: plans and subscriptions on the command line. They ask the running server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import click

from csms.api.terminal import Instant, Invocation, as_json, common, every, examples, instant, table
from csms.hooks import written

from .model import STATES

PLANS, SUBSCRIPTIONS = "/api/v1/plans", "/api/v1/subscriptions"
MOST_LISTED = 1000


def found(call: Invocation, plan: str) -> Mapping[str, Any]:
    """A plan by its id or name. Raises ``click.ClickException``."""
    number = plan
    if not plan.isdigit():
        named = [each for each in every(call.client, f"{PLANS}?state=active") if each["name"].casefold() == plan.casefold()]
        if not named:
            raise click.ClickException(f"there is no plan {plan!r} (csms plan list)")
        number = named[0]["id"]
    answer: Mapping[str, Any] = call.client.call("GET", f"{PLANS}/{number}")
    return answer


def included(terms: Mapping[str, Any]) -> str:
    """What a plan includes, in few words."""
    if terms["unlimited"] != "no":
        return f"unlimited {terms['unlimited']}"
    parts = [f"{terms['energy_kwh']} kWh"] if terms["energy_wh"] else []
    parts += [f"{terms['transactions']} charges"] if terms["transactions"] else []
    parts += [f"{terms['excess_rate']} per kWh beyond"] if terms["excess_rate"] is not None else []
    return ", ".join(parts)


@examples("csms plan list", "csms plan list --all --json")
@click.command("list")
@click.option("--all", "archived", is_flag=True, help="Archived ones, too.")
@common
def list_all(call: Invocation, archived: bool) -> None:
    """List plans."""
    items = every(call.client, PLANS if archived else f"{PLANS}?state=active")
    if call.json:
        as_json(items)
        return
    if not items:
        click.echo("There are no plans: POST /api/v1/plans")
        return
    rows = [
        (
            each["id"],
            each["name"],
            each["terms"]["period"],
            written(each["price"]["amount_minor"], each["currency"]),
            included(each["terms"]),
            each["subscriptions"],
            each["state"],
        )
        for each in items
    ]
    table(
        ("id", "name", "period", "price", "includes", "subscriptions", "state"),
        rows,
        right=frozenset({"id", "price", "subscriptions"}),
    )


@examples("csms plan show 1", "csms plan show 'Commuter 100' --json")
@click.command("show")
@click.argument("plan")
@common
def show_one(call: Invocation, plan: str) -> None:
    """Show one plan. PLAN is its id or name."""
    known = found(call, plan)
    if call.json:
        as_json(known)
        return
    terms = known["terms"]
    click.echo(f"{known['name']} (plan {known['id']}, version {known['version']}, {known['state']})")
    if known["description"]:
        click.echo(known["description"])
    places = [f"{name.replace('_', ' ')} {', '.join(map(str, terms[name]))}" for name in _PLACES if terms[name]]
    people = [f"{name.replace('_', ' ')} {', '.join(terms[name])}" for name in _PEOPLE if terms[name]]
    lines = [
        ("price", f"{written(known['price']['amount_minor'], known['currency'])} {terms['period']}, with tax"),
        ("includes", included(terms)),
        ("rolls over", "yes" if terms["roll_over"] else "no"),
        ("trial", f"{terms['trial_days']} days" if terms["trial_days"] else "no"),
        ("holds at", "; ".join(places) or "every station"),
        ("for", "; ".join(people) or "every driver"),
        ("subscriptions", known["subscriptions"]),
    ]
    table(("", ""), lines)


_PLACES, _PEOPLE = ("stations", "station_groups", "chargers"), ("memberships", "driver_groups")


@examples("csms plan subscriptions --driver 7", "csms plan subscriptions --state past_due --json")
@click.command()
@click.option("--driver", "driver_id", type=int, metavar="ID", help="Of this driver.")
@click.option("--state", type=click.Choice(STATES), help="In this state.")
@click.option("--limit", type=click.IntRange(1, MOST_LISTED), default=50, show_default=True, help="At most so many.")
@common
def subscriptions(call: Invocation, driver_id: int | None, state: str | None, limit: int) -> None:
    """List subscriptions, the newest first."""
    asked = {name: value for name, value in (("driver_id", driver_id), ("state", state)) if value is not None}
    items: list[Mapping[str, Any]] = []
    after: str | None = ""
    while after is not None and len(items) < limit:
        query = urlencode({**asked, "limit": min(200, limit - len(items)), **({"after": after} if after else {})})
        answer = call.client.call("GET", f"{SUBSCRIPTIONS}?{query}")
        items += answer["items"]
        after = answer["next"]
    if call.json:
        as_json(items)
        return
    rows = [
        (
            each["id"],
            each["driver_id"],
            each["plan_name"],
            each["state"].replace("_", " ") + (" (trial)" if each["trial"] else ""),
            instant(each["period_ends_at"]),
            "yes" if each["renews"] else "no",
            written(each["due_minor"], each["currency"]) if each["due_minor"] else "",
        )
        for each in items
    ]
    table(("id", "driver", "plan", "state", "until", "renews", "due"), rows, right=frozenset({"id", "driver", "due"}))


@examples("csms plan subscribe 1 --driver 7", "csms plan subscribe 'Commuter 100' --driver 7 --start 2026-09-01")
@click.command()
@click.argument("plan")
@click.option("--driver", "driver_id", type=int, required=True, metavar="ID", help="Who is to have it.")
@click.option("--start", "starts_at", type=Instant(), help="When it begins [default: now].")
@click.option("--mandate", is_flag=True, help="Pay by a recurring payment that the driver agrees to.")
@click.option("--once", is_flag=True, help="For one period; it is not renewed.")
@common
def subscribe(call: Invocation, plan: str, driver_id: int, starts_at: int | None, mandate: bool, once: bool) -> None:
    """Have a driver take a PLAN (id or name). Its price is taken from their wallet."""
    body: dict[str, Any] = {"driver_id": driver_id, "plan_id": found(call, plan)["id"], "renews": not once}
    if mandate:
        body["pay_by"] = "mandate"
    if starts_at is not None:
        body["starts_at"] = starts_at
    made = call.client.call("POST", SUBSCRIPTIONS, body)
    if call.json:
        as_json(made)
        return
    click.echo(_told(made))
    if made["due_minor"]:
        click.echo(f"{written(made['due_minor'], made['currency'])} is to be paid: {made['pay_url'] or made['mandate_url']}")


@examples("csms plan cancel 4", "csms plan cancel 4 --now --credit")
@click.command()
@click.argument("subscription_id", type=int, metavar="SUBSCRIPTION")
@click.option("--now", is_flag=True, help="At once, not at the end of its period.")
@click.option("--credit/--no-credit", default=None, help="Whether what is left is given back [default: as the plan says].")
@common
def cancel(call: Invocation, subscription_id: int, now: bool, credit: bool | None) -> None:
    """Cancel a SUBSCRIPTION, by its id."""
    body: dict[str, Any] = {"when": "now" if now else "period_end"}
    if credit is not None:
        body["credit"] = credit
    answer = call.client.call("POST", f"{SUBSCRIPTIONS}/{subscription_id}/cancel", body)
    if call.json:
        as_json(answer)
        return
    click.echo(_told(answer))


def _told(subscription: Mapping[str, Any]) -> str:
    until = subscription["period_ends_at"]
    words = f"subscription {subscription['id']} to {subscription['plan_name']} is {subscription['state'].replace('_', ' ')}"
    return words if until is None or subscription["ended_at"] is not None else f"{words}, until {instant(until)}"


GROUP = click.Group("plan", commands=(list_all, show_one, subscriptions, subscribe, cancel), help="Plans and their subscriptions.")

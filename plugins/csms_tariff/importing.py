"""Files with tariffs, brought to a running server: what is there already is left alone."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import attrs
import click
import msgspec

from csms.api.client import Client
from csms.api.problems import Problem
from csms.api.shapes import structure
from csms.api.terminal import every
from csms.hooks import from_datetime

from .rules import Rules

T = TypeVar("T")
Said = Mapping[str, Any]
Done = tuple[str, str, str]
"""What it is, its name, and what was done with it."""

TARIFFS = "/api/v1/tariffs"
SECTIONS = ("calendars", "tariffs", "assignments", "promo_codes")
_SAME_PLACE = ("level", "station_id", "charger_id", "evse", "connector", "driver_group")
_PLACE: Said = {"station_id": None, "charger_id": "", "evse": 0, "connector": 0, "driver_group": ""}


def read(file: Path) -> dict[str, list[Said]]:
    """What a file says, by its sections. Raises ``click.ClickException`` for what is none of them, or no TOML or JSON."""
    try:
        text = file.read_bytes()
        data = msgspec.json.decode(text) if file.suffix.lower() == ".json" else tomllib.loads(text.decode())
    except (msgspec.DecodeError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{file}: {error}") from None
    if not isinstance(data, dict) or not data or not all(isinstance(each, list) for each in data.values()):
        raise click.ClickException(f"{file}: expected lists called {', '.join(SECTIONS)}")
    if unknown := sorted(set(data) - set(SECTIONS)):
        raise click.ClickException(f"{file}: there is no section {', '.join(unknown)}; there are: {', '.join(SECTIONS)}")
    said: dict[str, list[Said]] = _plain(data)
    return said


def _plain(value: Any) -> Any:
    """TOML's dates and times as the API takes them."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise click.ClickException(f"{value}: say its zone, as in {value.isoformat()}Z")
        return from_datetime(value)
    return value.isoformat() if isinstance(value, date) else value


def bring(client: Client, said: Mapping[str, Sequence[Said]], *, dry_run: bool) -> list[Done]:
    """Bring a file's content to the server, in an order in which each finds what it refers to."""
    desk = Bringer(client, dry_run)
    return [
        *desk.calendars(said.get("calendars", ())),
        *desk.tariffs(said.get("tariffs", ())),
        *desk.assignments(said.get("assignments", ())),
        *desk.promo_codes(said.get("promo_codes", ())),
    ]


@attrs.frozen(slots=True)
class Bringer:
    """Brings things to one server, or only says what it would do."""

    client: Client
    dry_run: bool

    def _do(self, method: str, path: str, body: Said) -> None:
        if not self.dry_run:
            self.client.call(method, path, body)

    def calendars(self, said: Sequence[Said]) -> Iterator[Done]:
        """Add calendars, and holidays to those that are there."""
        known = {each["name"]: each for each in every(self.client, f"{TARIFFS}/calendars")} if said else {}
        for each in said:
            name = _name(each, "name", "calendars")
            if name not in known:
                self._do("POST", f"{TARIFFS}/calendars", each)
                yield "calendar", name, "added"
                continue
            there = known[name]["holidays"]
            new = [day for day in each.get("holidays", ()) if day.get("day") not in {other["day"] for other in there}]
            if new:
                self._do("PUT", f"{TARIFFS}/calendars/{known[name]['id']}", {"holidays": [*there, *new]})
            yield "calendar", name, f"{len(new)} holidays added" if new else "unchanged"

    def tariffs(self, said: Sequence[Said]) -> Iterator[Done]:
        """Add tariffs, and versions to those that are there and say something else."""
        known = {each["name"]: each for each in every(self.client, f"{TARIFFS}?state=active")} if said else {}
        for each in said:
            name = _name(each, "name", "tariffs")
            rules = _rules(each.get("rules"), name)
            if name not in known:
                self._do("POST", TARIFFS, each)
                yield "tariff", name, "added"
                continue
            for fixed in ("currency", "tax_inclusive"):
                if fixed in each and each[fixed] != known[name][fixed]:
                    raise click.ClickException(f"tariff {name}: {fixed} cannot change; give it another name, or archive it first")
            path = f"{TARIFFS}/{known[name]['id']}/versions"
            latest = every(self.client, path)[0]
            if _rules(latest["rules"], name) == rules:
                yield "tariff", name, "unchanged"
                continue
            self._do("POST", path, {field: each[field] for field in ("rules", "valid_from_at", "note") if field in each})
            yield "tariff", name, f"version {latest['number'] + 1} added"

    def assignments(self, said: Sequence[Said]) -> Iterator[Done]:
        """Add assignments that are not there yet; ``tariff`` is a tariff's name."""
        if not said:
            return
        known = every(self.client, f"{TARIFFS}/assignments?current=true")
        ids = {each["name"]: each["id"] for each in every(self.client, f"{TARIFFS}?state=active")}
        for each in said:
            tariff = _name(each, "tariff", "assignments")
            if tariff not in ids and not self.dry_run:
                raise click.ClickException(f"assignments: there is no tariff {tariff!r}")
            place = {field: each.get(field, _PLACE.get(field)) for field in _SAME_PLACE}
            words = " ".join(str(value) for value in place.values() if value not in (None, "", 0))
            if any(other["tariff"] == tariff and all(other[field] == place[field] for field in place) for other in known):
                yield "assignment", f"{tariff} to {words}", "unchanged"
                continue
            rest = {name: value for name, value in each.items() if name != "tariff"}
            self._do("POST", f"{TARIFFS}/assignments", {**rest, "tariff_id": ids.get(tariff)})
            yield "assignment", f"{tariff} to {words}", "added"

    def promo_codes(self, said: Sequence[Said]) -> Iterator[Done]:
        """Add promo codes that are not there yet."""
        known = {each["code"] for each in every(self.client, f"{TARIFFS}/promo-codes")} if said else set()
        for each in said:
            code = _name(each, "code", "promo_codes").upper()
            if code not in known:
                self._do("POST", f"{TARIFFS}/promo-codes", each)
            yield "promo code", code, "unchanged" if code in known else "added"


def _name(each: Said, field: str, section: str) -> str:
    name = each.get(field) if isinstance(each, Mapping) else None
    if not isinstance(name, str) or not name:
        raise click.ClickException(f"{section}: each has a {field}")
    return name


def _rules(said: Any, name: str) -> Rules:
    """Rules, so that they can be compared. Raises ``click.ClickException`` with every wrong field."""
    try:
        return structure(said, Rules)
    except Problem as problem:
        wrong = [f"{each['field']}: {each['message']}" for each in problem.more.get("errors", ())]
        raise click.ClickException(f"tariff {name}: rules: {'; '.join(wrong) or problem.detail}") from None

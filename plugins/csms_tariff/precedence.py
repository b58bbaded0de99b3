"""Which tariff applies to a charge: the nearest assignment that holds when it starts."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import attrs

from .model import CHARGER, CONNECTOR, STATION, TENANT, Assignment, Book, Kept
from .terms import Terms

Verdict = Literal["applies", "outranked", "not_now", "not_for_this_driver", "archived", "no_version"]
RANKS = {CONNECTOR: 5, CHARGER: 3, STATION: 2, TENANT: 1}
_WHOLE_EVSE = 4
"""An assignment to every connector of an EVSE stands between one connector and the charger."""


@attrs.frozen(slots=True, kw_only=True)
class Asked:
    """Where, for whom and when."""

    station_id: int | None
    charger_id: str
    evse: int
    connector: int
    groups: Collection[str]
    at: int


@attrs.frozen(slots=True, kw_only=True)
class Candidate:
    """An assignment for this place, in the order of precedence. The first whose ``verdict`` is ``applies`` is the tariff."""

    assignment: Assignment
    verdict: Verdict
    why: str


def candidates(book: Book, asked: Asked) -> list[Candidate]:
    """Every assignment for a place, in order.

    Connector before EVSE before charger before station before tenant. On each level one for a group of the driver before one for
    everybody; of several the one that began last; of those the one that was made last.
    """
    here = [each for each in book.assignments if _is_here(each, asked)]
    here.sort(key=lambda each: (rank(each), bool(each.driver_group), each.valid_from_at, each.id), reverse=True)
    groups = {each.casefold() for each in asked.groups}
    found: list[Candidate] = []
    winner: Assignment | None = None
    for each in here:
        verdict, why = _judged(each, book.tariffs[each.tariff_id], asked, groups)
        if verdict == "applies":
            if winner is not None:
                verdict, why = "outranked", f"the one assigned {winner} comes before it"
            else:
                winner = each
        found.append(Candidate(assignment=each, verdict=verdict, why=why))
    return found


def chosen(book: Book, asked: Asked) -> tuple[Terms, Assignment] | None:
    """The tariff that applies, and why; None where none does."""
    found = next((each.assignment for each in candidates(book, asked) if each.verdict == "applies"), None)
    return None if found is None else (book.tariffs[found.tariff_id].terms, found)


def rank(assignment: Assignment) -> int:
    """How near an assignment is."""
    if assignment.level == CONNECTOR and not assignment.connector:
        return _WHOLE_EVSE
    return RANKS[assignment.level]


def _is_here(each: Assignment, asked: Asked) -> bool:
    if each.level == TENANT:
        return True
    if each.level == STATION:
        return each.station_id == asked.station_id
    if each.charger_id != asked.charger_id:
        return False
    return each.level == CHARGER or (each.evse == asked.evse and each.connector in (0, asked.connector))


def _judged(each: Assignment, tariff: Kept, asked: Asked, groups: Collection[str]) -> tuple[Verdict, str]:
    if each.driver_group and each.driver_group.casefold() not in groups:
        return "not_for_this_driver", f"the driver is not in the group {each.driver_group}"
    if asked.at < each.valid_from_at:
        return "not_now", "it has not begun then"
    if each.valid_until_at is not None and asked.at >= each.valid_until_at:
        return "not_now", "it has ended then"
    if tariff.archived_at is not None and asked.at >= tariff.archived_at:
        return "archived", "its tariff is archived"
    if tariff.terms.at(asked.at) is None:
        return "no_version", "its tariff has no version in force then"
    return "applies", f"it is the nearest: assigned {each}"

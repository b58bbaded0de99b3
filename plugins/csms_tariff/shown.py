"""The book as people are shown it: tariffs, versions with what they say in words, and what may not be meant so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations

from csms.hooks import Invalid, NotFound

from . import terms, wording
from .model import Assignment, Book, Calendar, Kept, PromoCode, Tariff, TariffDetail, Version
from .parts import LABELS
from .rules import ENERGY, Rules


def kept(book: Book, tariff_id: int) -> Kept:
    """A tariff. Raises ``NotFound``."""
    if tariff_id not in book.tariffs:
        raise NotFound(f"there is no tariff {tariff_id}")
    return book.tariffs[tariff_id]


def tariffs(book: Book, now: int) -> list[Tariff]:
    """All tariffs."""
    counts = Counter(each.tariff_id for each in book.assignments if each.valid_until_at is None or each.valid_until_at > now)
    return [_tariff(each, now, counts[number]) for number, each in book.tariffs.items()]


def tariff(book: Book, tariff_id: int, now: int) -> Tariff:
    """One tariff. Raises ``NotFound``."""
    kept(book, tariff_id)
    return next(each for each in tariffs(book, now) if each.id == tariff_id)


def _tariff(each: Kept, now: int, assignments: int) -> Tariff:
    current = each.terms.at(now)
    return Tariff(
        id=each.terms.id,
        name=each.terms.name,
        description=each.description,
        currency=each.terms.currency,
        tax_inclusive=each.terms.tax_inclusive,
        state="active" if each.archived_at is None else "archived",
        version=None if current is None else current.number,
        versions=len(each.terms.versions),
        assignments=assignments,
        created_at=each.created_at,
        changed_at=each.changed_at,
        archived_at=each.archived_at,
    )


def detail(book: Book, tariff_id: int, now: int) -> TariffDetail:
    """A tariff with the version in force and the next. Raises ``NotFound``."""
    each = kept(book, tariff_id)
    current = each.terms.at(now)
    coming = next((version for version in each.terms.versions if version.valid_from_at > now), None)
    return TariffDetail(
        tariff=tariff(book, tariff_id, now),
        version=None if current is None else version(each, current, now),
        next=None if coming is None else version(each, coming, now),
    )


def version(each: Kept, one: terms.Version, now: int) -> Version:
    """A version as it is shown."""
    after = next((later.valid_from_at for later in each.terms.versions if later.valid_from_at > one.valid_from_at), None)
    note, by, created_at = each.told[one.number]
    current = each.terms.at(now)
    return Version(
        tariff_id=each.terms.id,
        number=one.number,
        valid_from_at=one.valid_from_at,
        ends_at=after,
        state="pending" if one.valid_from_at > now else "in_force" if one is current else "past",
        rules=one.rules,
        note=note,
        words=wording.rules(one.rules, each.terms.currency, tax_inclusive=each.terms.tax_inclusive),
        remarks=tuple(remarks(one.rules)),
        created_by=by,
        created_at=created_at,
    )


def numbered(book: Book, tariff_id: int, number: int, now: int) -> Version:
    """A version by its number. Raises ``NotFound``."""
    each = kept(book, tariff_id)
    found = next((one for one in each.terms.versions if one.number == number), None)
    if found is None:
        raise NotFound(f"tariff {tariff_id} has no version {number}")
    return version(each, found, now)


def assignment(book: Book, assignment_id: int) -> Assignment:
    """One assignment. Raises ``NotFound``."""
    found = next((each for each in book.assignments if each.id == assignment_id), None)
    if found is None:
        raise NotFound(f"there is no assignment {assignment_id}")
    return found


def calendar(book: Book, calendar_id: int) -> Calendar:
    """One calendar. Raises ``NotFound``."""
    found = next((each for each in book.calendars.values() if each.id == calendar_id), None)
    if found is None:
        raise NotFound(f"there is no calendar {calendar_id}")
    return found


def promo_code(book: Book, promo_code_id: int) -> PromoCode:
    """One promo code, without its uses. Raises ``NotFound``."""
    if promo_code_id not in book.promo_codes:
        raise NotFound(f"there is no promo code {promo_code_id}")
    return book.promo_codes[promo_code_id]


def need_calendar(book: Book, rules: Rules) -> None:
    """Refuse rules that name a calendar which there is not. Raises ``Invalid``."""
    if rules.calendar and rules.calendar not in book.calendars:
        known = ", ".join(sorted(book.calendars)) or "none yet"
        raise Invalid(f"there is no calendar {rules.calendar!r}; there are: {known}", field="rules.calendar")


def remarks(rules: Rules) -> Iterator[str]:
    """What rules say that may not be meant so."""
    for one, other in combinations(rules.components, 2):
        if one.kind == other.kind and one.priority == other.priority and (one.is_always or other.is_always):
            names = " and ".join(repr(each.name or LABELS[each.kind]) for each in (one, other))
            yield (
                f"{names} (both {one.kind}, priority {one.priority}) add up where both apply; "
                "give the one that is to stand in place of the other a higher priority"
            )
    energy = [each for each in rules.components if each.kind == ENERGY]
    if not any(each.is_always for each in energy):
        yield "no energy component applies always: energy at other times, tiers or powers costs nothing"
    if rules.taxes.scheme == "gst" and not rules.taxes.code:
        yield "taxes.code is empty: a GST invoice shows the HSN or SAC"

"""Configuration of chargers: what they say of it, what is wanted of it, and what becomes of telling them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import attrs

from csms.core.commands import Answered, CallError, Outcome, Setting, VariableName
from csms.core.ids import charger_key
from csms.core.outcomes import cannot, told
from csms.core.ports import ReadTx, Tx
from csms.core.reports import Booted
from csms.core.units import doubled
from csms.domain.stations import service as stations
from csms.domain.stations import store as stations_store
from csms.domain.stations.model import Charger, clean
from csms.domain.upkeep.model.configuration import (
    IN_STEP,
    LONGEST_NAME,
    LONGEST_VALUE,
    MOST_VALUES,
    NOT_KEPT,
    NOT_SUPPORTED,
    PENDING,
    PROBLEMS,
    REBOOT_REQUIRED,
    REJECTED,
    TAKEN,
    UNCERTAIN,
    ConfigurationApplied,
    ConfigurationDrifted,
    Key,
    Reading,
    Standing,
    Wanted,
    is_secret,
    resolve,
    same_value,
    spelled,
    variable_of,
)
from csms.domain.upkeep.store import configuration as store
from csms.domain.upkeep.store import templates

FIRST_RETRY_S, LAST_RETRY_S = 30, 3600
_NO_SUCH = frozenset({"NotSupported", "UnknownVariable", "UnknownComponent", "NotSupportedAttributeType"})
"""Statuses of a charger that has no such variable (1.6 §7.22; 2.0.1 SetVariableStatusEnumType)."""


# --- what is wanted -------------------------------------------------------------------------------------------------------------


def wanted_of(tx: ReadTx, charger: Charger) -> dict[str, Wanted]:
    """What is wanted of a charger, out of its own settings and the templates for it."""
    facts = charger.facts
    own = templates.wishes(tx, charger.id)
    theirs = templates.of_charger(tx, charger.id, station_id=charger.station_id, vendor=facts.vendor, model=facts.model)
    return resolve(own, theirs)


def align(tx: Tx, charger_id: str) -> Standing | None:
    """Bring what is to be told a charger in line with what is wanted of it; a change is due at once. None when there is no such charger."""
    tx.claim(charger_key(charger_id))
    charger = stations_store.charger(tx, charger_id)
    if charger is None:
        return None
    before = known(tx, charger)
    mark = templates.mark(tx)
    wanted = wanted_of(tx, charger)
    present = {each.folded: each for each in store.keys_of(tx, charger_id)}
    for folded in present.keys() - wanted.keys():
        store.delete_key(tx, charger_id, folded)
    changed = False
    for folded, each in wanted.items():
        key = present.get(folded)
        if key is None or key.value != each.value:
            new = Key(charger_id=charger_id, folded=folded, variable=each.variable, value=each.value, since_at=tx.now)
            store.save_key(tx, attrs.evolve(new, source=each.source))
            changed = True
        elif (key.variable, key.source) != (each.variable, each.source):
            store.save_key(tx, attrs.evolve(key, variable=each.variable, source=each.source))
    after = attrs.evolve(
        before,
        wanted=len(wanted),
        aligned_mark=mark,
        aligned_station_id=charger.station_id,
        aligned_vendor=charger.facts.vendor,
        aligned_model=charger.facts.model,
    )
    if changed:
        after = attrs.evolve(after, due_at=tx.now, failures=0)
    if not wanted:
        after = attrs.evolve(after, due_at=None, failures=0, problem="", reboot_since_at=None)
    store.save_standing(tx, after)
    return after


def known(tx: Tx, charger: Charger) -> Standing:
    """How a charger stands. What was known of one that was added anew is forgotten: it may be another box."""
    found = store.standing(tx, charger.id)
    if found is not None and found.charger_created_at == charger.created_at:
        return found
    if found is not None:
        store.start_over(tx, charger.id)
    return Standing(charger_id=charger.id, charger_created_at=charger.created_at)


def align_all(tx: Tx, charger_ids: Sequence[str]) -> int:
    """Align these chargers; how many. Their keys are claimed at once."""
    tx.claim(*sorted(charger_key(each) for each in charger_ids))
    for charger_id in charger_ids:
        align(tx, charger_id)
    return len(charger_ids)


# --- what chargers say ------------------------------------------------------------------------------------------------------------


def heard(tx: Tx, charger_id: str, variables: Iterable[Mapping[str, Any]], complete: bool) -> None:
    """A charger told variables (1.6 §5.8; 2.0.1 B06), ``complete`` where it was asked for all: what it then leaves out is forgotten.

    What is wanted of them is compared, and drift is told.
    """
    tx.claim(charger_key(charger_id))
    charger = stations_store.charger(tx, charger_id)
    if charger is None:
        return
    known(tx, charger)
    said = {each.folded: each for each in map(_reading, islice(variables, 2 * MOST_VALUES)) if each is not None}
    heard_now = [attrs.evolve(each, read_at=tx.now) for each in list(said.values())[:MOST_VALUES]]
    store.save_readings(tx, charger_id, heard_now)
    if complete and heard_now:
        store.forget_other_readings(tx, charger_id, tx.now)
    elif heard_now:
        store.forget_surplus(tx, charger_id)
    drifted = []
    for key in store.keys_of(tx, charger_id):
        reading = said.get(key.folded)
        if reading is None:
            continue
        judged = _judged(key, reading)
        if judged is not key:
            judged = attrs.evolve(judged, firmware=charger.facts.firmware if judged.state in PROBLEMS else "")
            store.save_key(tx, attrs.evolve(judged, since_at=tx.now))
            if key.state == IN_STEP or judged.state in PROBLEMS:
                drifted.append(judged)
    _tell_drift(tx, charger_id, drifted)


def _reading(said: Mapping[str, Any]) -> Reading | None:
    """What was said of one variable; None where it says nothing of it, or has no name."""
    status = str(said.get("status") or "Accepted")
    if not said.get("name") or (status != "Accepted" and status not in _NO_SUCH):
        return None
    variable = VariableName(
        name=str(said["name"]),
        component=str(said.get("component") or ""),
        instance=str(said.get("instance") or ""),
        component_instance=str(said.get("component_instance") or ""),
        evse=said.get("evse"),
        connector=said.get("connector"),
    )
    name = clean(spelled(variable), LONGEST_NAME)
    value, readonly = said.get("value"), said.get("readonly")
    return Reading(
        variable=name,
        known=status == "Accepted",
        value=None if value is None or is_secret(name) else clean(str(value), LONGEST_VALUE),
        readonly=readonly if isinstance(readonly, bool) else None,
    )


def _judged(key: Key, reading: Reading) -> Key:
    """What a reading means for a wanted variable; the very same ``key`` where it means nothing."""
    shown = reading.value if reading.known else None
    if shown is not None and same_value(key.value, shown):
        if key.state in (IN_STEP, REBOOT_REQUIRED):
            return key
        return attrs.evolve(key, state=IN_STEP, answer="", untold=key.untold or key.state == UNCERTAIN)
    if key.state == UNCERTAIN:
        return attrs.evolve(key, state=PENDING)
    if shown is None:
        return key
    if key.state == TAKEN:
        return attrs.evolve(key, state=NOT_KEPT, answer=f"it said yes, and has {shown[:100]!r}", untold=False)
    return attrs.evolve(key, state=PENDING, answer=f"it had become {shown[:100]!r}") if key.state == IN_STEP else key


def _tell_drift(tx: Tx, charger_id: str, drifted: Sequence[Key]) -> None:
    if not drifted:
        return
    refused = tuple(each.variable for each in drifted if each.state in PROBLEMS)
    tx.emit(ConfigurationDrifted(charger_id=charger_id, keys=tuple(each.variable for each in drifted), refused=refused))
    standing = store.standing(tx, charger_id)
    if standing is not None and len(refused) < len(drifted):
        store.save_standing(tx, attrs.evolve(standing, due_at=tx.now, failures=0))


def booted(tx: Tx, report: Booted) -> None:
    """BootNotification: what needed a reboot is compared, and a charger with new firmware may take what it refused."""
    tx.claim(charger_key(report.charger_id))
    standing = store.standing(tx, report.charger_id)
    if standing is None or not standing.wanted:
        return
    firmware = clean(report.firmware, 255)
    for key in store.keys_of(tx, report.charger_id):
        if key.state == REBOOT_REQUIRED:
            store.save_key(tx, attrs.evolve(key, state=TAKEN, since_at=tx.now))
        elif key.state in PROBLEMS and key.firmware != firmware:
            store.save_key(tx, attrs.evolve(key, state=PENDING, answer="", since_at=tx.now))
    store.save_standing(tx, attrs.evolve(standing, reboot_since_at=None, due_at=tx.now, failures=0))


def hurry(tx: Tx, charger_id: str, *, again: bool = False) -> Standing | None:
    """Have a charger looked at as soon as it is connected. ``again`` also has it told what it refused."""
    standing = align(tx, charger_id)
    if standing is None or not standing.wanted:
        return standing
    for key in store.keys_of(tx, charger_id) if again else ():
        if key.state in PROBLEMS:
            store.save_key(tx, attrs.evolve(key, state=PENDING, answer="", since_at=tx.now))
    standing = attrs.evolve(standing, due_at=tx.now, failures=0)
    store.save_standing(tx, standing)
    return standing


def came_back(tx: Tx, charger_id: str) -> None:
    """A charger connected: what could not be told it need wait no longer."""
    tx.claim(charger_key(charger_id))
    standing = store.standing(tx, charger_id)
    if standing is not None and standing.failures:
        store.save_standing(tx, attrs.evolve(standing, due_at=tx.now, failures=0))


# --- telling chargers -------------------------------------------------------------------------------------------------------------


def to_read(tx: ReadTx, charger_id: str) -> list[VariableName]:
    """Everything that is wanted of a charger, to be read."""
    return [variable_of(each.variable) for each in store.keys_of(tx, charger_id)]


def take(tx: Tx, charger_id: str, after: str) -> tuple[Key, Setting] | None:
    """The next setting to tell a charger, after the folded name ``after``. From now on it may have heard of it."""
    tx.claim(charger_key(charger_id))
    key = store.next_key(tx, charger_id, after)
    if key is None:
        return None
    store.save_key(tx, attrs.evolve(key, state=UNCERTAIN, sent_at=tx.now))
    return key, Setting(variable_of(key.variable), key.value)


def was_set(tx: Tx, charger_id: str, variable: str, value: str, outcome: Outcome) -> Key | None:
    """What became of telling a charger a setting (1.6 §5.3), whoever told it; None where nothing, or something else, is wanted of it."""
    tx.claim(charger_key(charger_id))
    key = store.key(tx, charger_id, variable.casefold())
    if key is None or not same_value(key.value, value):
        return None
    changed = attrs.evolve(_answered(key, outcome), since_at=tx.now)
    standing = store.standing(tx, charger_id)
    if changed.state in PROBLEMS:
        charger = stations.need_charger(tx, charger_id)
        changed = attrs.evolve(changed, firmware=charger.facts.firmware, untold=False)
    elif changed.state == REBOOT_REQUIRED and standing is not None and standing.reboot_since_at is None:
        store.save_standing(tx, attrs.evolve(standing, reboot_since_at=tx.now))
    store.save_key(tx, changed)
    if changed.state in PROBLEMS and (key.state, key.answer) != (changed.state, changed.answer):
        _tell_drift(tx, charger_id, [changed])
    return changed


def _answered(key: Key, outcome: Outcome) -> Key:
    if not outcome.certain:
        return attrs.evolve(key, state=UNCERTAIN, answer=told(outcome))
    if cannot(outcome) or (isinstance(outcome, Answered) and outcome.status in _NO_SUCH):
        return attrs.evolve(key, state=NOT_SUPPORTED, answer=told(outcome))
    if isinstance(outcome, Answered) and outcome.accepted:
        reboot = outcome.status == "RebootRequired"
        return attrs.evolve(key, state=REBOOT_REQUIRED if reboot else TAKEN, answer=outcome.status, untold=True)
    if isinstance(outcome, (Answered, CallError)):
        return attrs.evolve(key, state=REJECTED, answer=told(outcome))
    return attrs.evolve(key, state=PENDING, answer=told(outcome))  # it was not even sent


def settle(tx: Tx, charger_id: str, *, problem: str, check_s: int, applies: bool) -> Standing | None:
    """A charger was told what it could be told: tell what it took, and note when it is looked at again.

    ``problem`` says why not everything was done; then it is tried again after a wait that doubles. ``applies`` False: it was only read.
    """
    tx.claim(charger_key(charger_id))
    standing = store.standing(tx, charger_id)
    if standing is None:
        return None
    keys = store.keys_of(tx, charger_id)
    for number, key in enumerate(keys):
        if key.state == TAKEN and not problem:  # it was asked, and shows no value
            keys[number] = attrs.evolve(key, state=IN_STEP, answer="it does not show it", since_at=tx.now)
            store.save_key(tx, keys[number])
    news = [each for each in keys if each.untold and each.state in (IN_STEP, REBOOT_REQUIRED)]
    if news:
        later = tuple(each.variable for each in news if each.state == REBOOT_REQUIRED)
        tx.emit(ConfigurationApplied(charger_id=charger_id, keys=tuple(each.variable for each in news), reboot_required=later))
    for key in news:
        store.save_key(tx, attrs.evolve(key, untold=False))
    wait_s, failures = check_s, 0
    if problem:
        wait_s, failures = doubled(FIRST_RETRY_S, standing.failures, LAST_RETRY_S), standing.failures + 1
    elif applies and any(each.state in (PENDING, UNCERTAIN) for each in keys):
        wait_s = 0  # more came to be wanted meanwhile
    due_at = tx.now + wait_s * 1000 if keys else None
    standing = attrs.evolve(standing, due_at=due_at, failures=failures, problem=problem[:200])
    standing = standing if problem else attrs.evolve(standing, checked_at=tx.now)
    store.save_standing(tx, standing)
    return standing

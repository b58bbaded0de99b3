"""Verbs of local lists: who should be on one, what a charger's answers mean for it, and what operators decide."""

from __future__ import annotations

from typing import Any

import attrs
import msgspec

from csms.core.commands import Answered, LocalListEntry, Outcome
from csms.core.errors import Invalid
from csms.core.ids import charger_key
from csms.core.outcomes import cannot, told
from csms.core.ports import ReadTx, Tx
from csms.core.units import doubled
from csms.domain.drivers import service as drivers
from csms.domain.stations import service as stations

from . import store
from .model import (
    BEHIND,
    DISABLED,
    FAILED,
    IN_STEP,
    LONGEST_LISTED,
    MODES,
    UNKNOWN,
    UNSUPPORTED,
    Listed,
    LocalList,
    LocalListChanged,
    LocalListDetail,
    Message,
    shown,
)
from .planning import applied, fitting, plan

FIRST_RETRY_S, LAST_RETRY_S = 30, 6 * 3600
START_OVER = 2**30
"""From this version on the next list is sent whole and is version 1 again: chargers cannot count for ever, or tell nonsense."""


def wanted(tx: ReadTx, charger_id: str) -> tuple[list[Listed], int | None]:
    """Who should be on a charger's list now, and the instant at which somebody more becomes valid."""
    now, later = [], []
    for token, verdict, valid_from in drivers.welcome(tx, charger_id):
        if valid_from is None:
            now.append(Listed(token.value, token.kind, verdict.status, verdict.expires_at, verdict.parent))
        else:
            later.append(valid_from)
    return now, min(later, default=None)


def known(tx: ReadTx, charger_id: str) -> LocalList:
    """What is known of a charger's list, be it nothing."""
    return store.of_charger(tx, charger_id) or LocalList(charger_id=charger_id)


def need_detail(tx: ReadTx, charger_id: str) -> LocalListDetail:
    """How a charger's list stands, and how much is on it. Raises ``NotFound``."""
    stations.need_charger(tx, charger_id)
    return LocalListDetail(
        **attrs.asdict(shown(known(tx, charger_id))),
        entries=store.count_entries(tx, charger_id),
        should_be=len(wanted(tx, charger_id)[0]),
    )


def set_mode(tx: Tx, charger_id: str, mode: str) -> LocalList:
    """Keep a charger's list in step from now on (``auto``), leave it alone (``off``), or do as configured (``""``).

    Raises ``Invalid`` or ``NotFound``.
    """
    tx.claim(charger_key(charger_id))
    if mode not in ("", *MODES):
        raise Invalid(f"mode {mode!r}: use {', '.join(MODES)} or nothing", field="mode")
    stations.need_charger(tx, charger_id)
    return put(tx, known(tx, charger_id), mode=mode, due_at=tx.now, failures=0)


def put(tx: Tx, before: LocalList, **changes: Any) -> LocalList:
    """Store a change, and tell of a new version or state."""
    after = attrs.evolve(before, **changes)
    store.save(tx, after)
    if (before.version, before.state) != (after.version, after.state):
        tx.emit(
            LocalListChanged(
                charger_id=after.charger_id,
                state=after.state,
                previous_state=before.state,
                version=after.version,
                entries=store.count_entries(tx, after.charger_id),
                problem=after.problem,
            )
        )
    return after


# --- what a charger says of its list --------------------------------------------------------------------------------------------


def limits_heard(tx: Tx, charger_id: str, enabled: bool | None, list_limit: int | None, message_limit: int | None) -> LocalList:
    """The charger told how much it takes, and whether it uses its list at all (1.6 §9.2)."""
    tx.claim(charger_key(charger_id))
    before = known(tx, charger_id)
    state = DISABLED if enabled is False else UNKNOWN if before.state == DISABLED else before.state
    problem = "LocalAuthListEnabled is false" if enabled is False else before.problem
    return put(
        tx,
        before,
        list_limit=list_limit,
        message_limit=message_limit,
        limits_at=tx.now,
        state=state,
        problem=problem if state == DISABLED else "",
    )


def version_heard(tx: Tx, charger_id: str, outcome: Outcome) -> LocalList:
    """The charger told the version of its list (1.6 §5.10), or that it has none.

    What was under way when we last heard nothing is settled by it. Any other version than ours is drift: then only a full list helps.
    """
    tx.claim(charger_key(charger_id))
    before = known(tx, charger_id)
    if not isinstance(outcome, Answered):
        return _unanswered(tx, before, outcome)
    version = outcome.detail.get("version")
    if not isinstance(version, int) or version < 0:
        return put(tx, before, state=UNSUPPORTED, heard_version=version, problem="the charger keeps no local list", failures=0)
    if before.sending:
        message = msgspec.json.decode(before.sending, type=Message)
        if version == message.version:
            return _took(tx, before, message)
        before = attrs.evolve(before, sending="")
    if before.state == DISABLED:
        return put(tx, before, heard_version=version, sending="")
    if version != before.version:
        problem = f"the charger has version {version}, not {before.version}" if before.version else ""
        return put(tx, before, heard_version=version, needs_full=True, state=BEHIND, problem=problem, sending="")
    return put(tx, before, heard_version=version, problem="", sending="")


def _unanswered(tx: Tx, before: LocalList, outcome: Outcome) -> LocalList:
    return put(tx, before, state=UNSUPPORTED if cannot(outcome) else before.state, problem=told(outcome))


def next_messages(tx: ReadTx, charger_id: str, most: int) -> tuple[list[Message], int, int | None]:
    """What is to be sent, how many tokens have no room, and when somebody more becomes valid. ``most`` entries a message, unless the
    charger takes fewer."""
    state = known(tx, charger_id)
    everybody, later = wanted(tx, charger_id)
    listed, left_out = fitting(everybody, state.list_limit)
    if state.needs_full and not listed and not state.heard_version:
        return [], left_out, later  # nothing is on it, and nothing should be
    version = max(state.version, state.heard_version or 0)
    full = state.needs_full or version >= START_OVER
    present = {} if full else store.entries(tx, charger_id)
    size = min(most, state.message_limit) if state.message_limit else most
    return plan(present, listed, version=0 if version >= START_OVER else version, full=full, most=max(size, 1)), left_out, later


def sending(tx: Tx, charger_id: str, message: Message) -> None:
    """A message is about to be sent: should no answer come, the charger's version will tell whether it took it."""
    tx.claim(charger_key(charger_id))
    put(tx, known(tx, charger_id), state=BEHIND, sending=msgspec.json.encode(message).decode())


def answered(tx: Tx, charger_id: str, message: Message, outcome: Outcome) -> LocalList:
    """What became of a message. A list that the charger could not change is sent whole the next time (1.6 §5.15)."""
    tx.claim(charger_key(charger_id))
    before = known(tx, charger_id)
    if isinstance(outcome, Answered) and outcome.accepted:
        return _took(tx, before, message)
    if isinstance(outcome, Answered) and outcome.status == "NotSupported":
        return put(tx, before, state=UNSUPPORTED, sending="", problem="the charger takes no local list", failures=0)
    if isinstance(outcome, Answered):
        return put(tx, before, state=FAILED, sending="", needs_full=True, problem=told(outcome))
    if outcome.certain:
        return _unanswered(tx, attrs.evolve(before, sending=""), outcome)
    return put(tx, before, problem=told(outcome))


def _took(tx: Tx, before: LocalList, message: Message) -> LocalList:
    store.save(tx, before)  # entries belong to a row
    present = store.entries(tx, before.charger_id)
    store.replace_entries(tx, before.charger_id, present, applied(present, message))
    return put(
        tx, before, version=message.version, heard_version=message.version, sending="", needs_full=False, problem="", state=BEHIND
    )


def settled(tx: Tx, charger_id: str, *, left_out: int, check_at: int) -> LocalList:
    """Everything that was to be sent was taken."""
    tx.claim(charger_key(charger_id))
    return put(
        tx,
        known(tx, charger_id),
        state=IN_STEP,
        left_out=left_out,
        failures=0,
        problem=f"{left_out} tokens have no room on it, or are longer than {LONGEST_LISTED} characters" if left_out else "",
        due_at=check_at,
        synchronised_at=tx.now,
    )


def postponed(tx: Tx, charger_id: str, *, check_at: int) -> LocalList:
    """It did not work this time: again later, after a wait that doubles; what a charger cannot do at all waits for the next check."""
    tx.claim(charger_key(charger_id))
    state = known(tx, charger_id)
    if state.state in (UNSUPPORTED, DISABLED):
        return put(tx, state, due_at=check_at, failures=0)
    wait_s = doubled(FIRST_RETRY_S, state.failures, LAST_RETRY_S)
    return put(tx, state, due_at=tx.now + wait_s * 1000, failures=state.failures + 1)


def manual(tx: Tx, charger_id: str, version: int, entries: tuple[LocalListEntry, ...], full: bool, outcome: Outcome) -> LocalList:
    """An operator sent a list by hand, past what the list should be."""
    tx.claim(charger_key(charger_id))
    return answered(tx, charger_id, Message(version, full, entries), outcome)

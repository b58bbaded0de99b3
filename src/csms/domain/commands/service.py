"""Verbs of the commands slice: what was asked for, how far it is, what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from csms.core.errors import Invalid, NotFound, Refused
from csms.core.outcomes import Outcome, obeyed, plain
from csms.core.ports import ReadTx, Tx

from . import store
from .model import (
    CANCELLED,
    ENDED,
    LONGEST_BODY,
    Asker,
    Bulk,
    ChosenBy,
    CommandAnswer,
    CommandDetail,
    Limits,
    bulk_key,
)

LOST_NOTE = "the server ended while it was under way: the charger may have obeyed"


def ask(tx: Tx, charger_id: str, command: str, body: str, asker: Asker) -> int:
    """Note that somebody asks for a command; its id. ``body`` is JSON without secrets. Raises ``NotFound``."""
    kept = body if len(body) <= LONGEST_BODY else msgspec.json.encode({"too_long": f"{len(body)} characters"}).decode()
    found = store.insert(tx, charger_id, command, kept, asker)
    if found is None:
        raise NotFound(f"there is no charger {charger_id!r}")
    return found


def begin(tx: Tx, bulk_id: int, command_id: int) -> bool:
    """The turn of one command of a bulk has come; False when it was cancelled meanwhile."""
    tx.claim(bulk_key(bulk_id))
    return store.begin(tx, command_id)


def ended(tx: Tx, command_id: int, outcome: Outcome, more: Mapping[str, Any], *, bulk_id: int | None = None) -> CommandAnswer:
    """Note what became of a command; ``more`` is what its flow adds to the outcome."""
    said = {name: value for name, value in more.items() if name != "note"}
    told = msgspec.to_builtins({**plain(outcome), **said})
    return _finish(tx, command_id, ENDED, told, obeyed(outcome), str(more.get("note", "")), bulk_id)


def not_sent(tx: Tx, command_id: int, progress: str, note: str, *, bulk_id: int | None = None) -> CommandAnswer:
    """Note that a command ended without an outcome: it was refused, or something failed."""
    return _finish(tx, command_id, progress, None, None, note, bulk_id)


def _finish(
    tx: Tx,
    command_id: int,
    progress: str,
    outcome: Mapping[str, Any] | None,
    accepted: bool | None,
    note: str,
    bulk_id: int | None,
) -> CommandAnswer:
    if bulk_id is not None:
        tx.claim(bulk_key(bulk_id))
    store.finish(tx, command_id, progress, outcome=outcome, accepted=accepted, note=note[:1000])
    return need(tx, command_id)


def forget(tx: Tx) -> int:
    """At start: what was under way when the server ended is lost; how many."""
    return store.lose(tx, LOST_NOTE)


def need(tx: ReadTx, command_id: int) -> CommandAnswer:
    """One command. Raises ``NotFound``."""
    found = store.answer(tx, command_id)
    if found is None:
        raise NotFound(f"there is no command {command_id}")
    return found


def need_detail(tx: ReadTx, command_id: int) -> CommandDetail:
    """One command with its body. Raises ``NotFound``."""
    found = store.command(tx, command_id)
    if found is None:
        raise NotFound(f"there is no command {command_id}")
    return found


# --- bulks ----------------------------------------------------------------------------------------------------------------------


def plan(
    tx: Tx, *, command: str, body: str, sealed: str, chosen_by: ChosenBy, at_a_time: int, limits: Limits, asker: Asker
) -> Bulk:
    """Queue a command for many chargers. Raises ``Invalid`` where it is not said which, ``NotFound`` where there is none of them."""
    if not chosen_by.anything and not chosen_by.everyone:
        raise Invalid("say which chargers, or that everyone is meant", field="chargers")
    if chosen_by.charger_ids:
        named = ChosenBy(charger_ids=tuple(dict.fromkeys(chosen_by.charger_ids)))
        if (missing := len(named.charger_ids) - store.count_chosen(tx, named)) > 0:
            raise NotFound(f"{missing} of the chargers named do not exist")
    given = {name: value for name, value in msgspec.to_builtins(chosen_by).items() if value or name == "connected"}
    shown = msgspec.json.encode({name: value for name, value in given.items() if value is not None}).decode()
    bulk_id = store.insert_bulk(
        tx,
        command=command,
        body=body,
        sealed=sealed,
        chosen_by=shown,
        at_a_time=at_a_time,
        limits=limits,
        asker=asker,
    )
    if not store.queue(tx, bulk_id, chosen_by, command, asker):
        raise NotFound("no charger is so")
    return need_bulk(tx, bulk_id)


def cancel(tx: Tx, bulk_id: int) -> Bulk:
    """Cancel what is queued of a bulk; what is under way goes on. Raises ``NotFound``, or ``Refused`` when it has ended."""
    tx.claim(bulk_key(bulk_id))
    known = need_bulk(tx, bulk_id)
    if not store.end_bulk(tx, bulk_id, CANCELLED):
        raise Refused(f"bulk {bulk_id} has ended: it is {known.state}")
    store.cancel_queued(tx, bulk_id, "the bulk was cancelled")
    return need_bulk(tx, bulk_id)


def give_up(tx: Tx, bulk_id: int, note: str) -> None:
    """Cancel a bulk that cannot go on."""
    tx.claim(bulk_key(bulk_id))
    if store.end_bulk(tx, bulk_id, CANCELLED):
        store.cancel_queued(tx, bulk_id, note)


def end_if_done(tx: Tx, bulk_id: int) -> bool:
    """End a bulk whose every command has; whether it has ended."""
    tx.claim(bulk_key(bulk_id))
    return store.end_if_done(tx, bulk_id)


def need_bulk(tx: ReadTx, bulk_id: int) -> Bulk:
    """One bulk with its counts. Raises ``NotFound``."""
    found = store.bulk(tx, bulk_id)
    if found is None:
        raise NotFound(f"there is no bulk {bulk_id}")
    return found

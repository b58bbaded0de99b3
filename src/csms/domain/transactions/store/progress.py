"""The one statement that ordinary news of a running transaction takes: messages that come by the minute from every charger.

Each finds the transaction and moves it on, or touches nothing where there is more to it: then the verb looks closer.
"""

from __future__ import annotations

from typing import Any

from csms.core.ids import Place
from csms.core.ports import Tx

# A transaction that plainly runs, and has a value to count from; the news is newer than all it knows.
_RUNS = "state IN ('running', 'suspended', 'pending_stop') AND meter_start_wh IS NOT NULL"
_NEWER = "(last_meter_at IS NULL OR last_meter_at < :at)"
_METER = "last_meter_wh = :energy_wh, last_meter_at = :at"

_BY_ID = f"""
UPDATE transactions SET {_METER}
WHERE tenant = :tenant AND id = :id AND charger_id = :charger_id AND {_RUNS} AND {_NEWER}"""  # noqa: S608 - the words above


def metered(tx: Tx, charger_id: str, transaction_id: int, *, energy_wh: int, at: int) -> bool:
    """Remember the newest meter value of the charger's transaction of that id; False: nothing was done."""
    return tx.run(_BY_ID, id=transaction_id, charger_id=charger_id, energy_wh=energy_wh, at=at) == 1


_BY_PLACE = f"""
UPDATE transactions SET {_METER}
WHERE tenant = :tenant AND {_RUNS} AND {_NEWER} AND id = (
    SELECT id FROM transactions
    WHERE tenant = :tenant AND charger_id = :charger_id AND evse = :evse AND started_at <= :at AND token_status IN ('', 'Accepted')
    ORDER BY started_at DESC, id DESC LIMIT 1
)
RETURNING id"""  # noqa: S608 - the words above


def metered_at(tx: Tx, charger_id: str, evse: int, *, energy_wh: int, at: int) -> int | None:
    """Remember the newest meter value of what goes on at an EVSE, and its id; None: nothing was done."""
    found: int | None = tx.value(_BY_PLACE, charger_id=charger_id, evse=evse, energy_wh=energy_wh, at=at)
    return found


_STEP = f"""
UPDATE transactions SET last_seq_no = :seq_no, last_event_at = :occurred_at
WHERE tenant = :tenant AND charger_id = :charger_id AND reference = :reference AND reference <> '' AND {_RUNS}
    AND start_seq_no IS NOT NULL AND last_seq_no < :seq_no AND last_event_at <= :occurred_at
    AND (:evse = 0 OR evse = :evse) AND (:connector = 0 OR connector = :connector)
    AND (:charging_state = '' OR charging_state = :charging_state)
RETURNING id, evse, connector"""  # noqa: S608 - the words above
_STEP_METERED = _STEP.replace("WHERE", f", {_METER}\nWHERE", 1).replace("RETURNING", f"    AND {_NEWER}\nRETURNING", 1)


def stepped(
    tx: Tx,
    charger_id: str,
    reference: str,
    *,
    seq_no: int,
    occurred_at: int,
    place: Place,
    charging_state: str,
    meter: tuple[int, int] | None,
) -> tuple[int, Place] | None:
    """Remember that a running transaction (2.x) took its next step, which changed nothing else about it: its id and place.

    ``meter`` is the instant and the register of a reading that came with the step. None: nothing was done.
    """
    step: dict[str, Any] = {"seq_no": seq_no, "occurred_at": occurred_at, "charger_id": charger_id, "reference": reference}
    if meter is not None:
        step |= {"at": meter[0], "energy_wh": meter[1]}
    row = tx.one(
        _STEP if meter is None else _STEP_METERED,
        evse=place.evse,
        connector=place.connector,
        charging_state=charging_state,
        **step,
    )
    return None if row is None else (row["id"], Place(row["evse"], row["connector"]))

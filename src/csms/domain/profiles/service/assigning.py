"""Where operators want templates."""

from __future__ import annotations

from csms.core.charging import TX
from csms.core.errors import Invalid, NotFound
from csms.core.ids import Place
from csms.core.ports import ReadTx, Tx
from csms.domain.profiles import store
from csms.domain.profiles.checking import check_place
from csms.domain.profiles.model import LARGEST_EVSE, Assignment, Target, Template, mark_key, template_key
from csms.domain.profiles.shown import NewAssignment
from csms.domain.stations import service as stations

from .templates import need_by_id, need_template


def assign(tx: Tx, name: str, target: Target, evse: int = 0, *, again_at_boot: bool = False) -> Assignment:
    """Want a template somewhere: the chargers are sent it as soon as they can be (see ``align``). Assigned again, it is sent again.

    Where several claim one purpose and stack level at a charger's place, the charger's own assignment wins over its station's, that
    over its model's, and the newer over the older. A TxProfile goes with every transaction instead of being installed.
    Raises ``NotFound`` or ``Invalid``.
    """
    known = _known(tx, name)
    if known.profile.purpose == TX:
        if not 0 <= evse <= LARGEST_EVSE:
            raise Invalid(f"an EVSE is 1 to {LARGEST_EVSE}, and 0 any of them", field="evse")
    else:
        check_place(known.profile, Place(evse))
    _need(tx, target)
    before = store.same_assignment(tx, known.id, target, evse)
    if before is not None:
        store.delete_assignment(tx, before.id)
    added = store.insert_assignment(tx, known.id, target, evse, again_at_boot=again_at_boot)
    store.bump(tx)
    made = store.assignment(tx, added)
    if made is None:
        raise NotFound(f"assignment {added} is gone")
    return made


def unassign(tx: Tx, name: str, target: Target, evse: int = 0) -> None:
    """Want a template there no longer: it is cleared at the chargers as soon as they can be reached. Raises ``NotFound``."""
    known = _known(tx, name)
    found = store.same_assignment(tx, known.id, target, evse)
    if found is None:
        raise NotFound(f"{known.name!r} is not assigned to {target} at EVSE {evse}")
    store.delete_assignment(tx, found.id)
    store.bump(tx)


def need_assignment(tx: ReadTx, assignment_id: int) -> Assignment:
    """An assignment of the tenant. Raises ``NotFound``."""
    found = store.assignment(tx, assignment_id)
    if found is None:
        raise NotFound(f"there is no assignment {assignment_id}")
    return found


def assign_as(tx: Tx, template_id: int, new: NewAssignment) -> Assignment:
    """``assign`` as somebody described it. Raises like that, and ``Invalid`` unless it names exactly one target."""
    if sum(each is not None for each in (new.charger_id, new.station_id, new.model)) != 1:
        raise Invalid("say exactly one of charger_id, station_id and model", field="charger_id")
    target = Target(charger_id=new.charger_id, station_id=new.station_id, model=new.model)
    return assign(tx, need_by_id(tx, template_id).name, target, new.evse, again_at_boot=new.again_at_boot)


def unassign_by_id(tx: Tx, assignment_id: int) -> None:
    """``unassign`` by its id. Raises ``NotFound``."""
    known = need_assignment(tx, assignment_id)
    unassign(tx, known.template, known.target, known.evse)


def _known(tx: Tx, name: str) -> Template:
    tx.claim(template_key(tx.tenant, name), mark_key(tx.tenant))
    return need_template(tx, name)


def _need(tx: Tx, target: Target) -> None:
    if target.charger_id is not None:
        stations.need_charger(tx, target.charger_id)
    elif target.station_id is not None:
        stations.need_station(tx, target.station_id)
    elif not target.model or len(target.model) > 255 or not target.model.isprintable():
        raise Invalid("say which model, as its chargers report it", field="model")

"""What we believe a charger holds, and the composite schedule that follows from it."""

from __future__ import annotations

import attrs

from csms.core.charging import AMPERE
from csms.core.errors import Invalid
from csms.core.ids import Place
from csms.core.ports import ReadTx
from csms.domain.profiles import store
from csms.domain.profiles.composing import LONGEST_S, Placed, Stretch, Window, compose
from csms.domain.profiles.model import INSTALLED, LARGEST_EVSE, Held, Rules


@attrs.frozen(slots=True, kw_only=True)
class Composite:
    """A composite schedule from ``start_at`` on. ``certain`` is False where it rests on a profile whose fate we do not know."""

    evse: int
    start_at: int
    duration_s: int
    unit: str
    periods: tuple[Stretch, ...]
    certain: bool = True


def believed(tx: ReadTx, charger_id: str) -> list[Held]:
    """What the charger most likely holds: of what went to one slot, or has one id, the last that was sent and not refused."""
    newest: dict[tuple[str, int, int], Held] = {}
    for held in store.live(tx, charger_id):
        newest = {slot: other for slot, other in newest.items() if other.profile.id != held.profile.id}
        newest[held.slot] = held
    return list(newest.values())


def composite(tx: ReadTx, charger_id: str, place: Place, duration_s: int, unit: str, start_at: int, rules: Rules) -> Composite:
    """The composite schedule of a place, reckoned from what we believe is installed (1.6 §3.13.3, §5.7).

    Without a ``unit`` it is that of the profiles. Raises ``Invalid`` for a window too long to reckon.
    """
    if not 1 <= duration_s <= LONGEST_S:
        raise Invalid(f"1 to {LONGEST_S} seconds", field="duration_s")
    if not 0 <= place.evse <= LARGEST_EVSE:
        raise Invalid(f"an EVSE is 1 to {LARGEST_EVSE}, and 0 the whole charger", field="evse")
    held = believed(tx, charger_id)
    unit = unit or next((each.effective.schedule.unit for each in held), AMPERE)
    window = Window(
        evse=place.evse,
        at=start_at,
        duration_s=duration_s,
        unit=unit,
        voltage_v=rules.voltage_v,
        charges=tuple(rules.charges(tx, charger_id)),
        evses=store.evses(tx, charger_id),
    )
    return Composite(
        evse=place.evse,
        start_at=start_at,
        duration_s=duration_s,
        unit=unit,
        periods=compose([Placed(each.evse, each.effective) for each in held], window),
        certain=all(each.state == INSTALLED and each.clearing_at is None for each in held),
    )

"""Chargers as the API shows them: in a list, and one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from csms.core.paging import Paged, filter_by, one_of, sorts

from .chargers import APPROVALS, ChargerFacts, ChargerOddity
from .connectors import CONNECTOR_STATUSES, ConnectorState


@attrs.frozen(slots=True, kw_only=True)
class ChargerItem:
    """A charger in a list.

    ``status`` is that of the charger as a whole, ``""`` until it spoke of itself. ``max_power_w`` and ``capacity_kw`` come from the
    catalogue entry ``model_entry_id``: the one that an operator chose, or that of the vendor and model it reports. ``archived_at`` is
    when it was removed.
    """

    id: str
    name: str
    station_id: int | None
    station_name: str
    location: str
    approval: str
    registration: str
    status: str
    connected: bool
    connected_at: int | None
    last_seen_at: int | None
    protocol: str
    vendor: str
    model: str
    serial: str
    firmware: str
    mac: str
    model_entry_id: int | None
    max_power_w: int | None
    capacity_kw: float | None
    warranty_until: str
    created_at: int
    archived_at: int | None
    connectors: tuple[ConnectorState, ...]


@attrs.frozen(slots=True, kw_only=True)
class ChargerLink:
    """A charger's live connection, as it is stored; its queue and its counters are those of ``/connections``."""

    connection_id: str
    connected_at: int | None
    protocol: str
    remote_address: str
    security_profile: int | None


@attrs.frozen(slots=True, kw_only=True)
class QuirkInForce:
    """Something that chargers of this kind do otherwise than OCPP says, and that they are treated by."""

    quirk: str
    value: Any
    note: str
    source: str


@attrs.frozen(slots=True, kw_only=True)
class ChargerDetail(ChargerItem):
    """A charger with everything that is known of it.

    ``facts`` is what it said of itself at boot. ``model_id`` is the catalogue entry that an operator chose. ``oddities`` is what it
    does wrong, the most frequent first, and ``quirks`` how it is treated because of what is known of its kind.
    ``security_profile_required`` is the least security profile with which it may log in.
    """

    facts: ChargerFacts
    model_id: int | None
    model_quirks_note: str
    note: str
    installed_on: str
    heartbeat_interval_s: int | None
    answers_pings: bool | None
    subprotocol_fallback: str
    clock_drift_ms: int | None
    key_origin: str
    keys_offered: int
    security_profile: int | None
    security_profile_required: int = 0
    security_profile_used: int | None
    connection: ChargerLink | None
    oddities: tuple[ChargerOddity, ...] = ()
    quirks: tuple[QuirkInForce, ...] = ()

    def steady(self) -> Mapping[str, Any]:
        """What people decide about it, for ``If-Match``: what the charger changes by itself is no conflict."""
        return {name: getattr(self, name) for name in _DECIDED}


_DECIDED = (
    "id",
    "name",
    "station_id",
    "location",
    "approval",
    "mac",
    "model_id",
    "note",
    "installed_on",
    "warranty_until",
    "heartbeat_interval_s",
    "subprotocol_fallback",
    "security_profile",
    "archived_at",
)


@attrs.frozen(slots=True, kw_only=True)
class ChargerQuery(Paged):
    """Which chargers somebody wants. ``archived`` shows those that were removed instead."""

    sort: str = sorts("id", "name", "created_at", "last_seen_at", "vendor", default="id")
    station_id: int | None = filter_by("where it stands")
    status: str | None = one_of(*CONNECTOR_STATUSES, help="has a connector that is so, or is so as a whole")
    connected: bool | None = filter_by("whether it has a live connection")
    approval: str | None = one_of(*APPROVALS, help="what an operator decided about it")
    protocol: str | None = filter_by("the OCPP subprotocol of its latest connection, such as ocpp1.6")
    vendor: str | None = filter_by("the vendor that it reports, as it writes it")
    model: str | None = filter_by("the model that it reports, as it writes it")
    warranty_before: str | None = filter_by("its warranty ends before this day, such as 2026-12-31")
    archived: bool = attrs.field(default=False, metadata={"help": "those that were removed, instead of those that are there"})


@attrs.frozen(slots=True, kw_only=True)
class OddityQuery(Paged):
    """Which oddities of a charger somebody wants."""

    sort: str = sorts("count", "last_seen_at", "first_seen_at", default="-count")
    rule: str | None = filter_by("what was done wrong, such as wrong_type")


@attrs.frozen(slots=True, kw_only=True)
class Credentials:
    """A charger's new key, shown only now.

    ``state`` is ``set`` where only the new key opens from now on; where the charger was told, that of the rotation: ``accepted``,
    ``reboot`` and ``uncertain`` let both keys in until it has shown the new one. ``url`` is where it connects.
    """

    charger_id: str
    key: str = attrs.field(repr=False)
    state: str
    url: str


@attrs.frozen(slots=True, kw_only=True)
class AddedCharger:
    """A charger that was added, and its key, shown only now."""

    charger: ChargerDetail
    key: str = attrs.field(repr=False)
    url: str

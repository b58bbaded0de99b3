"""The public form of what happened: the same in the event log, in the live feed and in webhooks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import msgspec

from .units import iso, kwh


@attrs.frozen(slots=True, kw_only=True)
class PublicEvent:
    """Something that happened. ``event_id`` is None for what is not stored as an event, ``charger_id`` where it is about none.

    ``data`` are the fields of the event in plain JSON data, in their public form: instants in ISO 8601, an energy in Wh in kWh as well.
    """

    event_id: int | None
    type: str
    occurred_at: int
    charger_id: str | None
    data: Mapping[str, Any]


def public(kind: str, facts: Mapping[str, Any], *, at: int, event_id: int = 0) -> PublicEvent:
    """An event as anybody outside may see it; ``facts`` are its fields in plain data, as it is stored."""
    charger_id = facts.get("charger_id") or None
    return PublicEvent(event_id=event_id or None, type=kind, occurred_at=at, charger_id=charger_id, data=_object(facts))


def as_json(event: PublicEvent) -> bytes:
    """The JSON text of an event, as the API shows it."""
    return _encode(
        {
            "event_id": event.event_id,
            "type": event.type,
            "occurred_at": _instant(event.occurred_at),
            "charger_id": event.charger_id,
            "data": event.data,
        }
    )


_encode = msgspec.json.Encoder().encode


def _object(facts: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, value in facts.items():
        if type(value) is int:
            if name == "at" or name.endswith("_at"):
                shown[name] = _instant(value)
                continue
            shown[name] = value
            if name.endswith("_wh"):
                shown[f"{name.removesuffix('_wh')}_kwh"] = kwh(value)
        else:
            shown[name] = _plain(value)
    return shown


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _object(value)
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value


def _instant(at: int) -> str | None:
    """An instant that no calendar has is null: the event must reach those who wait for it all the same."""
    try:
        return iso(at)
    except OverflowError:
        return None

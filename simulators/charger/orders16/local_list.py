"""Local Auth List Management: SendLocalList and GetLocalListVersion (1.6 §5.10, §5.15)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.charger.link import Reply
from simulators.charger.local_list import NOT_SUPPORTED
from simulators.frames import Payload

from .reply import status, text, whole

if TYPE_CHECKING:
    from simulators.charger.charger import Charger

    from .reply import Order


def _without(charger: Charger) -> bool:
    return "LocalAuthListManagement" in charger.profile.without


def _send(charger: Charger, payload: Payload) -> Reply:
    if _without(charger):
        return status("NotSupported")
    version, kind = whole(payload, "listVersion"), text(payload, "updateType")
    if "local-list" in charger.failing:
        return status("Failed")
    answer = charger.authority.local_list.update(version, kind, payload.get("localAuthorizationList") or [])
    if answer == "Accepted":
        charger.say(
            f"the local list has version {charger.authority.local_list.version} and {len(charger.authority.local_list)} tokens"
        )
    return status(answer)


def _version(charger: Charger, payload: Payload) -> Reply:
    version = NOT_SUPPORTED if _without(charger) else charger.authority.local_list.version
    return Reply({"listVersion": version}, str(version))


ORDERS: dict[str, Order] = {"SendLocalList": _send, "GetLocalListVersion": _version}

"""What we tell an OCPP 1.6 charger in the Local Auth List Management profile (§5.10, §5.15)."""

from __future__ import annotations

from csms.core import commands
from csms.core.commands import Answered
from csms.ocpp.dialect import Payload, Says
from csms.ocpp.v16.tags import id_tag_info
from csms.ocpp.wording import answered


def _ask(_command: commands.GetLocalListVersion) -> Payload:
    return {}


_LAST_VERSION = 2**31 - 1
"""The highest version that every charger can count to; what is told beyond it is no better than this."""


def _version(payload: Payload) -> Answered:
    """-1 is a charger without local lists (§5.10)."""
    version = payload.get("listVersion")
    if version is None:
        return Answered("")
    version = max(-1, min(int(version), _LAST_VERSION))
    return Answered("NotSupported" if version < 0 else "Accepted", {"version": version})


def _entry(entry: commands.LocalListEntry) -> Payload:
    """AuthorizationData (§7.4): without a verdict the token comes off the list."""
    if entry.verdict is None:
        return {"idTag": entry.token.value}
    return {"idTag": entry.token.value, "idTagInfo": id_tag_info(entry.verdict)}


def _send(command: commands.SendLocalList) -> Payload:
    payload: Payload = {"listVersion": command.version, "updateType": "Full" if command.full else "Differential"}
    if command.entries:
        payload["localAuthorizationList"] = [_entry(entry) for entry in command.entries]
    return payload


ROWS = (
    Says(command=commands.GetLocalListVersion, action="GetLocalListVersion", write=_ask, read=_version),
    Says(command=commands.SendLocalList, action="SendLocalList", write=_send, read=answered),
)

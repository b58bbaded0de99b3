"""The commands about chargers' security that must not go astray: keys, security profiles, installed certificates."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from csms.config import Config
from csms.core.commands import Command, GetInstalledCertificates, Outcome, SetVariables
from csms.core.errors import Refused
from csms.core.ids import TenantId
from csms.core.ports import Ports
from csms.domain.security import flows
from csms.domain.security.model import KEY_NAMES, PROFILE_NAMES, Offered
from csms.domain.stations import judging

Answer = tuple[Outcome, dict[str, Any]]
Next = Callable[[Ports, TenantId, str, Any], Awaitable[Answer]]
"""A command's flow, as ``domain.commands.flows.CommandFlow``."""


def offered(config: Config) -> Offered:
    """The security profiles of the installation."""
    highest = 3 if config.ocpp.tls_certificate else 2 if config.ocpp.trusted_proxies else 1
    return Offered(judging.default_profile(config.ocpp), highest)


def command_flows(config: Config, otherwise: Next | None = None) -> dict[type[Command], Next]:
    """The commands about security that the store must keep in step with.

    A key that an operator sets by hand is offered before it is told, as in a rotation, or the charger would be locked out; and a
    security profile is checked and followed up. Other variables go through ``otherwise``.
    """

    async def set_variables(ports: Ports, tenant: TenantId, charger_id: str, command: SetVariables) -> Answer:
        special = [each for each in command.settings if each.variable.name.casefold() in KEY_NAMES | PROFILE_NAMES]
        if special and len(command.settings) > 1:
            raise Refused("set a charger's key or security profile in a command of its own")
        if special:
            name, value = special[0].variable.name.casefold(), special[0].value
            if name in KEY_NAMES:
                rotation, outcome = await flows.rotate_key(config.security, ports, tenant, charger_id, key=value)
                return outcome, {"state": rotation.state}
            if value.strip() in ("1", "2", "3"):
                upgrade, outcome = await flows.upgrade_profile(ports, tenant, charger_id, int(value), offered(config))
                return outcome, {"state": upgrade.state}
        if otherwise is not None:
            return await otherwise(ports, tenant, charger_id, command)
        return await ports.chargers.send(charger_id, command), {}

    async def installed(ports: Ports, tenant: TenantId, charger_id: str, command: GetInstalledCertificates) -> Answer:
        outcome, _ = await flows.read_installed(ports, tenant, charger_id, command.purpose)
        return outcome, {}

    return {SetVariables: set_variables, GetInstalledCertificates: installed}

"""Where the core and its plugins meet over money and messages: desks that plugins ask, and what plugins bring for the core to ask."""

from __future__ import annotations

from typing import Any, cast

import attrs

from csms import messaging
from csms.config import Config
from csms.core.payments import PaymentProvider
from csms.core.ports import Ports
from csms.domain.payments.desk import PaymentsDesk
from csms.domain.wallets.desk import WalletDesk
from csms.driving import DrivingDesk
from csms.plugins import Bus, PluginError


def furnished(config: Config, ports: Ports) -> Ports:
    """Ports with the desks that plugins ask; before the bus hands them to plugins."""
    ports = attrs.evolve(ports, ledger=WalletDesk(ports.database))
    ports = attrs.evolve(ports, payments=PaymentsDesk(ports))
    return attrs.evolve(ports, driving=DrivingDesk(ports, config))


def collect(bus: Bus, ports: Ports) -> None:
    """Take what plugins bring, once the bus is connected. Raises ``PluginError`` for two payment gateways of one name."""
    messaging.collect(bus, ports)
    providers = cast("dict[str, PaymentProvider]", ports.providers)
    brought_by: dict[str, str] = {}
    for each in bus.collect("register_payment_providers"):
        provider: Any = each.value
        if provider.name in brought_by:
            raise PluginError(
                f"plugins {brought_by[provider.name]} and {each.plugin} bring a payment gateway {provider.name!r} each"
            )
        brought_by[provider.name] = each.plugin
        providers[provider.name] = provider

"""What the API is given of the running server besides its ports: who sends commands, what is known of OCPP, the parts it shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import attrs

from csms import command_flows, event_log, installation
from csms.api.routes import Routes
from csms.config import Config
from csms.core.ports import Ports
from csms.db import StoreDatabase
from csms.domain.commands.flows import Sender
from csms.domain.commands.routes import Spoken, bulk_routes, command_routes
from csms.domain.stations.routes import connections, frames
from csms.domain.webhooks import routes as webhooks_routes
from csms.domain.webhooks.postman import Postman
from csms.domain.webhooks.service import Rules as WebhookRules
from csms.installation import Tally
from csms.plugins import Bus
from csms.plugins.personal import PluginsHoldings, holdings_of


@attrs.frozen(slots=True, kw_only=True)
class Inside:
    """See the module."""

    sender: Sender
    spoken: Spoken
    parts: installation.Parts
    postman: Postman
    personal: PluginsHoldings = attrs.field(factory=PluginsHoldings)


def build(
    ports: Ports, config: Config, database: StoreDatabase, bus: Bus, spoken: Spoken, tally: Tally, listening: Callable[[], int]
) -> Inside:
    """What is inside a server; ``sender.run`` and everything it shows must run beside the API. The bus is connected. Raises ``PluginError``."""
    sender = Sender(ports, command_flows.table(config))
    parts = installation.Parts(
        database=database, bus=bus, sender=sender, tally=tally, listening=listening, started_at=ports.clock.now()
    )
    postman = Postman(webhook_rules(config))
    return Inside(sender=sender, spoken=spoken, parts=parts, postman=postman, personal=holdings_of(bus))


def webhook_rules(config: Config) -> WebhookRules:
    """How webhooks are tried."""
    said = config.webhooks
    return WebhookRules(**{field.name: getattr(said, field.name) for field in attrs.fields(WebhookRules)})


def nowhere() -> Inside:
    """Where no server runs: enough for whoever only asks which routes there are."""
    nothing = cast(Any, None)
    return Inside(
        sender=nothing,
        spoken=Spoken(can_say={}, censored=lambda text: '"***"'),
        parts=installation.Parts(database=nothing, bus=nothing, sender=nothing, tally=nothing, listening=lambda: 0, started_at=0),
        postman=Postman(),
    )


def routes(inside: Inside) -> list[Routes]:
    """The routes of what is inside."""
    return [
        command_routes(inside.sender, inside.spoken),
        bulk_routes(inside.sender, inside.spoken),
        connections.routes(),
        frames.routes(),
        event_log.routes(inside.parts.database),
        installation.routes(inside.parts),
        webhooks_routes.routes(inside.postman),
    ]

"""What chargers answer about their configuration is remembered, whoever asked."""

from __future__ import annotations

from functools import partial

import structlog

from csms.core.commands import Answered, Command, GetVariables, Outcome
from csms.core.errors import StoreUnavailable
from csms.core.ids import charger_key
from csms.core.ports import Chargers, Database
from csms.domain.stations.relay import Relay
from csms.domain.upkeep.service import configuration as service

log = structlog.get_logger("csms.upkeep")


class Hearing(Relay):
    """The connected chargers, as every flow, job and plugin speaks to them.

    The answer to a ``GetVariables`` is stored before it is given to whoever asked, so that what was last read is one thing, not one
    per slice. A store that is away costs the memory, not the answer.
    """

    def __init__(self, chargers: Chargers, database: Database) -> None:
        super().__init__(chargers)
        self._database = database

    async def send(
        self, charger_id: str, command: Command, /, *, ttl_s: float | None = None, timeout_s: float | None = None
    ) -> Outcome:
        """See ``Chargers``."""
        outcome = await super().send(charger_id, command, ttl_s=ttl_s, timeout_s=timeout_s)
        if isinstance(command, GetVariables) and isinstance(outcome, Answered):
            await self._remember(charger_id, command, outcome)
        return outcome

    async def _remember(self, charger_id: str, command: GetVariables, outcome: Answered) -> None:
        link = self.connection(charger_id)
        variables = outcome.detail.get("variables")
        if link is None or not isinstance(variables, list):
            return
        verb = partial(service.heard, charger_id=charger_id, variables=variables, complete=not command.variables)
        try:
            await self._database.write(verb, tenant=link.tenant, keys=(charger_key(charger_id),))
        except StoreUnavailable as error:
            log.warning("configuration.not_remembered", charger=charger_id, reason=str(error))

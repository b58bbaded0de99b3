"""What plugins hold of a driver as a person: to be handed out, and to be forgotten, with what the core holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import structlog

from csms.core.errors import StoreUnavailable
from csms.core.ports import ReadTx, Tx
from csms.hooks import PersonalData

from .bus import Bus
from .errors import PluginError
from .store import foreign_table, write_key

log = structlog.get_logger("csms.privacy")


@attrs.frozen(slots=True)
class PluginsHoldings:
    """What every enabled plugin said of itself by ``register_personal_data``, by its name."""

    told: Mapping[str, PersonalData] = attrs.field(factory=dict)

    @property
    def keys(self) -> Sequence[str]:
        """The write keys that ``erase`` claims."""
        return sorted(write_key(plugin) for plugin, each in self.told.items() if each.erasure)

    def holdings(self, tx: ReadTx, driver_id: int) -> dict[str, Any]:
        """What each plugin holds of a driver. Raises ``StoreUnavailable`` for one that cannot say: an export without it would be wrong."""
        found: dict[str, Any] = {}
        for plugin, each in self.told.items():
            try:
                found[plugin] = dict(each.holdings(tx, driver_id))
            except StoreUnavailable:
                raise
            except Exception as error:
                log.exception("privacy.plugin_failed", plugin=plugin)
                raise StoreUnavailable(f"the plugin {plugin} cannot say at the moment what it holds of the driver") from error
        return found

    def erase(self, tx: Tx, driver_id: int) -> None:
        """Carry out what plugins want done to their tables."""
        tx.claim(*self.keys)
        for each in self.told.values():
            for statement in each.erasure:
                tx.run(statement.sql, **{**statement.parameters, "driver_id": driver_id})


def holdings_of(bus: Bus) -> PluginsHoldings:
    """Of the enabled plugins, once the bus is connected. Raises ``PluginError`` for a statement on a table that is not the plugin's own."""
    told: dict[str, PersonalData] = {each.plugin: each.value for each in bus.collect("register_personal_data")}
    for plugin, each in told.items():
        for statement in each.erasure:
            if wrong := foreign_table(plugin, statement.sql):
                raise PluginError(f"plugin {plugin}: register_personal_data: {wrong}")
    return PluginsHoldings(told)

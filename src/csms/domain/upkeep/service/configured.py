"""A charger's configuration as people see it: what it said, what is wanted of it, and how far the two are apart."""

from __future__ import annotations

from csms.core.paging import cut
from csms.core.ports import ReadTx
from csms.domain.stations import service as stations
from csms.domain.upkeep.model.configuration import PENDING, Key, Reading, Wanted, is_secret
from csms.domain.upkeep.model.configured import (
    ChargerConfiguration,
    ConfigurationQuery,
    ConfigurationVariable,
    OwnSettings,
    SourceAndValue,
    standing_of,
)
from csms.domain.upkeep.store import configuration as store
from csms.domain.upkeep.store import templates as templates_store

from .configuration import wanted_of


def variables_of(tx: ReadTx, charger_id: str) -> list[ConfigurationVariable]:
    """Every variable that the charger told of or of which something is wanted, by folded name. Raises ``NotFound``."""
    charger = stations.need_charger(tx, charger_id)
    wanted, readings = wanted_of(tx, charger), store.readings(tx, charger_id)
    keys = {each.folded: each for each in store.keys_of(tx, charger_id)}
    return [
        _variable(charger_id, folded, readings.get(folded), wanted.get(folded), keys.get(folded))
        for folded in sorted(wanted.keys() | readings.keys())
    ]


def _variable(charger_id: str, folded: str, reading: Reading | None, wish: Wanted | None, key: Key | None) -> ConfigurationVariable:
    name = wish.variable if wish else reading.variable if reading else folded
    return ConfigurationVariable(
        variable=name,
        value=reading.value if reading else None,
        known=reading.known if reading else None,
        secret=is_secret(name),
        readonly=reading.readonly if reading else None,
        read_at=reading.read_at if reading else None,
        wanted=wish.value if wish else None,
        source=(wish.source or charger_id) if wish else "",
        instead_of=[SourceAndValue(source=source or charger_id, value=value) for source, value in wish.instead_of] if wish else [],
        state=(key.state if key and key.value == wish.value else PENDING) if wish else "",
        answer=key.answer if key else "",
    )


def page_of_variables(tx: ReadTx, charger_id: str, query: ConfigurationQuery) -> ChargerConfiguration:
    """A page of a charger's variables, and how it stands. Raises ``NotFound``."""
    searched = (query.search or "").strip().casefold()
    found = [
        each
        for each in variables_of(tx, charger_id)
        if searched in each.variable.casefold()
        and query.wanted in (None, each.wanted is not None)
        and query.state in (None, each.state)
    ]
    some = cut(found[:: -1 if query.sort.startswith("-") else 1], query)
    standing = store.standing(tx, charger_id)
    return ChargerConfiguration(
        charger_id=charger_id,
        standing=None if standing is None else standing_of(standing),
        items=some.items,
        page=some.page,
        limit=some.limit,
        total=some.total,
    )


def own_settings(tx: ReadTx, charger_id: str) -> OwnSettings:
    """What is wanted of one charger before whatever templates want of it. Raises ``NotFound``."""
    stations.need_charger(tx, charger_id)
    return OwnSettings(charger_id=charger_id, settings=dict(templates_store.wishes(tx, charger_id)))

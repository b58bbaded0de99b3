"""SQL of what chargers' configuration is, and how it stands to what is wanted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import attrs

from csms.core.paging import Page
from csms.core.ports import ReadTx, Row, Tx
from csms.domain.listing import Listing, at_chargers, first, page
from csms.domain.upkeep.model.configuration import MOST_VALUES, Key, Reading, Standing
from csms.domain.upkeep.model.configured import Drift, DriftQuery

# --- what chargers said -----------------------------------------------------------------------------------------------------------

_READINGS = (
    "SELECT variable, known, value, readonly, read_at FROM configuration_values WHERE tenant = :tenant AND charger_id = :charger_id"
)


def readings(tx: ReadTx, charger_id: str) -> dict[str, Reading]:
    """What a charger last said of its variables, by folded name."""
    found = [Reading(**row) for row in tx.all(_READINGS + " ORDER BY folded", charger_id=charger_id)]
    return {each.folded: each for each in found}


def reading(tx: ReadTx, charger_id: str, folded: str) -> Reading | None:
    """What a charger last said of one variable."""
    row = tx.one(_READINGS + " AND folded = :folded", charger_id=charger_id, folded=folded)
    return None if row is None else Reading(**row)


def save_readings(tx: Tx, charger_id: str, heard: Sequence[Reading]) -> None:
    """Store what a charger just said."""
    tx.many(
        """
        INSERT INTO configuration_values (charger_id, folded, tenant, variable, known, value, readonly, read_at)
        VALUES (:charger_id, :folded, :tenant, :variable, :known, :value, :readonly, :read_at)
        ON CONFLICT (charger_id, folded) DO UPDATE SET tenant = excluded.tenant, variable = excluded.variable,
            known = excluded.known, value = excluded.value, readonly = excluded.readonly, read_at = excluded.read_at""",
        [
            {
                "charger_id": charger_id,
                "folded": each.folded,
                "variable": each.variable,
                "known": int(each.known),
                "value": each.value,
                "readonly": None if each.readonly is None else int(each.readonly),
                "read_at": each.read_at,
            }
            for each in heard
        ],
    )


def forget_other_readings(tx: Tx, charger_id: str, before: int) -> None:
    """Forget what was read before an instant."""
    tx.run(
        "DELETE FROM configuration_values WHERE tenant = :tenant AND charger_id = :charger_id AND read_at < :before",
        charger_id=charger_id,
        before=before,
    )


def forget_surplus(tx: Tx, charger_id: str) -> None:
    """Keep no more than ``MOST_VALUES`` of a charger that makes up ever new names, the latest."""
    tx.run(
        """
        DELETE FROM configuration_values WHERE tenant = :tenant AND charger_id = :charger_id AND folded NOT IN (
            SELECT folded FROM configuration_values WHERE tenant = :tenant AND charger_id = :charger_id
            ORDER BY read_at DESC, folded LIMIT :most)""",
        charger_id=charger_id,
        most=MOST_VALUES,
    )


# --- what is wanted of them -------------------------------------------------------------------------------------------------------

_KEY_NAMES = [field.name for field in attrs.fields(Key)]
_KEYS = f"SELECT {', '.join(_KEY_NAMES)} FROM configuration_keys WHERE tenant = :tenant AND charger_id = :charger_id"  # noqa: S608
_SAVE_KEY = (
    f"INSERT INTO configuration_keys (tenant, {', '.join(_KEY_NAMES)})"  # noqa: S608 (columns of a noun)
    f" VALUES (:tenant, {', '.join(':' + name for name in _KEY_NAMES)})"
    " ON CONFLICT (charger_id, folded) DO UPDATE SET tenant = excluded.tenant, "
    + ", ".join(f"{name} = excluded.{name}" for name in _KEY_NAMES if name not in ("charger_id", "folded"))
)


def keys_of(tx: ReadTx, charger_id: str) -> list[Key]:
    """Everything that is wanted of a charger, by name."""
    return [Key(**row) for row in tx.all(_KEYS + " ORDER BY folded", charger_id=charger_id)]


def key(tx: ReadTx, charger_id: str, folded: str) -> Key | None:
    """One variable that is wanted of a charger."""
    row = tx.one(_KEYS + " AND folded = :folded", charger_id=charger_id, folded=folded)
    return None if row is None else Key(**row)


def next_key(tx: ReadTx, charger_id: str, after: str) -> Key | None:
    """The next variable that is to be told, after the name ``after``."""
    row = tx.one(
        _KEYS + " AND state IN ('pending', 'uncertain') AND folded > :after ORDER BY folded LIMIT 1",
        charger_id=charger_id,
        after=after,
    )
    return None if row is None else Key(**row)


def save_key(tx: Tx, known: Key) -> None:
    """Store a wanted variable."""
    tx.run(_SAVE_KEY, **attrs.asdict(known) | {"untold": int(known.untold)})


def delete_key(tx: Tx, charger_id: str, folded: str) -> None:
    """It is not wanted any more."""
    tx.run(
        "DELETE FROM configuration_keys WHERE tenant = :tenant AND charger_id = :charger_id AND folded = :folded",
        charger_id=charger_id,
        folded=folded,
    )


DRIFT = Listing(
    columns="k.charger_id, k.variable, k.value AS wanted, k.source, k.state, k.answer, k.since_at, v.value AS heard, v.read_at,"
    " s.reboot_since_at, s.problem",
    source="configuration_keys k JOIN chargers c ON c.id = k.charger_id"
    " JOIN configuration_standings s ON s.charger_id = k.charger_id AND s.charger_created_at = c.created_at"
    " LEFT JOIN configuration_values v ON v.charger_id = k.charger_id AND v.folded = k.folded"
    " WHERE k.tenant = :tenant AND c.tenant = :tenant AND c.removed_at IS NULL AND k.state <> 'in_step'",
    count_source="configuration_keys k JOIN chargers c ON c.id = k.charger_id"
    " JOIN configuration_standings s ON s.charger_id = k.charger_id AND s.charger_created_at = c.created_at"
    " WHERE k.tenant = :tenant AND c.tenant = :tenant AND c.removed_at IS NULL AND k.state <> 'in_step'",
    filters={
        **at_chargers("k.charger_id"),
        "state": "k.state = :state",
        "folded": "k.folded = :folded",
        "source": "k.source = :source",
    },
    search="lower(k.charger_id) LIKE :search ESCAPE '!' OR k.folded LIKE :search ESCAPE '!' OR lower(k.answer) LIKE :search ESCAPE '!'",
    sorts={"charger_id": "k.charger_id", "variable": "k.folded", "since_at": "k.since_at"},
    unique="k.charger_id, k.folded",
)


def page_of_drift(tx: ReadTx, query: DriftQuery, stations: Collection[int] | None = None) -> Page[Drift]:
    """A page of variables that are not (known to be) as they should; of chargers of ``stations`` only, unless that is None."""
    return page(tx, DRIFT, query, lambda row: Drift(**row), **_folded(query), stations=stations)


def list_drift(tx: ReadTx, query: DriftQuery, limit: int) -> list[Drift]:
    """The first of them, uncounted."""
    return first(tx, DRIFT, query, lambda row: Drift(**row), limit, **_folded(query))


def _folded(query: DriftQuery) -> dict[str, Any]:
    return {} if query.variable is None else {"folded": query.variable.casefold()}


# --- how they stand -------------------------------------------------------------------------------------------------------------

_STANDING_NAMES = [field.name for field in attrs.fields(Standing)]
_STANDING = f"SELECT {', '.join(_STANDING_NAMES)} FROM configuration_standings WHERE tenant = :tenant AND charger_id = :charger_id"  # noqa: S608
_SAVE_STANDING = (
    f"INSERT INTO configuration_standings (tenant, {', '.join(_STANDING_NAMES)})"  # noqa: S608 (columns of a noun)
    f" VALUES (:tenant, {', '.join(':' + name for name in _STANDING_NAMES)})"
    " ON CONFLICT (charger_id) DO UPDATE SET tenant = excluded.tenant, "
    + ", ".join(f"{name} = excluded.{name}" for name in _STANDING_NAMES if name != "charger_id")
)


def standing(tx: ReadTx, charger_id: str) -> Standing | None:
    """How a charger stands, if anything was ever wanted of it."""
    row = tx.one(_STANDING, charger_id=charger_id)
    return None if row is None else Standing(**row)


def save_standing(tx: Tx, known: Standing) -> None:
    """Store how a charger stands."""
    tx.run(_SAVE_STANDING, **attrs.asdict(known))


def due(tx: ReadTx, limit: int) -> Sequence[Row]:
    """``charger_id`` and ``tenant`` of connected and accepted chargers, of all tenants, that are to be looked at."""
    return tx.system("configuration of all tenants is applied by one task").all(
        """
        SELECT s.charger_id, s.tenant FROM configuration_standings s JOIN chargers c ON c.id = s.charger_id
        WHERE s.due_at <= :now AND s.wanted > 0 AND c.tenant = s.tenant AND c.created_at = s.charger_created_at AND c.connection_id <> '' AND c.registration = 'accepted'
            AND c.approval = 'accepted' AND c.removed_at IS NULL
        ORDER BY s.due_at, s.charger_id LIMIT :limit""",
        limit=limit,
    )


def stale(tx: ReadTx, mark: int, limit: int) -> Sequence[str]:
    """Chargers that stand elsewhere, are of another kind, or were added anew since they were aligned; or were before a change."""
    rows = tx.all(
        """
        SELECT c.id FROM chargers c LEFT JOIN configuration_standings s ON s.charger_id = c.id
        WHERE c.tenant = :tenant AND c.removed_at IS NULL AND (s.charger_id IS NULL OR s.tenant <> c.tenant
            OR s.aligned_mark < :mark OR s.aligned_station_id IS DISTINCT FROM c.station_id OR s.aligned_vendor <> c.vendor
            OR s.aligned_model <> c.model OR s.charger_created_at <> c.created_at)
        ORDER BY c.id LIMIT :limit""",
        mark=mark,
        limit=limit,
    )
    return [row["id"] for row in rows]


def start_over(tx: Tx, charger_id: str) -> None:
    """A charger that was removed and added again: nothing is known or wanted of it."""
    for sql in _START_OVER:
        tx.run(sql, charger_id=charger_id)


_START_OVER = tuple(
    f"DELETE FROM {table} WHERE tenant = :tenant AND charger_id = :charger_id"  # noqa: S608 (a closed list)
    for table in ("configuration_values", "configuration_wishes", "configuration_keys")
)

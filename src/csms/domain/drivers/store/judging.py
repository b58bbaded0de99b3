"""The one statement that judging a token takes."""

from __future__ import annotations

from collections.abc import Sequence

from csms.core.ports import ReadTx, Row

# :charger_id says where the token is shown. Grants are looked up by whose they are: of those there are few, of a station's many.
_FACTS = """
SELECT t.id, t.value, t.kind, t.status, t.valid_from, t.expires_at, t.max_transactions, t.driver_id,
    g.parent, g.status AS group_status, d.status AS driver_status, s.access,
    EXISTS (
        SELECT 1 FROM grants x
        WHERE x.token_id = t.id OR x.token_group_id = t.token_group_id OR x.driver_id = t.driver_id
    ) AS restricted,
    (
        EXISTS (SELECT 1 FROM grants x WHERE x.token_id = t.id
            AND (x.station_id = s.id OR x.station_group_id = s.station_group_id))
        OR EXISTS (SELECT 1 FROM grants x WHERE x.token_group_id = t.token_group_id
            AND (x.station_id = s.id OR x.station_group_id = s.station_group_id))
        OR EXISTS (SELECT 1 FROM grants x WHERE x.driver_id = t.driver_id
            AND (x.station_id = s.id OR x.station_group_id = s.station_group_id))
    ) AS granted
FROM tokens t
LEFT JOIN token_groups g ON g.id = t.token_group_id
LEFT JOIN drivers d ON d.id = t.driver_id
LEFT JOIN chargers c ON c.id = :charger_id AND c.tenant = :tenant
LEFT JOIN stations s ON s.id = c.station_id
WHERE t.tenant = :tenant AND t.removed_at IS NULL"""


def facts(tx: ReadTx, folded: str, charger_id: str) -> Row | None:
    """Everything that decides about a token at a charger; None when nobody issued it."""
    return tx.one(_FACTS + " AND t.folded = :folded", folded=folded, charger_id=charger_id)


def all_facts(tx: ReadTx, charger_id: str) -> Sequence[Row]:
    """The same of every token of the tenant, by folded value."""
    return tx.all(_FACTS + " ORDER BY t.folded", charger_id=charger_id)

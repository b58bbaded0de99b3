"""Keeps alerts of standing conditions as they are: raised while the condition holds, resolved when it does not."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from attrs import validators

from csms.core.errors import Invalid, NotFound
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Ports, ReadTx, Row, Tx
from csms.domain.tenants import flows as tenants

from . import conditions, service
from .model import SEVERITIES, Occurrence, Relief, alert_key
from .watches import BY_KIND, WATCHES, Watch

AT_ONCE = 50
ENDED_BY_THE_CHARGER = ("charger_faulted", "certificate_expiring", "configuration_drifted")
"""Alerts of events (``rules``) that end when the charger says or does something."""
SERVER_KINDS = ("plugin_failing", "queue_growing", "events_waiting")
"""Conditions of the server itself; see ``csms.watching``."""


@attrs.frozen(slots=True, kw_only=True)
class AlertRule:
    """A rule as a tenant has it. ``usual_threshold`` is what it is without a word of theirs."""

    kind: str
    about: str
    enabled: bool
    severity: str
    threshold: float
    unit: str
    usual_threshold: float
    least: float
    most: float
    changed_at: int | None


@attrs.frozen(slots=True, kw_only=True)
class RuleChange:
    """The body that changes a rule; what is not given stays. ``usual`` true puts everything back."""

    enabled: bool | None = None
    severity: str | None = attrs.field(default=None, validator=validators.optional(validators.in_(SEVERITIES)))
    threshold: float | None = None
    usual: bool = False


def _rule(watch: Watch, wish: Row | None) -> AlertRule:
    return AlertRule(
        kind=watch.kind,
        about=watch.about,
        enabled=True if wish is None else bool(wish["enabled"]),
        severity=watch.severity if wish is None else wish["severity"],
        threshold=watch.threshold if wish is None else wish["threshold"],
        unit=watch.unit,
        usual_threshold=watch.threshold,
        least=watch.least,
        most=watch.most,
        changed_at=None if wish is None else wish["changed_at"],
    )


def rules(tx: ReadTx) -> list[AlertRule]:
    """Every rule as the tenant has it."""
    wishes = conditions.wishes(tx)
    return [_rule(watch, wishes.get(watch.kind)) for watch in WATCHES]


def need_rule(tx: ReadTx, kind: str) -> AlertRule:
    """One rule as the tenant has it. Raises ``NotFound``."""
    watch = BY_KIND.get(kind)
    if watch is None:
        raise NotFound(f"there is no rule {kind!r}; there are {', '.join(BY_KIND)}")
    return _rule(watch, conditions.wishes(tx).get(kind))


def change_rule(tx: Tx, kind: str, change: RuleChange) -> AlertRule:
    """Change a rule for the tenant. Raises ``NotFound`` or ``Invalid``."""
    known = need_rule(tx, kind)
    tx.claim(f"alert-rule:{tx.tenant}:{kind}")
    if change.usual:
        conditions.drop_wish(tx, kind)
        return need_rule(tx, kind)
    threshold = known.threshold if change.threshold is None else change.threshold
    if not known.least <= threshold <= known.most:
        raise Invalid(
            f"the threshold of {kind} is {known.least:g} to {known.most:g} {known.unit}, not {threshold:g}", field="threshold"
        )
    conditions.save_wish(
        tx,
        kind,
        enabled=known.enabled if change.enabled is None else change.enabled,
        severity=change.severity or known.severity,
        threshold=threshold,
    )
    return need_rule(tx, kind)


def changes(tx: ReadTx, also: Sequence[Occurrence] = (), hears_since: int = 0) -> list[Occurrence | Relief]:
    """What must be raised, and what resolved, for the alerts to be as the conditions are now.

    ``hears_since`` is when the server started: that nothing was heard for longer than it listens says nothing of a charger.
    """
    wishes = conditions.wishes(tx)
    now: dict[tuple[str, str], Occurrence] = {(one.kind, one.subject): one for one in also}
    deaf: set[str] = set()
    for watch in WATCHES:
        rule = _rule(watch, wishes.get(watch.kind))
        if not rule.enabled:
            continue
        if watch.of_silence and tx.now - hears_since < rule.threshold * 1000:
            deaf.add(watch.kind)
        for one in watch.occurrences(tx, rule.threshold, rule.severity):
            now[one.kind, one.subject] = one
    kinds = [*BY_KIND, *(SERVER_KINDS if tx.tenant == DEFAULT_TENANT else ())]
    known = conditions.open_alerts(tx, kinds)
    over = [Relief(kind=kind, subject=subject, note="it does not hold any more") for kind, subject in sorted(known - set(now))]
    gone = [
        Relief(kind=kind, subject=subject, note="it was removed")
        for kind, subject in conditions.of_what_is_gone(tx, ENDED_BY_THE_CHARGER)
    ]
    return [*(one for key, one in now.items() if key not in known and one.kind not in deaf), *over, *gone]


async def watch(ports: Ports, server: Sequence[Occurrence] = (), hears_since: int = 0) -> int:
    """Look once for every tenant; how many alerts came or went.

    ``server`` holds what is wrong with the server itself; ``hears_since`` is as in ``changes``.
    """

    async def of_tenant(tenant: TenantId) -> int:
        also = server if tenant == DEFAULT_TENANT else ()
        found = await ports.database.read(changes, also, hears_since, tenant=tenant)
        for first in range(0, len(found), AT_ONCE):
            some = found[first : first + AT_ONCE]
            keys = sorted({alert_key(one.kind, one.subject) for one in some})
            await ports.database.write(service.heed, some, tenant=tenant, keys=keys)
        return len(found)

    return await tenants.for_each(ports, of_tenant)

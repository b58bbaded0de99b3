"""What needs to wait: asking plugins about a token before the write, and asking chargers to start and stop."""

from __future__ import annotations

from collections.abc import Callable

from csms.core.charging import ChargingProfile
from csms.core.commands import Outcome, StartCharging, StopCharging
from csms.core.ids import WHOLE_CHARGER, Place, TenantId, charger_key, token_key
from csms.core.ports import Ports, Tx
from csms.core.reports import StartReported, StopReported, Token, TokenVerdict, UpdateReported
from csms.domain.drivers.flows import ask_about, ask_token

from . import service
from .model import Settings, TransactionPolicy

ProfileFor = Callable[[Tx, int], ChargingProfile | None]
"""A verb that is run in the write of a remote start: ``profile(tx, transaction_id)``; None sends none. What it raises undoes both."""


def policy(config: Settings, token: TokenVerdict | None = None) -> TransactionPolicy:
    """The settings as verbs take them: all that ``booted``, ``status_seen``, ``meter`` and ``mangled`` are given."""
    return TransactionPolicy(
        token=token,
        reconciliation_deadline_s=config.reconciliation_deadline_s,
        pending_start_s=config.pending_start_s,
        max_per_token=config.max_per_token,
    )


async def ask(
    ports: Ports, config: Settings, report: StartReported | UpdateReported | StopReported, tenant: TenantId
) -> TransactionPolicy:
    """The decision for ``start``, ``update`` and ``stop``: what plugins say about the token, if the report shows one."""
    return policy(config, await ask_token(ports, report, tenant))


async def remote_start(
    ports: Ports,
    config: Settings,
    charger_id: str,
    token: Token,
    place: Place | None = None,
    *,
    tenant: TenantId,
    profile: ProfileFor | None = None,
) -> tuple[int, Outcome]:
    """Ask a charger to start charging for a token (1.6 §5.11; 2.0.1 F01): the waiting transaction's id, and what the charger answered.

    The transaction fails when the charger refuses or was not reached, and expires when no start follows in time. Raises ``Refused``
    when the token may not charge there; the charger is not asked then. ``profile`` chooses the charging profile that goes with it.
    """
    decision = await ask_about(ports, token, charger_id=charger_id, tenant=tenant, purpose="remote", place=place or WHOLE_CHARGER)
    rules = policy(config, decision)
    keys = (charger_key(charger_id), token_key(tenant, token.value))

    def verb(tx: Tx) -> tuple[int, ChargingProfile | None]:
        waiting = service.ask_start(tx, charger_id, token, place, rules)
        return waiting, None if profile is None else profile(tx, waiting)

    transaction_id, chosen = await ports.database.write(verb, tenant=tenant, keys=keys)
    outcome = await ports.chargers.send(charger_id, StartCharging(token, place, transaction_id, chosen))
    await ports.database.write(service.start_answered, transaction_id, outcome, rules, tenant=tenant, keys=keys[:1])
    return transaction_id, outcome


async def remote_stop(ports: Ports, transaction_id: int, *, tenant: TenantId) -> tuple[int, Outcome]:
    """Ask a charger to stop a transaction (1.6 §5.12; 2.0.1 F03): its id, and what the charger answered.

    It is ``pending_stop`` until the charger reports the stop, and goes on as before where the charger certainly did nothing. Raises
    ``NotFound``, or ``Refused`` when it does not run.
    """
    known = await ports.database.write(service.ask_stop, transaction_id, tenant=tenant)
    outcome = await ports.chargers.send(known.charger_id, StopCharging(transaction_id, known.reference))
    await ports.database.write(service.stop_answered, transaction_id, outcome, tenant=tenant, keys=(charger_key(known.charger_id),))
    return transaction_id, outcome

"""What needs to wait: asking plugins about a token before the write, and asking chargers to start and stop."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from functools import partial
from typing import Any, Protocol

from csms.core.charging import ChargingProfile
from csms.core.commands import Outcome, StartCharging, StopCharging
from csms.core.errors import Invalid, NotFound, Refused
from csms.core.ids import WHOLE_CHARGER, Place, TenantId, charger_key, token_key
from csms.core.outcomes import obeyed, told
from csms.core.ports import Ports, ReadTx, Tx
from csms.core.pricing import SO_FAR
from csms.core.reports import StartReported, StopReported, Token, TokenVerdict, UpdateReported
from csms.domain.commands.model import Asker
from csms.domain.drivers.flows import ask_about, ask_token
from csms.domain.drivers.service import cards
from csms.domain.stations import service as stations
from csms.domain.stations.store import behind_code

from . import service
from .model import (
    CommandTold,
    FundsObjection,
    RunningCost,
    Settings,
    StartMine,
    TokenAnswer,
    TokenShown,
    TransactionItem,
    TransactionPolicy,
    Wishes,
)
from .pricing import priced
from .service import authority, consumption, views
from .store import wishes as wishes_store

CommandFlow = Callable[[Ports, TenantId, str, Any], Awaitable[tuple[Outcome, dict[str, Any]]]]
"""``flow(ports, tenant, charger_id, command)``: the outcome, and what else there is to know, such as the ``transaction_id``."""


class StartFlow(Protocol):
    """The flow of ``StartCharging``, which may be told what whoever starts it asks for besides."""

    async def __call__(
        self, ports: Ports, tenant: TenantId, charger_id: str, command: StartCharging, /, *, wishes: Wishes | None = None
    ) -> tuple[Outcome, dict[str, Any]]:
        """As a ``CommandFlow``."""
        ...


StartFor = Callable[[Asker], StartFlow]
StopFor = Callable[[Asker], CommandFlow]
"""The flows for whoever asks, who is remembered with the command."""
ProfileFor = Callable[[Tx, int], ChargingProfile | None]
"""A verb that is run in the write of a remote start: ``profile(tx, transaction_id)``; None sends none. What it raises undoes both."""


def policy(config: Settings, token: TokenVerdict | None = None, objection: FundsObjection | None = None) -> TransactionPolicy:
    """The settings as verbs take them: all that ``booted``, ``status_seen``, ``meter`` and ``mangled`` are given.

    ``objection`` says whether a driver lacks the means to charge, where anybody knows.
    """
    return TransactionPolicy(
        token=token,
        objection=objection,
        reconciliation_deadline_s=config.reconciliation_deadline_s,
        pending_start_s=config.pending_start_s,
        max_per_token=config.max_per_token,
    )


async def ask(
    ports: Ports,
    config: Settings,
    report: StartReported | UpdateReported | StopReported,
    tenant: TenantId,
    *,
    objection: FundsObjection | None = None,
) -> TransactionPolicy:
    """The decision for ``start``, ``update`` and ``stop``: what plugins say about the token, if the report shows one."""
    return policy(config, await ask_token(ports, report, tenant), objection)


async def remote_start(
    ports: Ports,
    config: Settings,
    charger_id: str,
    token: Token,
    place: Place | None = None,
    *,
    tenant: TenantId,
    profile: ProfileFor | None = None,
    wishes: Wishes | None = None,
    objection: FundsObjection | None = None,
) -> tuple[int, Outcome]:
    """Ask a charger to start charging for a token (1.6 §5.11; 2.0.1 F01): the waiting transaction's id, and what the charger answered.

    The transaction fails when the charger refuses or was not reached, and expires when no start follows in time. Raises ``Refused``
    when the token may not charge there; the charger is not asked then. ``profile`` chooses the charging profile that goes with it.
    ``wishes`` are kept with the transaction, in the write that makes it; where a payment is among them no ``objection`` counts.
    """
    if wishes is not None and wishes.payment_id is not None:
        objection = None
    decision = await ask_about(ports, token, charger_id=charger_id, tenant=tenant, purpose="remote", place=place or WHOLE_CHARGER)
    rules = policy(config, decision, objection)
    keys = (charger_key(charger_id), token_key(tenant, token.value))

    def verb(tx: Tx) -> tuple[int, ChargingProfile | None]:
        waiting = service.ask_start(tx, charger_id, token, place, rules)
        if wishes is not None:
            wishes_store.save(tx, waiting, wishes)
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


# --- as the management API asks -------------------------------------------------------------------------------------------------


async def validate(
    ports: Ports,
    config: Settings,
    shown: TokenShown,
    tenant: TenantId,
    seen: Collection[int] | None,
    *,
    objection: FundsObjection | None = None,
) -> TokenAnswer:
    """What a token would get at a charger, plugins asked as they would be; nothing is written. ``seen`` are the stations that the asker
    may see, None for all. Raises ``NotFound`` for the charger."""
    place = WHOLE_CHARGER if shown.evse is None else Place(shown.evse, 1)
    token = Token(shown.token, shown.kind)
    decision = await ask_about(ports, token, charger_id=shown.charger_id, tenant=tenant, purpose="authorize", place=place)

    def query(tx: ReadTx) -> TokenAnswer:
        return authority.answer(tx, token, policy(config, decision, objection), shown.charger_id, shown.evse, seen)

    return await ports.database.read(query, tenant=tenant)


async def start_own(ports: Ports, wanted: StartMine, driver_id: int, *, tenant: TenantId, start: StartFlow) -> CommandTold:
    """Start charging for a driver, with their token, by the flow of ``StartCharging``.

    Raises ``NotFound`` for the charger, the code or the token, ``Refused`` where the token may not charge there or nothing is free.
    """

    def place_of(tx: ReadTx) -> tuple[str, int | None]:
        charger_id, evse = wanted.charger_id, wanted.evse
        if wanted.qr_code is not None:
            row = behind_code(tx, wanted.qr_code)
            if row is None:
                raise NotFound(f"there is no connector with the code {wanted.qr_code!r}")
            charger_id, evse = row["charger_id"], row["evse"]
        if charger_id is None or (wanted.charger_id is None) == (wanted.qr_code is None):
            raise Invalid("say where: either charger_id or qr_code", field="charger_id")
        station_id = stations.need_charger(tx, charger_id).station_id  # of this tenant
        if station_id is not None and (shut := stations.closed(stations.need_station(tx, station_id).status)):
            raise Refused(shut)
        return charger_id, evse

    charger_id, evse = await ports.database.read(place_of, tenant=tenant)
    fresh = f"APP{ports.random.token(12)}"[:20].upper()
    issued = await ports.database.write(cards.charging_token, driver_id, wanted.token_id, fresh, tenant=tenant)
    place = None if evse is None else Place(evse, 1)
    command = StartCharging(Token(issued.value, issued.kind), place)
    outcome, more = await start(ports, tenant, charger_id, command, wishes=wanted.wishes)
    return await _told(ports, outcome, int(more["transaction_id"]), tenant)


async def stop(
    ports: Ports,
    transaction_id: int,
    *,
    tenant: TenantId,
    stop: CommandFlow,
    seen: Collection[int] | None = None,
    driver_id: int | None = None,
) -> CommandTold:
    """Stop a transaction that somebody may see (see ``views.need_item``), by the flow of ``StopCharging``. Raises like ``remote_stop``."""
    known = await ports.database.read(views.need_item, transaction_id, seen, driver_id, tenant=tenant)
    outcome, _ = await stop(ports, tenant, known.charger_id, StopCharging(transaction_id, known.reference))
    return await _told(ports, outcome, transaction_id, tenant)


async def _told(ports: Ports, outcome: Outcome, transaction_id: int, tenant: TenantId) -> CommandTold:
    known = await ports.database.read(views.need_item, transaction_id, tenant=tenant)
    return CommandTold(outcome=type(outcome).__name__, status=told(outcome), accepted=obeyed(outcome), transaction=known)


async def cost_so_far(ports: Ports, known: TransactionItem, tenant: TenantId) -> RunningCost | None:
    """What a transaction costs so far, as whichever plugin prices it says; None where none does, or before it has started.

    Raises ``Undecided`` where a plugin failed.
    """
    if known.started_at is None:
        return None
    charge = await ports.database.read(partial(consumption.charge_of, purpose=SO_FAR), known.id, tenant=tenant)
    price = (await priced(ports, charge, tenant)).price
    if price is None:
        return None
    until = charge.ended_at if price.priced_until_at is None else price.priced_until_at
    return RunningCost(amount_minor=price.total_minor, currency=price.currency, priced_until_at=until)

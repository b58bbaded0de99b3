"""What needs to wait: asking chargers to reserve and to cancel, and asking again where nobody knows what stands."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
import trio

from csms.core.commands import CancelReservation, Outcome, ReserveNow
from csms.core.errors import NotFound, StoreUnavailable
from csms.core.ids import DEFAULT_TENANT, Place, TenantId, charger_key
from csms.core.ports import Ports, ReadTx, Row
from csms.core.reports import Token, TokenVerdict
from csms.domain.drivers.flows import ask_about

from . import service, store
from .model import CANCELLING, Reservation, Settings

log = structlog.get_logger("csms.reservations")

PAGE = 500
AT_ONCE = 32
"""Chargers that are asked again at the same time."""


async def reserve(
    ports: Ports,
    settings: Settings,
    tenant: TenantId,
    charger_id: str,
    place: Place,
    token: Token,
    expires_at: int,
    *,
    parent: str = "",
) -> tuple[Reservation, Outcome]:
    """Ask a charger to keep a place free for a token (1.6 §5.13): the reservation as it then is, and what the charger answered.

    Its id is ours. The token's group may use it too, or the group that ``parent`` names instead. Raises ``Refused`` when the token may not charge there or the place is reserved already, ``NotFound`` or
    ``Invalid``; the charger is not asked then.
    """
    decision = await _plugins_say(ports, tenant, charger_id, place, token)
    asked = await ports.database.write(
        service.reserve,
        charger_id,
        place,
        token,
        expires_at,
        parent,
        decision,
        settings,
        tenant=tenant,
        keys=(charger_key(charger_id),),
    )
    return await _send(ports, settings, tenant, asked)


async def change(
    ports: Ports,
    settings: Settings,
    tenant: TenantId,
    reservation_id: int,
    place: Place,
    token: Token,
    expires_at: int,
    *,
    parent: str = "",
) -> tuple[Reservation, Outcome]:
    """Ask the charger to replace a reservation by one of the same id on other terms (1.6 §5.13). Raises like ``reserve``."""
    known = await ports.database.read(service.need_reservation, reservation_id, tenant=tenant)
    decision = await _plugins_say(ports, tenant, known.charger_id, place, token)
    asked = await ports.database.write(
        service.change,
        reservation_id,
        place,
        token,
        expires_at,
        parent,
        decision,
        settings,
        tenant=tenant,
        keys=(charger_key(known.charger_id),),
    )
    return await _send(ports, settings, tenant, asked)


async def cancel(ports: Ports, settings: Settings, tenant: TenantId, reservation_id: int) -> tuple[Reservation, Outcome]:
    """Tell the charger to forget a reservation (1.6 §5.1): the reservation as it then is, and what the charger answered.

    Raises ``NotFound``, or ``Refused`` when it has ended. A charger that cannot be reached is told later.
    """
    asked = await ports.database.write(service.cancel, reservation_id, settings, tenant=tenant)
    return await _send(ports, settings, tenant, asked)


async def reserve_now(
    ports: Ports, settings: Settings, tenant: TenantId, charger_id: str, command: ReserveNow
) -> tuple[Reservation, Outcome]:
    """``reserve`` as a command says it, or ``change`` where it names a reservation. Raises like these."""
    if not command.reservation_id:
        return await reserve(
            ports, settings, tenant, charger_id, command.place, command.token, command.expires_at, parent=command.parent
        )
    await _of_charger(ports, tenant, command.reservation_id, charger_id)
    return await change(
        ports,
        settings,
        tenant,
        command.reservation_id,
        command.place,
        command.token,
        command.expires_at,
        parent=command.parent,
    )


async def cancel_reservation(
    ports: Ports, settings: Settings, tenant: TenantId, charger_id: str, command: CancelReservation
) -> tuple[Reservation, Outcome]:
    """``cancel`` as a command says it. Raises like that."""
    await _of_charger(ports, tenant, command.reservation_id, charger_id)
    return await cancel(ports, settings, tenant, command.reservation_id)


async def _of_charger(ports: Ports, tenant: TenantId, reservation_id: int, charger_id: str) -> None:
    known = await ports.database.read(service.need_reservation, reservation_id, tenant=tenant)
    if known.charger_id != charger_id:
        raise NotFound(f"charger {charger_id} has no reservation {reservation_id}")


async def ask_again(settings: Settings, ports: Ports) -> int:
    """Ask connected chargers about reservations of which it is not known what stands; how many. Job."""
    asked = 0
    slots = trio.Semaphore(AT_ONCE)
    async with trio.open_nursery() as nursery:
        after_at, after_id = -1, 0
        while True:
            due: Sequence[Row] = await ports.database.read(_due, after_at, after_id, tenant=DEFAULT_TENANT)
            for row in due:
                if ports.chargers.connection(row["charger_id"]) is not None:
                    asked += 1
                    await slots.acquire()
                    nursery.start_soon(_again, ports, settings, slots, TenantId(row["tenant"]), row["id"], row["charger_id"])
            if len(due) < PAGE:
                break
            after_at, after_id = due[-1]["ask_at"], due[-1]["id"]
    return asked


def _due(tx: ReadTx, after_at: int, after_id: int) -> Sequence[Row]:
    return store.to_ask(tx, after_at=after_at, after_id=after_id, limit=PAGE)


async def _again(
    ports: Ports, settings: Settings, slots: trio.Semaphore, tenant: TenantId, reservation_id: int, charger_id: str
) -> None:
    try:
        asked = await ports.database.write(
            service.ask_again, reservation_id, settings, tenant=tenant, keys=(charger_key(charger_id),)
        )
        if asked is not None:
            await _send(ports, settings, tenant, asked)
    except StoreUnavailable as error:
        log.warning("reservation.store_unavailable", reservation=reservation_id, reason=str(error))
    except Exception:
        log.exception("reservation.not_asked_again", reservation=reservation_id)  # the others are asked all the same
    finally:
        slots.release()


async def _send(ports: Ports, settings: Settings, tenant: TenantId, asked: Reservation) -> tuple[Reservation, Outcome]:
    """Put the question that was written to the charger, and write what became of it."""
    if asked.state == CANCELLING:
        outcome = await ports.chargers.send(asked.charger_id, CancelReservation(asked.id))
        noting = service.cancel_answered
    else:
        outcome = await ports.chargers.send(
            asked.charger_id,
            ReserveNow(
                reservation_id=asked.id,
                place=asked.place,
                token=Token(asked.token, asked.token_kind),
                expires_at=asked.expires_at,
                parent=asked.parent,
            ),
        )
        noting = service.answered
    known = await ports.database.write(
        noting, asked.id, asked.asks, outcome, settings, tenant=tenant, keys=(charger_key(asked.charger_id),)
    )
    return known, outcome


async def _plugins_say(ports: Ports, tenant: TenantId, charger_id: str, place: Place, token: Token) -> TokenVerdict | None:
    return await ask_about(ports, token, charger_id=charger_id, tenant=tenant, place=place, purpose="reserve")

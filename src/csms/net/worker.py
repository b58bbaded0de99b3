"""The worker of a link: hears a charger's CALLs one by one, in the order in which they came, and answers each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
import trio
from structlog.contextvars import bind_contextvars

from csms.core.errors import StoreUnavailable
from csms.core.reports import Booted, HeartbeatSent, Registration
from csms.ocpp.conversation import Effect, Told

from .connection import Closed, Connection

if TYPE_CHECKING:
    from .link import Link

log = structlog.get_logger("csms.net")


async def work(link: Link, connection: Connection) -> None:
    """Hear and answer until the link is deaf and its inbox empty. An answer goes out only after ``hear`` returned."""
    inbox, outbox, conversation, charger_id = link.inbox, link.outbox, link.conversation, link.charger_id
    terms, admission = link.terms, link.admission
    hear, clock, observer, slow_s = terms.hear, terms.clock, terms.observer, terms.slow_message_s
    while True:
        while not inbox:
            if link.deaf:
                link.worked.set()
                return
            await link.worker_lot.park()
        told, received = inbox.popleft()
        if link.paused:
            outbox.room.unpark_all()
        call = told.call
        bind_contextvars(call=call.id)  # whatever is logged while it is heard says so
        taken = trio.current_time()
        try:
            verdict = await hear(admission, told.report)
            heard = trio.current_time()
            effects = conversation.answer(call, verdict, clock.now(), heard)
            if type(verdict) is Registration:
                if type(told.report) is Booted:
                    link.adapt(terms.quirks_of(told.report.vendor, told.report.model, told.report.firmware))
                link.pulse.idle_s = link.idle_heartbeats * verdict.interval_s
            ok = True
        except Exception as error:
            heard = trio.current_time()
            effects = _failed(link, told, error, heard)
            ok = False
        link.act(effects)
        if len(effects) != 1:  # more than an answer: perhaps a command, with a deadline of its own
            link.wake_keeper()
        if outbox.frames:
            try:
                await outbox.flush(connection)
            except Closed as closed:
                link.lost(closed)
        sent = trio.current_time()
        observer.message(charger_id, call.action, taken - received, heard - taken, sent - heard, ok)
        if told.report.oddities and type(told.report) is HeartbeatSent:
            link.notices.add(told.report.oddities)  # a heartbeat is answered without a write
        elif told.report.oddities:
            observer.oddities(charger_id, call.action, told.report.oddities)
        if sent - received > slow_s and (unsaid := terms.slow_messages.take(sent)) is not None:
            log.warning(
                "link.slow_message",
                charger=charger_id,
                connection=link.connection_id,
                action=call.action,
                message_id=call.id,
                queued_ms=round(1000 * (taken - received), 1),
                heard_ms=round(1000 * (heard - taken), 1),
                sent_ms=round(1000 * (sent - heard), 1),
                unsaid=unsaid,
            )


def _failed(link: Link, told: Told, error: Exception, mono: float) -> list[Effect]:
    """Refuse a CALL that could not be heard: nothing was stored, so nothing may be acknowledged."""
    call, away = told.call, isinstance(error, StoreUnavailable)
    unsaid = link.terms.complaints.take(mono) if away else 0
    if unsaid is not None:
        log.error(
            "link.store_unavailable" if away else "link.call_failed",
            charger=link.charger_id,
            connection=link.connection_id,
            action=call.action,
            message_id=call.id,
            error=str(error) or type(error).__name__,
            exc_info=None if away else error,
            unsaid=unsaid,
        )
    return link.conversation.fail(call, "not stored, try again" if away else "internal error", link.terms.clock.now(), mono)

"""Sends a message once more, because somebody says so."""

from __future__ import annotations

from collections.abc import Collection

from csms.core.errors import Conflict
from csms.core.ports import Tx
from csms.domain.messages.catalogue import need_template
from csms.domain.messages.model import SUPPRESSED, WAITING, Message, message_key
from csms.domain.messages.store import messages as store
from csms.domain.messages.store import people

from . import taking
from .sending import person_of


def send_again(tx: Tx, message_id: int, reference: str, available: Collection[str], all_of_them: bool) -> Message:
    """Send a message once more, as a delivery of its own (``reference``), at once and whatever the recipient's limit; its channels are
    chosen anew.

    Raises ``NotFound``, or ``Conflict`` where it waits anyway, is secret, or is not to be sent.
    """
    tx.claim(message_key(message_id))
    known = taking.need_message(tx, message_id, all_of_them)
    held = store.held(tx, message_id)
    assert held is not None
    if held.state in WAITING:
        raise Conflict(f"message {message_id} waits to be sent: it is {held.state}")
    if held.is_secret:
        raise Conflict("what is secret in it was forgotten: have a new one sent where it was asked for")
    template = need_template(held.template)
    person = person_of(tx, held)
    if person is None:
        raise Conflict("its recipient is not there any more")
    expires_at = tx.now + template.good_for_s * 1000
    found = taking.judged(tx, person, template, people.settings(tx), available, urgent=True, expires_at=expires_at)
    if found.state == SUPPRESSED:
        raise Conflict(found.why)
    store.update(
        tx,
        message_id,
        reference=reference,
        state=found.state,
        plan=found.plan,
        step=0,
        channel=found.plan[0],
        rank=0,
        due_at=tx.now,
        expires_at=expires_at,
        tries=0,
        error="",
        channel_id="",
        sent_at=None,
        delivered_at=None,
        read_at=None,
        ended_at=None,
    )
    store.note(tx, message_id, "sent_again", channel=found.plan[0])
    return taking.need_message(tx, known.id, all_of_them)

"""Verbs on notices: a webhook whose signature held is stored and told of, once; what came of it is kept."""

from __future__ import annotations

import attrs

from csms.core.errors import NotFound
from csms.core.ports import ReadTx, Tx
from csms.domain.payments.model import KeptMandate, PaymentNotice, PaymentNoticeReceived
from csms.domain.payments.model.words import DAY_MS
from csms.domain.payments.store import attempts as attempts_store
from csms.domain.payments.store import mandates as mandates_store
from csms.domain.payments.store import notices as store
from csms.domain.payments.store import payments as payments_store
from csms.domain.payments.store import refunds as refunds_store

KEPT_MS = 180 * DAY_MS
AT_ONCE = 500
LONGEST_OUTCOME = 300


@attrs.frozen(slots=True, kw_only=True)
class Heard:
    """A webhook as it is stored: what it is about, by its gateway's ids and ours, and its text without what tells of people."""

    event_ref: str
    kind: str
    reference: str = ""
    offer_ref: str = ""
    payment_ref: str = ""
    refund_ref: str = ""
    mandate_ref: str = ""
    dispute_ref: str = ""
    occurred_at: int | None = None
    body: str = attrs.field(default="", repr=False)

    @property
    def about(self) -> str:
        """What orders it among others: what tells of one payment is heard in order."""
        return self.mandate_ref or self.offer_ref or self.payment_ref or self.refund_ref or self.dispute_ref or self.event_ref


def receive(tx: Tx, gateway_id: int, heard: Heard) -> int | None:
    """Keep a notice and tell of it: its id; None where it came before."""
    tx.claim(f"payment-notices:{gateway_id}:{heard.about}")
    notice_id, times = store.keep(tx, {"gateway_id": gateway_id, **attrs.asdict(heard)})
    if times > 1:
        return None
    tx.emit(PaymentNoticeReceived(notice_id=notice_id, gateway_id=gateway_id, kind=heard.kind, about=heard.about))
    return notice_id


def need_notice(tx: ReadTx, notice_id: int) -> PaymentNotice:
    """A notice of the tenant. Raises ``NotFound``."""
    known = store.notice(tx, notice_id)
    if known is None:
        raise NotFound(f"there is no notice {notice_id}")
    return known


@attrs.frozen(slots=True, kw_only=True)
class Subject:
    """What a notice is about, of what we know; all None: nothing of ours."""

    notice: PaymentNotice
    payment_id: int | None
    refund_id: int | None
    mandate: KeptMandate | None


def subject(tx: ReadTx, notice_id: int) -> Subject | None:
    """What a notice is about; None where it was processed, or is not kept any more."""
    notice = store.notice(tx, notice_id)
    if notice is None or notice.processed_at is not None:
        return None
    gateway_id = notice.gateway_id
    payment_id: int | None = None
    if notice.reference:
        payment_id = payments_store.by_reference(tx, gateway_id, notice.reference)
    if payment_id is None and notice.offer_ref:
        payment_id = payments_store.by_offer(tx, gateway_id, notice.offer_ref)
    if payment_id is None and notice.payment_ref:
        payment_id = attempts_store.payment_of(tx, gateway_id, notice.payment_ref)
    refund_id = None
    if notice.refund_ref or notice.reference:
        refund_id = refunds_store.by_ref(tx, gateway_id, notice.refund_ref, notice.reference)
    mandate = mandates_store.by_ref(tx, notice.mandate_ref, gateway_id) if notice.mandate_ref else None
    return Subject(notice=notice, payment_id=payment_id, refund_id=refund_id, mandate=mandate)


def processed(tx: Tx, notice_id: int, payment_id: int | None, outcome: str) -> None:
    """Keep what came of a notice. Raises ``NotFound``."""
    need_notice(tx, notice_id)
    store.processed(tx, notice_id, payment_id, outcome[:LONGEST_OUTCOME])


def tidy(tx: Tx) -> int:
    """Forget notices that were processed long ago; how many."""
    return store.forget(tx, tx.now - KEPT_MS, AT_ONCE)

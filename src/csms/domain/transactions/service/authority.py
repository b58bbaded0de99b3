"""Whether a token may charge, with what only this slice knows: how many transactions it runs already."""

from __future__ import annotations

import attrs

from csms.core.ids import Place, token_key
from csms.core.ports import Tx
from csms.core.reports import Token
from csms.domain.drivers.model import Judgement
from csms.domain.drivers.service import judge
from csms.domain.reservations import service as reservations
from csms.domain.transactions.model import TransactionPolicy
from csms.domain.transactions.store import rows

CONCURRENT = "ConcurrentTx"


def judged(
    tx: Tx,
    token: Token,
    policy: TransactionPolicy,
    *,
    charger_id: str,
    place: Place,
    besides: int = 0,
    waiting: bool = False,
    at: int | None = None,
) -> Judgement:
    """The judgement on a token that starts a transaction or goes on with one.

    ``ConcurrentTx`` (1.6 §7.2: only ever told of a start) when it runs as many accepted ones as it may, counting neither the
    transaction itself (``besides``) nor one at the same EVSE, which the start would end. ``waiting`` counts remote starts that wait.
    Before that, a place that was reserved for somebody else by the time ``at`` of the start (None: now) is refused.
    """
    tx.claim(token_key(tx.tenant, token.value))
    judgement = judge(tx, token, charger_id=charger_id, decision=policy.token, place=place)
    if judgement.verdict.accepted and (
        objection := reservations.objection(tx, charger_id, place, token, judgement.verdict.parent, at=at, asking=waiting)
    ):
        told = attrs.evolve(judgement.verdict, status=objection, message="reserved for another token")
        return attrs.evolve(judgement, verdict=told)
    limit = policy.max_per_token if judgement.max_transactions is None else judgement.max_transactions
    if not judgement.verdict.accepted or limit == 0:
        return judgement
    running = rows.count_running(tx, token.value, besides=besides, charger_id=charger_id, evse=place.evse, waiting=waiting)
    if running < limit:
        return judgement
    return attrs.evolve(judgement, verdict=attrs.evolve(judgement.verdict, status=CONCURRENT))


def shown_at_stop(tx: Tx, token: Token, policy: TransactionPolicy, *, charger_id: str, place: Place) -> Judgement:
    """The judgement on a token that stops a transaction: nothing is counted."""
    return judge(tx, token, charger_id=charger_id, decision=policy.token, place=place)

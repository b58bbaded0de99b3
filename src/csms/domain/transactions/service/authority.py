"""Whether a token may charge, with what only this slice knows: how many transactions it runs already."""

from __future__ import annotations

from collections.abc import Collection

import attrs

from csms.core.errors import NotFound
from csms.core.ids import Place, token_key
from csms.core.ports import ReadTx, Tx
from csms.core.reports import Token
from csms.domain.drivers.model import Judgement
from csms.domain.drivers.service import judge
from csms.domain.drivers.service.judging import NO_CREDIT
from csms.domain.reservations import service as reservations
from csms.domain.stations.service import need_charger
from csms.domain.transactions.model import TokenAnswer, TransactionPolicy
from csms.domain.transactions.store import rows, wishes

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
    Before that, a place that was reserved for somebody else by the time ``at`` of the start (None: now) is refused, and a driver who
    lacks the means (``solvent``).
    """
    tx.claim(token_key(tx.tenant, token.value))
    return weighed(tx, token, policy, charger_id=charger_id, place=place, besides=besides, waiting=waiting, at=at)


def weighed(
    tx: ReadTx,
    token: Token,
    policy: TransactionPolicy,
    *,
    charger_id: str,
    place: Place,
    besides: int = 0,
    waiting: bool = False,
    at: int | None = None,
) -> Judgement:
    """As ``judged``, for whoever only wants to know."""
    judgement = judge(tx, token, charger_id=charger_id, decision=policy.token, place=place)
    if judgement.verdict.accepted and (
        objection := reservations.objection(tx, charger_id, place, token, judgement.verdict.parent, at=at, asking=waiting)
    ):
        told = attrs.evolve(judgement.verdict, status=objection, message="reserved for another token")
        return attrs.evolve(judgement, verdict=told, reason="the place is reserved for another token")
    judgement = solvent(tx, judgement, policy, besides)
    limit = policy.max_per_token if judgement.max_transactions is None else judgement.max_transactions
    if not judgement.verdict.accepted or limit == 0:
        return judgement
    running = rows.count_running(tx, token.value, besides=besides, charger_id=charger_id, evse=place.evse, waiting=waiting)
    if running < limit:
        return judgement
    told = attrs.evolve(judgement.verdict, status=CONCURRENT)
    return attrs.evolve(judgement, verdict=told, reason=f"it runs {running} of {limit} transactions already")


def solvent(tx: ReadTx, judgement: Judgement, policy: TransactionPolicy, besides: int = 0) -> Judgement:
    """The judgement, or ``NoCredit`` where its driver lacks the means to charge (2.0.1 AuthorizationStatusEnumType; 1.6 says Blocked).

    A transaction that was let in already (``besides``) may go on, and one that a payment started needs no wallet.
    """
    if policy.objection is None or judgement.driver_id is None or not judgement.verdict.accepted:
        return judgement
    why = policy.objection(tx, judgement.driver_id)
    if not why or (besides and (wishes.is_paid_for(tx, besides) or rows.was_let_in(tx, besides))):
        return judgement
    told = attrs.evolve(judgement.verdict, status=NO_CREDIT, message=why)
    return attrs.evolve(judgement, verdict=told, reason=why)


def answer(
    tx: ReadTx, token: Token, policy: TransactionPolicy, charger_id: str, evse: int | None, stations: Collection[int] | None
) -> TokenAnswer:
    """What a charger would be told of a token, now, and why; nothing is written, no event is told.

    ``stations`` are those of the chargers that somebody may see, None for all. Raises ``NotFound`` for the charger.
    """
    charger = need_charger(tx, charger_id)
    if stations is not None and charger.station_id not in stations:
        raise NotFound(f"there is no charger {charger_id!r}")
    place = Place() if evse is None else Place(evse, 1)
    shown = solvent(tx, judge(tx, token, charger_id=charger_id, decision=policy.token, place=place), policy)
    start = weighed(tx, token, policy, charger_id=charger_id, place=place, waiting=True)
    most = policy.max_per_token if shown.max_transactions is None else shown.max_transactions
    return TokenAnswer(
        status=shown.verdict.status,
        reason=shown.reason,
        start_status=start.verdict.status,
        start_reason=start.reason,
        token_id=shown.token_id,
        driver_id=shown.driver_id,
        parent=shown.verdict.parent,
        expires_at=shown.verdict.expires_at,
        running=rows.count_running(tx, token.value, besides=0, charger_id="", evse=0, waiting=True),
        max_running=most or None,
    )


def shown_at_stop(tx: Tx, token: Token, policy: TransactionPolicy, *, charger_id: str, place: Place) -> Judgement:
    """The judgement on a token that stops a transaction: nothing is counted."""
    return judge(tx, token, charger_id=charger_id, decision=policy.token, place=place)

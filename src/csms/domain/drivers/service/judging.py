"""Whether a token may charge at a charger."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from csms.core.ids import Place, charger_key
from csms.core.ports import ReadTx, Row, Tx
from csms.core.reports import Token, TokenPresented, TokenVerdict
from csms.domain.drivers import store
from csms.domain.drivers.model import BLOCKED, UNKNOWN_TOKEN, Judgement, TokenSeen
from csms.domain.stations.model import GRANTED, clean

BLOCKED_STATUS = "Blocked"
NO_CREDIT = "NoCredit"


def judge(tx: ReadTx, token: Token, *, charger_id: str, decision: TokenVerdict | None, place: Place | None = None) -> Judgement:
    """Whether a token may charge at a charger now; how many transactions it may run at a time is the caller's to count.

    In this order: a token nobody issued is Invalid, then Blocked (itself, its group or its driver), Expired, NotAtThisTime (not valid
    yet), NotAtThisLocation (see ``grants``), and last what plugins decided. Our own refusals stand whatever a plugin says. Of a token
    we know, a plugin's acceptance means no objection; it may shorten its life. A token we do not know is let in only by a plugin that
    says so outright (``TokenVerdict.vouches``): one that merely has no objection must not open every charger to every card.

    Grants are for stations, so ``place`` changes nothing so far.
    """
    facts = store.facts(tx, token.value.casefold(), charger_id) if _is_token_value(token.value) else None
    if facts is None:
        stranger = _stranger(decision)
        why = "nobody issued it" if stranger is UNKNOWN_TOKEN else _says("a plugin", stranger)
        return Judgement(verdict=stranger, reason=why)
    verdict = _verdict(facts, tx.now)
    why = _why(facts, verdict)
    if verdict.accepted and decision is not None:
        verdict = _combined(verdict, decision)
        why = why if verdict.accepted else _says("a plugin", verdict)
    return Judgement(
        verdict=verdict,
        token_id=facts["id"],
        driver_id=facts["driver_id"],
        max_transactions=facts["max_transactions"],
        reason=why,
    )


def welcome(tx: ReadTx, charger_id: str) -> list[tuple[Token, TokenVerdict, int | None]]:
    """Every token that may charge at a charger now, or will once it becomes valid (then the third is that instant), by folded value.

    Plugins are not asked: this is what a charger may know without us.
    """
    found = []
    for facts in store.all_facts(tx, charger_id):
        verdict = _verdict(facts, max(tx.now, facts["valid_from"] or 0))
        if verdict.accepted:
            later = facts["valid_from"] if (facts["valid_from"] or 0) > tx.now else None
            found.append((Token(facts["value"], facts["kind"]), verdict, later))
    return found


def _is_token_value(text: str) -> bool:
    """Whether anybody can have been issued this: no control characters, which a database may not even be asked for."""
    return 1 <= len(text) <= 255 and text.isprintable()


def _stranger(decision: TokenVerdict | None) -> TokenVerdict:
    if decision is None or (decision.accepted and not decision.vouches):
        return UNKNOWN_TOKEN
    return attrs.evolve(decision, vouches=False)


def _verdict(facts: Row, now: int) -> TokenVerdict:
    parent, expires_at = facts["parent"] or "", facts["expires_at"]
    if BLOCKED in (facts["status"], facts["group_status"], facts["driver_status"]):
        status = BLOCKED_STATUS
    elif expires_at is not None and expires_at <= now:
        status = "Expired"
    elif facts["valid_from"] is not None and facts["valid_from"] > now:
        status = "NotAtThisTime"
    elif not facts["granted"] and (facts["restricted"] or facts["access"] == GRANTED):
        status = "NotAtThisLocation"
    else:
        status = "Accepted"
    return TokenVerdict(status, expires_at=expires_at, parent=parent)


def _why(facts: Row, verdict: TokenVerdict) -> str:
    """Why the verdict of these facts is what it is, for people."""
    if verdict.status == BLOCKED_STATUS:
        whose = ("it", "status"), ("its group", "group_status"), ("its driver", "driver_status")
        return next(f"{who} is blocked" for who, name in whose if facts[name] == BLOCKED)
    if verdict.status == "NotAtThisLocation":
        return (
            "its grants are for other stations" if facts["restricted"] else "the station takes only those who have a grant for it"
        )
    return {"Expired": "it has expired", "NotAtThisTime": "it is not valid yet"}.get(verdict.status, "")


def _says(who: str, verdict: TokenVerdict) -> str:
    if verdict.accepted:
        return ""
    return f"{who} says so" + (f": {verdict.message}" if verdict.message else "")


def _combined(ours: TokenVerdict, decision: TokenVerdict) -> TokenVerdict:
    lives = [each for each in (ours.expires_at, decision.expires_at) if each is not None]
    return TokenVerdict(
        decision.status,
        expires_at=min(lives) if lives else None,
        parent=ours.parent or decision.parent,
        message=decision.message,
    )


def authorize(
    tx: Tx, report: TokenPresented, decision: TokenVerdict | None, *, objection: Callable[[ReadTx, int], str] | None = None
) -> TokenVerdict:
    """Authorize (1.6 §4.1; 2.0.1 C01): the verdict, never ConcurrentTx (1.6 §7.2), and the event that the token was seen.

    ``objection(tx, driver_id)`` is why its driver lacks the means to charge, where anybody knows: ``NoCredit`` (1.6 says Blocked).
    """
    tx.claim(charger_key(report.charger_id))
    judgement = judge(tx, report.token, charger_id=report.charger_id, decision=decision)
    if objection is not None and judgement.driver_id is not None and judgement.verdict.accepted:
        why = objection(tx, judgement.driver_id)
        if why:
            told = attrs.evolve(judgement.verdict, status=NO_CREDIT, message=why)
            judgement = attrs.evolve(judgement, verdict=told, reason=why)
    tx.emit(
        TokenSeen(
            charger_id=report.charger_id,
            token=clean(report.token.value, 255),
            kind=clean(report.token.kind, 50),
            status=judgement.verdict.status,
            token_id=judgement.token_id,
            driver_id=judgement.driver_id,
        )
    )
    return judgement.verdict

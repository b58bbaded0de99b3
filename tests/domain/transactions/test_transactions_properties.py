"""Duplicating, reordering or delaying a charger's messages gives the same transactions (HOUSE §8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from csms.core.ids import MAX_TRANSACTION_ID, Place
from csms.core.reports import Booted, MeterSampled, StartReported, StatusReported, StopReported, UpdateReported
from csms.domain.transactions import service
from csms.domain.transactions.model import TransactionPolicy

T0 = 1_800_000_000_000
MINUTE = 60_000
POLICY = TransactionPolicy(max_per_token=0)
VERBS: dict[type, Callable[..., Any]] = {
    StartReported: service.start,
    UpdateReported: service.update,
    StopReported: service.stop,
    MeterSampled: service.meter,
    Booted: service.booted,
    StatusReported: service.status_seen,
}
OURS = ("id", "received_at", "stop_received_at", "created_at", "updated_at", "closed_at", "note")
"""What is about us and not about the transaction."""

registers = st.one_of(st.none(), st.integers(0, 90_000))
histories = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def outcome(store):
    """Every transaction with its readings, whatever its id."""
    found = {}
    for each in store.write(service.list_transactions):
        detail = store.write(service.transaction_detail, each.id)
        plain = {name: value for name, value in attrs.asdict(each).items() if name not in OURS}
        plain["readings"] = [(reading.sampled_at, reading.energy_wh, reading.samples) for reading in detail.readings]
        assert plain["energy_wh"] is None or plain["energy_wh"] >= 0
        assert (plain["energy_wh"] is None) == (plain["energy_basis"] in ("", "unknown"))
        found[each.reference, each.evse, each.started_at] = plain
    return found


def differences(one, other):
    """What the other has differently, by transaction and field: a failure shows this instead of everything."""
    return {
        key: {name: (value, other[key][name]) for name, value in facts.items() if value != other[key][name]}
        for key, facts in one.items()
        if key in other and facts != other[key]
    } | dict.fromkeys(one.keys() ^ other.keys(), "only one has it")


def duplicated(draw, messages):
    """The messages, some of them once or twice more, later on."""
    told = list(messages)
    for _ in range(draw(st.integers(0, 5))):
        at = draw(st.integers(0, len(told) - 1))
        told.insert(draw(st.integers(at + 1, len(told))), told[at])
    return told


# --- OCPP 2.x: any order --------------------------------------------------------------------------------------------------------


@st.composite
def histories_2x(draw, words):
    """What a charger with two EVSEs says; every transaction ends, but the last at an EVSE may go on."""
    messages = []
    for evse in (1, 2):
        at = evse
        for number in range(draw(st.integers(1, 3))):
            last = draw(st.booleans())
            more = {"reference": f"TX-{evse}-{number}"}
            tokens = st.sampled_from([None, "CARD", "FLEET", "LOST"])
            started = words.started(0, at, token=draw(tokens), meter=draw(registers), place=Place(evse, 1), **more)
            messages.append(attrs.evolve(started, offline=draw(st.booleans())))
            for seq_no in range(1, draw(st.integers(1, 5))):
                at += draw(st.integers(1, 20)) * MINUTE
                state = draw(st.sampled_from(["", "Charging", "SuspendedEV", "Idle"]))
                messages.append(words.updated(seq_no, at, token=draw(tokens), meter=draw(registers), charging_state=state, **more))
            at += draw(st.integers(1, 20)) * MINUTE
            if last and draw(st.booleans()):
                break
            messages.append(words.ended(90, at, meter=draw(registers), token=draw(st.sampled_from([None, "CARD"])), **more))
            at += draw(st.integers(1, 20)) * MINUTE
    return messages


@histories
@given(data=st.data())
def test_2x_messages_in_any_order_with_repeats_give_the_same_transactions(memory_store, words, data):
    messages = data.draw(histories_2x(words))
    shuffled = duplicated(data.draw, data.draw(st.permutations(messages)))
    outcomes = []
    for told in (messages, shuffled):
        store = memory_store()
        for report in told:
            assert store.write(VERBS[type(report)], report, POLICY).transaction_id > 0
        outcomes.append(outcome(store))
    assert not differences(*outcomes)
    assert len(outcomes[0]) == len({report.reference for report in messages})


# --- OCPP 1.6: repeats and delays -----------------------------------------------------------------------------------------------


@attrs.frozen
class Said:
    """A 1.6 message before its transaction's id is known; ``names`` says which id it will bear."""

    report: Any
    transaction: tuple[int, int]
    names: str = "ours"


@st.composite
def histories_16(draw, words):
    """What a charger with two connectors says, per connector. Some stops are lost; some transactions never learn their id."""
    connectors = []
    for evse, token in ((1, "CARD"), (2, "OTHER")):
        at, messages = evse, []
        for number in range(draw(st.integers(1, 3))):
            which = (evse, number)
            names = draw(st.sampled_from(["ours", "ours", "unknown"]))
            refused = draw(st.integers(0, 5)) == 0
            start = words.start(at, evse=evse, token="LOST" if refused else token, meter=draw(st.integers(0, 90_000)))
            messages.append(Said(start, which))
            meter = start.meter_start_wh
            for _ in range(draw(st.integers(0, 3))):
                at += draw(st.integers(1, 20)) * MINUTE
                meter += draw(st.integers(0, 2000))
                reading = words.meter(
                    at, draw(st.one_of(st.just(meter), st.integers(0, 90_000))) if names == "ours" else meter, evse=evse
                )
                messages.append(Said(reading, which, "ours" if refused else draw(st.sampled_from([names, names, "none"]))))
            at += draw(st.integers(1, 20)) * MINUTE
            if refused or draw(st.integers(0, 3)):
                stop = words.stop(at, meter=meter + draw(st.integers(0, 500)), token=start.token.value)
                messages.append(Said(stop, which, "ours" if refused else names))
            at += draw(st.integers(1, 20)) * MINUTE
        connectors.append(messages)
    return connectors


def interleaved(draw, connectors):
    """Starts and stops of a connector in their order; between connectors any order."""
    waiting, told = [list(messages) for messages in connectors], []
    while any(waiting):
        queue = draw(st.sampled_from([queue for queue in waiting if queue]))
        told.append(queue.pop(0))
    return told


def delayed(draw, told):
    """Some meter values arrive later than they were said."""
    for _ in range(draw(st.integers(0, 4))):
        movable = [at for at, said in enumerate(told) if isinstance(said.report, MeterSampled)]
        if not movable:
            break
        said = told.pop(draw(st.sampled_from(movable)))
        earliest = 1 + next((at for at, each in enumerate(told) if each.transaction == said.transaction), -1)
        told.insert(draw(st.integers(earliest, len(told))), said)
    return told


def tell_16(store, told):
    ids = {}
    for said in told:
        report = said.report
        if isinstance(report, StartReported):
            ids[said.transaction] = store.write(service.start, report, POLICY).transaction_id
            continue
        id = {"ours": ids.get(said.transaction), "unknown": -1, "none": None}[said.names]
        store.write(VERBS[type(report)], attrs.evolve(report, transaction_id=id), POLICY)
    return outcome(store)


@histories
@given(data=st.data())
def test_1_6_messages_repeated_and_delayed_give_the_same_transactions(memory_store, words, data):
    connectors = data.draw(histories_16(words))
    in_order = sorted((said for messages in connectors for said in messages), key=lambda said: said.report.received_at)
    disturbed = duplicated(data.draw, delayed(data.draw, interleaved(data.draw, connectors)))
    assert tell_16(memory_store(), in_order) == tell_16(memory_store(), disturbed)


# --- OCPP 1.6: what was kept while offline, in any order --------------------------------------------------------------------------

MADE_UP = st.sampled_from([0, -1, 2**63 - 1, 900_001])


@st.composite
def offline_histories(draw, words):
    """What a charger that never heard an id kept of two connectors: some stops are lost, readings go on between transactions."""
    messages = []
    for evse, token in ((1, "CARD"), (2, "OTHER")):
        at, meter = evse, draw(st.integers(0, 90_000))
        for _ in range(draw(st.integers(1, 4))):
            messages.append(words.start(at, evse=evse, token=token, meter=meter))
            for _ in range(draw(st.integers(0, 3))):
                at += draw(st.integers(1, 20)) * MINUTE
                meter += draw(st.integers(0, 2000))
                messages.append(words.meter(at, meter, evse=evse, id=draw(st.one_of(st.none(), MADE_UP))))
            at += draw(st.integers(1, 20)) * MINUTE
            meter += draw(st.integers(0, 500))
            if draw(st.integers(0, 3)):
                data = (words.reading(at, meter),) if draw(st.booleans()) else ()
                messages.append(words.stop(at, meter=meter, id=draw(MADE_UP), token=token, readings=data))
            if draw(st.booleans()):
                messages.append(words.meter(at + 30_000, meter, evse=evse))
            at += draw(st.integers(1, 20)) * MINUTE
    return messages


@histories
@given(data=st.data())
def test_1_6_messages_kept_while_offline_in_any_order_give_the_same_transactions(memory_store, words, data):
    messages = data.draw(offline_histories(words))
    disturbed = duplicated(data.draw, data.draw(st.permutations(messages)))
    outcomes = []
    for told in (sorted(messages, key=lambda report: report.received_at), disturbed):
        store = memory_store()
        for number, report in enumerate(told):
            late = attrs.evolve(report, received_at=T0 + 24 * 60 * MINUTE + number)
            store.write(VERBS[type(late)], late, POLICY)
        outcomes.append(outcome(store))
    assert not differences(*outcomes)
    assert len(outcomes[0]) == sum(isinstance(report, StartReported) for report in messages)


# --- anything at all ------------------------------------------------------------------------------------------------------------

NUMBERS = st.one_of(st.integers(-(2**63), 2**63 - 1), st.sampled_from([0, -1, 1, 2, 3, 1000, 2**31 - 1, 2**31]))
MAYBE = st.one_of(st.none(), NUMBERS)
TIMES = st.integers(-(10**12), 10**12)


@st.composite
def anything(draw, words):
    """One message with ids, meters and times from anywhere in 64 bits."""
    at, evse = draw(TIMES), draw(st.integers(0, 2))
    shape = {"token": draw(st.sampled_from([None, "CARD", "FLEET", "LOST", "", "nobody's"])), "meter": draw(MAYBE)}
    reference, raw = draw(st.sampled_from(["", "", "TX-1"])), draw(st.sampled_from(["", "", "1970-01-01T00:00:00Z"]))
    match draw(st.sampled_from(["start", "stop", "meter", "update", "boot", "status"])):
        case "start":
            return words.start(at, evse=evse, started_at_raw=raw, reference=reference, seq_no=0, **shape)
        case "stop":
            return words.stop(at, id=draw(MAYBE), stopped_at_raw=raw, reference=reference, seq_no=2, **shape)
        case "meter":
            return words.meter(at, draw(NUMBERS), id=draw(MAYBE), evse=evse)
        case "update":
            return words.updated(draw(NUMBERS), at, token=shape["token"], updated_at_raw=raw)
        case "boot":
            return words.boot(abs(at))
    return words.status(at, draw(st.sampled_from(["Available", "Charging", "SuspendedEV"])), evse=1)


@histories
@given(data=st.data())
def test_whatever_a_charger_makes_up_is_answered(memory_store, words, data):
    store = memory_store()
    for report in data.draw(st.lists(anything(words), min_size=1, max_size=25)):
        verdict = store.write(VERBS[type(report)], report, TransactionPolicy(reconciliation_deadline_s=0))
        if isinstance(report, StartReported | UpdateReported):
            assert 1 <= verdict.transaction_id <= MAX_TRANSACTION_ID
        if data.draw(st.booleans()):
            store.write(service.close_overdue)
    outcome(store)

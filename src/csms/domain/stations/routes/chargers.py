"""Chargers over HTTP: who they are, what is decided about them, and their keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

import attrs

from csms.api.calls import Call, Subject
from csms.api.routes import CHARGER, LIST, Reply, Routes
from csms.core.errors import Refused
from csms.core.ids import TenantId, charger_key
from csms.core.paging import Page
from csms.core.ports import Ports, ReadTx
from csms.domain.stations import flows, judging, keys, service, store
from csms.domain.stations.model import (
    ACCEPTED,
    PENDING,
    REJECTED,
    AddedCharger,
    ChargerChange,
    ChargerDetail,
    ChargerItem,
    ChargerOddity,
    ChargerQuery,
    Credentials,
    KeyWanted,
    NewCharger,
    OcppSettings,
    OddityQuery,
    QuirkInForce,
)
from csms.domain.stations.service.chargers import Running

from .paths import path_of

QuirksInForce = Callable[[str, str, str], Sequence[QuirkInForce]]
"""What is known of a kind of charger, by vendor, model and firmware."""
TellKey = Callable[[Ports, TenantId, str, str], Awaitable[str]]
"""``tell(ports, tenant, charger_id, key)`` tells a connected charger its new key; ``refused``, or how far that went."""

REFUSED, SET = "refused", "set"


@attrs.frozen(slots=True, kw_only=True)
class Surroundings:
    """What these routes need of the rest: the settings of the listener, where chargers connect, and what higher slices know."""

    settings: OcppSettings
    connect_url: str
    """Without the charger's id."""
    quirks: QuirksInForce
    tell_key: TellKey
    running: Running


def routes(surroundings: Surroundings) -> Routes:
    """Routes of chargers."""
    made = Routes("chargers", "Chargers: who they are, how they are, and whether they may connect.")
    default_profile = judging.default_profile(surroundings.settings)

    def detail(tx: ReadTx, charger_id: str) -> ChargerDetail:
        found = service.need_detail(tx, charger_id)
        return attrs.evolve(
            found,
            quirks=tuple(surroundings.quirks(found.vendor, found.model, found.firmware)),
            security_profile_required=default_profile if found.security_profile is None else found.security_profile,
        )

    def subject(charger_id: str) -> Subject:
        return Subject("charger", charger_id, lambda tx: detail(tx, charger_id))

    def url_of(charger_id: str) -> str:
        return surroundings.connect_url + path_of(charger_id)

    @made.get("/chargers", needs="chargers:read", reach=LIST)
    async def list_(call: Call, query: ChargerQuery) -> Page[ChargerItem]:
        """Chargers. `archived=true` shows those that were removed instead."""
        return await call.read(store.page_of_chargers, query, call.stations)

    @made.post(
        "/chargers",
        needs="chargers:write",
        reach=LIST,
        tells=AddedCharger,
        status=201,
        example={"id": "CP-0001", "name": "Bay 4", "location": "Level -1, bay 14"},
        errors={404: "no such station or model", 409: "the id is in use"},
    )
    async def add(call: Call, body: NewCharger) -> Reply:
        """Add a charger and get its key, which is shown only now.

        The charger shows the key as the password of HTTP Basic authentication, with its id as the user name (OCPP security profile 1).
        """
        if call.stations is not None:
            call.needs_station(body.station_id)
        key = keys.new_key(call.ports.random) if body.key is None else keys.check(body.key)
        sealed = keys.seal(key.encode(), call.ports.random)
        verb = partial(service.add_described_charger, new=body, sealed_key=sealed)
        await call.write(verb, keys=(charger_key(body.id),), of=subject(body.id))
        added = AddedCharger(charger=await call.read(detail, body.id), key=key, url=url_of(body.id))
        return Reply(body=added, status=201, headers={"Location": f"/api/v1/chargers/{path_of(body.id)}"})

    @made.get("/chargers/<path:charger_id>", needs="chargers:read", reach=CHARGER)
    async def show(call: Call, charger_id: str) -> ChargerDetail:
        """One charger: what it is, how it is, its connectors, its connection and what it does wrong."""
        return await call.read(detail, charger_id)

    @made.patch(
        "/chargers/<path:charger_id>",
        needs="chargers:write",
        reach=CHARGER,
        errors={409: "a security profile is lowered without `force`"},
        example={"name": "Entrance, left", "location": "Level -1, bay 12", "warranty_until": "2031-06-30"},
    )
    async def change(call: Call, charger_id: str, body: ChargerChange) -> ChargerDetail:
        """Change what is said of a charger, put it on a station, or take things away with `clear`.

        Said to be of a model of the catalogue, it gets the connectors of that model, where nobody described them yet.
        """
        if call.stations is not None and (body.station_id is not None or "station_id" in body.clear):
            call.needs_station(None if "station_id" in body.clear else body.station_id)
        verb = partial(service.alter_charger, charger_id=charger_id, change=body, default_profile=default_profile)
        await call.write(verb, keys=(charger_key(charger_id),), of=subject(charger_id))
        return await call.read(detail, charger_id)

    @made.delete(
        "/chargers/<path:charger_id>",
        needs="chargers:write",
        reach=CHARGER,
        errors={409: "transactions run there: stop them, or end them, first"},
    )
    async def remove(call: Call, charger_id: str) -> None:
        """Archive a charger: it may not connect any more, and is in no list but that of the archived.

        Where unknown chargers are let in or held (`ocpp.unknown_chargers`), it is one of them if it comes back: reject it instead. Its transactions, messages, service records and status history stay; its key, its connectors and their QR codes go. Nothing of
        a charger is ever deleted with it. Added again, it starts over.
        """
        verb = partial(service.remove_charger, running=surroundings.running)
        await call.write(verb, charger_id, keys=(charger_key(charger_id),), of=subject(charger_id))
        await call.ports.chargers.drop(charger_id, "removed by the operator")

    async def decided(call: Call, charger_id: str, approval: str) -> ChargerDetail:
        charger = await call.write(service.decide, charger_id, approval, keys=(charger_key(charger_id),), of=subject(charger_id))
        if charger.standing:
            await call.ports.chargers.admit(charger_id, charger.standing)
        return await call.read(detail, charger_id)

    @made.post("/chargers/<path:charger_id>/approve", needs="chargers:write", reach=CHARGER)
    async def approve(call: Call, charger_id: str) -> ChargerDetail:
        """Let a charger in: from now on it may charge, also if it is connected already.

        One that is connected and was told to wait is asked to boot once more, so that it hears of it now, as far as it can be asked.
        """
        let_in = await decided(call, charger_id, ACCEPTED)
        if let_in.registration not in ("", ACCEPTED):
            await flows.call_to_boot(call.ports, charger_id)
        return let_in

    @made.post("/chargers/<path:charger_id>/hold", needs="chargers:write", reach=CHARGER)
    async def hold(call: Call, charger_id: str) -> ChargerDetail:
        """Hold a charger pending: it may connect and be configured, and may not charge."""
        return await decided(call, charger_id, PENDING)

    @made.post("/chargers/<path:charger_id>/reject", needs="chargers:write", reach=CHARGER)
    async def reject(call: Call, charger_id: str) -> ChargerDetail:
        """Shut a charger out. Its connection is closed; it may connect, and is told so at every boot."""
        shut_out = await decided(call, charger_id, REJECTED)
        await call.ports.chargers.drop(charger_id, "rejected by the operator")
        return shut_out

    @made.post(
        "/chargers/<path:charger_id>/credentials",
        needs="chargers:credentials",
        reach=CHARGER,
        moves=True,
        limit_s=180.0,
        errors={409: "the charger refused the new key, or was offered too many"},
        example={"tell": True},
    )
    async def rotate(call: Call, charger_id: str, body: KeyWanted) -> Credentials:
        """Give a charger a new key, which is shown only now.

        A charger that is connected is told (unless `tell` is false), and its old key opens as well until it has shown the new one. To
        one that is not, or that cannot be told, the new key is the only one at once: configure it there.
        """
        await call.read(service.need_charger, charger_id)
        key = keys.new_key(call.ports.random) if body.key is None else keys.check(body.key)
        if body.tell and "SetVariables" in call.ports.chargers.can_say(charger_id):
            state = await surroundings.tell_key(call.ports, call.tenant, charger_id, key)
            await call.note(Subject("charger", charger_id), {"state": state})
            if state == REFUSED:
                raise Refused(f"charger {charger_id!r} did not take the new key, so its old one stays")
        else:
            state = SET
            sealed = keys.seal(key.encode(), call.ports.random)
            of, claimed = Subject("charger", charger_id), (charger_key(charger_id),)
            await call.write(service.set_key, charger_id, sealed, keys=claimed, of=of, detail={"state": state})
        return Credentials(charger_id=charger_id, key=key, state=state, url=url_of(charger_id))

    @made.get("/chargers/<path:charger_id>/oddities", needs="chargers:read", reach=CHARGER)
    async def oddities(call: Call, charger_id: str, query: OddityQuery) -> Page[ChargerOddity]:
        """What a charger does wrong, counted, each with an example."""
        return await call.read(_oddities, query, charger_id)

    return made


def _oddities(tx: ReadTx, query: OddityQuery, charger_id: str) -> Page[ChargerOddity]:
    service.need_detail(tx, charger_id)
    return store.page_of_oddities(tx, query, charger_id)

"""Commands to many chargers at once over HTTP: asked for, followed, cancelled."""

from __future__ import annotations

from typing import Any

import attrs
import msgspec
from attrs import validators

from csms.api.calls import Call, Subject
from csms.api.problems import Problem
from csms.api.routes import Reply, Routes
from csms.api.shapes import structure
from csms.core.commands import COMMANDS
from csms.core.errors import Refused
from csms.core.paging import Page
from csms.core.vault import NoKey
from csms.domain.commands import service, store
from csms.domain.commands.flows import Sender
from csms.domain.commands.model import (
    FOR_MANY,
    LONGEST_WAIT_S,
    Bulk,
    BulksQuery,
    ChosenBy,
    CommandAnswer,
    Limits,
    ResultsQuery,
    Work,
)

from .commands import Spoken, asker, text_of

MOST_AT_A_TIME = 50
_LONGEST: Any = validators.optional(validators.and_(validators.gt(0), validators.le(LONGEST_WAIT_S)))


@attrs.frozen(slots=True, kw_only=True)
class NewBulk:
    """A command for many chargers: ``body`` as for one of them, ``at_a_time`` how many are spoken to at once."""

    command: str = attrs.field(validator=validators.in_(FOR_MANY))
    body: dict[str, Any] = attrs.field(factory=dict)
    chargers: ChosenBy
    at_a_time: int = attrs.field(default=10, validator=[validators.ge(1), validators.le(MOST_AT_A_TIME)])
    ttl_s: float | None = attrs.field(default=None, validator=_LONGEST)
    timeout_s: float | None = attrs.field(default=None, validator=_LONGEST)


EXAMPLE = {"command": "Reset", "body": {"when": "when_idle"}, "chargers": {"model": "Fast 60", "connected": True}, "at_a_time": 10}


def routes(sender: Sender, spoken: Spoken) -> Routes:
    """Routes of commands to many chargers."""
    made = Routes("bulk_commands", "One command for many chargers, a few at a time; it goes on after a restart.", tag="Commands")

    @made.get("/bulk-commands", needs="chargers:read")
    async def list_(call: Call, query: BulksQuery) -> Page[Bulk]:
        """Commands to many chargers, and how far each is."""
        return await call.read(store.bulks, query)

    @made.get("/bulk-commands/<int:bulk_id>", needs="chargers:read")
    async def show(call: Call, bulk_id: int) -> Bulk:
        """One command to many chargers, and how far it is."""
        return await call.read(service.need_bulk, bulk_id)

    @made.get("/bulk-commands/<int:bulk_id>/results", needs="chargers:read")
    async def results(call: Call, bulk_id: int, query: ResultsQuery) -> Page[CommandAnswer]:
        """What became of it, charger by charger."""
        await call.read(service.need_bulk, bulk_id)
        return await call.read(store.results, bulk_id, query)

    @made.post(
        "/bulk-commands",
        needs="commands:send",
        status=202,
        tells=Bulk,
        moves=True,
        example=EXAMPLE,
        errors={
            404: "no charger is so, or one that was named does not exist",
            409: "its body has secrets, and there is no key to keep them",
        },
    )
    async def ask(call: Call, body: NewBulk) -> Reply:
        """Send a command to many chargers.

        Answers at once; `GET` the `Location` for progress and its `/results` for what became of it. Each charger has one turn: those
        that are offline are not tried again.
        """
        command = structure(body.body, COMMANDS[body.command])
        whole = text_of(command)
        text = spoken.censored(whole)
        if sender.full:
            raise Problem(503, "Service Unavailable", "too many commands are under way; try again", nothing_done=True)
        try:
            sealed = "" if text == whole else call.ports.vault.seal(whole)
        except NoKey as error:
            raise Refused(f"its body has secrets that cannot be kept: {error}") from error
        limits = Limits(ttl_s=body.ttl_s, timeout_s=body.timeout_s)
        made_bulk = await call.write(
            service.plan,
            of=Subject("bulk_command", body.command),
            detail={"body": msgspec.json.decode(text), "chargers": body.chargers, "at_a_time": body.at_a_time},
            command=body.command,
            body=text,
            sealed=sealed,
            chosen_by=body.chargers,
            at_a_time=body.at_a_time,
            limits=limits,
            asker=asker(call),
        )
        work = Work(
            id=made_bulk.id,
            tenant=call.tenant,
            command=body.command,
            body=text,
            sealed=sealed,
            at_a_time=body.at_a_time,
            limits=limits,
        )
        sender.work_off(work)
        return Reply(body=made_bulk, status=202, headers={"Location": f"/api/v1/bulk-commands/{made_bulk.id}"})

    @made.post("/bulk-commands/<int:bulk_id>/cancel", needs="commands:send", errors={409: "it has ended"})
    async def cancel(call: Call, bulk_id: int) -> Bulk:
        """Cancel what has not had its turn; what is under way goes on."""
        return await call.write(service.cancel, bulk_id, keys=(f"bulk:{bulk_id}",), of=Subject("bulk_command", str(bulk_id)))

    return made

"""Commands on their way: each in a task of the server's own, so that it ends well whether or not somebody still waits for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import attrs
import msgspec
import structlog
import trio

from csms.core.commands import COMMANDS, Command, Outcome
from csms.core.errors import CsmsError, Refused, StoreUnavailable
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ports import Ports
from csms.core.vault import NoKey
from csms.domain.stations.relay import Limited

from . import service, store
from .model import FAILED, REFUSED, Asker, CommandAnswer, Limits, Work, bulk_key

CommandFlow = Callable[[Ports, TenantId, str, Any], Awaitable[tuple[Outcome, dict[str, Any]]]]
"""``flow(ports, tenant, charger_id, command)``: the outcome, and what else the answer should say."""

MOST_UNDER_WAY = 2_000
"""Commands under way at a time; a further one is refused."""
BULK_AT_ONCE = 64
"""Commands of bulks under way at a time, of all bulks together: they leave chargers and store to others."""
PAGE = 200
RETRY_S = 1.0
AFTER_FAILURE_S = 30.0
OUR_MISTAKE = "something went wrong here, which was logged; the charger may have obeyed"

log = structlog.get_logger("csms.commands")


@attrs.define(slots=True, eq=False)
class Pending:
    """A command under way. When ``ended`` is set there is an ``answer``, or the ``error`` for which there is none.

    ``told`` is what its flow gave: there may be that without an answer, where its end could not be stored.
    """

    command_id: int
    ended: trio.Event = attrs.field(factory=trio.Event)
    told: tuple[Outcome, dict[str, Any]] | None = None
    answer: CommandAnswer | None = None
    error: Exception | None = None

    def result(self) -> CommandAnswer:
        """What became of it. Raises the error for which there is no answer."""
        if self.answer is None:
            raise self.error or RuntimeError(f"command {self.command_id} has not ended")
        return self.answer


class Sender:
    """Sends commands, each by its flow, and stores what became of them; ``run`` is the nursery that they live in."""

    def __init__(self, ports: Ports, flows: Mapping[type[Command], CommandFlow]) -> None:
        self._ports = ports
        self._flows = flows
        self._nursery: trio.Nursery | None = None
        self._slots = trio.CapacityLimiter(BULK_AT_ONCE)
        self._stopping = False
        self.under_way = 0
        """Commands that are under way now."""

    @property
    def full(self) -> bool:
        """Whether no further command is taken at the moment."""
        return self._nursery is None or self.under_way >= MOST_UNDER_WAY

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled. What was under way when the server ended is lost; bulks go on where they were."""
        write, read = self._ports.database.write, self._ports.database.read
        if lost := await write(service.forget, tenant=DEFAULT_TENANT):
            log.warning("commands.lost", count=lost)
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            try:
                for work in await read(store.running, tenant=DEFAULT_TENANT):
                    self.work_off(work)
                task_status.started()
                await trio.sleep_forever()
            finally:
                self._nursery = None

    def stop(self) -> None:
        """Give no further charger of a bulk its turn: the server is about to end, and the turns come after its next start."""
        self._stopping = True

    # --- one command ------------------------------------------------------------------------------------------------------------

    def send(
        self,
        tenant: TenantId,
        charger_id: str,
        command_id: int,
        command: Command,
        limits: Limits,
        *,
        flow: CommandFlow | None = None,
    ) -> Pending:
        """Send a command that was asked for (``service.ask``), by its own flow or another. Never waits; it goes on by itself from here."""
        if self._nursery is None:
            raise RuntimeError("the sender does not run")
        pending = Pending(command_id)
        self.under_way += 1
        flow = flow or self._flows.get(type(command))
        self._nursery.start_soon(self._carry, pending, tenant, charger_id, command, limits, flow, None)
        return pending

    def asked_by(self, asker: Asker, flow: Callable[..., Awaitable[tuple[Outcome, dict[str, Any]]]]) -> Any:
        """A flow for a slice whose own routes ask for a command, remembered like those of ``POST /chargers/ID/commands``.

        It is called as ``flow``, with what that takes besides, and gives what that gives. The command must have no secrets. It goes on
        where whoever asked goes away. Raises as ``flow`` does, and ``Refused`` where too many commands are under way.
        """

        async def carried(
            _: Ports, tenant: TenantId, charger_id: str, command: Command, **more: Any
        ) -> tuple[Outcome, dict[str, Any]]:
            if self.full:
                raise Refused("too many commands are under way; try again")
            body = msgspec.json.encode(command).decode()
            asked = partial(service.ask, charger_id=charger_id, command=type(command).__name__, body=body, asker=asker)
            command_id = await self._ports.database.write(asked, tenant=tenant)
            pending = self.send(tenant, charger_id, command_id, command, Limits(), flow=partial(flow, **more))
            await pending.ended.wait()
            if pending.told is None:
                raise pending.error or RuntimeError(f"command {command_id} has not ended")
            return pending.told

        return carried

    async def _carry(
        self,
        pending: Pending,
        tenant: TenantId,
        charger_id: str,
        command: Command,
        limits: Limits,
        flow: CommandFlow | None,
        bulk_id: int | None,
    ) -> None:
        """A command that was counted as ``under_way``, to its end."""
        try:
            verb = await self._sent(pending, tenant, charger_id, command, limits, flow)
            await self._kept(pending, partial(verb, bulk_id=bulk_id), tenant, bulk_id)
        finally:
            self.under_way -= 1

    async def _sent(
        self, pending: Pending, tenant: TenantId, charger_id: str, command: Command, limits: Limits, flow: CommandFlow | None
    ) -> Callable[..., CommandAnswer]:
        """Send, and wait for what becomes of it; the verb that stores that."""
        ports = attrs.evolve(self._ports, chargers=Limited(self._ports.chargers, limits.ttl_s, limits.timeout_s))
        more: dict[str, Any] = {}
        try:
            if flow is None:
                outcome = await ports.chargers.send(charger_id, command)
            else:
                outcome, more = await flow(ports, tenant, charger_id, command)
        except CsmsError as error:
            pending.error = error
            return partial(service.not_sent, command_id=pending.command_id, progress=REFUSED, note=str(error))
        except Exception as error:
            log.exception("command.failed", charger=charger_id, command=type(command).__name__, command_id=pending.command_id)
            pending.error = error
            return partial(service.not_sent, command_id=pending.command_id, progress=FAILED, note=OUR_MISTAKE)
        pending.told = outcome, more
        return partial(service.ended, command_id=pending.command_id, outcome=outcome, more=more)

    async def _kept(self, pending: Pending, verb: Callable[..., CommandAnswer], tenant: TenantId, bulk_id: int | None) -> None:
        """Store the end of a command, however long that takes; whoever waits is told at once when it cannot be stored yet."""
        keys = () if bulk_id is None else (bulk_key(bulk_id),)
        while True:
            try:
                answer = await self._ports.database.write(verb, tenant=tenant, keys=keys)
            except StoreUnavailable as error:
                pending.error = pending.error or error
                pending.ended.set()
                await trio.sleep(RETRY_S)
                continue
            except Exception as error:
                log.exception("command.not_kept", command_id=pending.command_id)
                pending.error = pending.error or error
            else:
                pending.answer = answer if pending.error is None else None
            pending.ended.set()
            return

    # --- many -------------------------------------------------------------------------------------------------------------------

    def work_off(self, work: Work) -> None:
        """Give every charger of a bulk its turn, in a task of its own."""
        if self._nursery is None:
            raise RuntimeError("the sender does not run")
        self._nursery.start_soon(self._attend, work)

    async def _attend(self, work: Work) -> None:
        """Work a bulk off; what fails is tried again, for what had its turn is not queued any more."""
        while True:
            try:
                await self._turns(work)
            except Exception:
                log.exception("bulk.failed", bulk_id=work.id)
                await trio.sleep(AFTER_FAILURE_S)
            else:
                return

    async def _turns(self, work: Work) -> None:
        tenant = TenantId(work.tenant)
        write = partial(self._patiently, self._ports.database.write, tenant=tenant, keys=(bulk_key(work.id),))
        read = partial(self._patiently, self._ports.database.read, tenant=tenant)
        try:
            command = msgspec.json.decode(
                self._ports.vault.open(work.sealed) if work.sealed else work.body, type=COMMANDS[work.command]
            )
        except (NoKey, KeyError, msgspec.MsgspecError) as error:
            log.error("bulk.given_up", bulk_id=work.id, reason=str(error))
            await write(service.give_up, work.id, f"it cannot go on: {error}"[:200])
            return
        to, turns = trio.open_memory_channel[tuple[int, str]](0)
        async with trio.open_nursery() as nursery:
            async with turns:
                for _ in range(work.at_a_time):
                    nursery.start_soon(self._take_turns, turns.clone(), work, tenant, command)
            async with to:
                after = 0
                while page := await read(store.queued, work.id, after, PAGE):
                    for each in page:
                        await to.send(each)
                    after = page[-1][0]
        await write(service.end_if_done, work.id)

    async def _take_turns(
        self, turns: trio.MemoryReceiveChannel[tuple[int, str]], work: Work, tenant: TenantId, command: Command
    ) -> None:
        async with turns:
            async for command_id, charger_id in turns:
                async with self._slots:
                    if self._stopping:
                        await trio.sleep_forever()
                    write, keys = self._ports.database.write, (bulk_key(work.id),)
                    if await self._patiently(write, service.begin, work.id, command_id, tenant=tenant, keys=keys):
                        self.under_way += 1
                        flow = self._flows.get(type(command))
                        await self._carry(Pending(command_id), tenant, charger_id, command, work.limits, flow, work.id)

    async def _patiently(self, access: Callable[..., Awaitable[Any]], /, *arguments: Any, **named: Any) -> Any:
        """Read or write as soon as the store is there."""
        while True:
            try:
                return await access(*arguments, **named)
            except StoreUnavailable as error:
                log.warning("bulk.store_unavailable", reason=str(error))
                await trio.sleep(RETRY_S)

"""The whole server in the world: the real composition on a disk, a network and a clock that belong to the world, life after life."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
import trio

from csms import app, jobs
from csms.config import Config, DatabaseConfig, LogConfig, OcppConfig, SecretsConfig, TransactionsConfig
from csms.core.errors import StoreUnavailable
from csms.core.ports import HttpAnswer
from csms.db.opening import open_database
from csms.db.outbox import Pace, run_consumer
from csms.domain.stations import flows as stations_flows
from csms.net.listener import open_door
from csms.plugins import Bus
from csms.telemetry import Telemetry
from csms.testing.plugins import InLine, SeededRandom

from .clock import stream
from .consumers import Listener
from .disk import AFTER, BEFORE, LATER, Disk, PowerCut

if TYPE_CHECKING:
    from .world import World

DOWN_S = (0.5, 60.0)
BRIEFLY_DOWN_S = (0.2, 5.0)
GRACE_S = 10.0
STORE_GRACE_S = 5.0
RECONCILIATION_S = 60
SECRET_KEY = "A" * 43
"""The key of the world's vault, as ``[secrets]`` has it: nothing in the world is secret."""
OURS = Path(app.__file__).parent
TESTING = OURS / "testing"

log = structlog.get_logger("csms.testing.world")


def config_of(folder: Path) -> Config:
    """The server's configuration."""
    return Config(
        folder=folder,
        database=DatabaseConfig(url="sqlite:///world.db"),
        secrets=SecretsConfig(keys=(SECRET_KEY,)),
        ocpp=OcppConfig(heartbeat_interval_s=60),
        transactions=TransactionsConfig(reconciliation_deadline_s=RECONCILIATION_S),
        log=LogConfig(level="error"),
    )


class NoHttp:
    """The outside does not answer."""

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b"", timeout_s: float, public_only: bool = False
    ) -> HttpAnswer:
        """Raises ``OSError``."""
        await trio.lowlevel.checkpoint()
        raise OSError(f"{method} {url}: there is no outside")


class Server:
    """The server, which is started again whenever it ended, until it is told to stop."""

    def __init__(self, world: World, listeners: Sequence[Listener]) -> None:
        self._world = world
        self._listeners = listeners
        self._draws = stream(world.seed, "server")
        self._disk: Disk | None = None
        self._ending = trio.Event()
        self._scope = trio.CancelScope()
        self._stopped = False
        self.lives = 0
        self.leaks: list[str] = []
        """What was left over after a life that was stopped in order."""

    async def run(self) -> None:
        """Live until stopped."""
        while not self._stopped:
            self.lives += 1
            crashed = await self._live()
            if not self._stopped:
                calm = self._world.faults.over
                await trio.sleep(self._draws.uniform(*(DOWN_S if crashed and not calm else BRIEFLY_DOWN_S)))

    # --- what happens to it -----------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """End in order, for good."""
        self._stopped = True
        self._ending.set()

    def restart(self) -> None:
        """End in order and come back."""
        self._ending.set()

    def crash(self) -> None:
        """Crash at the next commit, in one of the ways there are."""
        if self._disk is not None:
            self._disk.crash = self._draws.choice((BEFORE, AFTER, LATER))

    def fill_disk(self) -> None:
        """No room on the disk for a while."""
        if self._disk is not None:
            self._disk.fill()

    def _power_off(self) -> None:
        """Nothing gets out any more; the peers may notice or not."""
        self._world.network.lose(silently=self._draws.random() < 0.3)
        self._scope.cancel()

    # --- a life -----------------------------------------------------------------------------------------------------------------

    async def _live(self) -> bool:
        """One life; whether it ended by a crash."""
        world = self._world
        disk = Disk(world.faults, stream(world.seed, "disk", self.lives), world.trace, power_off=self._power_off)
        self._disk, self._ending, self._scope = disk, trio.Event(), trio.CancelScope()
        world.trace.line("server", "starts", self.lives)
        try:
            with self._scope:
                await self._serve(disk)
        except* PowerCut:
            pass  # the crash that was ordered
        except* StoreUnavailable as errors:  # it could not begin; whoever supervises it starts it again
            world.trace.line("server", "cannot start")
            world.trace.aside(str(errors.exceptions[0]))
        except* Exception as errors:
            if not disk.dead:
                world.surprises.append(f"the server failed: {errors!r}")
                log.error("the server failed", exc_info=errors)
        finally:
            self._disk = None
            world.network.close()
        if not disk.dead:
            self._look_for_leaks()
        world.trace.line("server", "is down")
        return disk.dead

    async def _serve(self, disk: Disk) -> None:
        world, config = self._world, self._world.config
        random = SeededRandom(self._draws.randrange(2**32))
        async with open_database(
            config.database, clock=world.clock, folder=config.folder, blocking=disk, stop_grace_s=STORE_GRACE_S
        ) as database:
            town = world.town
            bus = Bus(config.plugins, available={}) if town is None else town.bus()
            parts = app.assemble(config, database, NoHttp(), world.clock, random, InLine(), bus, Telemetry())
            await stations_flows.forget_connections(parts.ports)
            async with trio.open_nursery() as hearers:
                await app.start_hearers(hearers, parts)
                for listener in self._listeners:
                    start = partial(run_consumer, database, listener.consumer(), clock=world.clock, random=random, from_start=True)
                    await hearers.start(partial(start, pace=Pace(first_retry_s=0.5, longest_retry_s=20, save_every_s=2, poll_s=15)))
                async with trio.open_nursery() as edges:
                    for job in jobs.table(config, database):
                        edges.start_soon(jobs.repeat, job, parts.ports)
                    if town is not None:
                        edges.start_soon(town.counter.serve, parts.ports)
                    world.network.open(open_door(**app.charger_side(parts)).serve, edges)
                    await self._ending.wait()
                    world.network.close()
                    await parts.fleet.stop(within_s=GRACE_S)
                    if len(parts.fleet):
                        self.leaks.append(f"{len(parts.fleet)} links are left after a stop")
                    edges.cancel_scope.cancel()
                hearers.cancel_scope.cancel()

    def _look_for_leaks(self) -> None:
        if open_wires := self._world.network.open_wires():
            self.leaks.append(f"{open_wires} connections are open after a stop")
        if left := sorted(task.name for task in _all_tasks() if _is_ours(task)):
            self.leaks.append(f"tasks are left after a stop: {', '.join(left)}")


def _all_tasks() -> Iterator[trio.lowlevel.Task]:
    """Every task there is, Trio's own among them."""
    waiting = [trio.lowlevel.current_root_task()]
    while waiting:
        task = waiting.pop()
        if task is not None:
            yield task
            waiting += [child for nursery in task.child_nurseries for child in nursery.child_tasks]


def _is_ours(task: trio.lowlevel.Task) -> bool:
    """Whether it runs code of the server."""
    file = Path(task.coro.cr_code.co_filename)
    return OURS in file.parents and TESTING not in file.parents

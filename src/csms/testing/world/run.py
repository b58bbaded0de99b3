"""Runs one seed: makes its world, lets it live, and looks whether everything holds that must."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import structlog
import trio
import trio.testing

from csms.core.errors import StoreUnavailable
from csms.core.ids import DEFAULT_TENANT
from csms.core.ports import Tx
from csms.db.migrate import core_migrations, migrate
from csms.db.opening import open_database
from csms.domain.drivers import service as drivers
from csms.domain.stations import keys
from csms.domain.stations import service as stations
from csms.testing.plugins import InLine, SeededRandom
from csms.testing.stores import SettableClock
from csms.vault import open_vault

from .charger import CARD
from .clock import deterministic_turns
from .consumers import Refused
from .invariants import CHECKS, Check
from .money.checks import COUNTED, MONEY_CHECKS
from .money.hurry import hurried
from .money.town import migrations
from .reference import differences, facts, retell
from .server import config_of
from .trace import Show, Trace
from .world import Size, World

SAME = "the same history without faults gives the same transactions"
ALIKE = "the same seed gives the same trace"


@attrs.frozen(slots=True, kw_only=True)
class Result:
    """What came of a seed."""

    seed: int
    digest: str
    broken: list[tuple[str, str]]
    """Invariants that do not hold, with what broke them."""
    fired: Counter[str]
    checked: Counter[str]
    counts: Counter[str]
    """How much happened: charges, messages, events, lives of the server ..."""


def run_seed(
    seed: int, size: Size | None = None, *, show: Show | None = None, twice: bool = False, keep: Path | None = None
) -> Result:
    """Run one seed, and look. ``twice`` runs it again and compares the traces; ``keep`` is a folder for the two databases."""
    size = size or Size()
    result = _once(seed, size, show, keep)
    if not twice:
        return result
    again = _once(seed, size, None, None)
    broken = list(result.broken)
    if again.digest != result.digest:
        broken.append((ALIKE, f"{result.digest} at first, then {again.digest}"))
    return attrs.evolve(result, broken=broken, checked=result.checked + Counter({ALIKE: 1}))


def _once(seed: int, size: Size, show: Show | None, keep: Path | None) -> Result:
    memory = Path("/dev/shm")  # noqa: S108 - nothing here must outlive the run
    quick = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="csms-world-", dir=quick) as name, deterministic_turns(str(seed)):
        folder, trace = Path(name), Trace(show)
        (folder / "reference").mkdir()
        world = World(seed, folder, size, trace)
        live_through(world, folder)
        if keep is not None:
            shutil.copytree(folder, keep, dirs_exist_ok=True)
        return judged(world, folder)


def live_through(world: World, folder: Path) -> None:
    """Let a world live in a folder until all is quiet."""
    with ExitStack() as stack:
        stack.enter_context(_listening(world))
        if world.town is not None:
            stack.enter_context(hurried())
        trio.run(_live, world, folder, clock=trio.testing.MockClock(autojump_threshold=0), strict_exception_groups=True)


async def _live(world: World, folder: Path) -> None:
    homes = (folder, folder / "reference") if world.town is None else (folder,)
    for home in homes:
        shutil.copyfile(_template(money=world.town is not None), home / "world.db")
        await _furnish(world, home)
    with closing(opened(folder)) as store:
        await world.run(partial(_all_over, world, store))
        if world.town is not None:
            world.starved += [f"{each} are still due" for each in world.town.still_due(store)]
    if world.town is None:
        await retell(world, folder / "reference")


def _template(*, money: bool) -> Path:
    """A migrated database, made once per process."""
    name = f"world{money:d}.db"
    if name not in _TEMPLATES:
        folder = tempfile.TemporaryDirectory(prefix="csms-world-template-")
        path = Path(folder.name) / "world.db"
        config = config_of(path.parent)
        sources = [core_migrations(), *(migrations() if money else ())]
        migrate(config.database, sources, folder=config.folder, clock=SettableClock())
        _TEMPLATES[name] = (path, folder)
    return _TEMPLATES[name][0]


_TEMPLATES: dict[str, tuple[Path, tempfile.TemporaryDirectory[str]]] = {}


async def _furnish(world: World, folder: Path) -> None:
    """Chargers and tokens, as an operator adds them; in a town more."""
    town = world.town

    def furnish(tx: Tx) -> None:
        random = SeededRandom(world.seed)
        for charger in world.chargers:
            if town is not None and town.tenant_of(charger) != tx.tenant:
                continue
            sealed = keys.seal(charger.key.encode(), random)
            stations.add_charger(tx, charger.charger_id, sealed_key=sealed)
            for evse in range(1, charger.connectors + 1):
                if town is None:
                    drivers.add_token(tx, f"{CARD}-{charger.charger_id}-{evse}")

    config = config_of(folder)
    async with open_database(config.database, clock=world.clock, folder=folder, blocking=InLine()) as database:
        if town is not None:
            await town.furnish(database, open_vault(config, SeededRandom(world.seed)))
        for tenant in (DEFAULT_TENANT,) if town is None else town.gateways:
            await database.write(furnish, tenant=tenant)


def opened(folder: Path) -> sqlite3.Connection:
    """A world's database, to look into."""
    store = sqlite3.connect(f"file:{folder / 'world.db'}?mode=ro", uri=True)
    store.row_factory = sqlite3.Row
    return store


def _all_over(world: World, store: sqlite3.Connection) -> bool:
    if world.town is not None and not world.town.is_over(store):
        return False
    (events,) = store.execute("SELECT count(*) FROM events").fetchone()
    return all(len({each.event_id for each in listener.deliveries if each.taken}) >= events for listener in world.listeners)


def checks_of(world: World) -> Mapping[str, Check]:
    """What must hold in a world."""
    return CHECKS if world.town is None else CHECKS | MONEY_CHECKS


def judged(world: World, folder: Path) -> Result:
    """What came of a world that has lived in a folder."""
    checks = checks_of(world)
    checked = Counter([*checks])
    with closing(opened(folder)) as store:
        broken = [(name, text) for name, check in checks.items() for text in check(world, store)]
        if world.town is None:
            with closing(opened(folder / "reference")) as reference:
                broken += [(SAME, text) for text in differences(world, facts(store), facts(reference))]
            checked[SAME] += 1
        counts = Counter(
            {
                "charges": len(world.history.charges),
                "messages": len(world.history.messages),
                "lives of the server": world.server.lives,
                "events": store.execute("SELECT count(*) FROM events").fetchone()[0],
                "deliveries": sum(len(listener.deliveries) for listener in world.listeners),
            }
        )
        if world.town is not None:
            counts += Counter({name: store.execute(sql).fetchone()[0] for name, sql in COUNTED.items()})
    return Result(
        seed=world.seed,
        digest=world.trace.digest,
        broken=broken,
        fired=world.faults.fired,
        checked=checked,
        counts=counts,
    )


# --- the server's own words -----------------------------------------------------------------------------------------------------

EXPECTED = (StoreUnavailable, Refused)
"""Errors of which the server may speak in a world with such a disk and such consumers."""


@contextmanager
def _listening(world: World) -> Iterator[None]:
    """Read the server's log: an error with a traceback is a surprise, unless the world itself made it."""
    before = structlog.get_config() if structlog.is_configured() else None

    def hear(logger: Any, level: str, event: Any) -> Any:
        error = event.pop("exc_info", None)
        if error is True:
            error = sys.exc_info()[1]
        if world.trace.shown:
            world.trace.aside(f"[{level}] {' '.join(f'{name}={value}' for name, value in event.items())} {error or ''}")
        if isinstance(error, BaseException) and not _expected(error):
            world.surprises.append(f"{event.get('event')}: {error!r}")
        raise structlog.DropEvent

    structlog.configure(
        processors=[hear],
        wrapper_class=structlog.make_filtering_bound_logger("debug" if world.trace.shown else "warning"),
        context_class=dict,
        logger_factory=structlog.ReturnLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    try:
        yield
    finally:
        if before is None:
            structlog.reset_defaults()
        else:
            structlog.configure(**before)


def _expected(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_expected(each) for each in error.exceptions)
    return isinstance(error, EXPECTED)

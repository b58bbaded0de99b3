"""What is done for wallets now and then: opening them, checkpoints, and proving that the ledger adds up."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import attrs
import structlog
import trio

from csms.core.errors import StoreUnavailable
from csms.core.ids import DEFAULT_TENANT, TenantId
from csms.core.ledger import wallet_key
from csms.core.ports import Database, Ports, ReadTx
from csms.domain.tenants import flows as tenants
from csms.domain.tenants import store as tenants_store

from . import service
from .model import Finding, LedgerCheck
from .service import checkpointing, proving
from .store import wallets as store

DRIVERS_AT_A_TIME = 500
LATE = 1000
"""Drivers' ids that are looked at again: on PostgreSQL one may be committed after another that is higher."""
TURN_S = 1.0
"""How long one turn of proving may take; the next goes on from there."""

log = structlog.get_logger("csms.wallets")


# --- a wallet for everybody -------------------------------------------------------------------------------------------------------


@attrs.define(slots=True)
class Opener:
    """Opens a wallet for every driver that has none. It remembers how far it looked, so that a turn without new drivers costs nothing."""

    looked: dict[tuple[TenantId, str], int] = attrs.field(factory=dict)

    async def turn(self, ports: Ports) -> int:
        """Look for new drivers, of every tenant; how many wallets were opened."""
        return await tenants.for_each(ports, partial(self._of_tenant, ports))

    async def _of_tenant(self, ports: Ports, tenant: TenantId) -> int:
        opened = 0
        currency = await ports.database.read(store.currency, tenant=tenant)
        last = await ports.database.read(store.last_driver, tenant=tenant)
        after = max(0, self.looked.get((tenant, currency), 0) - LATE)
        while found := await ports.database.read(store.without_wallet, currency, after, DRIVERS_AT_A_TIME, tenant=tenant):
            for driver_id in found:
                await ports.database.write(service.open_wallet, driver_id, tenant=tenant, keys=(wallet_key(tenant, driver_id),))
                opened += 1
            after = found[-1]
        self.looked[tenant, currency] = last
        return opened


# --- checkpoints ------------------------------------------------------------------------------------------------------------------


async def checkpoint(ports: Ports, step: int = checkpointing.STEP) -> int:
    """Make every checkpoint that is due; how many."""

    async def of_tenant(tenant: TenantId) -> int:
        made = 0
        while due := await ports.database.read(checkpointing.due, step, tenant=tenant):
            done = [await ports.database.write(checkpointing.checkpoint, each, tenant=tenant) for each in due]
            made += sum(done)
            if not any(done):
                break  # another node does the same
        return made

    return await tenants.for_each(ports, of_tenant)


# --- proving ----------------------------------------------------------------------------------------------------------------------


@attrs.define(slots=True)
class Progress:
    """How far a check of one tenant's ledger has come."""

    looks: list[str] = attrs.field(factory=lambda: list(proving.LOOKS))
    after: tuple[int, int] = (0, 0)

    async def step(self, database: Database, tenant: TenantId) -> tuple[str, proving.Stretch]:
        """Look at the next stretch: of what, and what it came to."""
        name = self.looks[0]
        found = await database.read(proving.LOOKS[name], self.after, tenant=tenant)
        if found.last is None:
            del self.looks[0]
            self.after = (0, 0)
        else:
            self.after = found.last
        return name, found


async def check(database: Database, tenant: TenantId) -> LedgerCheck:
    """Prove the whole ledger of a tenant now. What does not add up is told to everybody who listens, too."""
    started_at = await database.read(_now, tenant=tenant)
    looked = dict.fromkeys(proving.LOOKS, 0)
    findings: list[Finding] = []
    progress = Progress()
    while progress.looks:
        name, found = await progress.step(database, tenant)
        looked[name] += found.looked
        findings += found.findings
    await _tell(database, tenant, findings)
    del looked["units"]
    return LedgerCheck(
        started_at=started_at, ended_at=await database.read(_now, tenant=tenant), findings=findings, balanced=not findings, **looked
    )


async def _tell(database: Database, tenant: TenantId, findings: Sequence[Finding]) -> None:
    if findings:
        log.error("ledger.unbalanced", tenant=tenant, findings=[attrs.asdict(each) for each in findings[:10]])
        await database.write(proving.tell_unbalanced, findings, tenant=tenant)


@attrs.define(slots=True)
class Prover:
    """Proves all tenants' ledgers, again and again, in turns of ``TURN_S``. What it found is told once, until it is put right."""

    under_way: dict[TenantId, Progress] = attrs.field(factory=dict)
    known: dict[TenantId, set[Finding]] = attrs.field(factory=dict)
    seen: dict[TenantId, set[Finding]] = attrs.field(factory=dict)

    async def turn(self, ports: Ports) -> None:
        """Go on from where the last turn ended; once everything is proven, the next turn begins anew."""
        ends = trio.current_time() + TURN_S
        if not self.under_way:
            everybody = await ports.database.read(_tenants, tenant=DEFAULT_TENANT)
            self.under_way = {tenant: Progress() for tenant in everybody}
        while self.under_way and trio.current_time() < ends:
            tenant, progress = next(iter(self.under_way.items()))
            try:
                _, found = await progress.step(ports.database, tenant)
            except StoreUnavailable:
                raise
            except Exception:
                del self.under_way[tenant]  # the others' turn; this one's comes again
                raise
            await self._found(ports, tenant, found.findings)
            if not progress.looks:
                del self.under_way[tenant]
                self.known[tenant] = self.seen.pop(tenant, set())

    async def _found(self, ports: Ports, tenant: TenantId, findings: Sequence[Finding]) -> None:
        seen = self.seen.setdefault(tenant, set())
        fresh = [each for each in findings if each not in seen and each not in self.known.get(tenant, ())]
        seen.update(findings)
        try:
            await _tell(ports.database, tenant, fresh)
        except StoreUnavailable:
            seen.difference_update(fresh)  # to be told the next time
            raise


def _tenants(tx: ReadTx) -> list[TenantId]:
    return [each.id for each in tenants_store.everybody(tx)]


def _now(tx: ReadTx) -> int:
    return tx.now
